package page

import (
	"strings"

	"alphamail/node/api"
)

// inboxURL is where a reader without another aim goes. RFC 9051 section 5.1
// reserves the name INBOX.
const inboxURL = "/mail/INBOX"

// roleOrder is the order of the folders with a role in the list.
var roleOrder = []api.Role{api.RoleInbox, api.RoleDrafts, api.RoleSent, api.RoleArchive, api.RoleJunk, api.RoleTrash}

// sortFolders parts the folders with a role, in their order, from the others,
// which keep theirs. Levels that only hold other folders are left out: the paths
// of those name them.
func sortFolders(folders []api.Folder) (known, own []api.Folder) {
	known = make([]api.Folder, 0, len(roleOrder))
	for _, role := range roleOrder {
		for i := range folders {
			if folders[i].Role == role && folders[i].Selectable {
				known = append(known, folders[i])
			}
		}
	}
	own = make([]api.Folder, 0, len(folders))
	for i := range folders {
		if !isKnown(folders[i].Role) && folders[i].Selectable {
			own = append(own, folders[i])
		}
	}
	return known, own
}

func isKnown(role api.Role) bool {
	for _, known := range roleOrder {
		if role == known {
			return true
		}
	}
	return false
}

// currentKind is the value of aria-current for the open folder: the page itself
// when that is its list, else the place where the page belongs.
func currentKind(whole bool) string {
	if whole {
		return "page"
	}
	return "true"
}

// folderName is the translated name of a role, else the path.
func (l *locale) folderName(f *api.Folder) string {
	switch f.Role {
	case api.RoleInbox:
		return l.RoleInbox
	case api.RoleDrafts:
		return l.RoleDrafts
	case api.RoleSent:
		return l.RoleSent
	case api.RoleArchive:
		return l.RoleArchive
	case api.RoleJunk:
		return l.RoleJunk
	case api.RoleTrash:
		return l.RoleTrash
	}
	switch len(f.Path) {
	case 0:
		return plain(f.Mailbox)
	case 1:
		return plain(f.Path[0])
	}
	return plain(strings.Join(f.Path, "/"))
}

// folderCount is the number beside a folder, empty for none, with the words to
// speak before and after it: drafts that wait, otherwise messages to read. What
// the reader sent or threw away needs no reading.
func (l *locale) folderCount(f *api.Folder) (number, before, after string) {
	if !f.Counted {
		return "", "", ""
	}
	n, words := int(f.Unread), &l.UnreadCount
	switch f.Role {
	case api.RoleSent, api.RoleTrash:
		return "", "", ""
	case api.RoleDrafts:
		n, words = int(f.Total), &l.DraftCount
	}
	if n == 0 {
		return "", "", ""
	}
	before, after = words.around(n)
	return l.number(n), before, after
}
