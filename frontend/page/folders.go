package page

import (
	"slices"
	"strings"

	"alphamail/node/api"
)

// inboxURL is where a reader without another aim goes. RFC 9051 section 5.1
// reserves the name INBOX.
const inboxURL = "/mail/INBOX"

// roleOrder is the order of the folders with a role in the list.
var roleOrder = []api.Role{api.RoleInbox, api.RoleDrafts, api.RoleSent, api.RoleArchive, api.RoleJunk, api.RoleTrash}

// folderGroup is a list of folders under a heading, which the first one lacks.
type folderGroup struct {
	heading string
	folders []*api.Folder
}

// folderGroups are the reader's folders with a role, in their order, then the
// other ones of the reader, those of other people and those that are shared,
// which keep theirs. Levels that only hold other folders are left out: the paths
// of those name them.
func (l *locale) folderGroups(folders []api.Folder) [4]folderGroup {
	const known, own, other, shared = 0, 1, 2, 3
	groups := [4]folderGroup{{}, {heading: l.MyFolders}, {heading: l.OtherFolders}, {heading: l.SharedFolders}}
	groups[known].folders = make([]*api.Folder, 0, len(roleOrder))
	groups[own].folders = make([]*api.Folder, 0, len(folders))
	for _, role := range roleOrder {
		for i := range folders {
			if f := &folders[i]; f.Selectable && roleOf(f) == role {
				groups[known].folders = append(groups[known].folders, f)
			}
		}
	}
	for i := range folders {
		group := shared // also for a namespace of a later version
		switch f := &folders[i]; {
		case !f.Selectable || slices.Contains(roleOrder, roleOf(f)):
			continue
		case f.Space == "":
			group = own
		case f.Space == api.SpaceOther:
			group = other
		}
		groups[group].folders = append(groups[group].folders, &folders[i])
	}
	return groups
}

// roleOf is what a folder is for to the reader: the inbox of somebody else is
// one folder among others.
func roleOf(f *api.Folder) api.Role {
	if f.Space != "" {
		return ""
	}
	return f.Role
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
	switch roleOf(f) {
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
	switch roleOf(f) {
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
