package account

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// spool writes a message into the spool. Who gets it closes it.
func (a *Account) spool(write func(io.Writer) error) (*spooled, error) {
	if a.config.Spool == nil {
		return nil, api.NewError(api.CodeUnsupported, "Messages cannot be written here.", nil)
	}
	file := a.config.Spool.create(a.id, smallLetter)
	if err := write(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// longMessage is the size in bytes from which on a message goes to the mail server
// over a connection of its own, so that no page waits for it.
const longMessage = 1 << 20

// slowest is how many bytes a second a mail server takes at least.
const slowest = 64 << 10

// put puts a message into a mailbox and returns where it stands.
func (a *Account) put(ctx context.Context, mailbox string, message *letter, flags []imap.Flag, messageID string) (api.MessageID, error) {
	command := func() *imapconn.Append {
		return &imapconn.Append{Mailbox: mailbox, Flags: flags, Message: message.reader(), Size: message.size, Parts: message.parts()}
	}
	if message.size > longMessage {
		done := command()
		if err := a.putAlone(ctx, done); err != nil {
			return api.MessageID{}, a.translate(ctx, putError(err))
		}
		return a.placed(ctx, done, messageID)
	}
	var id api.MessageID
	tried := false
	err := a.ask(ctx, func(ctx context.Context) error {
		if tried { // the connection ended: it may be there
			if found, err := a.newestOf(ctx, mailbox, messageID, message.whole()); err != nil || found.UID != 0 {
				id = found
				return err
			}
		}
		tried = true
		done := command()
		if err := a.do(ctx, done); err != nil {
			return putError(err)
		}
		if done.UID != 0 {
			id = api.MessageID{Mailbox: mailbox, UIDValidity: done.UIDValidity, UID: uint32(done.UID)}
			return nil
		}
		var err error
		id, err = a.newestOf(ctx, mailbox, messageID, 0)
		return err
	}, func() bool { return false })
	return id, err
}

// putAlone appends over a connection of its own.
func (a *Account) putAlone(ctx context.Context, command *imapconn.Append) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	conn, err := a.dial(ctx, urgent)
	if err != nil {
		return err
	}
	defer conn.Logout()
	timeout := a.config.CommandTimeout + time.Duration(command.Size/slowest)*time.Second
	return bounded(ctx, timeout, func(ctx context.Context) error { return conn.Do(ctx, command) })
}

// placed returns where an appended message stands.
func (a *Account) placed(ctx context.Context, done *imapconn.Append, messageID string) (api.MessageID, error) {
	if done.UID != 0 {
		return api.MessageID{Mailbox: done.Mailbox, UIDValidity: done.UIDValidity, UID: uint32(done.UID)}, nil
	}
	var id api.MessageID
	err := a.ask(ctx, func(ctx context.Context) (err error) {
		id, err = a.newestOf(ctx, done.Mailbox, messageID, 0)
		return err
	}, func() bool { return false })
	if err == nil && id.UID == 0 {
		err = errNotThere
	}
	return id, err
}

var errNotThere = api.NewError(api.CodeBackendDown, "The mail server did not keep the message.", nil)

// newestOf finds the latest message with a Message-ID in a mailbox, with exactly
// that size unless it is 0; without UID when there is none. The caller has the
// turn and a connection.
func (a *Account) newestOf(ctx context.Context, mailbox, messageID string, size int64) (api.MessageID, error) {
	if _, err := a.ensure(ctx, mailbox, true); err != nil {
		return api.MessageID{}, err
	}
	search := &imapconn.Search{Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: messageID}}}}
	if err := a.do(ctx, search); err != nil || len(search.UIDs) == 0 {
		return api.MessageID{}, err
	}
	fetch := &imapconn.Fetch{UIDs: search.UIDs, Items: &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{draftFields}}}
	if err := a.do(ctx, fetch); err != nil {
		return api.MessageID{}, err
	}
	var newest uint32
	for _, message := range fetch.Messages {
		ids := mime.ParseHeader(message.Section(draftFields)).IDs("Message-ID")
		if slices.Contains(ids, messageID) && (size == 0 || message.Size == size) {
			newest = max(newest, uint32(message.UID))
		}
	}
	if newest == 0 {
		return api.MessageID{}, nil
	}
	return a.selected.id(newest), nil
}

// putError tells a full mailbox from other refusals (RFC 9208, RFC 7889).
func putError(err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	if !refused {
		return err
	}
	switch refusal.Code {
	case "OVERQUOTA":
		return api.NewError(api.CodeTooLarge, "The mailbox is full.", err)
	case imap.ResponseCodeTooBig, imap.ResponseCodeLimit:
		return api.NewError(api.CodeTooLarge, "The mail server does not take so large a message.", err)
	}
	return err
}

// remove removes a message of the selected mailbox. Without UIDPLUS it stays,
// marked as deleted: a bare EXPUNGE would remove what others marked.
func (a *Account) remove(ctx context.Context, uid uint32) error {
	if _, found := a.selected.find(uid); !found {
		return nil
	}
	commands := []imapconn.Command{&imapconn.AddFlags{UIDs: singleSet(uid), Flags: []imap.Flag{imap.FlagDeleted}}}
	if a.conn.Has(imap.CapUIDPlus) {
		commands = append(commands, &imapconn.Expunge{UIDs: singleSet(uid)})
	}
	return a.do(ctx, commands...)
}
