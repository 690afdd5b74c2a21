package mailgen

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed lang/*.txt showcase.txt
var texts embed.FS

// language is what mail in one language is made of.
type language struct {
	code     string
	charsets []string // preferred first
	rtl      bool
	reply    string // subject prefix of answers
	wrote    string // attribution line with {date} and {name}
	people   []Person
	items    []item
}

// item is one letter. Its first paragraph greets, or gets to the point.
type item struct {
	topic      string
	subject    string
	from       Person // zero if anybody may write it
	paragraphs []string
}

// languages returns all languages, English first, then by code.
var languages = sync.OnceValue(func() []*language {
	names, err := fs.Glob(texts, "lang/*.txt")
	if err != nil {
		panic(err) // the pattern is constant
	}
	var all []*language
	for _, name := range names {
		text, err := texts.ReadFile(name)
		if err != nil {
			panic(err) // the file is part of the program
		}
		code := strings.TrimSuffix(strings.TrimPrefix(name, "lang/"), ".txt")
		l := parseLanguage(code, string(text))
		if code == "en" {
			all = append([]*language{l}, all...)
		} else {
			all = append(all, l)
		}
	}
	return all
})

// parseLanguage reads the form of lang/*.txt: fields, then items that begin
// with "== topic", a subject line, perhaps a "from" field, and "--". Paragraphs are
// separated by empty lines. A mistake is one in our own files and panics.
func parseLanguage(code, text string) *language {
	blocks := strings.Split(text, "\n== ")
	l := &language{code: code}
	for name, value := range fields(blocks[0]) {
		switch name {
		case "charsets":
			l.charsets = strings.Fields(value)
		case "direction":
			l.rtl = value == "rtl"
		case "reply":
			l.reply = value
		case "wrote":
			l.wrote = value
		case "from":
			l.people = append(l.people, parsePerson(value))
		default:
			panic(fmt.Sprintf("mailgen: %s: unknown field %q", code, name))
		}
	}
	for _, block := range blocks[1:] {
		head, body, ok := strings.Cut(block, "\n--\n")
		lines := strings.Split(head, "\n")
		if !ok || len(lines) < 2 {
			panic(fmt.Sprintf("mailgen: %s: malformed item %q", code, head))
		}
		it := item{topic: lines[0], subject: lines[1], paragraphs: paragraphs(body)}
		if len(lines) == 3 {
			it.from = parsePerson(strings.TrimPrefix(lines[2], "from: "))
		}
		l.items = append(l.items, it)
	}
	return l
}

// fields yields the "name: value" lines of a block.
func fields(block string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(block) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if ok && !yield(name, value) {
				return
			}
		}
	}
}

func paragraphs(text string) []string {
	return strings.Split(strings.TrimSpace(text), "\n\n")
}

// parsePerson reads "Name <address>".
func parsePerson(s string) Person {
	name, address, _ := strings.Cut(strings.TrimSuffix(s, ">"), " <")
	return Person{name, address}
}

// language draws one: English for every second message.
func (s *stream) language() *language {
	all := languages()
	if s.chance(0.5) {
		return all[0]
	}
	return all[1+s.rng.IntN(len(all)-1)]
}

var (
	courses = []string{"CS 101", "CS 246", "HIST 220", "PHYS 131", "BIO 310", "PHIL 105", "MATH 201", "LING 150"}
	rooms   = []string{"B 204", "A 1.17", "H 12", "Lab 3", "C 0.08", "N 411"}
)

// fill replaces the placeholders of a letter, each by the same value throughout.
func (s *stream) fill(it item) item {
	r := s.values()
	out := it
	out.subject = r.Replace(it.subject)
	out.paragraphs = make([]string, len(it.paragraphs))
	for i, p := range it.paragraphs {
		out.paragraphs[i] = r.Replace(p)
	}
	return out
}

// values draws what placeholders stand for.
func (s *stream) values() *strings.Replacer {
	return strings.NewReplacer(
		"{n}", strconv.Itoa(2+s.rng.IntN(11)),
		"{course}", pick(s, courses),
		"{room}", pick(s, rooms),
	)
}

// item draws a letter and lengthens it with inner paragraphs of other letters,
// first of the same topic, until the drawn size is reached.
func (s *stream) item(l *language) item {
	it := s.fill(pick(s, l.items))
	size := 0
	for _, p := range it.paragraphs {
		size += len(p)
	}
	want := s.logNormal(900, 0.8, 30<<10)
	for try := 0; size < want; try++ {
		p, topic := s.paragraph(l)
		if topic != it.topic && try < 8 || slices.Contains(it.paragraphs, p) && try < 40 {
			continue
		}
		it.paragraphs = slices.Insert(it.paragraphs, len(it.paragraphs)-1, p)
		size += len(p)
	}
	return it
}

// paragraph draws one that stands on its own, not a greeting.
func (s *stream) paragraph(l *language) (text, topic string) {
	it := pick(s, l.items)
	list := it.paragraphs
	if len(list) > 1 {
		list = list[1:]
	}
	text = pick(s, list)
	if strings.Contains(text, "{") {
		text = s.values().Replace(text)
	}
	return text, it.topic
}
