package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"alphamail/node/api"
)

// Folder is the page on which one folder is renamed or deleted.
type Folder struct {
	Folder *api.Folder
	// Total is how many messages it holds.
	Total int
	// Name is what stands in the field, NameProblem why it cannot be that.
	Name        string
	NameProblem api.FolderProblem
	// DeleteProblem is why the folder cannot be deleted.
	DeleteProblem api.FolderProblem
}

// What the buttons of a message do besides actions on it.
const (
	DoImages      = "images"      // always show the images of the sender
	DoContact     = "contact"     // add the sender to the contacts
	DoUnsubscribe = "unsubscribe" // leave the list that it came by
)

// FolderPath writes the path of a folder as a reader types it.
func FolderPath(f *api.Folder) string { return strings.Join(f.Path, "/") }

// ParseFolderPath reads what a reader typed; nil for nothing.
func ParseFolderPath(text string) []string {
	text = strings.Trim(strings.TrimSpace(text), "/")
	if text == "" {
		return nil
	}
	return strings.Split(text, "/")
}

// FolderURL is the path of the page on which a folder is changed.
func FolderURL(mailbox string) string { return "/folders/" + EncodeMailbox(mailbox) }

// PurgeURL is the path of the question whether a folder shall be emptied.
func PurgeURL(mailbox string) string { return "/mail/" + EncodeMailbox(mailbox) + "/empty" }

// canAct tells whether something can be done to messages of a page.
func canAct(f *api.Folder, asOf time.Time) bool { return !f.ReadOnly && asOf.IsZero() }

// purgeWords name the emptying of a folder; empty for one that is not emptied.
func (l *locale) purgeWords(f *api.Folder) string {
	switch roleOf(f) {
	case api.RoleTrash:
		return l.PurgeTrash
	case api.RoleJunk:
		return l.PurgeJunk
	}
	return ""
}

// IsPurged tells whether a folder is one that can be emptied.
func IsPurged(f *api.Folder) bool { return roleOf(f) == api.RoleTrash || roleOf(f) == api.RoleJunk }

// CanChange tells whether a folder can be renamed and deleted.
func CanChange(f *api.Folder) bool { return f.Role == "" && f.Space == "" }

// HasPage tells whether a folder has a page of its own, where it is changed or hidden:
// all but those with a role.
func HasPage(f *api.Folder) bool { return roleOf(f) == "" }

// changeable are the folders that have a page of their own, also those that only hold
// others.
func changeable(folders []api.Folder) (own []*api.Folder) {
	for i := range folders {
		if HasPage(&folders[i]) {
			own = append(own, &folders[i])
		}
	}
	slices.SortStableFunc(own, func(a, b *api.Folder) int {
		return strings.Compare(strings.ToLower(FolderPath(a)), strings.ToLower(FolderPath(b)))
	})
	return own
}

func decimal(number uint32) string { return strconv.FormatUint(uint64(number), 10) }
