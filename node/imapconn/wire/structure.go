package wire

import (
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Bounds on the structure of one message.
const (
	maxStructureDepth = 50
	maxStructureParts = 2000
)

// structureItem reads a body structure (RFC 9051 section 7.5.2).
func (s *scanner) structureItem(m *Fetch) error {
	reader := &structureReader{scanner: s}
	structure, err := reader.body(0)
	if err != nil {
		return err
	}
	m.Structure = structure
	return nil
}

type structureReader struct {
	*scanner
	parts int
}

// body reads the structure of a part. NIL, which some servers send for a part
// that they cannot read, is a part of unknown type.
func (s *structureReader) body(depth int) (imap.BodyStructure, error) {
	if s.parts++; s.parts > maxStructureParts || depth > maxStructureDepth {
		return nil, errSyntax
	}
	if s.null() {
		return &imap.BodyStructureSinglePart{Type: "application", Subtype: "octet-stream"}, nil
	}
	if !s.take('(') {
		return nil, errSyntax
	}
	s.space()
	if s.peek() == '(' {
		return s.multiPart(depth)
	}
	return s.singlePart(depth)
}

func (s *structureReader) multiPart(depth int) (imap.BodyStructure, error) {
	multi := &imap.BodyStructureMultiPart{}
	for s.peek() == '(' || s.nullPart() {
		child, err := s.body(depth + 1)
		if err != nil {
			return nil, err
		}
		multi.Children = append(multi.Children, child)
		s.space()
	}
	subtype, _, err := s.textOrNull()
	if err != nil {
		return nil, err
	}
	multi.Subtype = lower(subtype)
	extension := &imap.BodyStructureMultiPartExt{}
	multi.Extended, err = extended(s, extension, func() (err error) {
		extension.Params, err = s.params()
		return err
	}, &extension.Disposition, &extension.Language, &extension.Location)
	return multi, err
}

// nullPart reports whether NIL stands where a part belongs: the subtype follows.
func (s *structureReader) nullPart() bool {
	ahead := &scanner{data: s.data, pos: s.pos}
	if !ahead.null() {
		return false
	}
	ahead.space()
	return ahead.peek() == '"'
}

// extended reads the fields behind the basic ones, as many as there are, and the
// closing parenthesis; nil without any. first reads the one before the
// disposition.
func extended[T any](s *structureReader, fields *T, first func() error, disposition **imap.BodyStructureDisposition, language *[]string, location *string) (*T, error) {
	reads := []func() error{
		first,
		func() (err error) { *disposition, err = s.disposition(); return err },
		func() (err error) { *language, err = s.textOrWords(); return err },
		func() error {
			text, _, err := s.textOrNull()
			*location = string(text)
			return err
		},
	}
	count := 0
	for {
		s.space()
		if s.take(')') {
			if count == 0 {
				return nil, nil
			}
			return fields, nil
		}
		read := s.value // what later extensions add
		if count < len(reads) {
			read = reads[count]
		}
		if err := read(); err != nil {
			return nil, err
		}
		count++
	}
}

func (s *structureReader) singlePart(depth int) (imap.BodyStructure, error) {
	part := &imap.BodyStructureSinglePart{}
	var err error
	read := func(into *string, change func([]byte) string) {
		if err == nil {
			var text []byte
			text, _, err = s.textOrNull()
			*into = change(text)
			s.space()
		}
	}
	asItIs := func(text []byte) string { return string(text) }
	read(&part.Type, lower)
	if err == nil && s.take(')') { // a multipart without parts: ("mixed")
		return &imap.BodyStructureMultiPart{Subtype: part.Type}, nil
	}
	read(&part.Subtype, lower)
	if err != nil {
		return nil, err
	}
	if part.Params, err = s.params(); err != nil {
		return nil, err
	}
	s.space()
	read(&part.ID, asItIs)
	read(&part.Description, asItIs)
	read(&part.Encoding, asItIs)
	if err != nil {
		return nil, err
	}
	size, err := s.number()
	if err != nil {
		return nil, err
	}
	part.Size = *number32(size)
	s.space()
	if err := s.typeFields(part, depth); err != nil {
		return nil, err
	}
	extension := &imap.BodyStructureSinglePartExt{}
	part.Extended, err = extended(s, extension, func() error { // the checksum that nobody uses
		_, _, err := s.textOrNull()
		return err
	}, &extension.Disposition, &extension.Language, &extension.Location)
	return part, err
}

// typeFields reads what only texts and messages have. Servers leave it out where
// the grammar has it.
func (s *structureReader) typeFields(part *imap.BodyStructureSinglePart, depth int) error {
	switch {
	case part.Type == "message" && (part.Subtype == "rfc822" || part.Subtype == "global") && s.peek() == '(':
		message := &imap.BodyStructureMessageRFC822{}
		var err error
		if message.Envelope, err = s.envelope(); err != nil {
			return err
		}
		s.space()
		if message.BodyStructure, err = s.body(depth + 1); err != nil {
			return err
		}
		s.space()
		lines, err := s.number()
		message.NumLines = int64(min(lines, 1<<62))
		part.MessageRFC822 = message
		return err
	case part.Type == "text" && s.peek() != ')':
		lines, err := s.number()
		part.Text = &imap.BodyStructureText{NumLines: int64(min(lines, 1<<62))}
		return err
	}
	return nil
}

func lower(text []byte) string { return strings.ToLower(string(text)) }

// params reads names and values in turn; names are in lower case.
func (s *structureReader) params() (map[string]string, error) {
	var params map[string]string
	err := s.list(func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		key := lower(name)
		if s.space(); s.peek() == ')' {
			return nil // a name without a value
		}
		value, null, err := s.textOrNull()
		if err == nil && !null {
			if params == nil {
				params = map[string]string{}
			}
			params[key] = string(value)
		}
		return err
	})
	return params, err
}

