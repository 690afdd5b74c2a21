package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// maxTextPart bounds how much of one text part of a large message is fetched.
const maxTextPart = 1 << 20

// errGone marks a message that disappeared while it was being fetched.
var errGone = errors.New("account: the message is gone")

// Message answers one message. A message seen before costs no exchange with the
// mail server, a new one costs one. Errors: auth_failed, backend_down, busy,
// not_found, conflict, deadline.
func (a *Account) Message(ctx context.Context, question *api.MessageQuestion) (*api.MessageAnswer, error) {
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	if err := a.learnSettings(ctx); err != nil {
		return nil, err
	}
	from, err := a.openedFrom(question.List)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		var answer *api.MessageAnswer
		var missing *missingKeys
		err := a.onMessage(ctx, id, func(ctx context.Context, _ int) (err error) {
			if missing, err = a.orderFor(ctx, from, try == 0); err != nil || missing != nil {
				return err
			}
			answer, err = a.openMessage(ctx, id, from, question.MarkSeen)
			return err
		}, func(x *index, i int) (known bool) {
			if answer, known = recallView[api.MessageAnswer](a, kindView, id); known {
				a.complete(answer, x, i, from)
				answer.AsOf = x.asOf
			}
			return known
		})
		if err != nil || missing == nil {
			return answer, err
		}
		if err := a.fetchKeys(ctx, missing); err != nil {
			a.log.Info("a message is shown without its neighbours", "error", err)
		}
	}
}

// openMessage makes the answer for a message of the selected mailbox.
func (a *Account) openMessage(ctx context.Context, id api.MessageID, from *listing, markSeen bool) (*api.MessageAnswer, error) {
	i, found := a.selected.find(id.UID)
	if !found {
		return nil, errGone
	}
	var extra []imapconn.Command
	if markSeen && a.selected.flags[i]&flagSeen == 0 {
		extra = append(extra, &imapconn.AddFlags{UIDs: singleSet(id.UID), Flags: []imap.Flag{imap.FlagSeen}})
	}
	answer, known := recallView[api.MessageAnswer](a, kindView, id)
	var err error
	if known {
		err = a.markSeen(ctx, extra)
	} else {
		answer, err = a.view(ctx, id, extra...)
	}
	if err != nil {
		return nil, err
	}
	if i, found = a.selected.find(id.UID); !found { // others may have gone meanwhile
		return nil, errGone
	}
	a.complete(answer, a.selected, i, from)
	a.afterMessage(i)
	return answer, nil
}

// view loads and renders a message, and remembers what of the answer never
// changes.
func (a *Account) view(ctx context.Context, id api.MessageID, extra ...imapconn.Command) (*api.MessageAnswer, error) {
	message, err := a.load(ctx, id, extra...)
	if err != nil {
		return nil, err
	}
	view := mime.Render(message.Message)
	answer := newView(message, view, a.backend.AuthenticationHosts)
	rememberView(a, kindView, id, answer)
	if view.HasHTML { // the page asks for it next
		rememberView(a, kindHTML, id, newBody(message, view.HTML))
	}
	return answer, nil
}

// markSeen sends the STORE of a message that is known already. A mailbox that
// is read-only refuses it, which is no reason not to show the message.
func (a *Account) markSeen(ctx context.Context, commands []imapconn.Command) error {
	if len(commands) == 0 {
		return nil
	}
	err := a.do(ctx, commands...)
	if isRefusal(err) {
		return nil
	}
	return err
}

// complete adds what is mutable to a view: folders, flags, neighbours.
func (a *Account) complete(answer *api.MessageAnswer, x *index, i int, from *listing) {
	answer.ID = x.id(x.uids[i])
	answer.Flags = x.flags[i].api()
	answer.Folders, answer.Folder = a.folderAnswer(x)
	answer.Settings, answer.Jobs = a.kept.shown.Load(), a.jobNews()
	answer.Images, answer.Unsubscribe = a.imagesOf(answer), a.oneClick(answer.Unsubscribe)
	if from.search != nil {
		answer.Newer, answer.Older, answer.Page = a.searches.around(from.search, answer.ID, from.size)
		return
	}
	above, below, page := from.neighbours(x, i)
	answer.Newer, answer.Older, answer.Page = x.idOf(above), x.idOf(below), page
}

