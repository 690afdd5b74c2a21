package account

import (
	"cmp"
	"slices"
	"strings"

	"alphamail/node/api"
)

// roleNames are names that servers and mail programs give to folders in many
// languages, used where the server announces no special use (RFC 6154). Small
// letters; those of one language stand together.
var roleNames = newRoleNames(map[api.Role]string{
	api.RoleDrafts: `drafts, draft, entwürfe, entwurf, brouillons, borradores, bozze, rascunhos, concepten, kladder, utkast, luonnokset, szkice, kopie robocze, wersje robocze, koncepty, rozepsané, rozpísané, piszkozatok, ciorne, schițe, taslaklar,
		πρόχειρα, черновики, чернетки, чернови, skice, nacrti, osnutki, mustandid, melnraksti, juodraščiai, esborranys, zirriborroak, المسودات, טיוטות, پیشنویسها, 草稿, 草稿箱, 草稿匣, 下書き, 임시보관함, 임시 보관함, thư nháp, แบบร่าง, draf, konsep`,
	api.RoleSent: `sent, sent items, sent messages, sent mail, sent-mail, gesendet, gesendete objekte, gesendete elemente, gesendete nachrichten, envoyés, éléments envoyés, messages envoyés, enviados, elementos enviados, mensajes enviados, inviati, posta inviata,
		itens enviados, mensagens enviadas, verzonden, verzonden items, verzonden berichten, sendt, sendte, sendt post, skickat, skickade, lähetetyt, wysłane, elementy wysłane, odeslané, odeslaná pošta, odoslané, elküldött, elküldött elemek, trimise, elemente trimise,
		gönderilmiş öğeler, gönderilenler, απεσταλμένα, отправленные, надіслані, изпратени, poslano, poslato, saadetud, nosūtītie, išsiųsti, enviats, bidalitakoak, المرسلة, العناصر المرسلة, נשלח, דואר שנשלח, ارسالشده, 已发送, 已发送邮件, 寄件備份, 已傳送, 送信済み, 送信済みアイテム, 보낸편지함, 보낸 편지함, đã gửi, thư đã gửi, ส่งแล้ว, terkirim, item terkirim`,
	api.RoleArchive: `archive, archives, archiv, archiviert, archivo, archivos, archivados, archivio, arquivo, arquivados, archief, arkiv, arkivoitu, arkisto, archiwum, archív, archívum, arhivă, arhiva, arhiv, arşiv, αρχείο, αρχειοθέτηση, архив, архів, arhiiv, arhīvs, archyvas, arxiu, artxiboa,
		الأرشيف, ארכיון, بایگانی, 存档, 归档, 封存, アーカイブ, 보관함, 보관, lưu trữ, ที่เก็บถาวร, arsip, arkip`,
	api.RoleJunk: `junk, spam, junk e-mail, junk email, junk mail, bulk mail, unerwünscht, unerwünschte werbung, junk-e-mail, spamverdacht, indésirables, courrier indésirable, pourriel, correo no deseado, no deseado, posta indesiderata, indesiderata, lixo eletrônico, lixo eletrónico, spam-mail, ongewenst, ongewenste e-mail, ongewenste reclame,
		uønsket, uønsket e-post, uønsket mail, skräppost, roskaposti, spam i reklamy, wiadomości-śmieci, niechciane, nevyžádaná pošta, nevyžádané, nevyžiadaná pošta, levélszemét, gereksiz, istenmeyen, ανεπιθύμητα, ανεπιθύμητη αλληλογραφία, спам, нежелательная почта, небажана пошта, нежелана поща, neželjena pošta, neželena pošta, rämpspost, mēstules, brukalas, correu brossa,
		البريد العشوائي, البريد غير الهام, דואר זבל, ספאם, هرزنامه, 垃圾邮件, 垃圾郵件, 迷惑メール, 스팸, 스팸함, 스팸편지함, thư rác, สแปม, อีเมลขยะ, sampah junk`,
	api.RoleTrash: `trash, deleted, deleted items, deleted messages, bin, papierkorb, gelöscht, gelöschte objekte, gelöschte elemente, corbeille, éléments supprimés, messages supprimés, papelera, eliminados, elementos eliminados, cestino, posta eliminata, lixo, lixeira, itens excluídos, itens eliminados, prullenbak, prullenmand, verwijderde items, papirkurv, slettet post, slettede elementer, papperskorg, papperskorgen, borttaget, borttagna objekt, roskakori, poistetut,
		kosz, elementy usunięte, koš, odstraněná pošta, kôš, odstránené, kuka, törölt elemek, lomtár, coș de gunoi, elemente șterse, gunoi, çöp, çöp kutusu, silinmiş öğeler, κάδος, κάδος απορριμμάτων, διαγραμμένα, корзина, удаленные, удалённые, кошик, видалені, кошче, изтрити, smeće, otpad, smetnjak, prügikast, miskaste, atkritne, šiukšlinė, paperera, zakarrontzia,
		المهملات, سلة المهملات, العناصر المحذوفة, אשפה, פריטים שנמחקו, زبالهدان, 已删除邮件, 已删除, 废纸篓, 垃圾桶, 刪除的郵件, ゴミ箱, 削除済みアイテム, 휴지통, 지운편지함, thùng rác, ถังขยะ, sampah, tong sampah`,
})

