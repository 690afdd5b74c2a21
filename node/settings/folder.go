package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// Conn is a connection that is logged in. The caller bounds how long a call takes.
type Conn interface {
	Do(context.Context, ...imapconn.Command) error
	Has(imap.Cap) bool
}

// Folder is where the messages of a user are.
type Folder struct {
	// Mailbox is its name on the mail server.
	Mailbox string
	// Address is the user's own.
	Address string
}

// Contents is what a folder holds.
type Contents struct {
	Document Document
	// Messages counts those that were merged.
	Messages int
}

const (
	// CompactFrom is the number of messages from which on compacting is worth it.
	CompactFrom = 8
	// maxMessages and maxBytes bound how many messages are read, the newest of
	// them. The others stay where they are.
	maxMessages = 500
	maxBytes    = 16 << 20
)

var marker = &imap.FetchItemBodySection{
	Specifier: imap.PartSpecifierHeader, HeaderFields: []string{headerName}, Peek: true,
	Partial: &imap.SectionPartial{Size: 200},
}

var whole = &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxMessage + 1}}

// Read reads everything. It costs one exchange, and one more if there is
// anything. A folder that does not exist is empty. It selects the folder, and not
// only for reading: Courier then takes no message for it.
func (f Folder) Read(ctx context.Context, conn Conn) (*Contents, error) {
	contents, _, err := f.read(ctx, conn, &imapconn.Select{Name: f.Mailbox})
	return contents, err
}

// read selects the folder and merges its messages, whose UIDs it returns.
func (f Folder) read(ctx context.Context, conn Conn, choose *imapconn.Select) (*Contents, imap.UIDSet, error) {
	contents := &Contents{Document: Document{}}
	list := &imapconn.Fetch{UIDs: all(), Items: &imap.FetchOptions{Flags: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{marker}}}
	err := conn.Do(ctx, choose, list)
	_, refused := imapconn.IsRefusal(err)
	switch {
	case refused && choose.Data == nil:
		return contents, nil, nil // there is no such folder
	case err != nil && !refused: // some refuse to fetch from an empty folder
		return nil, nil, err
	}
	ours := candidates(list.Messages)
	if len(ours) == 0 {
		return contents, nil, nil
	}
	fetch := &imapconn.Fetch{UIDs: ours, Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}}
	if err := conn.Do(ctx, fetch); err != nil {
		return nil, nil, err
	}
	var merged imap.UIDSet
	for _, message := range fetch.Messages {
		document, err := parse(message.Section(whole))
		if err != nil {
			continue // it is not ours to touch
		}
		contents.Document = Merge(contents.Document, document)
		contents.Messages++
		merged.AddNum(message.UID)
	}
	return contents, merged, nil
}

func all() imap.UIDSet { return imap.UIDSet{imap.UIDRange{Start: 1}} }

// candidates are the messages that seem to be ours. Those that are marked as
// deleted have been merged, or somebody does not want them any more.
func candidates(messages []*imapconn.Message) (ours imap.UIDSet) {
	slices.SortFunc(messages, func(a, b *imapconn.Message) int { return int(int64(b.UID) - int64(a.UID)) })
	count, size := 0, int64(0)
	for _, message := range messages {
		_, value, _ := bytes.Cut(message.Section(marker), []byte(":"))
		deleted := slices.ContainsFunc(message.Flags, func(flag imap.Flag) bool { return strings.EqualFold(string(flag), string(imap.FlagDeleted)) })
		if deleted || message.Size > maxMessage || !isOurs(string(value)) {
			continue
		}
		if count, size = count+1, size+message.Size; count > maxMessages || size > maxBytes {
			break
		}
		ours.AddNum(message.UID)
	}
	return ours
}

// Append writes a document as one more message. It makes the folder when there
// is none. It may be called again when it failed: merging does not mind a message
// that is there twice.
func (f Folder) Append(ctx context.Context, conn Conn, d Document, now time.Time) error {
	message, err := format(d, f.Address, now)
	if err != nil {
		return err
	}
	// What cannot be read again must not take the place of what can.
	if _, err := parse(message); err != nil {
		return fmt.Errorf("settings: a message that was written cannot be read: %w", err)
	}
	send := func() error {
		return conn.Do(ctx, &imapconn.Append{
			Mailbox: f.Mailbox, Flags: []imap.Flag{imap.FlagSeen},
			Message: bytes.NewReader(message), Size: int64(len(message)),
		})
	}
	err = send()
	if refusal, refused := imapconn.IsRefusal(err); !refused || refusal.Code == imap.ResponseCodeOverQuota {
		return err
	}
	// Not every server says TRYCREATE (RFC 9051 section 6.3.12).
	create := &imapconn.Manage{Action: imapconn.Create, Mailbox: f.Mailbox}
	if failed := conn.Do(ctx, create); failed != nil {
		return errors.Join(err, failed)
	}
	return send()
}

// Compact makes one message of many: it appends the merged whole, and then
// removes those that it has merged. Where the server cannot remove single
// messages (UIDPLUS), they stay, marked as deleted. It selects the folder.
func (f Folder) Compact(ctx context.Context, conn Conn, now time.Time) (*Contents, error) {
	choose := &imapconn.Select{Name: f.Mailbox}
	contents, merged, err := f.read(ctx, conn, choose)
	if err != nil || contents.Messages < 2 || choose.Unchangeable {
		return contents, err
	}
	contents.Document = Prune(contents.Document, now)
	if err := f.Append(ctx, conn, contents.Document, now); err != nil {
		return nil, err
	}
	commands := []imapconn.Command{&imapconn.Store{UIDs: merged, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}}}
	if conn.Has(imap.CapUIDPlus) {
		commands = append(commands, &imapconn.Expunge{UIDs: merged})
	}
	contents.Messages = 1
	return contents, conn.Do(ctx, commands...)
}