func (s *structureReader) disposition() (*imap.BodyStructureDisposition, error) {
	if s.null() {
		return nil, nil
	}
	if s.peek() != '(' { // some servers send the word alone
		word, err := s.text()
		return &imap.BodyStructureDisposition{Value: string(word)}, err
	}
	s.pos++
	s.space()
	value, _, err := s.textOrNull()
	if err != nil {
		return nil, err
	}
	disposition := &imap.BodyStructureDisposition{Value: string(value)}
	if s.space(); !s.take(')') {
		if disposition.Params, err = s.params(); err != nil {
			return nil, err
		}
		if s.space(); !s.take(')') {
			return nil, errSyntax
		}
	}
	return disposition, nil
}

// envelope reads an envelope. Texts stay encoded as they came (RFC 2047): how to
// decode them is not this package's matter. A date that makes no sense is zero.
func (s *scanner) envelope() (*imap.Envelope, error) {
	if s.null() {
		return nil, nil
	}
	if !s.take('(') {
		return nil, errSyntax
	}
	envelope := &imap.Envelope{}
	var err error
	text := func() string {
		s.space()
		if err != nil {
			return ""
		}
		var read []byte
		read, _, err = s.textOrNull()
		return string(read)
	}
	people := func(into *[]imap.Address) {
		s.space()
		if err == nil {
			*into, err = s.addresses()
		}
	}
	if date, parseErr := mail.ParseDate(text()); parseErr == nil {
		envelope.Date = date
	}
	envelope.Subject = text()
	for _, into := range []*[]imap.Address{&envelope.From, &envelope.Sender, &envelope.ReplyTo, &envelope.To, &envelope.Cc, &envelope.Bcc} {
		people(into)
	}
	envelope.InReplyTo = messageIDs(text())
	if ids := messageIDs(text()); len(ids) > 0 {
		envelope.MessageID = ids[0]
	}
	if err != nil {
		return nil, err
	}
	if s.space(); !s.take(')') {
		return nil, errSyntax
	}
	return envelope, nil
}

// messageIDs returns what stands in angle brackets.
func messageIDs(text string) []string {
	var ids []string
	for {
		_, rest, found := strings.Cut(text, "<")
		id, after, closed := strings.Cut(rest, ">")
		if !found || !closed {
			return ids
		}
		ids, text = append(ids, id), after
	}
}

func (s *scanner) addresses() ([]imap.Address, error) {
	var all []imap.Address
	err := s.list(func() error {
		if s.null() {
			return nil
		}
		if !s.take('(') {
			return errSyntax
		}
		var fields [4]string // name, source route, mailbox, host
		for i := range fields {
			s.space()
			text, _, err := s.textOrNull()
			if err != nil {
				return err
			}
			fields[i] = string(text)
		}
		if s.space(); !s.take(')') {
			return errSyntax
		}
		all = append(all, imap.Address{Name: fields[0], Mailbox: fields[2], Host: fields[3]})
		return nil
	})
	return all, err
}

// formatDate writes a date-time (RFC 9051 section 9).
func formatDate(date time.Time) string { return date.Format("_2-Jan-2006 15:04:05 -0700") }
