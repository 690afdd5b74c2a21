package account

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// folderList is the account's folders and when they were read.
type folderList struct {
	folders []api.Folder
	read    time.Time
	// prefix of the personal namespace; asked for once a connection.
	prefix string
}

// maxStatus bounds the STATUS commands sent at once to a server that has no
// LIST-STATUS; folders beyond it show no counts.
const maxStatus = 50

var countItems = &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDValidity: true}

// folderQuery is a reading of the folder list that can be pipelined with other
// commands.
type folderQuery struct {
	namespace *imapconn.Namespace
	list      *imapconn.List
	withCount bool
}

// stale tells whether the folder list is too old to show.
func (a *Account) foldersStale() bool {
	return time.Since(a.folders.read) > a.config.FoldersMaxAge
}

// queryFolders returns the commands that read the folder list. The account is
// connected.
func (a *Account) queryFolders() (*folderQuery, []imapconn.Command) {
	query := &folderQuery{list: &imapconn.List{Pattern: "*"}}
	var commands []imapconn.Command
	if a.folders.read.IsZero() && a.backend.Prefix == "" && a.conn.Has(imap.CapNamespace) {
		query.namespace = &imapconn.Namespace{}
		commands = append(commands, query.namespace)
	}
	var options imap.ListOptions
	options.ReturnSpecialUse = a.conn.Has(imap.CapSpecialUse)
	if query.withCount = a.conn.Has(imap.CapListStatus); query.withCount {
		options.ReturnStatus = countItems
	}
	if options.ReturnSpecialUse || query.withCount {
		query.list.Options = &options
	}
	return query, append(commands, query.list)
}

// takeFolders keeps what a query found, asking for counts one by one where the
// server has no LIST-STATUS.
func (a *Account) takeFolders(ctx context.Context, query *folderQuery) error {
	a.folders.prefix = cmp.Or(a.backend.Prefix, a.folders.prefix)
	if query.namespace != nil && query.namespace.Data != nil && len(query.namespace.Data.Personal) > 0 {
		a.folders.prefix = query.namespace.Data.Personal[0].Prefix
	}
	folders := make([]api.Folder, 0, len(query.list.Data))
	for _, data := range query.list.Data {
		folder := a.newFolder(data)
		if data.Status != nil {
			setCounts(&folder, data.Status)
		}
		folders = append(folders, folder)
	}
	if !query.withCount {
		if err := a.countFolders(ctx, folders); err != nil {
			return err
		}
	}
	assignRoles(folders)
	slices.SortStableFunc(folders, compareFolders)
	a.folders.folders, a.folders.read = folders, time.Now()
	return nil
}

// stands tells whether the mailbox of an index is still the one of its name.
// Another client may have renamed it, or put another in its place, and a server
// goes on with the old one as long as it is selected.
func (q *folderQuery) stands(x *index) bool {
	for _, data := range q.list.Data {
		if canonicalMailbox(data.Mailbox) == x.mailbox {
			return data.Status == nil || data.Status.UIDValidity == 0 || data.Status.UIDValidity == x.uidValidity
		}
	}
	return false
}

func (a *Account) countFolders(ctx context.Context, folders []api.Folder) error {
	var commands []imapconn.Command
	var counted []*api.Folder
	for i := range folders {
		// STATUS is not meant for the selected mailbox (RFC 9051 section
		// 6.3.11); its counts come from the index.
		current := a.selected != nil && a.selected.mailbox == folders[i].Mailbox
		if folders[i].Selectable && !current && len(commands) < maxStatus {
			commands = append(commands, &imapconn.Status{Mailbox: folders[i].Mailbox, Options: countItems})
			counted = append(counted, &folders[i])
		}
	}
	err := a.do(ctx, commands...)
	if _, refused := imapconn.IsRefusal(err); err != nil && !refused {
		return err
	}
	for i, command := range commands {
		if data := command.(*imapconn.Status).Data; data != nil {
			setCounts(counted[i], data)
		}
	}
	return nil
}

func setCounts(folder *api.Folder, data *imap.StatusData) {
	if data.NumMessages != nil && data.NumUnseen != nil {
		folder.Total, folder.Unread, folder.Counted = *data.NumMessages, *data.NumUnseen, true
	}
}

