package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/mime"
	message "github.com/emersion/go-message"
)

var (
	ana = mime.Address{Name: "Ana Ruiz", Email: "ana@example.edu"}
	ben = mime.Address{Name: "Ober, Ben", Email: "ben@example.edu"}
	now = time.Date(2026, 11, 23, 10, 42, 0, 0, time.FixedZone("", 3600))
)

func file(name, kind, content string) Attachment {
	return Attachment{Name: name, MediaType: kind, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

func written(t testing.TB, d *Draft, server Server) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := d.Write(&out, server); err != nil {
		t.Fatal(err)
	}
	checkWellFormed(t, out.Bytes())
	return out.String()
}

// checkWellFormed checks what must hold for every message that is written.
func checkWellFormed(t testing.TB, raw []byte) {
	t.Helper()
	if bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\n")) || bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\r")) {
		t.Errorf("a line does not end with CRLF")
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > hardLine {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	m := mime.Parse(raw)
	m.Examine()
	var defects []mime.Defect
	var walk func(*mime.Part)
	walk = func(part *mime.Part) {
		defects = append(defects, part.Defects...)
		for _, child := range part.Children {
			if part.MediaType != "message/rfc822" {
				walk(child)
			}
		}
	}
	walk(m.Root)
	defects = slices.DeleteFunc(defects, func(defect mime.Defect) bool { return defect == mime.DefectDate })
	if len(defects) > 0 {
		t.Errorf("defects: %v", defects)
	}
	if _, err := mail.ReadMessage(bytes.NewReader(raw)); err != nil {
		t.Errorf("net/mail: %v", err)
	}
	if entity, err := message.Read(bytes.NewReader(raw)); err != nil {
		t.Errorf("go-message: %v", err)
	} else if err := entity.Walk(func(_ []int, part *message.Entity, err error) error {
		if err == nil && part.MultipartReader() == nil {
			_, err = io.Copy(io.Discard, part.Body)
		}
		return err
	}); err != nil {
		t.Errorf("go-message: %v", err)
	}
}

func TestPlainMessage(t *testing.T) {
	d := &Draft{From: ana, To: []mime.Address{ben}, Subject: "Timetable", Date: now, MessageID: "1@example.edu", Text: "Hello Ben,\n\nthe lecture moved.\n\n-- \nAna"}
	want := "Date: Mon, 23 Nov 2026 10:42:00 +0100\r\nFrom: Ana Ruiz <ana@example.edu>\r\nTo: \"Ober, Ben\" <ben@example.edu>\r\nSubject: Timetable\r\nMessage-ID: <1@example.edu>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello Ben,\r\n\r\nthe lecture moved.\r\n\r\n-- \r\nAna\r\n"
	if got := written(t, d, Server{}); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestFields(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 40))
	for name, test := range map[string]struct{ subject, want string }{
		"ASCII":            {"Hello, world! (1)", "Hello, world! (1)"},
		"one word encoded": {"Greetings from Köln today", "Greetings from =?utf-8?Q?K=C3=B6ln?= today"},
		"adjacent words":   {"schöne Grüße", "=?utf-8?Q?sch=C3=B6ne_Gr=C3=BC=C3=9Fe?="},
		"mostly not ASCII": {"日本語", "=?utf-8?B?5pel5pys6Kqe?="},
		"looks encoded":    {"=?utf-8?Q?x?=", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?="},
		"injection":        {"a\r\nBcc: evil@example.com", "a Bcc: evil@example.com"},
		"control":          {"a\x00\x1bb", "a b"},
		"not UTF-8":        {"a\xffb", "=?utf-8?Q?a=EF=BF=BDb?="},
		"empty":            {"", ""},
	} {
		raw := written(t, &Draft{From: ana, Subject: test.subject}, Server{})
		if test.want == "" && strings.Contains(raw, "Subject") || test.want != "" && !strings.Contains(raw, "Subject: "+test.want+"\r\n") {
			t.Errorf("%s: %s", name, raw)
		}
	}
	for _, subject := range []string{long, strings.Repeat("ü", 300), strings.Repeat("x", 3000), strings.Repeat("日本 ", 100), "a " + strings.Repeat("é", 80) + " b"} {
		raw := written(t, &Draft{From: ana, Subject: subject}, Server{})
		for line := range strings.SplitSeq(raw[:strings.Index(raw, "MIME-Version")], "\r\n") {
			if len(line) > maxLine {
				t.Errorf("a field has a line of %d bytes: %s", len(line), line)
			}
		}
		if got := mime.Parse([]byte(raw)).Header.Get("Subject"); got != strings.TrimSpace(subject) {
			t.Errorf("%q is read back as %q", subject, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	for want, address := range map[string]mime.Address{
		"ana@example.edu":                              {Email: "ana@example.edu"},
		"Ana Ruiz <ana@example.edu>":                   {Name: "Ana Ruiz", Email: "ana@example.edu"},
		`"Ruiz, Ana" <ana@example.edu>`:                {Name: "Ruiz, Ana", Email: "ana@example.edu"},
		`"the \"boss\" \\ one" <a@b.example>`:          {Name: `the "boss" \ one`, Email: "a@b.example"},
		"=?utf-8?Q?J=C3=BCrgen_M=2E?= <j@example.edu>": {Name: "Jürgen M.", Email: "j@example.edu"},
		"a@xn--bcher-kva.example":                      {Email: "a@bücher.example"},
		`"a b"@example.edu`:                            {Email: `"a b"@example.edu`},
		"a@[192.0.2.1]":                                {Email: "a@[192.0.2.1]"},
		"a.@docomo.example":                            {Email: "a.@docomo.example"},
	} {
		raw := written(t, &Draft{From: ana, To: []mime.Address{address}}, Server{})
		if !strings.Contains(raw, "To: "+want+"\r\n") {
			t.Errorf("%+v: %s", address, raw)
		}
	}
	for _, email := range []string{"", "a", "@b.example", "a@", "a b@c.example", "a@b c.example", "a@b..example", "a@b.example\r\nBcc: x@y.example", "<a@b.example>", "a@b.example,c@d.example", `"a"b"@c.example`, "a@b@c.example", "a\x00@b.example", strings.Repeat("x", 400) + "@b.example"} {
		if _, err := (&Draft{From: ana, To: []mime.Address{{Email: email}}}).Write(io.Discard, Server{SMTPUTF8: true}); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", email, err)
		}
	}
	many := make([]mime.Address, 200)
	for i := range many {
		many[i] = mime.Address{Name: fmt.Sprintf("Person %d of the ümlaut", i), Email: fmt.Sprintf("p%d@example.edu", i)}
	}
	raw := written(t, &Draft{From: ana, To: many}, Server{})
	if got := mime.Parse([]byte(raw)).Header.Addresses("To"); !slices.Equal(got, many) {
		t.Errorf("many addresses are read back as %v", got)
	}
}

func TestServersThatCanMore(t *testing.T) {
	unicode := &Draft{From: ana, To: []mime.Address{{Name: "Jürgen", Email: "jürgen@bücher.example"}}, Text: "x"}
	if _, err := unicode.Write(io.Discard, Server{}); !errors.Is(err, ErrNeedsSMTPUTF8) {
		t.Errorf("without SMTPUTF8: %v", err)
	}
	var out bytes.Buffer
	if needs, err := unicode.Write(&out, Server{SMTPUTF8: true}); err != nil || !needs.SMTPUTF8 || !strings.Contains(out.String(), "<jürgen@xn--bcher-kva.example>") {
		t.Errorf("with SMTPUTF8: %v, %v, %s", needs, err, out.String())
	}
	plain := &Draft{From: ana, To: []mime.Address{ben}, Subject: "Grüße", Text: "Viele Grüße aus dem Süden, wo es schon warm ist."}
	out.Reset()
	if needs, err := plain.Write(&out, Server{SMTPUTF8: true}); err != nil || needs != (Needs{}) || !strings.Contains(out.String(), "quoted-printable") {
		t.Errorf("nothing is needed: %v, %v, %s", needs, err, out.String())
	}
	out.Reset()
	if needs, err := plain.Write(&out, Server{EightBitMIME: true}); err != nil || !needs.EightBitMIME || !strings.Contains(out.String(), "Content-Transfer-Encoding: 8bit") {
		t.Errorf("with 8BITMIME: %v, %v, %s", needs, err, out.String())
	}
}

// shape writes the part tree of a message.
func shape(m *mime.Message) string {
	var write func(*mime.Part) string
	write = func(part *mime.Part) string {
		text := part.MediaType
		if part.Filename != "" {
			text += " " + part.Filename
		}
		var inner []string
		for _, child := range part.Children {
			inner = append(inner, write(child))
		}
		if len(inner) > 0 {
			text += "(" + strings.Join(inner, ", ") + ")"
		}
		return text
	}
	return write(m.Root)
}

func TestStructure(t *testing.T) {
	picture := file("p.png", "image/png", "\x89PNG\r\n\x1a\n")
	picture.ContentID = "p@example.edu"
	inner := "From: x@example.edu\r\nSubject: inner\r\n\r\nwords\r\n"
	for want, d := range map[string]*Draft{
		"text/plain": {Text: "x"},
		"multipart/alternative(text/plain, text/html)":                                                                             {Text: "x", HTML: "<p>x</p>"},
		"multipart/mixed(text/plain, application/pdf a.pdf)":                                                                       {Text: "x", Attachments: []Attachment{file("a.pdf", "application/pdf", "pdf")}},
		"multipart/alternative(text/plain, multipart/related(text/html, image/png p.png))":                                         {HTML: `<img src="cid:p@example.edu">x`, Inline: []Attachment{picture}},
		"multipart/mixed(multipart/alternative(text/plain, text/html), application/octet-stream 報告.bin)":                           {HTML: "x", Attachments: []Attachment{file("報告.bin", "nonsense", "x")}},
		"multipart/mixed(text/plain, message/rfc822 m.eml(text/plain))":                                                            {Attachments: []Attachment{file("m.eml", "message/rfc822", inner)}},
		"multipart/mixed(text/plain, application/octet-stream m.eml)":                                                              {Attachments: []Attachment{file("m.eml", "message/rfc822", inner+"grüße")}},
		"multipart/mixed(text/plain, application/pdf a long name, so long that it needs pieces – and not in ASCII 日本語 either.pdf)": {Attachments: []Attachment{file("a long name, so long that it needs pieces – and not in ASCII 日本語 either.pdf", "application/pdf", "x")}},
		"multipart/mixed(text/plain, application/pdf a_b_ _c_.pdf)":                                                                {Attachments: []Attachment{file(`a"b" <c>.pdf`, "application/pdf", "x")}},
	} {
		d.From = ana
		if got := shape(mime.Parse([]byte(written(t, d, Server{})))); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	html := mime.Render(mime.Parse([]byte(written(t, &Draft{From: ana, HTML: "<p>Hello <a href='https://example.edu/x'>you</a></p><blockquote>old</blockquote>"}, Server{}))))
	if text := PlainText(html.Text); text != "Hello you <https://example.edu/x>\n\n> old" {
		t.Errorf("the text alternative is %q", text)
	}
}

func TestBcc(t *testing.T) {
	d := &Draft{From: ana, Bcc: []mime.Address{ben}}
	if raw := written(t, d, Server{}); strings.Contains(raw, "ben@") || !strings.Contains(raw, "To: undisclosed-recipients:;") {
		t.Errorf("%s", raw)
	}
}

func TestFlow(t *testing.T) {
	for name, text := range map[string]string{
		"short": "one\ntwo", "long": strings.Repeat("word ", 60) + "end", "quotes": "> " + strings.Repeat("word ", 40) + "end\n>> deep\nown", "signature": "Bye\n\n-- \nAna", "stuffing": " space\n>nospace\nFrom here\n\n\n",
		"a long word": strings.Repeat("x", 300), "Chinese": strings.Repeat("日本語", 100), "double spaces": strings.Repeat("a  b ", 40) + "end", "empty": "", "end of line": "one\n",
	} {
		d := &Draft{From: ana, Text: text}
		got := Read(mime.Parse([]byte(written(t, d, Server{})))).Text
		want := strings.ReplaceAll(text, "\n>nospace", "\n> nospace") // marks are written in one way
		if got != want {
			t.Errorf("%s: %q comes back as %q", name, text, got)
		}
	}
}

// drafts are drafts of all kinds, for the tests of loss.
func drafts() map[string]*Draft {
	picture := file("p.png", "image/png", "\x89PNG\r\n\x1a\n\x00")
	picture.ContentID = "p@example.edu"
	return map[string]*Draft{
		"empty": {}, "blanks": {Text: "one  \n\ttwo \n \n\n"}, "no end of line": {Text: "one"}, "quotes": {Text: ">one\n> > two\n-- \nsig"}, "8-bit": {Text: "Grüße 日本 😀", Subject: " Grüße"},
		"long lines": {Text: strings.Repeat("x", 5000) + "\n" + strings.Repeat("日", 5000)}, "From": {Text: "From here\n.\n..\nFrom there"}, "unfinished": {From: ana, To: []mime.Address{ben, {Email: "cy@"}, {Name: "Dora, no @address", Email: "do ra"}}, Cc: []mime.Address{{Name: "Grüße"}}}, "control": {Text: "a\x01\x7f\x1b"},
		"everything": {From: ana, Sender: ben, ReplyTo: []mime.Address{ben}, To: []mime.Address{ana, ben}, Cc: []mime.Address{{Email: "jürgen@example.edu"}}, Bcc: []mime.Address{{Name: "Jürgen", Email: "j@example.edu"}}, Subject: "日本 and Grüße", Date: now,
			MessageID: "1@example.edu", InReplyTo: []string{"2@example.edu"}, References: []string{"3@example.edu", "2@example.edu"}, Text: "text\n", HTML: "<p>html</p>\n<p>more</p>", Inline: []Attachment{picture},
			Attachments: []Attachment{file("a.pdf", "application/pdf", strings.Repeat("\x00\xff", 1000)), file("note.txt", "text/plain", "a note\n"), file("日本.txt", "text/plain", "")}, RequestedReceipt: true},
	}
}

func TestDraftsComeBack(t *testing.T) {
	for name, d := range drafts() {
		var out bytes.Buffer
		if err := d.WriteDraft(&out); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkWellFormed(t, out.Bytes())
		compareDrafts(t, name, d, Read(mime.Parse(out.Bytes())))
	}
}

func compareDrafts(t testing.TB, name string, want, got *Draft) {
	t.Helper()
	files := func(list []Attachment) []string {
		var all []string
		for _, a := range list {
			content, err := a.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, _ := io.ReadAll(content)
			content.Close()
			all = append(all, fmt.Sprintf("%s %s %s %x", a.Name, a.MediaType, a.ContentID, data))
		}
		return all
	}
	if !slices.Equal(files(want.Attachments), files(got.Attachments)) || !slices.Equal(files(want.Inline), files(got.Inline)) {
		t.Errorf("%s: files %v, want %v", name, files(got.Attachments), files(want.Attachments))
	}
	a, b := *want, *got
	a.Attachments, a.Inline, b.Attachments, b.Inline = nil, nil, nil, nil
	a.Subject = oneLine(a.Subject)
	if !a.Date.Equal(b.Date) {
		t.Errorf("%s: date %v, want %v", name, b.Date, a.Date)
	}
	a.Date, b.Date = time.Time{}, time.Time{}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: %+v\nwant %+v", name, b, a)
	}
}

// TestConstantMemory writes an attachment of 50 MB.
func TestConstantMemory(t *testing.T) {
	const size = 50 << 20
	d := &Draft{From: ana, To: []mime.Address{ben}, Text: "see the file", Attachments: []Attachment{{Name: "large.bin", Open: func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	counter := &countingWriter{}
	if _, err := d.Write(counter, Server{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d KiB were allocated", allocated>>10)
	}
	if counter.n < size*4/3 {
		t.Errorf("%d bytes were written", counter.n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type countingWriter struct{ n int }

func (c *countingWriter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

func TestFailingAttachments(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, a := range map[string]Attachment{
		"opening": {Open: func() (io.ReadCloser, error) { return nil, broken }},
		"reading": {Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("x"), failing{broken})), nil
		}},
	} {
		if _, err := (&Draft{From: ana, Attachments: []Attachment{a}}).Write(io.Discard, Server{}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&Draft{From: ana, Attachments: []Attachment{{}}}).Write(io.Discard, Server{}); err == nil {
		t.Error("an attachment without content is written")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestMessageIDs(t *testing.T) {
	a, b := NewMessageID("example.edu"), NewMessageID("bücher.example")
	if a == b || !strings.HasSuffix(a, "@example.edu") || !strings.HasSuffix(b, "@xn--bcher-kva.example") || !isID(a) || !strings.HasSuffix(NewMessageID("a b\r\n"), "@localhost") {
		t.Error(a, b)
	}
}

func BenchmarkAttachment(b *testing.B) {
	const size = 10 << 20
	d := &Draft{From: ana, Attachments: []Attachment{{Name: "x", Open: func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }}}}
	b.SetBytes(size)
	for b.Loop() {
		if _, err := d.Write(io.Discard, Server{}); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("Grüße", "Ana \"Ruiz\"", "> quote\n-- \nsig ", "<p>x</p>", "a\"b.pdf", []byte("data"))
	f.Fuzz(func(t *testing.T, subject, name, text, html, filename string, data []byte) {
		d := &Draft{From: mime.Address{Name: oneLine(mime.DecodeWords(name)), Email: "a@example.edu"}, Subject: subject, Text: cleanText(text), HTML: cleanText(html)}
		if filename != "" {
			d.Attachments = []Attachment{file(filename, "application/octet-stream", string(data))}
		}
		var out bytes.Buffer
		if err := d.WriteDraft(&out); err != nil {
			t.Fatal(err)
		}
		m := mime.Parse(out.Bytes())
		back := Read(m)
		if back.Text != d.Text && !(d.HTML != "" && strings.TrimSpace(d.Text) == "") || len(m.Header.Addresses("From")) != 1 || back.From.Email != "a@example.edu" {
			t.Fatalf("text %q comes back as %q, from %v", d.Text, back.Text, back.From)
		}
		for _, attachment := range back.Attachments {
			content, _ := attachment.Open()
			if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("a file comes back as %q, %v", got, err)
			}
		}
		var sent bytes.Buffer
		if _, err := d.Write(&sent, Server{}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(sent.String(), "\r\n") {
			if len(line) > hardLine || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("a line of %d bytes: %q", len(line), line)
			}
		}
	})
}
