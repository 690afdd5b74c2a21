package mailgen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// showcase makes the hand-written newest messages of INBOX, the oldest first.
func (s *stream) showcase() []Message {
	text, err := texts.ReadFile("showcase.txt")
	if err != nil {
		panic(err) // the file is part of the program
	}
	blocks := strings.Split(string(text), "\n=== \n")
	slices.Reverse(blocks)
	threads := map[string][]string{}
	var out []Message
	for _, block := range blocks {
		out = append(out, s.shown(block, threads))
	}
	return out
}

// shown makes one message of the showcase. A mistake is one in our own file
// and panics.
func (s *stream) shown(block string, threads map[string][]string) Message {
	head, body, _ := strings.Cut(block, "\n--\n")
	l := languages()[0]
	d := &draft{to: []Person{s.owner}, charset: "utf-8"}
	m := Message{Mailbox: inbox}
	var kind, thread string
	var attached []*part
	for name, value := range fields(head) {
		switch name {
		case "age":
			d.date = s.now.Add(-parseAge(value))
		case "from":
			d.from = parsePerson(value)
		case "subject":
			d.subject = value
		case "charset":
			d.charset = value
		case "kind":
			kind = value
		case "thread":
			thread = value
		case "language":
			l = languages()[slices.IndexFunc(languages(), func(l *language) bool { return l.code == value })]
		case "flags":
			m.Flags = parseFlags(value)
		case "attach":
			attached = append(attached, s.shownFile(value))
		default:
			panic(fmt.Sprintf("mailgen: showcase: unknown field %q", name))
		}
	}
	d.id = s.newID(d.from)
	if thread != "" {
		d.refs = slices.Clone(threads[thread])
		threads[thread] = append(threads[thread], d.id)
	}
	s.shownBody(d, kind, l, paragraphs(body))
	if attached != nil {
		d.body = multipart("mixed", append([]*part{d.body}, attached...)...)
	}
	m.Raw, m.Date = d.bytes(s), d.date.Add(time.Second)
	return m
}

func (s *stream) shownBody(d *draft, kind string, l *language, paragraphs []string) {
	s.setText(d, paragraphs)
	switch kind {
	case "":
	case "alternative":
		d.body = multipart("alternative", d.body, s.text("html", d.charset, htmlBody(l, d.quotable, ""), ""))
	case "invitation":
		start := d.date.Add(5 * 24 * time.Hour).Truncate(time.Hour)
		d.body = multipart("alternative", d.body, s.text("calendar", "utf-8", s.event(d, "REQUEST", start), "; method=REQUEST"))
	case "list":
		s.distribute(d, lists[0])
	case "newsletter":
		model := s.newsletterOf(newsletters[0], d.date)
		d.body, d.extra = model.body, model.extra
	default:
		panic(fmt.Sprintf("mailgen: showcase: unknown kind %q", kind))
	}
}

func (s *stream) shownFile(name string) *part {
	if strings.HasSuffix(name, ".pdf") {
		return s.file("application/pdf", name, s.pdf(strings.TrimSuffix(name, ".pdf"), 12<<10))
	}
	return s.file("image/png", name, s.picture(320, 200))
}

// parseAge reads a duration that may be in days.
func parseAge(v string) time.Duration {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		hours, err := time.ParseDuration(days + "h")
		if err == nil {
			return 24 * hours
		}
	}
	age, err := time.ParseDuration(v)
	if err != nil {
		panic(fmt.Sprintf("mailgen: showcase: %v", err))
	}
	return age
}

func parseFlags(v string) []imap.Flag {
	var flags []imap.Flag
	for name := range strings.FieldsSeq(v) {
		switch name {
		case "seen":
			flags = append(flags, imap.FlagSeen)
		case "flagged":
			flags = append(flags, imap.FlagFlagged)
		case "answered":
			flags = append(flags, imap.FlagAnswered)
		default:
			panic(fmt.Sprintf("mailgen: showcase: unknown flag %q", name))
		}
	}
	return flags
}
