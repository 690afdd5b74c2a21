package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Manage makes, removes and renames mailboxes, and keeps the list of those that
// the user subscribed to.
type Manage struct {
	plain
	Action  Action
	Mailbox string
	To      string // the new name, for Rename
	// Use, for Create, is what the mailbox is for, such as \Sent (RFC 6154; the
	// server must offer CREATE-SPECIAL-USE). The code of a refusal is USEATTR if it
	// cannot be for that.
	Use imap.MailboxAttr
}

// Action is what Manage does.
type Action string

// The actions, by the names of their commands.
const (
	Create      Action = "CREATE"
	Delete      Action = "DELETE"
	Rename      Action = "RENAME"
	Subscribe   Action = "SUBSCRIBE"
	Unsubscribe Action = "UNSUBSCRIBE"
)

func (m *Manage) name() string { return string(m.Action) }

func (m *Manage) write(e *wire.Encoder) {
	e.Raw(string(m.Action) + " ")
	e.Mailbox(m.Mailbox)
	switch {
	case m.Action == Rename:
		e.Raw(" ")
		e.Mailbox(m.To)
	case m.Action == Create && m.Use != "":
		e.Raw(" (USE (" + string(m.Use) + "))")
	}
}

// Quota asks for the quota of a mailbox (RFC 9208, which the server must offer).
type Quota struct {
	plain
	Mailbox string
	Roots   []*wire.Quota // result
}

func (*Quota) name() string { return "GETQUOTAROOT" }

func (q *Quota) write(e *wire.Encoder) {
	e.Raw("GETQUOTAROOT ")
	e.Mailbox(q.Mailbox)
}

func (q *Quota) take(response wire.Response) bool {
	switch response := response.(type) {
	case *wire.QuotaRoot:
		return true
	case *wire.Quota:
		q.Roots = append(q.Roots, response)
		return true
	}
	return false
}

// MyRights asks what the user may do in a mailbox (RFC 4314, which the server
// must offer).
type MyRights struct {
	plain
	Mailbox string
	Rights  string // result, a letter each
}

func (*MyRights) name() string { return "MYRIGHTS" }

func (r *MyRights) write(e *wire.Encoder) {
	e.Raw("MYRIGHTS ")
	e.Mailbox(r.Mailbox)
}

func (r *MyRights) take(response wire.Response) bool {
	rights, ok := response.(*wire.MyRights)
	if ok {
		r.Rights = rights.Rights
	}
	return ok
}

// Identify tells the server who connects and learns who it is (RFC 2971, which
// the server must offer). Fields are names and values in turn.
type Identify struct {
	plain
	Fields []string
	Server map[string]string // result
}

func (*Identify) name() string { return "ID" }

func (i *Identify) write(e *wire.Encoder) {
	e.Raw("ID ")
	if len(i.Fields) == 0 {
		e.Raw("NIL")
		return
	}
	e.Raw("(")
	for n, text := range i.Fields {
		if n > 0 {
			e.Raw(" ")
		}
		e.String(text)
	}
	e.Raw(")")
}

func (i *Identify) take(response wire.Response) bool {
	id, ok := response.(*wire.ID)
	if ok {
		i.Server = id.Fields
	}
	return ok
}
