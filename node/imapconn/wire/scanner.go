package wire

import (
	"bytes"
	"errors"
	"strings"
)

// maxNesting bounds parentheses within each other. Body structures of real mail
// stay far below.
const maxNesting = 100

// maxItems bounds what is in one pair of parentheses.
const maxItems = 100_000

var errSyntax = errors.New("not as the grammar has it")

// scanner reads one response. Its methods return errSyntax, or false, where
// something else stands than was asked for, and then have moved nowhere.
type scanner struct {
	data []byte
	pos  int
}

func (s *scanner) atEnd() bool { return s.pos >= len(s.data) }

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.atEnd() {
		return 0
	}
	return s.data[s.pos]
}

// take moves past a byte if it is the next.
func (s *scanner) take(char byte) bool {
	if s.peek() != char || s.atEnd() {
		return false
	}
	s.pos++
	return true
}

// space moves past white space; servers send more of it than the grammar has.
func (s *scanner) space() {
	for s.peek() == ' ' {
		s.pos++
	}
}

// rest returns all that is left, as it is.
func (s *scanner) rest() string {
	s.space()
	rest := string(s.data[s.pos:])
	s.pos = len(s.data)
	return rest
}

// atom returns what stands up to the next space or delimiter. It is more
// generous than the grammar: flags and keywords with brackets and bytes beyond
// ASCII occur.
func (s *scanner) atom() ([]byte, bool) {
	from := s.pos
	for !s.atEnd() {
		switch s.data[s.pos] {
		case ' ', '(', ')', '"', '\r', '\n':
			return s.data[from:s.pos], s.pos > from
		}
		s.pos++
	}
	return s.data[from:s.pos], s.pos > from
}

// null moves past NIL.
func (s *scanner) null() bool {
	from := s.pos
	if word, ok := s.atom(); ok && bytes.EqualFold(word, []byte("NIL")) {
		return true
	}
	s.pos = from
	return false
}

// text returns a string: quoted, literal, or an atom in its place. A quoted
// string without escapes and a literal are parts of the response itself.
func (s *scanner) text() ([]byte, error) {
	switch s.peek() {
	case '"':
		return s.quoted()
	case '{', '~':
		if literal, ok := s.literal(); ok {
			return literal, nil
		}
	}
	if word, ok := s.atom(); ok {
		return word, nil
	}
	return nil, errSyntax
}

func (s *scanner) quoted() ([]byte, error) {
	from := s.pos + 1
	escaped := false
	for i := from; i < len(s.data); i++ {
		switch s.data[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			s.pos = i + 1
			if content := s.data[from:i]; !escaped {
				return content, nil
			} else {
				return unescape(content), nil
			}
		}
	}
	return nil, errSyntax
}

func unescape(content []byte) []byte {
	plain := make([]byte, 0, len(content))
	for i := 0; i < len(content); i++ {
		if content[i] == '\\' && i+1 < len(content) {
			i++
		}
		plain = append(plain, content[i])
	}
	return plain
}

// literal returns a literal; the Reader has made sure that all of it is there.
func (s *scanner) literal() ([]byte, bool) {
	newline := bytes.IndexByte(s.data[s.pos:], '\n')
	if newline < 0 {
		return nil, false
	}
	size, from := announced(bytes.TrimSuffix(s.data[s.pos:s.pos+newline], []byte{'\r'}))
	begins := s.pos + newline + 1
	if from != 0 || size > int64(len(s.data)-begins) {
		return nil, false
	}
	s.pos = begins + int(size)
	return s.data[begins:s.pos], true
}

// textOrNull returns a string; null reports NIL in its place.
func (s *scanner) textOrNull() (text []byte, null bool, err error) {
	if s.null() {
		return nil, true, nil
	}
	text, err = s.text()
	return text, false, err
}

// number returns a number, quoted or not. NIL and negative numbers, which some
// servers send for sizes that they do not know, are 0; larger ones than 64 bits
// hold are an error.
func (s *scanner) number() (uint64, error) {
	from := s.pos
	text, null, err := s.textOrNull()
	if null || err != nil {
		return 0, err
	}
	if len(text) > 1 && text[0] == '-' {
		text = []byte{'0'}
	}
	value := uint64(0)
	for _, char := range text {
		digit := uint64(char - '0')
		if char < '0' || char > '9' || value > (1<<64-1-digit)/10 {
			s.pos = from
			return 0, errSyntax
		}
		value = value*10 + digit
	}
	if len(text) == 0 {
		s.pos = from
		return 0, errSyntax
	}
	return value, nil
}

func (s *scanner) number32() (uint32, error) {
	from := s.pos
	value, err := s.number()
	if err == nil && value > 1<<32-1 {
		s.pos = from
		err = errSyntax
	}
	return uint32(value), err
}

// list reads a list in parentheses; item reads one of its items. NIL is an empty
// list.
func (s *scanner) list(item func() error) error {
	if s.null() {
		return nil
	}
	if !s.take('(') {
		return errSyntax
	}
	for count := 0; ; count++ {
		s.space()
		if s.take(')') {
			return nil
		}
		if s.atEnd() || count == maxItems {
			return errSyntax
		}
		from := s.pos
		if err := item(); err != nil {
			return err
		}
		if s.pos == from {
			return errSyntax
		}
	}
}

// value moves past whatever stands next: a list, a string or an atom, whose
// brackets may hold spaces.
func (s *scanner) value() error { return s.nestedValue(0) }

func (s *scanner) nestedValue(depth int) error {
	if depth > maxNesting {
		return errSyntax
	}
	switch s.peek() {
	case '(':
		return s.list(func() error { return s.nestedValue(depth + 1) })
	case '"', '{', '~':
		_, err := s.text()
		return err
	}
	name, ok := s.atom()
	if !ok {
		return errSyntax
	}
	if bytes.IndexByte(name, '[') >= 0 && bytes.IndexByte(name, ']') < 0 {
		end := bytes.IndexByte(s.data[s.pos:], ']')
		if end < 0 {
			return errSyntax
		}
		s.pos += end + 1
		s.atom() // what follows the bracket, such as <0>
	}
	return nil
}

// upper returns a short word in capitals, without allocating for those known.
func upper(word []byte) string {
	if len(word) > 40 {
		return ""
	}
	var capitals [40]byte
	for i, char := range word {
		if 'a' <= char && char <= 'z' {
			char -= 'a' - 'A'
		}
		capitals[i] = char
	}
	return string(capitals[:len(word)])
}

// words reads a list of strings.
func (s *scanner) words() ([]string, error) {
	var words []string
	err := s.list(func() error {
		word, null, err := s.textOrNull()
		if err == nil && !null {
			words = append(words, string(word))
		}
		return err
	})
	return words, err
}

// textOrWords reads what may be one string or a list of them.
func (s *scanner) textOrWords() ([]string, error) {
	if s.peek() == '(' {
		return s.words()
	}
	text, null, err := s.textOrNull()
	if null || err != nil {
		return nil, err
	}
	return []string{strings.Clone(string(text))}, nil
}