// newFolder turns a LIST response into a folder.
func (a *Account) newFolder(data *imap.ListData) api.Folder {
	folder := api.Folder{Mailbox: data.Mailbox, Selectable: true}
	for _, attribute := range data.Attrs {
		switch lowerFlag(attribute) {
		case "\\noselect", "\\nonexistent":
			folder.Selectable = false
		case "\\drafts":
			folder.Role = api.RoleDrafts
		case "\\sent":
			folder.Role = api.RoleSent
		case "\\archive":
			folder.Role = api.RoleArchive
		case "\\junk":
			folder.Role = api.RoleJunk
		case "\\trash":
			folder.Role = api.RoleTrash
		}
	}
	shown := data.Mailbox
	if strings.EqualFold(shown, inbox) {
		folder.Mailbox, folder.Role = inbox, api.RoleInbox
	} else if rest, ok := strings.CutPrefix(shown, a.folders.prefix); ok && rest != "" {
		shown = rest
	}
	folder.Path = []string{shown}
	if data.Delim != 0 {
		folder.Path = strings.Split(shown, string(data.Delim))
	}
	return folder
}

// inbox is the one mailbox name that is case-insensitive (RFC 9051 section 5.1).
const inbox = "INBOX"

func canonicalMailbox(name string) string {
	if strings.EqualFold(name, inbox) {
		return inbox
	}
	return name
}

// roleNames are names that servers and clients give to folders, used where the
// server announces no special use (RFC 6154).
var roleNames = map[string]api.Role{
	"drafts": api.RoleDrafts, "draft": api.RoleDrafts,
	"sent": api.RoleSent, "sent items": api.RoleSent, "sent messages": api.RoleSent, "sent-mail": api.RoleSent,
	"archive": api.RoleArchive, "archives": api.RoleArchive,
	"junk": api.RoleJunk, "spam": api.RoleJunk, "junk e-mail": api.RoleJunk, "junk email": api.RoleJunk,
	"trash": api.RoleTrash, "deleted items": api.RoleTrash, "deleted messages": api.RoleTrash,
}

// assignRoles gives each role that the server did not announce to the first
// top-level folder with a usual name, and lets no two folders share one.
func assignRoles(folders []api.Folder) {
	taken := map[api.Role]bool{}
	for i := range folders {
		if role := folders[i].Role; role != "" && taken[role] {
			folders[i].Role = ""
		} else {
			taken[role] = true
		}
	}
	for i := range folders {
		if folders[i].Role != "" || !folders[i].Selectable || len(folders[i].Path) != 1 {
			continue
		}
		if role := roleNames[strings.ToLower(folders[i].Path[0])]; role != "" && !taken[role] {
			folders[i].Role, taken[role] = role, true
		}
	}
}

var roleOrder = map[api.Role]int{
	api.RoleInbox: 1, api.RoleDrafts: 2, api.RoleSent: 3, api.RoleArchive: 4, api.RoleJunk: 5, api.RoleTrash: 6, "": 7,
}

// compareFolders puts folders with a role first, then orders by name, a level
// at a time.
func compareFolders(a, b api.Folder) int {
	return cmp.Or(
		cmp.Compare(roleOrder[a.Role], roleOrder[b.Role]),
		slices.CompareFunc(a.Path, b.Path, func(x, y string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
		}),
	)
}

// folderAnswer copies the folder list, with the counts of a mailbox as its index
// knows them, and returns the entry of that mailbox.
func (a *Account) folderAnswer(x *index) ([]api.Folder, api.Folder) {
	folders := slices.Clone(a.folders.folders)
	for i := range folders {
		if folders[i].Mailbox == x.mailbox {
			folders[i].Total = uint32(len(x.uids))
			folders[i].Unread = uint32(x.unread)
			folders[i].Counted = true
			return folders, folders[i]
		}
	}
	// A mailbox may be selected although LIST does not show it.
	return folders, api.Folder{Mailbox: x.mailbox, Path: []string{x.mailbox}, Selectable: true}
}
