package memimap

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Search implements imapserver.Session. Text is compared without regard to
// case, after decoding transfer encodings and charsets.
func (s *Session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, options *imap.SearchOptions) (*imap.SearchData, error) {
	m := s.view.mailbox
	m.mu.Lock()
	everything := s.view.choose(imap.SeqSet{{Start: 1, Stop: 0}})
	m.mu.Unlock()

	q := query{saved: s.view.saved}
	if n := len(everything); n > 0 {
		q.lastSeq, q.lastUID = everything[n-1].seq, everything[n-1].uid
	}
	data := &imap.SearchData{}
	seqs, uids := imap.SeqSet{}, imap.UIDSet{}
	for _, c := range everything {
		if !q.matches(c, criteria) {
			continue
		}
		uids.AddNum(c.uid)
		num := uint32(c.uid)
		if kind == imapserver.NumKindSeq {
			num = c.seq
			seqs.AddNum(num)
		}
		if data.Count == 0 {
			data.Min = num // they ascend
		}
		data.Max = num
		data.Count++
	}
	if kind == imapserver.NumKindSeq {
		data.All = seqs
	} else {
		data.All = uids
	}
	if options.ReturnSave {
		s.view.saved = uids
	}
	return data, nil
}

// query is what criteria are relative to.
type query struct {
	lastSeq uint32
	lastUID imap.UID
	saved   imap.UIDSet
}

func (q *query) matches(c chosen, k *imap.SearchCriteria) bool {
	return q.numbersMatch(c, k) && flagsMatch(c, k) && datesMatch(c.msg, k) && sizesMatch(c.msg, k) &&
		c.msg.textMatches(k) &&
		!slices.ContainsFunc(k.Not, func(not imap.SearchCriteria) bool { return q.matches(c, &not) }) &&
		!slices.ContainsFunc(k.Or, func(or [2]imap.SearchCriteria) bool { return !q.matches(c, &or[0]) && !q.matches(c, &or[1]) })
}

func (q *query) numbersMatch(c chosen, k *imap.SearchCriteria) bool {
	for _, set := range k.SeqNum {
		if !containsSeq(set, c.seq, q.lastSeq) {
			return false
		}
	}
	for _, set := range k.UID {
		if imap.IsSearchRes(set) {
			set = q.saved
		}
		if !containsUID(set, c.uid, q.lastUID) {
			return false
		}
	}
	return true
}

func flagsMatch(c chosen, k *imap.SearchCriteria) bool {
	return !slices.ContainsFunc(k.Flag, func(f imap.Flag) bool { return !c.has(f) }) &&
		!slices.ContainsFunc(k.NotFlag, c.has)
}

func sizesMatch(m *Message, k *imap.SearchCriteria) bool {
	size := int64(len(m.raw))
	return (k.Larger == 0 || size > k.Larger) && (k.Smaller == 0 || size < k.Smaller)
}

func datesMatch(m *Message, k *imap.SearchCriteria) bool {
	if !within(m.date, k.Since, k.Before) {
		return false
	}
	if k.SentSince.IsZero() && k.SentBefore.IsZero() {
		return true
	}
	sent := m.parse().envelope.Date
	return !sent.IsZero() && within(sent, k.SentSince, k.SentBefore)
}

// within compares days without regard to time and zone (RFC 9051 section 6.4.4).
func within(t, since, before time.Time) bool {
	day := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return (since.IsZero() || !day(t).Before(day(since))) && (before.IsZero() || day(t).Before(day(before)))
}

func (m *Message) textMatches(k *imap.SearchCriteria) bool {
	if len(k.Header) == 0 && len(k.Text) == 0 && len(k.Body) == 0 {
		return true
	}
	header, body := splitHeader(m.parse().lenient)
	for _, want := range k.Header {
		if !fieldContains(header, want.Key, want.Value) {
			return false
		}
	}
	if len(k.Text) == 0 && len(k.Body) == 0 {
		return true
	}
	text := strings.ToLower(bodyText(header, body, 0))
	for _, want := range k.Body {
		if !strings.Contains(text, strings.ToLower(want)) {
			return false
		}
	}
	whole := strings.ToLower(headerText(header)) + text
	for _, want := range k.Text {
		if !strings.Contains(whole, strings.ToLower(want)) {
			return false
		}
	}
	return true
}

// fieldContains reports whether a field of that name holds the value; every
// field that exists holds the empty value.
func fieldContains(header []byte, name, value string) bool {
	msg, err := mail.ReadMessage(strings.NewReader(string(header)))
	if err != nil {
		return false
	}
	for key, values := range msg.Header {
		if !strings.EqualFold(key, name) {
			continue
		}
		for _, v := range values {
			if strings.Contains(strings.ToLower(decodeWords(v)), strings.ToLower(value)) {
				return true
			}
		}
	}
	return false
}
