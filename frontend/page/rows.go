package page

import (
	"context"
	"io"
	"time"

	"alphamail/node/api"
)

// rowList is the list of a mailbox page. It is the hot part of the hottest page
// and therefore written by hand: as a template it spends four fifths of its time
// in package fmt. It is a templ.Component, and the tests of the pages hold its
// structure and escaping like those of templates.
type rowList struct {
	view
	folder *api.Folder
	order  api.Order
	rows   []api.Row
	// boxes gives each row a check box, all checks them, selected some of them.
	boxes, all bool
	selected   []uint32
	// query says in the links which list it is, as HTML.
	query string
	// found tells that the rows are of several folders, which are among folders; named,
	// that each says which.
	found, named bool
	folders      []api.Folder
}

// folderOf is the folder of a row.
func (l rowList) folderOf(row *api.Row) *api.Folder {
	if l.found {
		return folderCalled(l.folders, row.ID.Mailbox)
	}
	return l.folder
}

// rowQuery is what the links of a list say of it, so that messages know where they
// were opened from; nothing for the usual list.
func (v view) rowQuery(p *api.MailboxAnswer) string {
	q := listOf(p)
	v.leaveOutUsual(&q)
	return string(appendEscaped(nil, inList("", viewIn(&q))))
}

// Render writes the list, one call for each row.
func (l rowList) Render(_ context.Context, w io.Writer) error {
	start := `<ul class="rows" role="list">`
	if l.Settings.Density == api.DensityCompact {
		start = `<ul class="rows compact" role="list">`
	}
	if _, err := io.WriteString(w, start); err != nil {
		return err
	}
	buffer := make([]byte, 0, 2048)
	for i := range l.rows {
		buffer = l.appendRow(buffer[:0], &l.rows[i])
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, `</ul>`)
	return err
}

// appendRow writes a row as one link. What styles show by weight, colour or
// place is said in words and punctuation that only text browsers and screen
// readers have.
func (l rowList) appendRow(to []byte, row *api.Row) []byte {
	to = append(to, `<li class="row`...)
	if !row.Flags.Seen {
		to = append(to, ` new`...)
	}
	if row.Flags.Deleted {
		to = append(to, ` deleted`...)
	}
	to = append(to, `">`...)
	folder := l.folderOf(row)
	if l.boxes {
		to = l.appendBox(to, folder, row)
	}
	to = append(to, `<a href="`...)
	if folder.Role == api.RoleDrafts {
		to = append(to, ComposeURL(api.ComposeDraft, row.ID)...)
	} else {
		to = appendMessageURL(to, row.ID) // neither holds a character that needs escaping
		to = append(to, l.query...)
	}
	to = append(to, `">`...)
	if row.Flags.Deleted {
		to = appendSpoken(to, l.Deleted)
	}
	if !row.Flags.Seen {
		to = appendSpoken(to, l.Unread)
	}
	to = append(to, `<span class="who" dir="auto">`...)
	to = appendEscaped(to, l.rowPeople(folder, row.People))
	to = append(to, `<span class="spoken">:</span></span> <span class="what" dir="auto"><span class="subject">`...)
	to = appendEscaped(to, l.subject(row.Subject))
	if row.Snippet != "" {
		to = append(to, `</span> <span class="spoken">–</span> <span class="snippet" dir="auto">`...)
		to = appendEscaped(to, row.Snippet)
	}
	to = append(to, `</span></span> <span class="marks">`...)
	if l.named {
		to = append(to, `<bdi class="place">`...)
		to = appendEscaped(to, plain(l.folderName(folder)))
		to = append(to, `</bdi> `...)
	}
	to = l.appendMarks(to, row)
	to = append(to, `</span> `...)
	if l.order == api.OrderSize {
		to = l.appendRowSize(to, row.Size)
	} else {
		to = l.appendTime(to, row.Date)
	}
	return append(to, `</a></li>`...)
}

func (l rowList) appendMarks(to []byte, row *api.Row) []byte {
	for _, mark := range [...]struct {
		set   bool
		icon  icon
		words string
	}{
		{row.Flags.Answered, iconAnswered, l.Answered},
		{row.Flags.Forwarded, iconForwarded, l.Forwarded},
		{row.HasAttachment, iconClip, l.HasAttachment},
		{row.Flags.Flagged, iconStar, l.Starred},
	} {
		if mark.set {
			to = append(to, mark.icon...)
			to = append(to, `<span class="spoken">(`...)
			to = appendEscaped(to, mark.words)
			to = append(to, `)</span> `...)
		}
	}
	return to
}

// appendRowSize stands in the place of the time.
func (l rowList) appendRowSize(to []byte, size int64) []byte {
	var scratch [64]byte
	to = append(to, `<span class="size">`...)
	to = appendSpoken(to, l.SizeLabel)
	to = appendEscaped(to, l.appendSize(scratch[:0], size))
	return append(to, `</span>`...)
}

func (l rowList) appendTime(to []byte, date time.Time) []byte {
	if date.IsZero() {
		to = append(to, `<time>`...)
		to = appendEscaped(to, l.NoDate)
		return append(to, `</time>`...)
	}
	date = date.In(l.Now.Location())
	var scratch [128]byte
	to = append(to, `<time datetime="`...)
	to = date.AppendFormat(to, time.RFC3339)
	to = append(to, `" title="`...)
	to = appendEscaped(to, l.appendFullDate(scratch[:0], date))
	to = append(to, `">`...)
	to = appendEscaped(to, l.appendListDate(scratch[:0], date, l.Now))
	return append(to, `</time>`...)
}

func appendSpoken(to []byte, words string) []byte {
	to = append(to, `<span class="spoken">`...)
	to = appendEscaped(to, words)
	return append(to, `</span> `...)
}

// appendEscaped writes text so that it is only text, in content and in quoted
// attributes alike.
func appendEscaped[T string | []byte](to []byte, text T) []byte {
	done := 0
	for i := range len(text) {
		var entity string
		switch text[i] {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '"':
			entity = "&#34;"
		case '\'':
			entity = "&#39;"
		default:
			continue
		}
		to = append(append(to, text[done:i]...), entity...)
		done = i + 1
	}
	return append(to, text[done:]...)
}
