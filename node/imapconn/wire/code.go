package wire

import (
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Code is the code in brackets of a status response. Fields that its name does
// not go with are zero.
type Code struct {
	Name string // in capitals

	Caps imap.CapSet // CAPABILITY
	// Number is that of UIDVALIDITY, UIDNEXT, UNSEEN, HIGHESTMODSEQ and
	// APPENDLIMIT.
	Number uint64
	Flags  []imap.Flag // PERMANENTFLAGS

	// UIDValidity belongs to the UIDs of APPENDUID and COPYUID: Source are those
	// of what was copied, in the order of Dest; APPENDUID has Dest alone.
	UIDValidity  uint32
	Source, Dest imap.UIDSet

	// UIDs are those of MODIFIED.
	UIDs imap.UIDSet

	// MailboxID is that of MAILBOXID (RFC 8474).
	MailboxID string
}

// code reads a code in brackets. One that cannot be read keeps its name alone.
func (s *scanner) code() *Code {
	end := strings.IndexByte(string(s.data[s.pos:min(len(s.data), s.pos+maxCode)]), ']')
	if end < 0 {
		return nil // text that begins with a bracket
	}
	inside := &scanner{data: s.data[s.pos+1 : s.pos+end]}
	if closing := flagsEnd(s.data[s.pos:]); closing > end {
		inside.data, end = s.data[s.pos+1:s.pos+closing], closing
	}
	s.pos += end + 1
	s.space()
	word, _ := inside.atom()
	code := &Code{Name: upper(word)}
	inside.space()
	if read := codes[code.Name]; read != nil {
		kept := *code
		if err := read(inside, code); err != nil {
			*code = kept
		}
	}
	return code
}

// maxCode bounds a code, in bytes: a COPYUID of ten thousand single messages.
const maxCode = 256 << 10

// flagsEnd returns where the code PERMANENTFLAGS ends, whose flags may hold
// brackets; 0 if it is another one.
func flagsEnd(data []byte) int {
	const name = "[PERMANENTFLAGS ("
	if len(data) < len(name) || !strings.EqualFold(string(data[:len(name)]), name) {
		return 0
	}
	end := strings.Index(string(data), ")]")
	if end < 0 {
		return 0
	}
	return end + 1
}

var codes = map[string]func(*scanner, *Code) error{
	"CAPABILITY":     func(s *scanner, c *Code) error { c.Caps = s.caps(); return nil },
	"UIDVALIDITY":    readNumber32,
	"UIDNEXT":        readNumber32,
	"UNSEEN":         readNumber,
	"HIGHESTMODSEQ":  readNumber,
	"APPENDLIMIT":    readNumber,
	"PERMANENTFLAGS": func(s *scanner, c *Code) (err error) { c.Flags, err = s.flags(); return err },
	"MODIFIED":       func(s *scanner, c *Code) (err error) { c.UIDs, err = s.uidSet(); return err },
	"APPENDUID": func(s *scanner, c *Code) (err error) {
		if c.UIDValidity, err = s.number32(); err == nil {
			s.space()
			c.Dest, err = s.uidSet()
		}
		return err
	},
	"MAILBOXID": func(s *scanner, c *Code) error { return s.objectID(&c.MailboxID) },
	"COPYUID": func(s *scanner, c *Code) (err error) {
		if c.UIDValidity, err = s.number32(); err != nil {
			return err
		}
		s.space()
		if c.Source, err = s.uidSet(); err != nil {
			return err
		}
		s.space()
		c.Dest, err = s.uidSet()
		return err
	},
}

func readNumber32(s *scanner, c *Code) error {
	number, err := s.number32()
	c.Number = uint64(number)
	return err
}

func readNumber(s *scanner, c *Code) (err error) {
	c.Number, err = s.number()
	return err
}
