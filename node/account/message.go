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
// mail server, a new one costs one. Errors: auth_expired, backend_down,
// not_found, conflict, deadline.
func (a *Account) Message(ctx context.Context, question *api.MessageQuestion) (*api.MessageAnswer, error) {
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	answer := &api.MessageAnswer{}
	err := a.onMessage(ctx, id, func(ctx context.Context, i int) error {
		var extra []imapconn.Command
		unseen := a.selected.entries[i].flags&flagSeen == 0
		if question.MarkSeen && unseen {
			extra = append(extra, &imapconn.AddFlags{UIDs: singleSet(id.UID), Flags: []imap.Flag{imap.FlagSeen}})
		}
		if a.recall(kindView, id, answer) {
			if err := a.markSeen(ctx, extra); err != nil {
				return err
			}
		} else {
			message, err := a.load(ctx, id, extra...)
			if err != nil {
				return err
			}
			view := mime.Render(message.Message)
			*answer = *newView(message, view)
			a.remember(kindView, id, answer)
			if view.HasHTML { // the page asks for it next
				a.remember(kindHTML, id, newBody(message, view.HTML))
			}
		}
		i, found := a.selected.find(id.UID) // others may have gone meanwhile
		if !found {
			return errGone
		}
		if len(extra) > 0 {
			a.selected.entries[i].flags |= flagSeen
		}
		a.complete(answer, i)
		return nil
	})
	if err != nil {
		return nil, err
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
	if _, refused := imapconn.IsRefusal(err); refused {
		return nil
	}
	return err
}

// complete adds what is mutable to a view: folders, flags, neighbours.
func (a *Account) complete(answer *api.MessageAnswer, i int) {
	entries := a.selected.entries
	answer.ID = a.selected.id(entries[i].uid)
	answer.Flags = entries[i].flags.api()
	answer.Folders, answer.Folder = a.folderAnswer()
	answer.Page = a.selected.pageOf(i, api.DefaultPageSize)
	if i+1 < len(entries) {
		newer := a.selected.id(entries[i+1].uid)
		answer.Newer = &newer
	}
	if i > 0 {
		older := a.selected.id(entries[i-1].uid)
		answer.Older = &older
	}
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
	answer := &api.BodyAnswer{}
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		if a.recall(kind, id, answer) {
			return nil
		}
		message, err := a.load(ctx, id)
		if err != nil {
			return err
		}
		if !mime.HasHTML(message.Message) {
			return api.NewError(api.CodeNotFound, "This message has no HTML view.", nil)
		}
		*answer = *newBody(message, mime.SafeHTML(message.Message, mime.HTMLOptions{AllowRemote: question.AllowRemote}))
		a.remember(kind, id, answer)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// onMessage runs work with the account's turn and the position of a message. A
// message that disappears under work's hands is not_found.
func (a *Account) onMessage(ctx context.Context, id api.MessageID, work func(ctx context.Context, i int) error) error {
	if id.Mailbox == "" || id.UID == 0 || strings.ContainsAny(id.Mailbox, "\x00\r\n") {
		return api.NewError(api.CodeNotFound, "There is no such message.", nil)
	}
	return a.withTurn(ctx, func(ctx context.Context) error {
		err := a.retrying(ctx, func(ctx context.Context) error {
			i, err := a.locate(ctx, id)
			if err != nil {
				return err
			}
			return work(ctx, i)
		})
		if errors.Is(err, errGone) {
			return api.NewError(api.CodeNotFound, "This message no longer exists. It may have been moved or deleted.", nil)
		}
		return err
	})
}

// loaded is a message at hand.
type loaded struct {
	*mime.Message
	arrived time.Time // INTERNALDATE
	size    int64     // RFC822.SIZE
	// whole is false for a large message of which only header and texts are here.
	whole bool
}

// load returns a message, from the cache or in one exchange together with
// extra. A message smaller than WholeMessage comes whole; of a larger one, what
// is needed to show it, in a second exchange.
func (a *Account) load(ctx context.Context, id api.MessageID, extra ...imapconn.Command) (*loaded, error) {
	known := &record{}
	if raw, ok := a.cache.Get(a.id, cacheKey(kindRaw, id)); ok && a.recall(kindRecord, id, known) {
		return &loaded{mime.Parse(raw), known.Date, known.Size, true}, a.markSeen(ctx, extra)
	}
	beginning := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: a.config.WholeMessage}}
	fetch := &imapconn.Fetch{UIDs: singleSet(id.UID), Items: &imap.FetchOptions{
		InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{beginning},
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	}}
	err := a.do(ctx, append([]imapconn.Command{fetch}, extra...)...)
	if _, refused := imapconn.IsRefusal(err); err != nil && !(refused && len(fetch.Messages) > 0) {
		return nil, err
	}
	if len(fetch.Messages) == 0 {
		return nil, errGone
	}
	fetched := fetch.Messages[0]
	if raw := fetched.Section(beginning); int64(len(raw)) < a.config.WholeMessage {
		a.cache.Put(a.id, cacheKey(kindRaw, id), raw)
		return &loaded{mime.Parse(raw), fetched.InternalDate, fetched.Size, true}, nil
	}
	message, err := a.loadParts(ctx, id, fetched.Structure)
	return &loaded{message, fetched.InternalDate, fetched.Size, false}, err
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