// Body answers the sanitised HTML of a message. Errors: as Message, and
// not_found for a message without HTML.
func (a *Account) Body(ctx context.Context, question *api.BodyQuestion) (*api.BodyAnswer, error) {
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	kind := kindHTML
	if question.AllowRemote {
		kind = kindRemote
	}
	var answer *api.BodyAnswer
	recall := func() (known bool) {
		answer, known = recallView[api.BodyAnswer](a, kind, id)
		return known
	}
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		if recall() {
			return nil
		}
		message, err := a.load(ctx, id)
		if err != nil {
			return err
		}
		if !mime.HasHTML(message.Message) {
			return api.NewError(api.CodeNotFound, "This message has no HTML view.", nil)
		}
		answer = newBody(message, mime.SafeHTML(message.Message, mime.HTMLOptions{AllowRemote: question.AllowRemote}))
		rememberView(a, kind, id, answer)
		return nil
	}, func(*index, int) bool { return recall() })
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// onMessage runs work with the account's turn and the position of a message in
// the selected mailbox; or known, when the mail server cannot be reached, with
// what is known of the mailbox. A message that disappears under work's hands is
// not_found.
func (a *Account) onMessage(ctx context.Context, id api.MessageID, work func(ctx context.Context, i int) error, known func(x *index, i int) bool) error {
	if id.Mailbox == "" || id.UID == 0 || strings.ContainsAny(id.Mailbox, "\x00\r\n") {
		return api.NewError(api.CodeNotFound, "There is no such message.", nil)
	}
	err := a.ask(ctx, func(ctx context.Context) error {
		i, err := a.locate(ctx, id)
		if err != nil {
			return err
		}
		return work(ctx, i)
	}, func() bool {
		x := a.known(id.Mailbox)
		if x == nil || x.uidValidity != id.UIDValidity {
			return false
		}
		i, found := x.find(id.UID)
		return found && known(x, i)
	})
	if errors.Is(err, errGone) {
		return api.NewError(api.CodeNotFound, "This message no longer exists. It may have been moved or deleted.", nil)
	}
	return err
}

// loaded is a message at hand.
type loaded struct {
	*mime.Message
	arrived time.Time // INTERNALDATE
	size    int64     // RFC822.SIZE
	// whole is false for a large message of which only header and texts are here.
	whole bool
}

// load returns a message of the selected mailbox, from the cache or in one
// exchange together with extra. A message smaller than WholeMessage comes whole;
// of a larger one, what is needed to show it, in a second exchange.
func (a *Account) load(ctx context.Context, id api.MessageID, extra ...imapconn.Command) (*loaded, error) {
	if message := a.loadKnown(a.selected, id); message != nil {
		return message, a.markSeen(ctx, extra)
	}
	beginning := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: a.config.WholeMessage}}
	fetch := &imapconn.Fetch{UIDs: singleSet(id.UID), Items: &imap.FetchOptions{
		InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{beginning},
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	}}
	err := a.do(ctx, append([]imapconn.Command{fetch}, extra...)...)
	if err != nil && !(isRefusal(err) && len(fetch.Messages) > 0) {
		return nil, err
	}
	if len(fetch.Messages) == 0 {
		return nil, errGone
	}
	fetched := fetch.Messages[0]
	raw := fetched.Section(beginning)
	if len(raw) == 0 {
		return nil, api.NewError(api.CodeBackendDown, "The mail server cannot read this message at the moment.", nil)
	}
	if int64(len(raw)) < a.config.WholeMessage {
		a.cache.Put(a.id, cacheKey(kindRaw, id), raw)
		return &loaded{mime.Parse(raw), fetched.InternalDate, fetched.Size, true}, nil
	}
	message, err := a.loadParts(ctx, id, fetched.Structure)
	return &loaded{message, fetched.InternalDate, fetched.Size, false}, err
}

// loadKnown returns a message that is cached as a whole, and whose record is; nil
// if it is not.
func (a *Account) loadKnown(x *index, id api.MessageID) *loaded {
	raw, ok := a.cache.Get(a.id, cacheKey(kindRaw, id))
	if !ok {
		return nil
	}
	held := a.block(x, blockNumber(id.UID))
	if held == nil || held[id.UID%blockSize] == nil {
		return nil
	}
	known := held[id.UID%blockSize]
	return &loaded{mime.Parse(raw), time.Unix(known.arrived, 0), known.size, true}
}

// loadParts fetches header and texts of a large message.
func (a *Account) loadParts(ctx context.Context, id api.MessageID, structure imap.BodyStructure) (*mime.Message, error) {
	message := &mime.Message{Root: partTree(structure, nil)}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true}
	sections := []*imap.FetchItemBodySection{header}
	parts := mime.TextParts(message)
	for _, part := range parts {
		sections = append(sections, &imap.FetchItemBodySection{
			Part: path(part.ID), Peek: true, Partial: &imap.SectionPartial{Size: maxTextPart},
		})
	}
	fetch := &imapconn.Fetch{UIDs: singleSet(id.UID), Items: &imap.FetchOptions{BodySection: sections}}
	if err := a.do(ctx, fetch); err != nil {
		return nil, err
	}
	if len(fetch.Messages) == 0 {
		return nil, errGone
	}
	message.Header = mime.ParseHeader(fetch.Messages[0].Section(header))
	for i, part := range parts {
		part.Encoded = fetch.Messages[0].Section(sections[i+1])
	}
	return message, nil
}
