package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// List lists all mailboxes that match a pattern.
type List struct {
	plain
	Pattern string
	// Patterns are more of them: a mailbox is listed if it matches any. They, and
	// all Options but what LIST-STATUS and SPECIAL-USE add, need LIST-EXTENDED
	// (RFC 5258).
	Patterns []string
	Options  *imap.ListOptions
	// Subscribed lists what the user subscribed to on servers without
	// LIST-EXTENDED (LSUB, RFC 3501 section 6.3.9). It takes one pattern and no
	// options, and tells nothing else of the mailboxes that is to be relied on,
	// not even whether they exist.
	Subscribed bool
	Data       []*imap.ListData // result
}

func (l *List) name() string {
	if l.Subscribed {
		return "LSUB"
	}
	return "LIST"
}

func (l *List) write(e *wire.Encoder) {
	options := l.Options
	if options == nil {
		options = &imap.ListOptions{}
	}
	e.Raw(l.name() + " ")
	chosen := wordWriter{encoder: e, before: "("}
	chosen.word(options.SelectSubscribed, "SUBSCRIBED")
	chosen.word(options.SelectRemote, "REMOTE")
	chosen.word(options.SelectRecursiveMatch, "RECURSIVEMATCH")
	chosen.word(options.SelectSpecialUse, "SPECIAL-USE")
	if chosen.close(); chosen.open {
		e.Raw(" ")
	}
	e.Raw(`"" `)
	l.writePatterns(e)
	w := wordWriter{encoder: e, before: " RETURN ("}
	w.word(options.ReturnSubscribed, "SUBSCRIBED")
	w.word(options.ReturnChildren, "CHILDREN")
	w.word(options.ReturnSpecialUse, "SPECIAL-USE")
	if options.ReturnStatus != nil {
		w.word(true, "STATUS ")
		writeStatusItems(e, options.ReturnStatus, false)
	}
	w.close()
}

func (l *List) writePatterns(e *wire.Encoder) {
	if len(l.Patterns) == 0 {
		e.Mailbox(l.Pattern)
		return
	}
	e.Raw("(")
	e.Mailbox(l.Pattern)
	for _, pattern := range l.Patterns {
		e.Raw(" ")
		e.Mailbox(pattern)
	}
	e.Raw(")")
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
				return true
			}
		}
		return false // news of a mailbox that was not listed
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

func writeStatusItems(e *wire.Encoder, options *imap.StatusOptions, objectID bool) {
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
	w.word(objectID, "MAILBOXID")
	w.close()
}

// Status asks for the counts of a mailbox that is not selected.
type Status struct {
	plain
	Mailbox string
	Options *imap.StatusOptions
	// ObjectID asks for MailboxID, which names the mailbox whatever it is called
	// (OBJECTID, RFC 8474, which the server must offer).
	ObjectID bool

	Data      *imap.StatusData // result; nil when the server refused
	MailboxID string           // result
}

func (*Status) name() string { return "STATUS" }

func (s *Status) write(e *wire.Encoder) {
	e.Raw("STATUS ")
	e.Mailbox(s.Mailbox)
	e.Raw(" ")
	writeStatusItems(e, s.Options, s.ObjectID)
}

func (s *Status) take(response wire.Response) bool {
	status, ok := response.(*wire.StatusData)
	if !ok || status.Data.Mailbox != s.Mailbox {
		return false
	}
	s.Data, s.MailboxID = &status.Data, status.MailboxID
	return true
}
