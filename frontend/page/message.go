package page

import (
	"path"
	"slices"
	"strings"

	"alphamail/node/api"
)

// messageView is a message and the way it is shown.
type messageView struct {
	*api.MessageAnswer
	// List is the one that the message was opened from.
	List                         api.ListView
	AsText, AllowRemote, Details bool
	// AlwaysRemote is how remote images are shown when the address does not say.
	AlwaysRemote bool
	ThenNext     bool
	Notice       *Notice
}

// framed tells that the HTML view is shown.
func (p *messageView) framed() bool { return p.HasHTML && !p.AsText }

// url is the path of this message shown in another way.
func (p *messageView) url(asText, allowRemote, details bool) string {
	var options []string
	if asText {
		options = append(options, "view=text")
	}
	switch {
	case allowRemote && !p.AlwaysRemote:
		options = append(options, "remote=1")
	case !allowRemote && p.AlwaysRemote:
		options = append(options, "remote=0")
	}
	if details {
		options = append(options, "details=1")
	}
	return MessageInURL(p.ID, p.List, options...)
}

// goesOn tells that there is a next message in the same folder.
func (p *messageView) goesOn() bool {
	return p.Older != nil && p.Older.Mailbox == p.ID.Mailbox && p.Older.UIDValidity == p.ID.UIDValidity
}

// sender is the address of the author; of the first one, if there are several.
func (p *messageView) sender() string {
	if len(p.From) == 0 {
		return ""
	}
	return p.From[0].Email
}

// back is the path of the list page that shows the message.
func (p *messageView) back() string {
	return ListViewURL(p.Folder.Mailbox, p.List, p.Page)
}

// backWords name the list that back leads to.
func (v view) backWords(p *messageView) (shown, spoken string) {
	shown = v.folderName(&p.Folder)
	if p.List.Search != nil {
		shown = v.searchTitle(p.List.Search)
	}
	return shown, v.BackToFolder.fill("Folder", plain(shown))
}

// neighbourWords name the messages above and below in the list.
func (v view) neighbourWords(list api.ListView) (above, below string) {
	if list.Search != nil {
		return v.NewerMessage, v.OlderMessage
	}
	order, reverse := list.Order, list.Reverse
	switch {
	case order == api.OrderNewest:
		order = api.OrderArrival
	case order == api.OrderArrival && !reverse:
		order, reverse = v.Settings.Sort, v.Settings.SortReverse
	}
	switch {
	case order != api.OrderArrival && order != api.OrderDate:
		return v.PreviousMessage, v.NextMessage
	case reverse:
		return v.OlderMessage, v.NewerMessage
	}
	return v.NewerMessage, v.OlderMessage
}

// attached are the parts to list; those that the HTML view shows by itself
// stand apart in inline.
func (p *messageView) attached() []api.Part {
	if !p.framed() {
		return p.Parts
	}
	return slices.DeleteFunc(slices.Clone(p.Parts), func(part api.Part) bool { return part.Inline })
}

func (p *messageView) inline() []api.Part {
	if !p.framed() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Parts), func(part api.Part) bool { return !part.Inline })
}

// peopleLine is a group of people with its label.
type peopleLine struct {
	label  string
	people []api.Address
	// full shows their addresses beside their names.
	full bool
}

// maxRecipients are named in each line before the reader asks for details.
const maxRecipients = 10

func (p peopleLine) limit(details bool) int {
	if details || len(p.people) <= maxRecipients+1 {
		return len(p.people)
	}
	return maxRecipients
}

// peopleLines are all people of a message but its authors. Sender and Reply-To
// are left out where they say nothing new, and shown in full else: names alone
// could hide that they are others.
func (l *locale) peopleLines(p *api.MessageAnswer) []peopleLine {
	all := []peopleLine{{l.ToLabel, p.To, false}, {l.CcLabel, p.Cc, false}, {l.BccLabel, p.Bcc, false}}
	if !slices.EqualFunc(p.Sender, p.From, sameMailbox) {
		all = append(all, peopleLine{l.SenderLabel, p.Sender, true})
	}
	if !slices.EqualFunc(p.ReplyTo, p.From, sameMailbox) {
		all = append(all, peopleLine{l.ReplyToLabel, p.ReplyTo, true})
	}
	return slices.DeleteFunc(all, func(line peopleLine) bool { return len(line.people) == 0 })
}

func sameMailbox(a, b api.Address) bool { return strings.EqualFold(a.Email, b.Email) }

// recipient is the short name of a recipient, "me" for the reader.
func (v view) recipient(a *api.Address) string {
	if a.Email != "" && strings.EqualFold(a.Email, v.Account) {
		return v.Me
	}
	return displayName(a)
}

// note returns the words of a note, empty for one of a later version.
func (l *locale) note(code api.NoteCode) string {
	switch code {
	case api.NoteMalformed:
		return l.NoteMalformed
	case api.NoteTruncated:
		return l.NoteTruncated
	case api.NoteUnknownCharset:
		return l.NoteUnknownCharset
	case api.NoteLimit:
		return l.NoteLimit
	case api.NoteEncrypted:
		return l.NoteEncrypted
	case api.NoteSigned:
		return l.NoteSigned
	}
	return ""
}

// kind is the file name extension for the picture of a part, when it is one.
func kind(part *api.Part) string {
	extension := strings.TrimPrefix(path.Ext(part.Name), ".")
	if len(extension) > 4 || strings.ContainsFunc(extension, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return ""
	}
	return strings.ToUpper(extension)
}

// Viewable tells that pages offer to open a part of this media type in the
// browser: types that all browsers show and that run nothing.
func Viewable(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
		"text/plain", "text/csv", "application/pdf":
		return true
	}
	return strings.HasPrefix(mediaType, "audio/") || strings.HasPrefix(mediaType, "video/")
}
