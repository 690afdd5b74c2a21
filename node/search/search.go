// Package search is the language of searches: it turns what a reader types into
// terms, or says what is wrong with it. It is pure and knows no mail server.
//
// A search is a list of terms, and a message is found when all of them hold. A term
// is a word, a "phrase", or a field with a value, such as from:anna, subject:"next
// week", is:unread, after:2026-05 or larger:2M; a minus sign before it says that it
// must not hold. Fields and their words are not translated, so that a search can be
// passed on.
package search

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Field says what of a message a term is about.
type Field string

// The fields.
const (
	Text    Field = "" // the whole message
	From    Field = "from"
	To      Field = "to" // To and Cc
	Cc      Field = "cc"
	Subject Field = "subject"
	Body    Field = "body"
	Has     Field = "has"     // Term.Text is one of HasWords
	Is      Field = "is"      // Term.Text is one of IsWords
	Before  Field = "before"  // arrived before Term.Date
	After   Field = "after"   // arrived on Term.Date or later
	Larger  Field = "larger"  // than Term.Size
	Smaller Field = "smaller" // than Term.Size
	In      Field = "in"      // Term.Text is how people call a folder
)

// Fields are those that can be written before a colon, in the order to explain them.
var Fields = []Field{From, To, Cc, Subject, Body, Has, Is, Before, After, Larger, Smaller, In}

// The words that the fields Has and Is take.
var (
	HasWords = []string{"attachment"}
	IsWords  = []string{"unread", "read", "flagged", "unflagged", "answered", "unanswered", "draft"}
)

// otherNames are what people write for the same.
var otherNames = map[Field]map[string]string{
	Has: {"attachments": "attachment", "file": "attachment"},
	Is:  {"unseen": "unread", "new": "unread", "seen": "read", "starred": "flagged", "unstarred": "unflagged", "replied": "answered"},
}

// Bounds of a search.
const (
	MaxLength = 1000 // bytes
	MaxTerms  = 20
)

// Term is one condition.
type Term struct {
	Field Field
	// Not says that the rest must not hold.
	Not  bool
	Text string
	Date time.Time // midnight in the zone of now
	Size int64     // bytes
}

// ProblemKind says what is wrong with a search.
type ProblemKind string

// The problems.
const (
	Empty        ProblemKind = "empty"         // there is nothing to search for
	TooLong      ProblemKind = "too_long"      // more than MaxLength or MaxTerms
	UnknownField ProblemKind = "unknown_field" // Term names a field that there is not
	NoValue      ProblemKind = "no_value"      // nothing stands behind the colon of Term
	BadDate      ProblemKind = "bad_date"      // Term has no date that can be read
	BadSize      ProblemKind = "bad_size"      // Term has no size that can be read
	BadWord      ProblemKind = "bad_word"      // Term has a word that its field does not take
)

// Problem is what is wrong with a search.
type Problem struct {
	Kind ProblemKind
	// Term is the one that is wrong, as it was written.
	Term string
	// Suggestion is what may have been meant; may be empty.
	Suggestion string
}

// Parse reads a search. Dates are meant in the zone of now. It returns nil and a
// problem, or terms and nil.
func Parse(text string, now time.Time) ([]Term, *Problem) {
	if len(text) > MaxLength {
		return nil, &Problem{Kind: TooLong}
	}
	s := scanner{rest: clean(text)}
	var terms []Term
	for s.next() {
		term, problem := s.term(now)
		if problem != nil {
			return nil, problem
		}
		if len(terms) == MaxTerms {
			return nil, &Problem{Kind: TooLong}
		}
		if !slices.Contains(terms, term) {
			terms = append(terms, term)
		}
	}
	if len(terms) == 0 {
		return nil, &Problem{Kind: Empty}
	}
	return terms, nil
}

