package testbed_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/node/submit"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// greetings are in scripts that generated mail does not have.
var greetings = []string{
	"नमस्ते दुनिया", "வணக்கம் உலகம்", "გამარჯობა მსოფლიო", "Բարև աշխարհ", "ሰላም ለዓለም", "ওহে বিশ্ব",
	"ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "ನಮಸ್ಕಾರ", "ආයුබෝවන්", "ជំរាបសួរ", "မင်္ဂလာပါ", "𐓏𐓘𐓻𐓘𐓻𐓟",
}

// composed are messages to send: generated ones, read as drafts, and one in each
// of the other scripts.
func composed(count int) []*compose.Draft {
	var drafts []*compose.Draft
	for i, greeting := range greetings {
		drafts = append(drafts, &compose.Draft{
			Subject: greeting, Text: strings.Repeat(greeting+". ", 1+10*i) + "\n", From: mime.Address{Name: greeting},
			Attachments: []compose.Attachment{{Name: greeting + ".txt", MediaType: "text/plain", Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(greeting)), nil
			}}},
		})
	}
	for m := range mailgen.New(3, now).Inbox(2 * count) {
		if len(drafts) < count && !m.Malformed {
			drafts = append(drafts, compose.Read(mime.Parse(m.Raw)))
		}
	}
	for i, d := range drafts {
		name := d.From.Name
		d.From, d.Sender, d.ReplyTo = mime.Address{Name: name, Email: "robin@example.edu"}, mime.Address{}, nil
		d.To = []mime.Address{{Name: name, Email: "kim@example.edu"}}
		d.Cc = []mime.Address{{Name: name, Email: "far@bücher.example"}}
		d.Bcc = []mime.Address{{Email: "hidden@elsewhere.example"}}
		d.Date, d.MessageID = now, fmt.Sprintf("composed-%d@example.edu", i)
	}
	return drafts
}

// scriptsOf notes the scripts of a text.
func scriptsOf(text string, known map[string]bool) {
	for _, char := range text {
		for name, table := range unicode.Scripts {
			if name != "Common" && name != "Inherited" && unicode.Is(table, char) {
				known[name] = true
			}
		}
	}
}

// TestComposedMessages sends a hundred messages in many scripts through Postfix,
// and compares what Dovecot has with what was written, byte for byte, and with what
// its author meant, as other parsers see it.
func TestComposedMessages(t *testing.T) {
	d, p := startPostfix(t)
	drafts := composed(100)
	session, err := submit.Dial(t.Context(), submissionServer(t, p.SMTPSAddr(), submit.ImplicitTLS, p.Certificate()), robin)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	written := map[string][]byte{}
	scripts := map[string]bool{}
	for _, draft := range drafts {
		var raw bytes.Buffer
		needs, err := draft.Write(&raw, session.Features())
		if err != nil {
			t.Fatal(err)
		}
		written[draft.MessageID] = raw.Bytes()
		if _, err := session.Send(t.Context(), submit.Message{
			From: draft.From.Email, Recipients: []string{draft.To[0].Email, draft.Cc[0].Email, draft.Bcc[0].Email}, Needs: needs, Size: int64(raw.Len()),
			Write: func(w io.Writer) error { _, err := w.Write(raw.Bytes()); return err },
		}); err != nil {
			t.Fatal(err)
		}
		scriptsOf(draft.Subject+draft.Text, scripts)
	}
	if len(drafts) != 100 || len(scripts) < 12 {
		t.Fatalf("%d messages in %d scripts", len(drafts), len(scripts))
	}
	arrived := arrivals(t, d, len(drafts))
	for _, draft := range drafts {
		message := arrived[draft.MessageID]
		if message == nil {
			t.Errorf("%s did not arrive", draft.MessageID)
			continue
		}
		raw := message.FindBodySection(&imap.FetchItemBodySection{Peek: true})
		if !bytes.HasSuffix(raw, written[draft.MessageID]) || bytes.Contains(raw, []byte("hidden@")) {
			t.Errorf("%s arrived as\n%s", draft.MessageID, raw)
		}
		if got, want := message.Envelope.Subject, draft.Subject; got != want || message.Envelope.From[0].Name != draft.From.Name {
			t.Errorf("%s: the server reads %q from %q, want %q from %q", draft.MessageID, got, message.Envelope.From[0].Name, want, draft.From.Name)
		}
		checkParsed(t, draft, raw)
	}
	t.Logf("%d messages in %d scripts", len(arrived), len(scripts))
}

// arrivals waits for so many messages of Kim's, and returns them by Message-ID.
func arrivals(t *testing.T, d *testbed.Dovecot, count int) map[string]*imapclient.FetchMessageBuffer {
	t.Helper()
	c := login(t, d.IMAPAddr(), "kim", "other % horse")
	deadline := time.Now().Add(time.Minute)
	for {
		selected, err := c.Select("INBOX", nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if int(selected.NumMessages) >= count {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages arrived", selected.NumMessages, count)
		}
		time.Sleep(20 * time.Millisecond)
	}
	all, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
		Envelope: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}},
	}).Collect()
	if err != nil || len(all) != count {
		t.Fatal(len(all), err)
	}
	byID := map[string]*imapclient.FetchMessageBuffer{}
	for _, one := range all {
		byID[one.Envelope.MessageID] = one
	}
	return byID
}

// checkParsed reads a message with the standard library.
func checkParsed(t *testing.T, draft *compose.Draft, raw []byte) {
	t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Errorf("%s: %v", draft.MessageID, err)
		return
	}
	subject, err := new(stdmime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	from, err2 := mail.ParseAddress(parsed.Header.Get("From"))
	if err != nil || err2 != nil || subject != draft.Subject || from.Name != draft.From.Name {
		t.Errorf("%s: %q from %v, %v, %v", draft.MessageID, subject, from, err, err2)
	}
	text, files, err := leaves(parsed.Header.Get, parsed.Body)
	if err != nil || files != len(draft.Attachments)+len(draft.Inline) {
		t.Errorf("%s: %d files, %v", draft.MessageID, files, err)
	}
	want := draft.Text
	if want == "" {
		want = compose.PlainText(mime.TextOfHTML(draft.HTML))
	}
	if letters(text) != letters(want) {
		t.Errorf("%s says\n%s\nwant\n%s", draft.MessageID, text, want)
	}
}

// letters leaves out what the wrapping of lines may change.
func letters(text string) string {
	return strings.Map(func(char rune) rune {
		if unicode.IsSpace(char) || char == '>' {
			return -1
		}
		return char
	}, text)
}

// leaves reads the plain text of a part and of those within it, and counts the
// files.
func leaves(header func(string) string, body io.Reader) (text string, files int, err error) {
	kind, parameters, err := stdmime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return "", 0, err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return text, files, nil
			}
			if err != nil {
				return "", 0, err
			}
			inner, more, err := leaves(part.Header.Get, part)
			if err != nil {
				return "", 0, err
			}
			text, files = text+inner, files+more
		}
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	switch {
	case err != nil || header("Content-Disposition") != "":
		return "", 1, err
	case kind == "text/plain":
		return string(content), 0, nil
	}
	return "", 0, nil
}
