package mailgen

import (
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// thread is a conversation that may go on.
type thread struct {
	last    *draft
	subject string   // without reply prefix
	ids     []string // Message-IDs of all messages, oldest first
	with    Person
}

// maxReferences bounds the References field, as mail programs do.
const maxReferences = 12

// remember makes a message one that can be answered.
func (s *stream) remember(d *draft) {
	if d.lang == nil {
		return
	}
	s.threads = append(s.threads, &thread{last: d, subject: d.subject, ids: []string{d.id}, with: d.from})
	if len(s.threads) > maxThreads {
		s.threads = slices.Delete(s.threads, 0, 1)
	}
}

// continued drafts the next message of a thread, recent ones more often.
func (s *stream) continued(date time.Time) *draft {
	n := len(s.threads)
	t := s.threads[max(s.rng.IntN(n), s.rng.IntN(n))]
	return s.reply(t, t.with, s.owner, date)
}

// answer makes the owner's answer to the latest message, now and then.
func (s *stream) answer() (Message, bool) {
	if len(s.threads) == 0 || !s.chance(0.15) {
		return Message{}, false
	}
	t := s.threads[len(s.threads)-1]
	date := t.last.date.Add(time.Duration(3+s.rng.IntN(300)) * time.Minute)
	if t.last.from == s.owner || date.After(s.now) {
		return Message{}, false
	}
	d := s.reply(t, s.owner, t.with, date)
	return Message{Mailbox: sent, Raw: d.bytes(s), Date: date, Flags: []imap.Flag{imap.FlagSeen}}, true
}

// reply continues a thread with quoted text below or above the new.
func (s *stream) reply(t *thread, from, to Person, date time.Time) *draft {
	l := t.last.lang
	p, _ := s.paragraph(l)
	said := []string{p, signature(from)}
	text := plain(said)
	attribution := strings.NewReplacer("{date}", t.last.date.Format("2006-01-02 15:04"), "{name}", t.last.from.Name).Replace(l.wrote)
	params := ""
	quoted := attribution + "\r\n" + quote(t.last.quotable)
	switch {
	case s.chance(0.4):
		text = quoted + "\r\n" + text
	case s.chance(0.5):
		text, params = flowed(said)+"\r\n"+quoted, "; format=flowed"
	default:
		text += "\r\n" + quoted
	}
	d := &draft{
		from:     from,
		to:       []Person{to},
		subject:  l.reply + ": " + t.subject,
		charset:  t.last.charset,
		date:     date,
		id:       s.newID(from),
		refs:     slices.Clone(t.ids[max(0, len(t.ids)-maxReferences):]),
		quotable: text,
		lang:     l,
	}
	d.body = s.text("plain", d.charset, text, params)
	t.last, t.ids = d, append(t.ids, d.id)
	return d
}