func newRoleNames(byRole map[api.Role]string) map[string]api.Role {
	names := map[string]api.Role{}
	for role, list := range byRole {
		for name := range strings.SplitSeq(list, ",") {
			names[strings.TrimSpace(name)] = role
		}
	}
	return names
}

// assignRoles gives every role to one folder at most: to the one that the
// configuration names; to the one that the server announces; to the first
// top-level folder with a usual name.
func assignRoles(folders []api.Folder, configured map[api.Role]string) {
	taken := map[api.Role]bool{}
	for role, name := range configured {
		i := slices.IndexFunc(folders, func(f api.Folder) bool {
			return f.Space == "" && f.Selectable && (strings.EqualFold(f.Mailbox, name) || strings.EqualFold(strings.Join(f.Path, "/"), name))
		})
		if i >= 0 && folders[i].Role != api.RoleInbox {
			for j := range folders {
				if folders[j].Role == role {
					folders[j].Role = ""
				}
			}
			folders[i].Role, taken[role] = role, true
		}
	}
	for i := range folders {
		role := folders[i].Role
		switch {
		case role == "" || configured[role] != "" && taken[role]:
		case taken[role] || folders[i].Space != "":
			folders[i].Role = ""
		default:
			taken[role] = true
		}
	}
	for i := range folders {
		f := &folders[i]
		if f.Role != "" || f.Space != "" || !f.Selectable || len(f.Path) != 1 {
			continue
		}
		// Persian joins some words with a mark that others leave out.
		if role := roleNames[strings.ReplaceAll(strings.ToLower(f.Path[0]), "\u200c", "")]; role != "" && !taken[role] {
			f.Role, taken[role] = role, true
		}
	}
}

var (
	roleOrder  = map[api.Role]int{api.RoleInbox: 1, api.RoleDrafts: 2, api.RoleSent: 3, api.RoleArchive: 4, api.RoleJunk: 5, api.RoleTrash: 6, "": 7}
	spaceOrder = map[api.Space]int{"": 1, api.SpaceOther: 2, api.SpaceShared: 3}
)

// compareFolders puts the user's own folders first, and among them those with a
// role, then orders by name, a level at a time.
func compareFolders(a, b api.Folder) int {
	return cmp.Or(
		cmp.Compare(spaceOrder[a.Space], spaceOrder[b.Space]),
		cmp.Compare(roleOrder[a.Role], roleOrder[b.Role]),
		slices.CompareFunc(a.Path, b.Path, func(x, y string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
		}),
	)
}
