package account

import (
	"context"
	"slices"
	"strconv"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
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

// headerSection is what a row needs of the header. The server's ENVELOPE would
// do, but not for malformed headers.
var headerSection = &imap.FetchItemBodySection{
	Specifier: imap.PartSpecifierHeader, Peek: true,
	HeaderFields: []string{"From", "To", "Subject", "Date"},
}

// rowSource is where rows come from: a mailbox that is open on one of the account's
// connections.
type rowSource struct {
	*Account
	conn *connection
	of   *index // of the mailbox; only its name and UIDVALIDITY matter
	do   func(context.Context, ...imapconn.Command) error
}

// foregroundRows is the source of the selected mailbox. The caller has the turn.
func (a *Account) foregroundRows() rowSource { return rowSource{a, a.conn, a.selected, a.do} }

// complete completes the records of messages, as far as the server lets it.
func (s rowSource) complete(ctx context.Context, uids []uint32, records []*record) ([]*record, error) {
	fetch := s.rowFetch(uids, records)
	if fetch == nil {
		return records, nil
	}
	if err := s.do(ctx, fetch); err != nil && !isRefusal(err) {
		return nil, err
	}
	made, err := s.takeRows(ctx, fetch)
	if err != nil {
		return nil, err
	}
	for i, uid := range uids {
		if records[i] == nil {
			records[i] = made[uid]
		}
	}
	return records, nil
}

// rowFetch returns the command that fetches what rows show of the messages whose
// records are not known, nil if all are.
func (s rowSource) rowFetch(uids []uint32, records []*record) *imapconn.Fetch {
	var missing imap.UIDSet
	for i, uid := range uids {
		if records[i] == nil {
			missing.AddNum(imap.UID(uid))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	items := &imap.FetchOptions{
		InternalDate: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{headerSection},
	}
	fetch := &imapconn.Fetch{UIDs: missing, Items: items}
	switch {
	case s.config.NoSnippets:
	case s.conn.Has(capPreview) && !s.noPreviews.Load():
		fetch.Preview = imapconn.PreviewNow
	default:
		// The text of most messages begins in part 1, so asking blindly saves an
		// exchange.
		items.BodySection = append(items.BodySection, beginningOf([]int{1}))
	}
	return fetch
}

// capPreview is the capability of RFC 8970.
const capPreview imap.Cap = "PREVIEW"

// beginningOf names the first bytes of a part.
func beginningOf(path []int) *imap.FetchItemBodySection {
	return &imap.FetchItemBodySection{Part: path, Peek: true, Partial: &imap.SectionPartial{Size: snippetSource}}
}

// takeRows turns fetched messages into records, and remembers them.
func (s rowSource) takeRows(ctx context.Context, fetch *imapconn.Fetch) (map[uint32]*record, error) {
	made := map[uint32]*record{}
	later := map[string][]*pendingSnippet{}
	// Cyrus offers previews and has none.
	if fetch.Preview != imapconn.NoPreview && len(fetch.Messages) > 0 &&
		!slices.ContainsFunc(fetch.Messages, func(m *imapconn.Message) bool { return m.HasPreview }) {
		s.noPreviews.Store(true)
	}
	for _, message := range fetch.Messages {
		r := newRecord(message)
		made[uint32(message.UID)] = r
		if s.config.NoSnippets {
			continue
		}
		text, ok := firstText(message.Structure)
		switch {
		case message.HasPreview:
			r.snippet = mime.Snippet("text/plain", "utf-8", "8bit", []byte(message.Preview), snippetLength)
		case !ok:
		case text.section() == "1" && fetch.Preview == imapconn.NoPreview:
			r.snippet = text.snippet(message.Section(beginningOf(text.path)))
		default:
			later[text.section()] = append(later[text.section()], &pendingSnippet{text, uint32(message.UID)})
		}
	}
	if err := s.fetchSnippets(ctx, later, made); err != nil {
		return nil, err
	}
	s.remember(s.of, made)
	return made, nil
}

// pendingSnippet is a snippet whose source is not in part 1.
type pendingSnippet struct {
	textPart
	uid uint32
}

// fetchSnippets fetches what takeRows found to be elsewhere, in one exchange.
func (s rowSource) fetchSnippets(ctx context.Context, later map[string][]*pendingSnippet, made map[uint32]*record) error {
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
	if err := s.do(ctx, commands...); err != nil && !isRefusal(err) {
		return err
	}
	for i, command := range commands {
		for _, message := range command.(*imapconn.Fetch).Messages {
			for _, pending := range groups[i] {
				if pending.uid == uint32(message.UID) {
					made[pending.uid].snippet = pending.snippet(message.Section(beginningOf(pending.path)))
				}
			}
		}
	}
	return nil
}

// newRecord makes a record, still without snippet, from a rowFetch.
func newRecord(message *imapconn.Message) *record {
	header := mime.ParseHeader(message.Section(headerSection))
	made := &record{
		from: addresses(header.Addresses("From")), to: addresses(header.Addresses("To")),
		subject: header.Get("Subject"), arrived: message.InternalDate.Unix(), sent: message.InternalDate.Unix(), size: message.Size,
		hasAttachment: hasAttachment(message.Structure),
	}
	if date, ok := header.Date(); ok {
		made.sent = date.Unix()
	}
	return made
}

// maxShownAddresses bounds the people of a row: more do not fit.
const maxShownAddresses = 8

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
