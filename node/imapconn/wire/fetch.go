package wire

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Fetch is the response that holds data of a message. Items that did not come
// are zero.
type Fetch struct {
	SeqNum uint32
	UID    imap.UID
	Flags  []imap.Flag // nil if they did not come
	ModSeq uint64

	InternalDate time.Time
	Size         int64 // RFC822.SIZE, in bytes
	Envelope     *imap.Envelope
	Structure    imap.BodyStructure
	Sections     []Section
	BinarySizes  []BinarySize

	Preview           string // RFC 8970
	HasPreview        bool   // false too if the server will make it later
	EmailID, ThreadID string // RFC 8474

	// Details counts the items that came in whatever form and do not change:
	// all that this package knows but UID, FLAGS and MODSEQ.
	Details int

	// Broken and Unknown are the names of items that could not be read, and of
	// those that this package does not know.
	Broken, Unknown []string
}

// Section is the content of a body section.
type Section struct {
	Name   string // as SectionName writes it
	Origin int64  // where it begins in the section; 0 for all of it
	Data   []byte // nil if the server has none
	// Binary says that the content is decoded (RFC 3516).
	Binary bool
}

// BinarySize is the size of a decoded section, in bytes (RFC 3516).
type BinarySize struct {
	Name string // as SectionName writes it
	Size int64
}

// Section returns the content of a section that was asked for; false if it did
// not come.
func (f *Fetch) Section(asked *imap.FetchItemBodySection) ([]byte, bool) {
	name := SectionName(asked)
	for i := range f.Sections {
		if s := &f.Sections[i]; !s.Binary && s.Name == name && (asked.Partial == nil || s.Origin == asked.Partial.Offset) {
			return s.Data, true
		}
	}
	return nil, false
}

// Binary returns the decoded content of a part that was asked for; false if it
// did not come.
func (f *Fetch) Binary(asked *imap.FetchItemBinarySection) ([]byte, bool) {
	name := PartName(asked.Part)
	for i := range f.Sections {
		if s := &f.Sections[i]; s.Binary && s.Name == name && (asked.Partial == nil || s.Origin == asked.Partial.Offset) {
			return s.Data, true
		}
	}
	return nil, false
}

func (s *scanner) fetch(decoding *Decoding, number uint32) (Response, error) {
	message := &Fetch{SeqNum: number}
	if s.peek() != '(' {
		return nil, errSyntax
	}
	err := s.list(func() error {
		from := s.pos
		name, err := s.itemName()
		if err != nil {
			return err
		}
		s.space()
		item := fetchItems[name]
		if item == nil {
			message.Unknown = append(message.Unknown, clip(name))
			return s.value()
		}
		if name != "UID" && name != "FLAGS" && name != "MODSEQ" {
			message.Details++
		}
		value := s.pos
		if err := item(s, message); err != nil {
			message.Broken = append(message.Broken, name)
			s.pos = value
			return s.value()
		}
		if s.pos == from {
			return errSyntax
		}
		return nil
	})
	if err != nil {
		// What was read stays good; whose message it is has to be known.
		message.Broken = append(message.Broken, "FETCH")
	}
	return message, nil
}

// itemName returns the name of an item up to a bracket, in capitals.
func (s *scanner) itemName() (string, error) {
	from := s.pos
	for !s.atEnd() && strings.IndexByte(" ([)\"", s.peek()) < 0 {
		s.pos++
	}
	if s.pos == from {
		return "", errSyntax
	}
	return upper(s.data[from:s.pos]), nil
}

var fetchItems = map[string]func(*scanner, *Fetch) error{
	"UID": func(s *scanner, m *Fetch) error {
		uid, err := s.number32()
		if uid == 0 && err == nil {
			err = errSyntax
		}
		m.UID = imap.UID(uid)
		return err
	},
	"FLAGS":        func(s *scanner, m *Fetch) (err error) { m.Flags, err = s.flags(); return err },
	"INTERNALDATE": (*scanner).internalDate,
	"RFC822.SIZE": func(s *scanner, m *Fetch) error {
		size, err := s.number()
		m.Size = int64(min(size, 1<<62))
		return err
	},
	"MODSEQ": func(s *scanner, m *Fetch) error {
		return s.list(func() (err error) { m.ModSeq, err = s.number(); return err })
	},
	"ENVELOPE":      func(s *scanner, m *Fetch) (err error) { m.Envelope, err = s.envelope(); return err },
	"BODYSTRUCTURE": (*scanner).structureItem,
	"BODY": func(s *scanner, m *Fetch) error {
		if s.peek() == '[' {
			return s.section(m, false)
		}
		return s.structureItem(m)
	},
	"BINARY":        func(s *scanner, m *Fetch) error { return s.section(m, true) },
	"BINARY.SIZE":   (*scanner).binarySize,
	"RFC822":        whole(""),
	"RFC822.HEADER": whole("HEADER"),
	"RFC822.TEXT":   whole("TEXT"),
	"PREVIEW": func(s *scanner, m *Fetch) error {
		text, null, err := s.textOrNull()
		m.Preview, m.HasPreview = string(text), err == nil && !null
		return err
	},
	"EMAILID":  func(s *scanner, m *Fetch) error { return s.objectID(&m.EmailID) },
	"THREADID": func(s *scanner, m *Fetch) error { return s.objectID(&m.ThreadID) },
}

