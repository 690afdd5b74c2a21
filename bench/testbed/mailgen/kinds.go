package mailgen

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// kinds are the kinds of new messages with their shares in percent.
var kinds = []struct {
	share int
	write func(*stream, time.Time) *draft
}{
	{40, (*stream).plainLetter},
	{18, (*stream).htmlLetter},
	{12, (*stream).withAttachments},
	{10, (*stream).newsletter},
	{9, (*stream).listMail},
	{3, (*stream).withImage},
	{3, (*stream).forward},
	{2, (*stream).invitation},
	{1, (*stream).bounce},
	{2, nil}, // malformed, see there
}

// arrival makes one message of INBOX: an answer within a known thread, or a
// new message of some kind.
func (s *stream) arrival(date time.Time) Message {
	m := Message{Mailbox: inbox, Date: date.Add(time.Second), Flags: s.flags(date)}
	if len(s.threads) > 0 && s.chance(0.3) {
		m.Raw = s.continued(date).bytes(s)
		return m
	}
	draw := s.rng.IntN(100)
	for _, k := range kinds {
		if draw -= k.share; draw >= 0 {
			continue
		}
		if k.write == nil {
			m.Raw, m.Malformed = s.malformed(date), true
			return m
		}
		d := k.write(s, date)
		m.Raw = d.bytes(s)
		s.remember(d)
		return m
	}
	panic("mailgen: the shares of kinds do not add up to 100")
}

// letter drafts a personal message as plain text, which its callers may
// replace by something richer.
func (s *stream) letter(l *language, date time.Time) *draft {
	it := s.item(l)
	charset := s.charsetFor(l, append(it.paragraphs, it.subject)...)
	from := it.from
	if from == (Person{}) {
		from = pick(s, l.people)
	}
	d := &draft{
		from:    from,
		to:      []Person{s.owner},
		subject: it.subject,
		charset: charset,
		date:    date,
		id:      s.newID(from),
		lang:    l,
	}
	if s.chance(0.15) {
		if cc := pick(s, l.people); cc != from {
			d.cc = []Person{cc}
		}
	}
	if it.from == (Person{}) {
		it.paragraphs = append(it.paragraphs, signature(from))
	}
	s.setText(d, it.paragraphs)
	return d
}

// setText gives a draft a plain text body, every third time format=flowed.
func (s *stream) setText(d *draft, paragraphs []string) {
	text, params := plain(paragraphs), ""
	if s.chance(0.35) {
		text, params = flowed(paragraphs), "; format=flowed"
	}
	d.quotable = text
	d.body = s.text("plain", d.charset, text, params)
}

func signature(from Person) string {
	first, _, _ := strings.Cut(from.Name, " ")
	return first
}

func (s *stream) plainLetter(date time.Time) *draft { return s.letter(s.language(), date) }

func (s *stream) htmlLetter(date time.Time) *draft {
	l := s.language()
	d := s.letter(l, date)
	d.body = multipart("alternative", d.body, s.text("html", d.charset, htmlBody(l, d.quotable, ""), ""))
	return d
}

// htmlBody makes a page of plain text, as mail programs write it; extra is
// HTML that follows the text.
func htmlBody(l *language, text, extra string) string {
	dir := ""
	if l.rtl {
		dir = ` dir="rtl"`
	}
	var w strings.Builder
	fmt.Fprintf(&w, "<!DOCTYPE html>\r\n<html lang=%q%s>\r\n<head><style>p { margin: 0 0 1em } .sig { color: #667 }</style></head>\r\n<body style=\"font-family: sans-serif; font-size: 15px\">\r\n", l.code, dir)
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\r\n\r\n") {
		w.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\r\n", "<br>\r\n") + "</p>\r\n")
	}
	w.WriteString(extra + "</body></html>\r\n")
	return w.String()
}