// clean makes what a browser sent one line of valid text, and the quotation marks
// that telephones set into plain ones.
func clean(text string) string {
	return strings.Map(func(char rune) rune {
		switch {
		case char == '“' || char == '”' || char == '„' || char == '«' || char == '»':
			return '"'
		case char == utf8.RuneError:
			return '\uFFFD'
		case unicode.IsSpace(char) || unicode.IsControl(char):
			return ' '
		}
		return char
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// scanner takes a search apart.
type scanner struct {
	rest string
	// What of the term at hand was written: a minus sign, a field with its colon, and
	// what follows.
	not    bool
	field  string
	value  string
	quoted bool
	source string
}

// next takes the next term. It reports false at the end.
func (s *scanner) next() bool {
	for {
		s.rest = strings.TrimLeft(s.rest, " ")
		if s.rest == "" {
			return false
		}
		before := s.rest
		s.not, s.field = false, ""
		if after, found := strings.CutPrefix(s.rest, "-"); found && after != "" && after[0] != ' ' && after[0] != '-' {
			s.not, s.rest = true, after
		}
		if length := fieldLength(s.rest); length > 0 {
			s.field, s.rest = s.rest[:length], s.rest[length+1:]
		}
		s.takeValue()
		s.source = before[:len(before)-len(s.rest)]
		if s.value != "" && strings.Trim(s.value, "-") != "" || s.field != "" {
			return true
		}
	}
}

// takeValue takes a phrase, or what stands up to the next space. A phrase that does
// not end goes on to the end.
func (s *scanner) takeValue() {
	after, quoted := strings.CutPrefix(s.rest, `"`)
	if s.quoted = quoted; quoted {
		s.value, s.rest, _ = strings.Cut(after, `"`)
	} else {
		end := strings.IndexByte(s.rest, ' ')
		if end < 0 {
			end = len(s.rest)
		}
		s.value, s.rest = s.rest[:end], s.rest[end:]
	}
	s.value = strings.Join(strings.Fields(s.value), " ")
}

// maxFieldName bounds what may be the name of a field.
const maxFieldName = 12

// fieldLength is the length of the name before a colon; 0 if there is none. What
// looks like the address of a page, or like a time, has none.
func fieldLength(text string) int {
	end := strings.IndexByte(text, ':')
	if end < 1 || end > maxFieldName || strings.HasPrefix(text[end:], "://") {
		return 0
	}
	for i := range end {
		if char := text[i] | 0x20; char < 'a' || char > 'z' {
			return 0
		}
	}
	return end
}

// term makes a term of what next has taken.
func (s *scanner) term(now time.Time) (Term, *Problem) {
	if s.field == "" {
		return Term{Not: s.not, Text: s.value}, nil
	}
	term := Term{Field: Field(strings.ToLower(s.field)), Not: s.not, Text: s.value}
	if !slices.Contains(Fields, term.Field) {
		if s.value == "" { // such as the "Re:" of a subject
			return Term{Not: s.not, Text: s.field + ":"}, nil
		}
		return Term{}, &Problem{Kind: UnknownField, Term: s.source, Suggestion: nearest(string(term.Field))}
	}
	if s.value == "" {
		return Term{}, &Problem{Kind: NoValue, Term: strings.TrimRight(s.source, " ")}
	}
	problem := term.read(now)
	if problem != "" {
		return Term{}, &Problem{Kind: problem, Term: s.source}
	}
	return term, nil
}

// read reads the value of a field that takes no text.
func (t *Term) read(now time.Time) (problem ProblemKind) {
	ok := true
	switch t.Field {
	case Before, After:
		problem = BadDate
		t.Date, ok = parseDate(t.Text, now)
		t.Text = ""
	case Larger, Smaller:
		problem = BadSize
		t.Size, ok = parseSize(t.Text)
		t.Text = ""
	case Has, Is:
		problem = BadWord
		known := HasWords
		if t.Field == Is {
			known = IsWords
		}
		t.Text = strings.ToLower(t.Text)
		if other := otherNames[t.Field][t.Text]; other != "" {
			t.Text = other
		}
		ok = slices.Contains(known, t.Text)
	}
	if ok {
		return ""
	}
	return problem
}

// nearest is the field that is written most alike; empty if none is.
func nearest(name string) string {
	best, closest := "", 3 // differences that are too many
	for _, field := range Fields {
		if far := distance(name, string(field)); far < closest && far < len(field) {
			best, closest = string(field), far
		}
	}
	return best
}

// distance counts the letters to add, leave out or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
