package imapconn

import (
	"io"
	"time"

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

// Noop gives the server an occasion to announce changes.
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

// Select selects a mailbox.
type Select struct {
	Name string
	// ReadOnly selects it without the right to change anything (EXAMINE, RFC 9051
	// section 6.3.3): no flag is set by reading, and messages stay recent. Changes
	// must not be sent: some servers refuse them, some ignore them, and Courier
	// makes them all the same.
	ReadOnly bool
	// Mailbox, if set, is told what the server says of the mailbox from now on.
	Mailbox Mailbox
	// Since, if set, asks only for what changed since then (RFC 7162): QRESYNC
	// must be enabled. The mailbox is told what vanished, earlier, and the flags
	// that changed, by UID.
	Since *Since

	Data *imap.SelectData // result; nil when the server refused
	// Unchangeable tells that nothing can be changed: it was asked for, or the
	// server grants no more.
	Unchangeable bool

	read imap.SelectData
}

// Since is the state in which a mailbox was seen last.
type Since struct {
	UIDValidity uint32
	ModSeq      uint64
}

func (s *Select) name() string {
	if s.ReadOnly {
		return "EXAMINE"
	}
	return "SELECT"
}

func (s *Select) write(e *wire.Encoder) {
	e.Raw(s.name() + " ")
	e.Mailbox(s.Name)
	if s.Since != nil {
		e.Raw(" (QRESYNC (")
		e.Number(uint64(s.Since.UIDValidity))
		e.Raw(" ")
		e.Number(s.Since.ModSeq)
		e.Raw("))")
	}
}

func (s *Select) take(response wire.Response) bool {
	switch response := response.(type) {
	case *wire.Exists:
		s.read.NumMessages = response.Count
	case *wire.Flags:
		s.read.Flags = response.Flags
	case *wire.Recent:
	case *wire.List:
		if response.Data.Mailbox != s.Name {
			return false
		}
		s.read.List = &response.Data
	case *wire.Status:
		return s.code(response.Code)
	default:
		return false
	}
	return true
}

func (s *Select) code(code *wire.Code) bool {
	switch code.Name {
	case "UIDVALIDITY":
		s.read.UIDValidity = uint32(code.Number)
	case "UIDNEXT":
		s.read.UIDNext = imap.UID(code.Number)
	case "HIGHESTMODSEQ":
		s.read.HighestModSeq = code.Number
	case "PERMANENTFLAGS":
		s.read.PermanentFlags = code.Flags
	default:
		return false
	}
	return true
}

func (s *Select) end(status *wire.Status) {
	if status.Error() == nil {
		s.Data = &s.read
		s.Unchangeable = status.Code != nil && status.Code.Name == "READ-ONLY"
	}
}

// List lists all mailboxes that match a pattern.
type List struct {
	plain
	Pattern string
	Options *imap.ListOptions
	Data    []*imap.ListData // result
}

func (*List) name() string { return "LIST" }

func (l *List) write(e *wire.Encoder) {
	options := l.Options
	if options == nil {
		options = &imap.ListOptions{}
	}
	e.Raw("LIST ")
	if options.SelectSubscribed {
		e.Raw("(SUBSCRIBED) ")
	}
	e.Raw(`"" `)
	e.Mailbox(l.Pattern)
	w := wordWriter{encoder: e, before: " RETURN ("}
	w.word(options.ReturnSubscribed, "SUBSCRIBED")
	w.word(options.ReturnChildren, "CHILDREN")
	w.word(options.ReturnSpecialUse, "SPECIAL-USE")
	if options.ReturnStatus != nil {
		w.word(true, "STATUS ")
		writeStatusItems(e, options.ReturnStatus)
	}
	w.close()
}

func (l *List) take(response wire.Response) bool {
	switch response := response.(type) {
	case *wire.List:
		l.Data = append(l.Data, &response.Data)
		return true
	case *wire.StatusData:
		if l.Options == nil || l.Options.ReturnStatus == nil {
			return false
		}
		for _, data := range l.Data {
			if data.Mailbox == response.Data.Mailbox {
				data.Status = &response.Data
			}
		}
		return true
	}
	return false
}

// wordWriter writes words in parentheses, and nothing at all without words.
type wordWriter struct {
	encoder *wire.Encoder
	before  string
	open    bool
}

func (w *wordWriter) word(wanted bool, word string) {
	if !wanted {
		return
	}
	if w.open {
		w.encoder.Raw(" ")
	} else {
		w.encoder.Raw(w.before)
	}
	w.open = true
	w.encoder.Raw(word)
}

func (w *wordWriter) close() {
	if w.open {
		w.encoder.Raw(")")
	}
}

func writeStatusItems(e *wire.Encoder, options *imap.StatusOptions) {
	w := wordWriter{encoder: e, before: "("}
	w.word(options.NumMessages, "MESSAGES")
	w.word(options.UIDNext, "UIDNEXT")
	w.word(options.UIDValidity, "UIDVALIDITY")
	w.word(options.NumUnseen, "UNSEEN")
	w.word(options.NumDeleted, "DELETED")
	w.word(options.Size, "SIZE")
	w.word(options.AppendLimit, "APPENDLIMIT")
	w.word(options.DeletedStorage, "DELETED-STORAGE")
	w.word(options.HighestModSeq, "HIGHESTMODSEQ")
	w.close()
}

// Status asks for the counts of a mailbox that is not selected.
type Status struct {
	plain
	Mailbox string
	Options *imap.StatusOptions
	Data    *imap.StatusData // result; nil when the server refused
}

func (*Status) name() string { return "STATUS" }

func (s *Status) write(e *wire.Encoder) {
	e.Raw("STATUS ")
	e.Mailbox(s.Mailbox)
	e.Raw(" ")
	writeStatusItems(e, s.Options)
}

func (s *Status) take(response wire.Response) bool {
	status, ok := response.(*wire.StatusData)
	if !ok || status.Data.Mailbox != s.Mailbox {
		return false
	}
	s.Data = &status.Data
	return true
}

// AddFlags sets flags of messages, silently.
type AddFlags struct {
	plain
	UIDs  imap.UIDSet
	Flags []imap.Flag
}

func (*AddFlags) name() string { return "UID STORE" }

func (a *AddFlags) write(e *wire.Encoder) {
	e.Raw("UID STORE ")
	e.Set(a.UIDs)
	e.Raw(" +FLAGS.SILENT ")
	e.Flags(a.Flags)
}

// Append puts a message into a mailbox.
type Append struct {
	plain
	Mailbox string
	Flags   []imap.Flag
	Date    time.Time // INTERNALDATE; zero: the server's time
	Message io.Reader
	Size    int64 // of the message, in bytes

	// UIDValidity and UID name the message; 0 without UIDPLUS.
	UIDValidity uint32
	UID         imap.UID
}

func (*Append) name() string { return "APPEND" }

func (a *Append) write(e *wire.Encoder) {
	e.Raw("APPEND ")
	e.Mailbox(a.Mailbox)
	e.Raw(" ")
	if len(a.Flags) > 0 {
		e.Flags(a.Flags)
		e.Raw(" ")
	}
	if !a.Date.IsZero() {
		e.DateTime(a.Date)
		e.Raw(" ")
	}
	e.Literal(a.Size, a.Message)
}

func (a *Append) end(status *wire.Status) {
	if status.Code != nil && status.Code.Name == "APPENDUID" && len(status.Code.Dest) == 1 {
		a.UIDValidity, a.UID = status.Code.UIDValidity, status.Code.Dest[0].Start
	}
}
