package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// plain is what commands without a result have in common.
type plain struct{}

func (plain) take(wire.Response) bool { return false }
func (plain) end(*wire.Status)        {}

// command is a command of one word.
type command struct {
	plain
	label string
}

func (c *command) name() string          { return c.label }
func (c *command) write(e *wire.Encoder) { e.Raw(c.label) }

// Noop gives the server an occasion to announce changes. A message that it tells
// of can be named from the next batch on: behind the Noop in the same one, Dovecot
// does not know it yet, and says nothing.
type Noop struct {
	plain
	// Done, if set, is called when it has: before anything that the server says
	// afterwards.
	Done func()
}

func (*Noop) name() string          { return "NOOP" }
func (*Noop) write(e *wire.Encoder) { e.Raw("NOOP") }

func (n *Noop) end(status *wire.Status) {
	if n.Done != nil && status.Error() == nil {
		n.Done()
	}
}

// Namespace asks for the prefixes of the user's mailboxes (RFC 2342).
type Namespace struct {
	plain
	Data *imap.NamespaceData // result
}

func (*Namespace) name() string          { return "NAMESPACE" }
func (*Namespace) write(e *wire.Encoder) { e.Raw("NAMESPACE") }

func (n *Namespace) take(response wire.Response) bool {
	namespace, ok := response.(*wire.Namespace)
	if ok {
		n.Data = &namespace.Data
	}
	return ok
}
