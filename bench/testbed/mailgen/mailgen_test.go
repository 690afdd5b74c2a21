package mailgen_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image/png"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed/mailgen"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/text/encoding/htmlindex"
)

var now = time.Date(2026, time.November, 20, 15, 0, 0, 0, time.UTC)

func hashOf(g *mailgen.Generator, n int) string {
	h := sha256.New()
	for m := range g.Account(n) {
		fmt.Fprintf(h, "%s %d %v %v %d\n", m.Mailbox, m.Date.Unix(), m.Flags, m.Malformed, len(m.Raw))
		h.Write(m.Raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestSameSeedSameBytes(t *testing.T) {
	// Changes whenever generated mail changes; measurements made before such
	// a change cannot be compared with those made after.
	const golden = "2bf35c47e82ff4e4d0ebe41b115aab56404850088353df74fe27399f101918b9"
	if got := hashOf(mailgen.New(1, now), 300); got != golden {
		t.Errorf("hash of seed 1 = %s, want %s", got, golden)
	}
	if a, b := hashOf(mailgen.New(2, now), 50), hashOf(mailgen.New(3, now), 50); a == b {
		t.Error("two seeds gave the same mail")
	}
}

func TestInboxCountsAndOrder(t *testing.T) {
	for _, n := range []int{0, 1, 5, 17, 200} {
		var count, answers int
		var last time.Time
		for m := range mailgen.New(4, now).Inbox(n) {
			if m.Date.After(now) {
				t.Errorf("n=%d: a message from the future: %v", n, m.Date)
			}
			if m.Mailbox != "INBOX" {
				answers++
				continue
			}
			count++
			if m.Date.Before(last) {
				t.Errorf("n=%d: message %d is older than the one before it", n, count)
			}
			last = m.Date
		}
		if count != n {
			t.Errorf("Inbox(%d) has %d messages", n, count)
		}
		if n == 200 && answers < 5 {
			t.Errorf("%d answers in Sent, want at least 5", answers)
		}
	}
}

func TestWellFormedMailParses(t *testing.T) {
	seen := map[string]int{}
	var total, malformed, threaded int
	ids := map[string]bool{}
	for m := range mailgen.New(5, now).Account(1500) {
		total++
		if m.Malformed {
			malformed++
			continue
		}
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatalf("%v:\n%.600s", err, m.Raw)
		}
		checkLines(t, m.Raw)
		if _, err := msg.Header.Date(); err != nil {
			t.Errorf("date: %v", err)
		}
		checkHeader(t, msg.Header)
		id := msg.Header.Get("Message-ID")
		if ids[id] {
			t.Errorf("Message-ID %s appears twice", id)
		}
		ids[id] = true
		if refs := strings.Fields(msg.Header.Get("References")); len(refs) > 0 && ids[refs[0]] {
			threaded++
		}
		walk(t, msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body, seen)
	}
	if share := float64(malformed) / float64(total); share < 0.005 || share > 0.03 {
		t.Errorf("share of malformed mail = %.3f", share)
	}
	if threaded < 300 {
		t.Errorf("%d messages continue a thread within their mailboxes, want at least 300", threaded)
	}
	for _, want := range []string{
		"us-ascii", "iso-8859-1", "iso-8859-15", "iso-8859-2", "iso-8859-7", "iso-8859-9", "windows-1250", "windows-1251",
		"windows-1255", "windows-1256", "koi8-r", "iso-2022-jp", "shift_jis", "gb18030", "big5", "euc-kr", "windows-874", "utf-8",
		"text/html", "multipart/related", "message/rfc822", "multipart/report", "image/png", "application/pdf", "text/csv",
		"text/calendar", "application/zip", "application/gzip", "format=flowed",
	} {
		if seen[want] == 0 {
			t.Errorf("no message with %s", want)
		}
	}
}

// checkLines checks that lines end in CRLF and are no longer than allowed.
func checkLines(t *testing.T, raw []byte) {
	t.Helper()
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || len(line) > 1000 || bytes.ContainsAny(line[:len(line)-2], "\r\n\x00") {
			t.Fatalf("line not well formed: %.120q", line)
		}
	}
}

var decoder = &stdmime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(r), nil
}}

