package page

import (
	"strconv"
	"strings"

	"alphamail/node/api"
)

// maxPeopleInRow bounds the people that a list row names; more do not fit.
const maxPeopleInRow = 5

func (l *locale) mailboxTitle(p *api.MailboxAnswer) string {
	name := l.folderName(&p.Folder)
	switch p.Filter {
	case api.FilterUnread:
		name = l.UnreadIn.fill("Folder", name)
	case api.FilterFlagged:
		name = l.FlaggedIn.fill("Folder", name)
	}
	if p.Page <= 1 {
		return name
	}
	return l.FolderPage.fill("Folder", name, "Page", strconv.Itoa(p.Page))
}

// messageRange says which messages are listed, such as "51–100 of 12,431".
func (l *locale) messageRange(p *api.MailboxAnswer) string {
	before := max(p.Page-1, 0) * p.PageSize
	return l.MessageRange.fill("First", l.number(before+1), "Last", l.number(before+len(p.Rows)), "Total", l.number(matching(p)))
}

// isOutgoing tells that all messages of a folder have the same sender.
func isOutgoing(f *api.Folder) bool { return f.Role == api.RoleSent || f.Role == api.RoleDrafts }

// rowPeople names the people of a row: senders, or recipients where all
// messages have the same sender.
func (l *locale) rowPeople(f *api.Folder, people []api.Address) string {
	outgoing := isOutgoing(f)
	switch {
	case len(people) == 0 && outgoing:
		return l.NoRecipients
	case len(people) == 0:
		return l.UnknownSender
	case outgoing:
		return l.ToPeople.fill("People", l.names(people))
	case len(people) == 1 && people[0] == (api.Address{}):
		return l.UnknownSender
	}
	return l.names(people)
}

func (l *locale) names(people []api.Address) string {
	if len(people) == 1 {
		return displayName(&people[0])
	}
	var b strings.Builder
	for i := range min(len(people), maxPeopleInRow) {
		if i > 0 {
			b.WriteString(l.ListSeparator)
		}
		b.WriteString(displayName(&people[i]))
	}
	return b.String()
}

// displayName is the name of a person, else the address, else a dash.
func displayName(a *api.Address) string {
	switch {
	case a.Name != "":
		return plain(a.Name)
	case a.Email != "":
		return plain(a.Email)
	default:
		return "–"
	}
}

// subject is never empty.
func (l *locale) subject(s string) string {
	if strings.TrimSpace(s) == "" {
		return l.NoSubject
	}
	return plain(s)
}
