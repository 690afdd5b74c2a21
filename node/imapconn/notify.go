package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Notify says of which mailboxes the server tells what, without being asked
// (NOTIFY, RFC 5465, which the server must offer). It takes the place of an
// earlier one. What it says comes while a command or Idle waits, as ever.
type Notify struct {
	plain
	// Watches are what to tell; without any, the server tells nothing unasked. The
	// selected mailbox must be among them, or the server is silent of it too.
	Watches []Watch
	// Counts asks for the counts of all those mailboxes at once.
	Counts bool
	// Observer is told of mailboxes that are not selected, from now on.
	Observer Observer
}

// Watch is a group of mailboxes and what is to be told of them.
type Watch struct {
	Scope Scope
	// Mailboxes are those of the scopes Subtree and Mailboxes.
	Mailboxes []string
	// Events: MessageNew and MessageExpunge go together, and FlagChange needs
	// both. The code of a refusal is BADEVENT if the server lacks one.
	Events []Event
}

// Scope is a group of mailboxes.
type Scope string

// The groups of RFC 5465 section 6.
const (
	// Selected is the selected mailbox. SelectedDelayed too, but messages that are
	// gone are told at the same moments as without Notify; only this goes together
	// with commands in batches.
	Selected        Scope = "SELECTED"
	SelectedDelayed Scope = "SELECTED-DELAYED"
	Inboxes         Scope = "INBOXES" // where mail may be delivered
	Personal        Scope = "PERSONAL"
	Subscribed      Scope = "SUBSCRIBED"
	Subtree         Scope = "SUBTREE" // some mailboxes and those below them
	Mailboxes       Scope = "MAILBOXES"
)

// Event is something that happens to a mailbox.
type Event string

// The events of RFC 5465 section 5.
const (
	MessageNew         Event = "MessageNew"
	MessageExpunge     Event = "MessageExpunge"
	FlagChange         Event = "FlagChange"
	MailboxName        Event = "MailboxName" // made, renamed or removed
	SubscriptionChange Event = "SubscriptionChange"
)

// Observer is told what the server says of mailboxes that are not selected and
// that belongs to no command.
type Observer interface {
	// Counted tells new counts of a mailbox; those that did not come are nil or 0.
	Counted(status *imap.StatusData)
	// Listed tells that a mailbox was made, renamed (it has an OldName), removed
	// (it has the attribute \NonExistent), subscribed or the contrary.
	Listed(data *imap.ListData)
	// Overflowed tells that too much happened: as if Notify had never been sent.
	Overflowed()
}

func (*Notify) name() string { return "NOTIFY" }

func (n *Notify) write(e *wire.Encoder) {
	if len(n.Watches) == 0 {
		e.Raw("NOTIFY NONE")
		return
	}
	e.Raw("NOTIFY SET")
	if n.Counts {
		e.Raw(" STATUS")
	}
	for _, watch := range n.Watches {
		e.Raw(" (" + string(watch.Scope))
		if watch.Scope == Subtree || watch.Scope == Mailboxes {
			e.Raw(" (")
			for i, mailbox := range watch.Mailboxes {
				if i > 0 {
					e.Raw(" ")
				}
				e.Mailbox(mailbox)
			}
			e.Raw(")")
		}
		w := wordWriter{encoder: e, before: " ("}
		for _, event := range watch.Events {
			w.word(true, string(event))
		}
		if w.close(); !w.open {
			e.Raw(" NONE")
		}
		e.Raw(")")
	}
}

// tellObserver tells of another mailbox what no command has asked for.
func (c *Conn) tellObserver(response wire.Response) {
	observer := c.observer
	if len(c.flights) > 0 {
		if notify, ok := c.flights[0].command.(*Notify); ok && !c.flights[0].abandoned {
			observer = notify.Observer
		}
	}
	if observer == nil {
		return
	}
	switch response := response.(type) {
	case *wire.StatusData:
		observer.Counted(&response.Data)
	case *wire.List:
		observer.Listed(&response.Data)
	case *wire.Status:
		if response.Code.Name != "NOTIFICATIONOVERFLOW" {
			return
		}
		observer.Overflowed()
	default:
		return
	}
	c.news++
}