func checkHeader(t *testing.T, h mail.Header) {
	t.Helper()
	parser := &mail.AddressParser{WordDecoder: decoder}
	for _, name := range []string{"From", "To", "Cc"} {
		if v := h.Get(name); v != "" {
			list, err := parser.ParseList(v)
			if err != nil {
				t.Errorf("%s %q: %v", name, v, err)
			}
			for _, a := range list {
				if strings.ContainsRune(a.Name, '\ufffd') || strings.Contains(a.Name, "=?") {
					t.Errorf("name not decoded: %q", a.Name)
				}
			}
		}
	}
	s, err := decoder.DecodeHeader(h.Get("Subject"))
	if err != nil || s == "" || strings.ContainsRune(s, '\ufffd') || strings.Contains(s, "=?") {
		t.Errorf("subject %q: %q, %v", h.Get("Subject"), s, err)
	}
	for _, word := range strings.Fields(h.Get("Subject")) {
		if strings.HasPrefix(word, "=?") && len(word) > 75 {
			t.Errorf("encoded word of %d characters: %s", len(word), word)
		}
	}
}

// walk reads a part and everything in it, and counts types and charsets.
func walk(t *testing.T, contentType, encoding string, r io.Reader, seen map[string]int) {
	t.Helper()
	typ, params, err := stdmime.ParseMediaType(contentType)
	if err != nil && !strings.Contains(contentType, "=?") {
		t.Fatalf("%q: %v", contentType, err)
	}
	seen[typ]++
	seen[params["charset"]]++
	if params["format"] != "" {
		seen["format=flowed"]++
	}
	if strings.HasPrefix(typ, "multipart/") {
		mr := multipart.NewReader(r, params["boundary"])
		n := 0
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			walk(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, seen)
		}
		if n == 0 {
			t.Errorf("%s without parts", typ)
		}
		return
	}
	switch encoding {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", contentType, err)
	}
	switch {
	case typ == "message/rfc822":
		if _, err := mail.ReadMessage(bytes.NewReader(body)); err != nil {
			t.Error(err)
		}
	case typ == "image/png":
		if _, err := png.Decode(bytes.NewReader(body)); err != nil {
			t.Error(err)
		}
	case typ == "application/pdf":
		if !bytes.HasPrefix(body, []byte("%PDF-1.4")) || !bytes.HasSuffix(body, []byte("%%EOF\n")) {
			t.Error("not a PDF")
		}
	case strings.HasPrefix(typ, "text/") && params["charset"] != "":
		e, err := htmlindex.Get(params["charset"])
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.NewDecoder().Bytes(body)
		if err != nil || bytes.ContainsRune(text, '\ufffd') {
			t.Errorf("%s does not decode", contentType)
		}
	}
}

func TestShowcase(t *testing.T) {
	var newest []mailgen.Message
	for m := range mailgen.New(6, now).Inbox(50) {
		if m.Mailbox == "INBOX" {
			newest = append(newest, m)
		}
	}
	slices.Reverse(newest)
	newest = newest[:15]
	var unread, flagged, attached, scripts int
	for _, m := range newest {
		if !slices.Contains(m.Flags, imap.FlagSeen) {
			unread++
		}
		if slices.Contains(m.Flags, imap.FlagFlagged) {
			flagged++
		}
		if bytes.Contains(m.Raw, []byte("Content-Disposition: attachment")) {
			attached++
		}
		if msg, err := mail.ReadMessage(bytes.NewReader(m.Raw)); err == nil {
			subject, _ := decoder.DecodeHeader(msg.Header.Get("Subject"))
			if strings.Contains(subject, "研究会") || strings.Contains(subject, "ندوة") {
				scripts++
			}
		}
	}
	if unread < 3 || flagged < 2 || attached < 2 || scripts != 2 {
		t.Errorf("of the newest 15: %d unread, %d flagged, %d with attachments, %d in Arabic or Japanese", unread, flagged, attached, scripts)
	}
	if age := now.Sub(newest[0].Date); age > time.Hour {
		t.Errorf("the newest message is %v old", age)
	}
}

func TestOwner(t *testing.T) {
	g := mailgen.New(7, now).For(mailgen.Person{Name: "Ada", Address: "ada@example.net"})
	for m := range g.Folder("Sent", 3) {
		if !bytes.Contains(m.Raw, []byte("From: Ada <ada@example.net>\r\n")) {
			t.Errorf("sent mail is not from its owner:\n%.200s", m.Raw)
		}
	}
}

func BenchmarkInbox(b *testing.B) {
	size := 0
	for range b.N {
		size = 0
		for m := range mailgen.New(8, now).Inbox(1000) {
			size += len(m.Raw)
		}
	}
	b.ReportMetric(float64(size)/1000, "bytes/message")
}
