package memimap

import (
	"bytes"
	"testing"
	"time"

	"alphamail/bench/testbed/mailgen"

	"github.com/emersion/go-imap/v2"
)

// FuzzMessage checks that whatever is stored comes back byte for byte, that
// header and text make up the whole, and that the structure can be written.
func FuzzMessage(f *testing.F) {
	now := time.Date(2026, time.November, 20, 15, 0, 0, 0, time.UTC)
	n := 0
	for m := range mailgen.New(11, now).Inbox(600) {
		if m.Malformed && n < 12 && len(m.Raw) < 20_000 {
			f.Add(m.Raw)
			n++
		}
	}
	f.Add([]byte("Content-Type: multipart/mixed\r\n\r\n"))
	f.Add([]byte("Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/x; boundary=a\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := NewMessage(raw, now)
		get := func(s imap.PartSpecifier) []byte { return m.section(&imap.FetchItemBodySection{Specifier: s}) }
		if !bytes.Equal(get(imap.PartSpecifierNone), raw) {
			t.Error("BODY[] is not what was stored")
		}
		if both := append(bytes.Clone(get(imap.PartSpecifierHeader)), get(imap.PartSpecifierText)...); !bytes.Equal(both, raw) {
			t.Errorf("header and text make %q", both)
		}
		m.section(&imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}})
		part := m.section(&imap.FetchItemBodySection{Part: []int{1}})
		if cut := m.section(&imap.FetchItemBodySection{Part: []int{1}, Partial: &imap.SectionPartial{Offset: 1, Size: 3}}); len(part) > 1 && !bytes.Equal(cut, part[1:min(4, len(part))]) {
			t.Errorf("octets 1 to 3 of %q are %q", part, cut)
		}
		writable(t, m.parse().structure)
		m.textMatches(&imap.SearchCriteria{Text: []string{"x"}, Body: []string{""}})
	})
}

// writable fails if imapserver would panic while writing the structure.
func writable(t *testing.T, bs imap.BodyStructure) {
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		if len(bs.Children) == 0 {
			t.Error("a multipart without parts")
		}
		for _, c := range bs.Children {
			writable(t, c)
		}
	case *imap.BodyStructureSinglePart:
		if bs.Extended == nil || bs.Type == "" {
			t.Errorf("a part that cannot be written: %+v", bs)
		}
		if bs.MessageRFC822 != nil {
			writable(t, bs.MessageRFC822.BodyStructure)
		}
	}
}
