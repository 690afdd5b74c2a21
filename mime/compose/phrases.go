package compose

import "strings"

// Phrases are the words that stand around quoted and forwarded messages, in one
// language.
type Phrases struct {
	// Wrote says who wrote what follows: {name}, {date} and {time} are filled in.
	Wrote, WroteUndated string
	DateForm            string // of package time
	Forwarded           string // the title above a forwarded message
	From, Date, Subject string
	To, Cc              string
}

// PhrasesFor gives the phrases of a language such as "de" or "pt-BR", those of
// English where it is not known.
func PhrasesFor(language string) Phrases {
	language = strings.ToLower(language)
	if known, ok := phrases[language]; ok {
		return known
	}
	base, _, _ := strings.Cut(strings.ReplaceAll(language, "_", "-"), "-")
	if known, ok := phrases[base]; ok {
		return known
	}
	return phrases["en"]
}

var phrases = map[string]Phrases{
	"en": {"On {date} at {time}, {name} wrote:", "{name} wrote:", "2 January 2006", "Forwarded message", "From", "Date", "Subject", "To", "Cc"},
	"de": {"Am {date} um {time} schrieb {name}:", "{name} schrieb:", "02.01.2006", "Weitergeleitete Nachricht", "Von", "Datum", "Betreff", "An", "Kopie"},
	"fr": {"Le {date} à {time}, {name} a écrit :", "{name} a écrit :", "02/01/2006", "Message transféré", "De", "Date", "Objet", "À", "Cc"},
	"es": {"El {date} a las {time}, {name} escribió:", "{name} escribió:", "02/01/2006", "Mensaje reenviado", "De", "Fecha", "Asunto", "Para", "Cc"},
	"it": {"Il {date} alle {time}, {name} ha scritto:", "{name} ha scritto:", "02/01/2006", "Messaggio inoltrato", "Da", "Data", "Oggetto", "A", "Cc"},
	"pt": {"Em {date} às {time}, {name} escreveu:", "{name} escreveu:", "02/01/2006", "Mensagem encaminhada", "De", "Data", "Assunto", "Para", "Cc"},
	"nl": {"Op {date} om {time} schreef {name}:", "{name} schreef:", "02-01-2006", "Doorgestuurd bericht", "Van", "Datum", "Onderwerp", "Aan", "Cc"},
	"sv": {"Den {date} kl. {time} skrev {name}:", "{name} skrev:", "2006-01-02", "Vidarebefordrat meddelande", "Från", "Datum", "Ämne", "Till", "Kopia"},
	"da": {"Den {date} kl. {time} skrev {name}:", "{name} skrev:", "02.01.2006", "Videresendt meddelelse", "Fra", "Dato", "Emne", "Til", "Cc"},
	"nb": {"Den {date} kl. {time} skrev {name}:", "{name} skrev:", "02.01.2006", "Videresendt melding", "Fra", "Dato", "Emne", "Til", "Kopi"},
	"fi": {"{name} kirjoitti {date} klo {time}:", "{name} kirjoitti:", "2.1.2006", "Edelleenlähetetty viesti", "Lähettäjä", "Päivämäärä", "Aihe", "Vastaanottaja", "Kopio"},
	"pl": {"{date} o {time} {name} pisze:", "{name} pisze:", "02.01.2006", "Przekazana wiadomość", "Od", "Data", "Temat", "Do", "DW"},
	"cs": {"Dne {date} v {time} napsal(a) {name}:", "{name} napsal(a):", "2. 1. 2006", "Přeposlaná zpráva", "Od", "Datum", "Předmět", "Komu", "Kopie"},
	"tr": {"{name}, {date} {time} tarihinde şunu yazdı:", "{name} şunu yazdı:", "02.01.2006", "Yönlendirilen ileti", "Kimden", "Tarih", "Konu", "Kime", "Bilgi"},
	"ru": {"{date} в {time}, {name} пишет:", "{name} пишет:", "02.01.2006", "Пересланное сообщение", "От", "Дата", "Тема", "Кому", "Копия"},
	"uk": {"{date} о {time}, {name} пише:", "{name} пише:", "02.01.2006", "Переслане повідомлення", "Від", "Дата", "Тема", "Кому", "Копія"},
	"el": {"Στις {date} στις {time}, ο/η {name} έγραψε:", "Ο/Η {name} έγραψε:", "02/01/2006", "Προωθημένο μήνυμα", "Από", "Ημερομηνία", "Θέμα", "Προς", "Κοιν."},
	"ja": {"{date} {time}、{name} の発言:", "{name} の発言:", "2006年1月2日", "転送メッセージ", "差出人", "日付", "件名", "宛先", "Cc"},
	"zh": {"{name} 于 {date} {time} 写道：", "{name} 写道：", "2006年1月2日", "转发的邮件", "发件人", "日期", "主题", "收件人", "抄送"},
	"ko": {"{date} {time}, {name} 님이 작성:", "{name} 님이 작성:", "2006년 1월 2일", "전달된 메시지", "보낸 사람", "날짜", "제목", "받는 사람", "참조"},
	"ar": {"في {date} الساعة {time}، كتب {name}:", "كتب {name}:", "2006/01/02", "رسالة معاد توجيهها", "من", "التاريخ", "الموضوع", "إلى", "نسخة"},
	"he": {"בתאריך {date} בשעה {time}, {name} כתב/ה:", "{name} כתב/ה:", "02.01.2006", "הודעה שהועברה", "מאת", "תאריך", "נושא", "אל", "עותק"},
}
