package page

import (
	"context"
	"io"
	"slices"

	"alphamail/node/api"
)

// folderLists are the folders in their groups. They stand on nearly every page
// and are written by hand like the rows of a list; folderLists is a
// templ.Component.
type folderLists struct {
	view
	folders []api.Folder
	// current is the mailbox that is open, whole tells that the page is its list.
	current string
	whole   bool
	// all shows the folders too that the reader hides.
	all bool
}

// Render writes the lists.
func (l folderLists) Render(_ context.Context, w io.Writer) error {
	buffer := make([]byte, 0, 1024)
	for _, group := range l.folderGroups(l.folders) {
		if len(group.folders) == 0 {
			continue
		}
		to := buffer[:0]
		if group.heading != "" {
			to = append(to, `<h2>`...)
			to = appendEscaped(to, group.heading)
			to = append(to, `</h2>`...)
		}
		to = append(to, `<ul role="list">`...)
		for _, f := range group.folders {
			hidden := isHidden(&l.Settings, f)
			if hidden && !l.all && f.Mailbox != l.current {
				continue
			}
			to = l.appendFolder(to, f, hidden && l.all)
			if _, err := w.Write(to); err != nil {
				return err
			}
			to = to[:0]
		}
		if _, err := io.WriteString(w, `</ul>`); err != nil {
			return err
		}
	}
	return nil
}

// isHidden tells that the reader wants lists without a folder.
func isHidden(s *api.Settings, f *api.Folder) bool {
	return slices.Contains(s.HiddenFolders, f.Mailbox)
}

func (l folderLists) appendFolder(to []byte, f *api.Folder, hidden bool) []byte {
	count, before, after := l.folderCount(f)
	to = append(to, `<li`...)
	if role := roleOf(f); count != "" && role != api.RoleJunk && role != api.RoleDrafts {
		to = append(to, ` class="unread"`...)
	}
	to = append(to, `><a href="`...)
	to = appendListURL(to, &api.MailboxQuestion{Mailbox: f.Mailbox}) // holds no character that needs escaping
	to = append(to, '"')
	if f.Mailbox == l.current {
		to = append(append(append(to, ` aria-current="`...), currentKind(l.whole)...), '"')
	}
	to = append(to, `><bdi>`...)
	to = appendEscaped(to, l.folderName(f))
	to = append(to, `</bdi>`...)
	if f.ReadOnly {
		to = append(append(append(to, ' '), iconLock...), ` <span class="spoken">(`...)
		to = appendEscaped(to, l.ReadOnly)
		to = append(to, `)</span>`...)
	}
	if hidden {
		to = append(to, ` <span class="quiet">(`...)
		to = appendEscaped(to, l.FolderHidden)
		to = append(to, `)</span>`...)
	}
	if count != "" {
		to = append(to, ` <span class="count">`...)
		if before != "" {
			to = append(to, `<span class="spoken">`...)
			to = appendEscaped(to, before)
			to = append(to, `</span> `...)
		}
		to = appendEscaped(to, count)
		to = append(to, `<span class="spoken">`...)
		to = appendEscaped(to, after)
		to = append(to, `</span></span>`...)
	}
	return append(to, `</a></li>`...)
}
