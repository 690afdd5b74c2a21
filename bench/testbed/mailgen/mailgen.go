package mailgen

import (
	"hash/fnv"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Message is one generated message and where it belongs.
type Message struct {
	Mailbox   string // levels separated by "/", INBOX spelt so
	Raw       []byte // RFC 5322 with CRLF; shared, never to be modified
	Date      time.Time
	Flags     []imap.Flag
	Malformed bool // deliberately breaks a rule; need not parse
}

// Person is a name and an address of a correspondent.
type Person struct {
	Name    string
	Address string
}

// Generator makes the mail of one owner. It is immutable: its iterators are
// independent of each other and of the order in which they are used.
type Generator struct {
	seed  uint64
	now   time.Time
	owner Person
}

// New returns a generator. Equal seeds and times make equal mail; dates reach
// from now into the past, in the time zone of now.
func New(seed uint64, now time.Time) *Generator {
	return &Generator{
		seed:  seed,
		now:   now.Truncate(time.Second),
		owner: Person{"Robin Meyer", "robin@example.edu"},
	}
}

// For returns a generator of the same mail addressed to another owner.
func (g *Generator) For(owner Person) *Generator {
	other := *g
	other.owner = owner
	return &other
}

// Inbox yields n messages of INBOX, the oldest first, and between them the
// owner's answers for Sent.
func (g *Generator) Inbox(n int) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		s := g.stream(inbox)
		shown := s.showcase()
		shown = shown[max(0, len(shown)-n):]
		old := n - len(shown)
		for i := range old {
			m := s.arrival(s.date(i, old))
			if !yield(m) {
				return
			}
			if sent, ok := s.answer(); ok && !yield(sent) {
				return
			}
		}
		for _, m := range shown {
			if !yield(m) {
				return
			}
		}
	}
}

// Folder yields n messages for one mailbox, the oldest first. Messages for the
// Drafts and Sent mailboxes are from the owner, all others to the owner.
func (g *Generator) Folder(mailbox string, n int) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		s := g.stream(mailbox)
		for i := range n {
			m := s.filed(mailbox, s.date(i, n))
			if !yield(m) {
				return
			}
		}
	}
}

// Account yields a whole account: n messages of INBOX with their answers, and
// a share of that in each of Folders, bounded so that small accounts look
// lived in and large ones are dominated by INBOX.
func (g *Generator) Account(n int) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for m := range g.Inbox(n) {
			if !yield(m) {
				return
			}
		}
		for _, f := range Folders() {
			for m := range g.Folder(f.Name, f.share(n)) {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// stream is the state of one iteration: the source of chance and the threads
// that later messages may continue.
type stream struct {
	*Generator
	rng     *rand.Rand
	threads []*thread // most recent last, at most maxThreads
}

const maxThreads = 24

func (g *Generator) stream(mailbox string) *stream {
	h := fnv.New64a()
	h.Write([]byte(mailbox))
	return &stream{Generator: g, rng: rand.New(rand.NewPCG(g.seed, h.Sum64()))}
}

// span is the age of the oldest message; recent mail, younger than showAge,
// is left to the showcase.
const (
	span    = 540 * 24 * time.Hour
	showAge = 5 * 24 * time.Hour
)

// date returns the date of message i of n, ascending in i.
func (s *stream) date(i, n int) time.Time {
	left := float64(n-i) - 0.8*s.rng.Float64()
	reach := float64(span) * min(1, 0.1+float64(n)/500)
	age := time.Duration(reach * math.Pow(left/float64(n), 1.7))
	return s.now.Add(-showAge - age).Truncate(time.Second)
}

func (s *stream) chance(p float64) bool { return s.rng.Float64() < p }

func pick[T any](s *stream, list []T) T { return list[s.rng.IntN(len(list))] }

// logNormal returns a size in bytes.
func (s *stream) logNormal(median, sigma float64, limit int) int {
	return int(min(float64(limit), median*math.Exp(sigma*s.rng.NormFloat64())))
}

// flags returns the flags of a message in INBOX by its age.
func (s *stream) flags(date time.Time) []imap.Flag {
	unread := 0.02
	switch age := s.now.Sub(date); {
	case age < 3*24*time.Hour:
		unread = 0.35
	case age < 30*24*time.Hour:
		unread = 0.10
	}
	var flags []imap.Flag
	if !s.chance(unread) {
		flags = append(flags, imap.FlagSeen)
	}
	if s.chance(0.04) {
		flags = append(flags, imap.FlagFlagged)
	}
	return flags
}
