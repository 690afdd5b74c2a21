package imapconn

import (
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Command is an IMAP command for Do. After Do its result fields are set.
type Command interface {
	name() string
	// start writes the command and returns how to wait for its completion.
	start(*imapclient.Client) func() error
}

// Noop gives the server an occasion to announce changes.
type Noop struct{}

func (*Noop) name() string { return "NOOP" }

func (*Noop) start(client *imapclient.Client) func() error { return client.Noop().Wait }

// Select selects a mailbox, read-write.
type Select struct {
	Mailbox string
	Data    *imap.SelectData // result; nil when the server refused
}

func (*Select) name() string { return "SELECT" }

func (s *Select) start(client *imapclient.Client) func() error {
	command := client.Select(s.Mailbox, nil)
	return func() error {
		data, err := command.Wait()
		if err == nil {
			s.Data = data
		}
		return err
	}
}

// Namespace asks for the prefixes of the user's mailboxes (RFC 2342).
type Namespace struct {
	Data *imap.NamespaceData // result
}

func (*Namespace) name() string { return "NAMESPACE" }

func (n *Namespace) start(client *imapclient.Client) func() error {
	command := client.Namespace()
	return func() (err error) {
		n.Data, err = command.Wait()
		return err
	}
}

// List lists all mailboxes that match a pattern.
type List struct {
	Pattern string
	Options *imap.ListOptions
	Data    []*imap.ListData // result
}

func (*List) name() string { return "LIST" }

func (l *List) start(client *imapclient.Client) func() error {
	command := client.List("", l.Pattern, l.Options)
	return func() (err error) {
		l.Data, err = command.Collect()
		return err
	}
}

// Status asks for the counts of a mailbox that is not selected.
type Status struct {
	Mailbox string
	Options *imap.StatusOptions
	Data    *imap.StatusData // result; nil when the server refused
}

func (*Status) name() string { return "STATUS" }

func (s *Status) start(client *imapclient.Client) func() error {
	command := client.Status(s.Mailbox, s.Options)
	return func() error {
		data, err := command.Wait()
		if err == nil {
			s.Data = data
		}
		return err
	}
}

// Fetch fetches items of messages named by UID.
type Fetch struct {
	UIDs  imap.UIDSet
	Items *imap.FetchOptions
	// Messages is the result: one entry a message that still exists, in the
	// order of the server.
	Messages []*Message
}

func (*Fetch) name() string { return "UID FETCH" }

func (f *Fetch) start(client *imapclient.Client) func() error {
	command := client.Fetch(f.UIDs, f.Items)
	return func() error {
		buffers, err := command.Collect()
		for _, buffer := range buffers {
			f.Messages = append(f.Messages, &Message{
				UID: buffer.UID, Flags: buffer.Flags, InternalDate: buffer.InternalDate,
				Size: buffer.RFC822Size, Structure: buffer.BodyStructure, buffer: buffer,
			})
		}
		return err
	}
}

// Message is what a Fetch returned of one message; items that were not asked
// for are zero.
type Message struct {
	UID          imap.UID
	Flags        []imap.Flag
	InternalDate time.Time
	Size         int64
	Structure    imap.BodyStructure
	buffer       *imapclient.FetchMessageBuffer
}

// Section returns a body section that was asked for, nil when the server did
// not send it.
func (m *Message) Section(section *imap.FetchItemBodySection) []byte {
	return m.buffer.FindBodySection(section)
}

// AddFlags sets flags of messages, silently.
type AddFlags struct {
	UIDs  imap.UIDSet
	Flags []imap.Flag
}

func (*AddFlags) name() string { return "UID STORE" }

func (a *AddFlags) start(client *imapclient.Client) func() error {
	command := client.Store(a.UIDs, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: a.Flags}, nil)
	return command.Close
}