// withImage drafts HTML whose images travel with it (RFC 2387, RFC 2392).
func (s *stream) withImage(date time.Time) *draft {
	l := s.language()
	d := s.letter(l, date)
	cid := fmt.Sprintf("image%08x@example.edu", s.rng.Uint32())
	image := s.file("image/png", "image001.png", s.picture(160, 90))
	image.headers[1][1] = "inline;\r\n filename=\"image001.png\""
	image.headers = append(image.headers, [2]string{"Content-ID", "<" + cid + ">"})
	page := htmlBody(l, d.quotable, "<p><img src=\"cid:"+cid+"\" alt=\"Sketch\" width=\"160\" height=\"90\"></p>\r\n")
	d.body = multipart("alternative", d.body, multipart(`related; type="text/html"`, s.text("html", d.charset, page, ""), image))
	return d
}

func (s *stream) withAttachments(date time.Time) *draft {
	l := s.language()
	d := s.letter(l, date)
	parts := []*part{d.body}
	if s.chance(0.4) {
		parts[0] = multipart("alternative", d.body, s.text("html", d.charset, htmlBody(l, d.quotable, ""), ""))
	}
	for n := 1; ; n++ {
		parts = append(parts, s.attachment())
		if n == 3 || !s.chance(0.25) {
			break
		}
	}
	d.body = multipart("mixed", parts...)
	return d
}

// forward drafts a message that carries another whole (RFC 2046 section 5.2.1).
func (s *stream) forward(date time.Time) *draft {
	inner := s.letter(s.language(), date.Add(-26*time.Hour))
	if s.chance(0.5) {
		inner.body = multipart("mixed", inner.body, s.attachment())
	}
	d := s.letter(languages()[0], date)
	d.subject = "Fwd: " + inner.subject
	d.charset = inner.charset
	s.setText(d, []string{"Please see below. I think this is more your department than mine.", signature(d.from)})
	d.body = multipart("mixed", d.body, &part{
		contentType: "message/rfc822",
		headers:     [][2]string{{"Content-Disposition", "inline"}},
		body:        inner.bytes(s),
	})
	return d
}

// invitation drafts a calendar invitation (RFC 6047).
func (s *stream) invitation(date time.Time) *draft {
	l := s.language()
	d := s.letter(l, date)
	start := date.Add(time.Duration(2+s.rng.IntN(12)) * 24 * time.Hour).Truncate(time.Hour)
	event := s.event(d, "REQUEST", start)
	d.body = multipart("mixed",
		multipart("alternative", d.body, s.text("calendar", "utf-8", event, "; method=REQUEST")),
		s.file("application/ics", "invite.ics", []byte(event)))
	return d
}

// bounce drafts a delivery status notification (RFC 3462, RFC 3464).
func (s *stream) bounce(date time.Time) *draft {
	lost := s.letter(languages()[0], date.Add(-time.Minute))
	lost.from, lost.to = s.owner, []Person{{"", "harriet.vale@mail.example.net"}}
	daemon := Person{"Mail Delivery System", "mailer-daemon@mx1.example.edu"}
	status := "Reporting-MTA: dns; mx1.example.edu\r\nArrival-Date: " + lost.date.Format(dateLayout) +
		"\r\n\r\nFinal-Recipient: rfc822; harriet.vale@mail.example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n" +
		"Diagnostic-Code: smtp; 550 5.1.1 <harriet.vale@mail.example.net>: no such user here\r\n"
	header, _, _ := strings.Cut(string(lost.bytes(s)), "\r\n\r\n")
	return &draft{
		from: daemon, to: []Person{s.owner},
		subject: "Undelivered Mail Returned to Sender",
		charset: "us-ascii",
		date:    date,
		id:      s.newID(daemon),
		extra:   [][2]string{{"Auto-Submitted", "auto-replied"}},
		body: multipart("report; report-type=delivery-status",
			s.text("plain", "us-ascii", plain([]string{
				"This is the mail system at host mx1.example.edu.",
				"I'm sorry to have to inform you that your message could not be delivered to the recipient below. It is returned for your records.",
				"<harriet.vale@mail.example.net>: 550 5.1.1 no such user here",
			}), ""),
			&part{contentType: "message/delivery-status", body: []byte(status)},
			&part{contentType: "text/rfc822-headers", body: []byte(header + "\r\n")}),
	}
}
