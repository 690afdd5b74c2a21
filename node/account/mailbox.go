package account

import (
	"context"
	"strconv"
	"strings"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

const (
	// snippetSource is how many bytes of a text part are fetched for a snippet.
	snippetSource = 2048
	// snippetLength is the length of a snippet in characters.
	snippetLength = 160
	// maxSnippetFetches bounds the commands of the second exchange of a page:
	// one for each place in the part tree where texts begin.
	maxSnippetFetches = 8
)

// headerSection is what a row needs of the header, and what threading needs.
// The server's ENVELOPE would do, but not for malformed headers.
var headerSection = &imap.FetchItemBodySection{
	Specifier: imap.PartSpecifierHeader, Peek: true,
	HeaderFields: []string{"From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"},
}

// Mailbox answers one page of a mailbox. It costs a NOOP when every row is
// known, else at most one exchange for rows and one for snippets that are not
// where they usually are. Errors: auth_expired, backend_down, not_found,
// invalid, deadline.
func (a *Account) Mailbox(ctx context.Context, question *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	size := question.PageSize
	if size == 0 {
		size = api.DefaultPageSize
	}
	if size < 1 || size > api.MaxPageSize || question.Mailbox == "" || strings.ContainsAny(question.Mailbox, "\x00\r\n") {
		return nil, api.NewError(api.CodeInvalid, "There is no such page.", nil)
	}
	var answer *api.MailboxAnswer
	err := a.withTurn(ctx, func(ctx context.Context) error {
		return a.retrying(ctx, func(ctx context.Context) (err error) {
			answer, err = a.listPage(ctx, canonicalMailbox(question.Mailbox), question.Page, size)
			return err
		})
	})
	return answer, err
}

func (a *Account) listPage(ctx context.Context, mailbox string, number, size int) (*api.MailboxAnswer, error) {
	rows := map[uint32]*record{}
	var guess *imapconn.Fetch
	var extra []imapconn.Command
	if a.selected != nil && a.selected.mailbox == mailbox {
		entries, _, _ := a.selected.page(number, size)
		if guess = a.rowFetch(entries, rows); guess != nil {
			extra = append(extra, guess)
		}
	}
	sent, err := a.ensure(ctx, mailbox, true, extra...)
	if err != nil {
		return nil, err
	}
	if sent && guess != nil {
		if err := a.takeRows(ctx, guess, rows); err != nil {
			return nil, err
		}
	}
	entries, page, pages := a.selected.page(number, size)
	if missing := a.rowFetch(entries, rows); missing != nil {
		if err := a.do(ctx, missing); err != nil {
			return nil, err
		}
		if err := a.takeRows(ctx, missing, rows); err != nil {
			return nil, err
		}
	}
	return a.mailboxAnswer(entries, rows, page, pages, size), nil
}

func (a *Account) mailboxAnswer(entries []entry, rows map[uint32]*record, page, pages, size int) *api.MailboxAnswer {
	answer := &api.MailboxAnswer{
		UIDValidity: a.selected.uidValidity, Total: len(a.selected.entries), Unread: a.selected.unread(),
		Page: page, Pages: pages, PageSize: size, Rows: make([]api.Row, 0, len(entries)),
	}
	answer.Folders, answer.Folder = a.folderAnswer()
	toRecipients := answer.Folder.Role == api.RoleSent || answer.Folder.Role == api.RoleDrafts
	for _, e := range entries {
		row := api.Row{ID: a.selected.id(e.uid), Flags: e.flags.api()}
		if known := rows[e.uid]; known != nil {
			row.People = known.From
			if toRecipients {
				row.People = known.To
			}
			row.Subject, row.Snippet, row.Date = known.Subject, known.Snippet, known.Date
			row.Size, row.HasAttachment = known.Size, known.HasAttachment
		}
		answer.Rows = append(answer.Rows, row)
	}
	return answer
}

// rowFetch adds the records that are cached to rows and returns the command
// that fetches the others, nil when there are none.
func (a *Account) rowFetch(entries []entry, rows map[uint32]*record) *imapconn.Fetch {
	var missing imap.UIDSet
	for _, e := range entries {
		if rows[e.uid] != nil {
			continue
		}
		cached := &record{}
		if a.recall(kindRecord, a.selected.id(e.uid), cached) {
			rows[e.uid] = cached
		} else {
			missing.AddNum(imap.UID(e.uid))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &imapconn.Fetch{UIDs: missing, Items: &imap.FetchOptions{
		InternalDate: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		// The text of most messages begins in part 1, so asking blindly saves
		// an exchange.
		BodySection: []*imap.FetchItemBodySection{headerSection, beginningOf([]int{1})},
	}}
}

// beginningOf names the first bytes of a part.
func beginningOf(path []int) *imap.FetchItemBodySection {
	return &imap.FetchItemBodySection{Part: path, Peek: true, Partial: &imap.SectionPartial{Size: snippetSource}}
}

// takeRows turns fetched messages into records and caches them.
func (a *Account) takeRows(ctx context.Context, fetch *imapconn.Fetch, rows map[uint32]*record) error {
	later := map[string][]*pendingSnippet{}
	for _, message := range fetch.Messages {
		made := newRecord(message)
		rows[uint32(message.UID)] = made
		text, ok := firstText(message.Structure)
		switch {
		case !ok:
		case text.section() == "1":
			made.Snippet = text.snippet(message.Section(beginningOf(text.path)))
		default:
			later[text.section()] = append(later[text.section()], &pendingSnippet{text, uint32(message.UID)})
		}
	}
	if err := a.fetchSnippets(ctx, later, rows); err != nil {
		return err
	}
	for _, message := range fetch.Messages {
		uid := uint32(message.UID)
		a.remember(kindRecord, a.selected.id(uid), rows[uid])
	}
	return nil
}

// pendingSnippet is a snippet whose source is not in part 1.
type pendingSnippet struct {
	textPart
	uid uint32
}

// fetchSnippets fetches what takeRows found to be elsewhere, in one exchange.
func (a *Account) fetchSnippets(ctx context.Context, later map[string][]*pendingSnippet, rows map[uint32]*record) error {
	var commands []imapconn.Command
	var groups [][]*pendingSnippet
	for _, group := range later {
		if len(commands) == maxSnippetFetches {
			break
		}
		var uids imap.UIDSet
		for _, pending := range group {
			uids.AddNum(imap.UID(pending.uid))
		}
		commands = append(commands, &imapconn.Fetch{UIDs: uids, Items: &imap.FetchOptions{
			BodySection: []*imap.FetchItemBodySection{beginningOf(group[0].path)},
		}})
		groups = append(groups, group)
	}
	if len(commands) == 0 {
		return nil
	}
	if err := a.do(ctx, commands...); err != nil {
		return err
	}
	for i, command := range commands {
		for _, message := range command.(*imapconn.Fetch).Messages {
			for _, pending := range groups[i] {
				if pending.uid == uint32(message.UID) {
					rows[pending.uid].Snippet = pending.snippet(message.Section(beginningOf(pending.path)))
				}
			}
		}
	}
	return nil
}

// newRecord makes a record, still without snippet, from a rowFetch.
func newRecord(message *imapconn.Message) *record {
	header := mime.ParseHeader(message.Section(headerSection))
	return &record{
		From: addresses(header.Addresses("From")), To: addresses(header.Addresses("To")),
		Subject: header.Get("Subject"), Date: message.InternalDate, Size: message.Size,
		HasAttachment: hasAttachment(message.Structure),
	}
}

// maxShownAddresses bounds the people of a row.
const maxShownAddresses = 20

func addresses(list []mime.Address) []api.Address {
	shown := make([]api.Address, 0, min(len(list), maxShownAddresses))
	for _, address := range list[:min(len(list), maxShownAddresses)] {
		shown = append(shown, api.Address{Name: address.Name, Email: address.Email})
	}
	return shown
}

// section writes a part path as RFC 9051 section 6.4.5.1 does.
func section(path []int) string {
	text := make([]byte, 0, 8)
	for i, number := range path {
		if i > 0 {
			text = append(text, '.')
		}
		text = strconv.AppendInt(text, int64(number), 10)
	}
	return string(text)
}