// objectID reads (F6E0D1) or NIL (RFC 8474).
func (s *scanner) objectID(into *string) error {
	return s.list(func() error {
		id, err := s.text()
		*into = string(id)
		return err
	})
}

// internalDate has the form of RFC 9051 date-time; a day of one digit may stand
// without its space.
func (s *scanner) internalDate(m *Fetch) error {
	text, null, err := s.textOrNull()
	if null || err != nil {
		return err
	}
	m.InternalDate, err = time.Parse("2-Jan-2006 15:04:05 -0700", string(bytes.TrimSpace(text)))
	return err
}

// whole reads the items of RFC 3501 that stand for a section.
func whole(name string) func(*scanner, *Fetch) error {
	return func(s *scanner, m *Fetch) error { return s.content(m, Section{Name: name}) }
}

// section reads [1.HEADER.FIELDS (FROM TO)]<0> and the content.
func (s *scanner) section(m *Fetch, binary bool) error {
	name, err := s.sectionName()
	if err != nil {
		return err
	}
	section := Section{Name: name, Binary: binary}
	if s.take('<') {
		origin, _, found := bytes.Cut(s.data[s.pos:], []byte{'>'})
		if !found || len(origin) > 20 {
			return errSyntax
		}
		if section.Origin, err = strconv.ParseInt(string(origin), 10, 64); err != nil || section.Origin < 0 {
			return errSyntax
		}
		s.pos += len(origin) + 1
	}
	s.space()
	return s.content(m, section)
}

// binarySize reads [1.2] 4711.
func (s *scanner) binarySize(m *Fetch) error {
	name, err := s.sectionName()
	if err != nil {
		return err
	}
	s.space()
	size, err := s.number()
	if err == nil {
		m.BinarySizes = append(m.BinarySizes, BinarySize{name, int64(min(size, 1<<62))})
	}
	return err
}

func (s *scanner) content(m *Fetch, section Section) error {
	data, null, err := s.textOrNull()
	if err != nil {
		return err
	}
	if !null {
		section.Data = append(make([]byte, 0, len(data)), data...) // the response is not ours to keep
	}
	m.Sections = append(m.Sections, section)
	return nil
}

// sectionName reads a section in brackets into the form of SectionName: servers
// answer with other capitals, quotes and spaces than they were asked with.
func (s *scanner) sectionName() (string, error) {
	if !s.take('[') {
		return "", errSyntax
	}
	var name strings.Builder
	for {
		switch s.peek() {
		case ']':
			s.pos++
			return name.String(), nil
		case ' ':
			s.space()
		case '(':
			fields, err := s.words()
			if err != nil {
				return "", err
			}
			writeFields(&name, fields)
		case 0, '"', ')':
			return "", errSyntax
		default:
			from := s.pos
			for !s.atEnd() && strings.IndexByte(" ]()\"", s.peek()) < 0 {
				s.pos++
			}
			name.WriteString(strings.ToUpper(string(s.data[from:s.pos])))
		}
	}
}

func writeFields(name *strings.Builder, fields []string) {
	name.WriteString(" (")
	for i, field := range fields {
		if i > 0 {
			name.WriteByte(' ')
		}
		name.WriteString(strings.ToUpper(field))
	}
	name.WriteByte(')')
}

// PartName writes the number of a part: 1.2.
func PartName(part []int) string {
	var name strings.Builder
	writePart(&name, part)
	return name.String()
}

func writePart(name *strings.Builder, part []int) {
	for i, number := range part {
		if i > 0 {
			name.WriteByte('.')
		}
		name.WriteString(strconv.Itoa(number))
	}
}

// SectionName writes a section as it stands between the brackets of a response:
// in capitals, header fields in the order asked for.
func SectionName(section *imap.FetchItemBodySection) string {
	var name strings.Builder
	writePart(&name, section.Part)
	specifier := string(section.Specifier)
	switch {
	case len(section.HeaderFields) > 0:
		specifier = "HEADER.FIELDS"
	case len(section.HeaderFieldsNot) > 0:
		specifier = "HEADER.FIELDS.NOT"
	}
	if specifier != "" && name.Len() > 0 {
		name.WriteByte('.')
	}
	name.WriteString(specifier)
	switch {
	case len(section.HeaderFields) > 0:
		writeFields(&name, section.HeaderFields)
	case len(section.HeaderFieldsNot) > 0:
		writeFields(&name, section.HeaderFieldsNot)
	}
	return name.String()
}
