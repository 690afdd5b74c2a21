package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// listing is a question for a page of a list, checked and with its defaults.
type listing struct {
	mailbox string
	selector
	reverse    bool
	page, size int
	search     *api.Search // that found the messages; nil for those of the mailbox
}

func newListing(question *api.MailboxQuestion) (*listing, error) {
	l := &listing{
		mailbox: canonicalMailbox(question.Mailbox), selector: selector{question.Order, question.Filter},
		reverse: question.Reverse, page: question.Page, size: question.PageSize,
	}
	if l.size == 0 {
		l.size = api.DefaultPageSize
	}
	orders := []api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize}
	filters := []api.Filter{api.FilterNone, api.FilterUnread, api.FilterFlagged}
	if l.size < 1 || l.size > api.MaxPageSize || l.mailbox == "" || strings.ContainsAny(l.mailbox, "\x00\r\n") ||
		!slices.Contains(orders, l.order) || !slices.Contains(filters, l.filter) {
		return nil, api.NewError(api.CodeInvalid, "There is no such page.", nil)
	}
	return l, nil
}

// Mailbox answers one page of a mailbox. It costs a NOOP when every row is
// known, else at most one exchange for rows and one for snippets that are not
// where they usually are; an order other than that of arrival is worked out when
// it is first asked for, and when messages have come. Errors: auth_failed,
// backend_down, busy, not_found, conflict, invalid, deadline.
func (a *Account) Mailbox(ctx context.Context, question *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	if err := a.learnSettings(ctx); err != nil {
		return nil, err
	}
	l, err := newListing(a.asUsual(question))
	if err != nil {
		return nil, err
	}
	for range maxSettle {
		var answer *api.MailboxAnswer
		var missing *missingKeys
		err := a.ask(ctx, func(ctx context.Context) (err error) {
			answer, missing, err = a.listPage(ctx, l)
			return err
		}, func() bool {
			answer = a.knownPage(l)
			return answer != nil
		})
		if err != nil || missing == nil {
			return answer, err
		}
		if err := a.fetchKeys(ctx, missing); err != nil {
			return nil, a.translate(ctx, err)
		}
	}
	return nil, errUnsortable
}

// listPage makes a page of a list. If what its order depends on has to be
// fetched first, it returns that instead.
func (a *Account) listPage(ctx context.Context, l *listing) (*api.MailboxAnswer, *missingKeys, error) {
	guessed := a.guess(l)
	sent, err := a.ensure(ctx, l.mailbox, true, guessed.extra()...)
	if err != nil {
		return nil, nil, err
	}
	if sent && guessed.fetch != nil {
		if _, err := a.foregroundRows().takeRows(ctx, guessed.fetch); err != nil {
			return nil, nil, err
		}
	}
	if missing, err := a.sort(ctx, l.order); err != nil || missing != nil {
		return nil, missing, err
	}
	x := a.selected
	uids, page, pages := l.window(x)
	records := guessed.records
	if !guessed.holds(x, uids) {
		var complete bool
		if records, complete = a.recall(x, uids); !complete {
			if records, err = a.foregroundRows().complete(ctx, uids, records); err != nil {
				return nil, nil, err
			}
		}
	}
	a.afterPage(l, page, pages)
	return a.mailboxAnswer(x, l, uids, records, page, pages), nil, nil
}

// guess is what a page will show if nothing has changed.
type guess struct {
	of      *index // nil without a guess
	uids    []uint32
	records []*record
	fetch   *imapconn.Fetch // fetches the records that are missing; nil if none is
}

// guess makes a guess from what is known of the selected mailbox. What is missing
// is fetched together with the question whether anything changed.
func (a *Account) guess(l *listing) (g guess) {
	x := a.selected
	if x == nil || x.mailbox != l.mailbox || !x.isSorted(l.order) {
		return guess{}
	}
	g.of = x
	g.uids, _, _ = l.window(x)
	g.records, _ = a.recall(x, g.uids)
	g.fetch = a.foregroundRows().rowFetch(g.uids, g.records)
	return g
}

func (g *guess) extra() []imapconn.Command {
	if g.fetch == nil {
		return nil
	}
	return []imapconn.Command{g.fetch}
}

// holds tells whether the guess was right about a page, and complete.
func (g *guess) holds(x *index, uids []uint32) bool {
	return g.of == x && g.fetch == nil && slices.Equal(g.uids, uids)
}

// window returns the UIDs of the page, the first row first.
func (l *listing) window(x *index) (uids []uint32, page, pages int) {
	return window(x.list(l.selector), descends(l.order, l.reverse), l.page, l.size)
}

// mailboxAnswer makes the answer; a row without a record shows its flags only.
func (a *Account) mailboxAnswer(x *index, l *listing, uids []uint32, records []*record, page, pages int) *api.MailboxAnswer {
	answer := &api.MailboxAnswer{
		UIDValidity: x.uidValidity, Total: len(x.uids), Unread: x.unread, Deleted: x.deleted, Matching: x.matching(l.filter),
		Order: l.order, Reverse: l.reverse, Filter: l.filter,
		Page: page, Pages: pages, PageSize: l.size, Rows: make([]api.Row, len(uids)),
	}
	answer.Folders, answer.Folder = a.folderAnswer(x)
	answer.Settings, answer.LastUID, answer.Jobs = a.kept.shown.Load(), x.lastUID(), a.jobNews()
	noSnippets := answer.Settings != nil && answer.Settings.NoSnippets
	toRecipients := answer.Folder.Role == api.RoleSent || answer.Folder.Role == api.RoleDrafts
	for i, uid := range uids {
		row := &answer.Rows[i]
		row.ID = x.id(uid)
		if at, found := x.find(uid); found {
			row.Flags = x.flags[at].api()
		}
		if known := records[i]; known != nil {
			known.show(row, toRecipients, noSnippets)
			if l.order == api.OrderDate {
				row.Date = time.Unix(known.sent, 0)
			}
		}
	}
	return answer
}

// show fills in a row.
func (r *record) show(row *api.Row, toRecipients, noSnippet bool) {
	row.People = r.from
	if toRecipients {
		row.People = r.to
	}
	row.Subject, row.Date, row.Size, row.HasAttachment = r.subject, time.Unix(r.arrived, 0), r.size, r.hasAttachment
	if !noSnippet {
		row.Snippet = r.snippet
	}
}

// knownPage is the page as far as it is known without the mail server; nil if it
// is not known completely.
func (a *Account) knownPage(l *listing) *api.MailboxAnswer {
	x := a.known(l.mailbox)
	if x == nil || !x.isSorted(l.order) || len(a.folders.folders) == 0 {
		return nil
	}
	uids, page, pages := l.window(x)
	records, complete := a.recall(x, uids)
	if !complete {
		return nil
	}
	answer := a.mailboxAnswer(x, l, uids, records, page, pages)
	answer.AsOf = x.asOf
	return answer
}
