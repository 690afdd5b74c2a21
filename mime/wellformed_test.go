package mime_test

import (
	"bytes"
	stdmime "mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed/mailgen"
	"alphamail/mime"
	"alphamail/mime/compose"
	"golang.org/x/net/html/charset"
)

// TestWellFormedMail reads an account of mail in many languages, which others
// made by the standards: nothing in it is a defect, and strict readers agree
// about dates, subjects and addresses.
func TestWellFormedMail(t *testing.T) {
	words := &stdmime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	count := 0
	for message := range mailgen.New(7, time.Date(2026, 11, 23, 10, 42, 0, 0, time.UTC)).Account(800) {
		m := mime.Parse(message.Raw)
		view := mime.Render(m)
		m.Examine()
		strict, err := mail.ReadMessage(bytes.NewReader(message.Raw))
		if message.Malformed || err != nil {
			if len(view.Text) == 0 && len(view.Parts) == 0 && !view.HasHTML && len(message.Raw) > 2000 {
				t.Errorf("nothing is shown of a malformed message\n%.500s", message.Raw)
			}
			continue
		}
		count++
		checkDefects(t, m.Root, message.Raw)
		if want, err := strict.Header.Date(); err == nil {
			if got, ok := m.Header.Date(); !ok || !got.Equal(want) {
				t.Errorf("date %v, want %v", got, want)
			}
		}
		if want, err := words.DecodeHeader(strict.Header.Get("Subject")); err == nil && strings.TrimSpace(m.Header.Get("Subject")) != strings.TrimSpace(want) {
			t.Errorf("subject %q, want %q", m.Header.Get("Subject"), want)
		}
		for _, name := range []string{"From", "To", "Cc", "Reply-To"} {
			checkAddresses(t, name, m.Header.Addresses(name), strict.Header, words)
		}
		for _, block := range view.Text {
			for _, span := range block.Spans {
				if strings.ContainsRune(span.Text, '\uFFFD') {
					t.Errorf("a character is lost in %q", span.Text)
				}
			}
		}
		checkForward(t, m)
	}
	if count < 700 {
		t.Errorf("only %d messages", count)
	}
}

func checkDefects(t *testing.T, part *mime.Part, raw []byte) {
	t.Helper()
	if len(part.Defects) > 0 {
		t.Errorf("part %q, %s, has %v\n%.600s", part.ID, part.MediaType, part.Defects, raw)
	}
	for _, child := range part.Children {
		checkDefects(t, child, raw)
	}
}

func checkAddresses(t *testing.T, name string, got []mime.Address, header mail.Header, words *stdmime.WordDecoder) {
	t.Helper()
	parser := mail.AddressParser{WordDecoder: words}
	want, err := parser.ParseList(header.Get(name))
	if err != nil {
		return
	}
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", name, got, want)
		return
	}
	for i := range want {
		if got[i].Email != want[i].Address || want[i].Name != "" && got[i].Name != want[i].Name {
			t.Errorf("%s: %v, want %v", name, got[i], want[i])
		}
	}
}

// checkForward passes a message on: what is written has no defect either, and
// keeps the files.
func checkForward(t *testing.T, m *mime.Message) {
	t.Helper()
	draft := compose.Forward(m, compose.PhrasesFor("de"), time.UTC)
	draft.From, draft.Date = mime.Address{Name: "Ana", Email: "ana@example.edu"}, time.Now()
	var out bytes.Buffer
	if _, err := draft.Write(&out, compose.Server{}); err != nil {
		t.Error(err)
		return
	}
	written := mime.Parse(out.Bytes())
	written.Examine()
	for _, part := range written.Root.Children {
		if len(part.Defects) > 0 {
			t.Errorf("what is passed on has %v", part.Defects)
		}
	}
	if files := len(mime.Render(written).Parts); files < len(draft.Attachments) {
		t.Errorf("%d files are passed on, want %d", files, len(draft.Attachments))
	}
}
