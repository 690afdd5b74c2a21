package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/net/html"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/mime"
)

// filledForm is a form of a page with what it holds.
type filledForm struct {
	action string
	fields [][2]string
}

// formOf finds the form with a field on a page, which must have one.
func formOf(t testing.TB, page seen, field string) *filledForm {
	t.Helper()
	form := findForm(page, field)
	if form == nil {
		t.Fatalf("no form with %s on %s (status %d)\n%s", field, page.url, page.status, page.body)
	}
	return form
}

// findForm finds the form with a field on a page; nil when there is none.
func findForm(page seen, field string) *filledForm {
	root, err := html.Parse(strings.NewReader(page.body))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Data != "form" {
			continue
		}
		form := &filledForm{action: attributeOf(n, "action")}
		for inner := range n.Descendants() {
			name, value := attributeOf(inner, "name"), attributeOf(inner, "value")
			switch {
			case inner.Data == "input" && (attributeOf(inner, "type") == "file" || attributeOf(inner, "type") == "checkbox" && !has(inner, "checked")):
			case inner.Data == "input":
				form.fields = append(form.fields, [2]string{name, value})
			case inner.Data == "textarea":
				text := ""
				if inner.FirstChild != nil {
					text = inner.FirstChild.Data
				}
				form.fields = append(form.fields, [2]string{name, text})
			case inner.Data == "option" && has(inner, "selected"):
				form.fields = append(form.fields, [2]string{attributeOf(inner.Parent, "name"), value})
			}
		}
		if slices.ContainsFunc(form.fields, func(f [2]string) bool { return f[0] == field }) {
			return form
		}
	}
	return nil
}

func attributeOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func (f *filledForm) value(name string) string {
	for _, field := range f.fields {
		if field[0] == name {
			return field[1]
		}
	}
	return ""
}

func (f *filledForm) set(name, value string) {
	for i := range f.fields {
		if f.fields[i][0] == name {
			f.fields[i][1] = value
			return
		}
	}
	f.fields = append(f.fields, [2]string{name, value})
}

// press sends a form as its browser would, with files, by one of its buttons.
func (v *visitor) press(page seen, form *filledForm, button string, files map[string][]byte) (seen, error) {
	v.t.Helper()
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, field := range form.fields {
		writer.WriteField(field[0], strings.ReplaceAll(field[1], "\n", "\r\n"))
	}
	for name, content := range files {
		part, _ := writer.CreateFormFile("file", name)
		part.Write(content)
	}
	writer.WriteField("do", button)
	writer.Close()
	address, err := page.url.Parse(form.action)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.client.Post(address.String(), writer.FormDataContentType(), &body)
	return read(response, err)
}

// mailboxOf reads what a user has in a mailbox, the oldest first.
func mailboxOf(t testing.TB, address, user, password, mailbox string) (raw []string, flags [][]imap.Flag) {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	selected, err := client.Select(mailbox, nil).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil, nil
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := client.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages {
		raw = append(raw, string(message.FindBodySection(whole)))
		flags = append(flags, message.Flags)
	}
	return raw, flags
}

func deliver(t testing.TB, address, user, password, raw string) {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	command := client.Append("INBOX", int64(len(raw)), nil)
	if _, err := io.WriteString(command, raw); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(command.Close(), func() error { _, err := command.Wait(); return err }()); err != nil {
		t.Fatal(err)
	}
}

const invitation = "From: Ben <ben@example.edu>\r\nTo: ana@example.edu\r\nSubject: Field trip\r\nMessage-ID: <trip@example.edu>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nTake two.\r\n" +
	"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=list.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nYSxiLGMK\r\n--b--\r\n"

// TestWritingOverACluster answers with a file, saves, goes on at another frontend
// after the node that owned the account was killed, sends, and forwards: with real
// processes, a real Dovecot and a real Postfix.
func TestWritingOverACluster(t *testing.T) {
	need.Postfix(t)
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{
		Users: []testbed.User{{Name: ana, Password: anaPassword}, {Name: "ben", Password: "other horse"}}, Separator: "/", ForPostfix: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dovecot.Stop() })
	postfix, err := testbed.StartPostfix(dovecot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postfix.Stop() })
	deliver(t, dovecot.IMAPAddr(), ana, anaPassword, invitation)
	authority := writeFile(t, t.TempDir(), "ca.pem", string(postfix.Certificate().CertPEM))
	members := cluster(t, dovecot.IMAPAddr(), fmt.Sprintf("smtp_servers: example.edu=smtps://%s\ndomains:\n  example.edu:\n    tls_ca: %s\n", postfix.SMTPSAddr(), authority))
	for _, one := range members {
		one.start(t)
	}
	owner := agreedOwner(t, members, 3)
	one, two := "http://"+members["front-1"].web, "http://"+members["front-2"].web
	browser := newVisitor(t)
	inbox := browser.logIn(one, ana, anaPassword)
	message := browser.open(one + messageLinks(inbox)[0])
	if !strings.Contains(message.body, `href="/compose?reply=`) {
		t.Fatalf("no way to answer:\n%s", message.body)
	}
	reference := strings.TrimPrefix(messageLinks(inbox)[0], "/mail/")
	page := browser.open(one + "/compose?reply=" + url.QueryEscape(reference))
	form := formOf(t, page, "text")
	if form.value("to") != "Ben <ben@example.edu>" || !strings.Contains(form.value("text"), "> Take two.") {
		t.Fatalf("the form: %+v", form)
	}
	file := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{7}).Read(file)
	form.set("text", "I will. Ναι, 好的.\n"+form.value("text"))
	form.set("bcc", "ana@example.edu")
	saved, err := browser.press(page, form, "attach", map[string][]byte{"recorders.bin": file})
	if err != nil || saved.url.Path != "/compose" || !strings.Contains(saved.body, "recorders.bin") {
		t.Fatalf("attaching: %s, %v\n%s", saved.url, err, saved.body)
	}

	members[owner].kill()
	delete(members, owner)
	var drafts seen
	eventually(t, "the draft is found at the other frontend", func() (err error) {
		if drafts, err = browser.get(two + "/mail/Drafts"); err == nil && !strings.Contains(drafts.body, "/compose?draft=") {
			err = fmt.Errorf("status %d at %s", drafts.status, drafts.url)
		}
		return err
	})
	_, link, _ := strings.Cut(drafts.body, `href="/compose?draft=`)
	link, _, _ = strings.Cut(link, `"`)
	page = browser.open(two + "/compose?draft=" + link)
	form = formOf(t, page, "text")
	form.set("subject", "Re: Field trip on Friday")
	sent, err := browser.press(page, form, "send", nil)
	if err != nil || sent.url.Path != "/mail/INBOX" || !strings.Contains(sent.body, "Your message was sent.") {
		t.Fatalf("sending: %s, %v\n%s", sent.url, err, sent.body)
	}
	again, err := browser.press(page, form, "send", nil) // the same form once more
	if err != nil || !strings.Contains(again.body, "Your message was sent.") {
		t.Errorf("the same form again: status %d, %v", again.status, err)
	}

	page = browser.open(two + "/compose?forward=" + url.QueryEscape(reference))
	form = formOf(t, page, "text")
	form.set("to", "ben@example.edu")
	if sent, err := browser.press(page, form, "send", nil); err != nil || !strings.Contains(sent.body, "Your message was sent.") {
		t.Fatalf("forwarding: %s, %v\n%s", sent.url, err, sent.body)
	}
	page = browser.open(two + "/compose?to=" + url.QueryEscape("nobody.at.all@example.edu, ben@example.edu"))
	refused, err := browser.press(page, formOf(t, page, "text"), "send", nil)
	if err != nil || !strings.Contains(refused.body, "does not take mail for <bdi>nobody.at.all@example.edu</bdi>") {
		t.Errorf("a recipient that is not: %s, %v\n%s", refused.url, err, refused.body)
	}

	var arrived []string
	eventually(t, "both messages arrive", func() error {
		arrived, _ = mailboxOf(t, dovecot.IMAPAddr(), "ben", "other horse", "INBOX")
		if len(arrived) < 2 {
			return fmt.Errorf("%d messages", len(arrived))
		}
		return nil
	})
	time.Sleep(time.Second) // one too many would come now
	if arrived, _ = mailboxOf(t, dovecot.IMAPAddr(), "ben", "other horse", "INBOX"); len(arrived) != 2 {
		t.Fatalf("%d messages arrived", len(arrived))
	}
	reply, forward := mime.Parse([]byte(arrived[0])), mime.Parse([]byte(arrived[1]))
	if reply.Header.Get("Subject") != "Re: Field trip on Friday" || reply.Header.Get("In-Reply-To") != "<trip@example.edu>" || reply.Header.Get("Bcc") != "" {
		t.Errorf("the reply:\n%.2000s", arrived[0])
	}
	view := mime.Render(reply)
	if content, _ := io.ReadAll(view.Parts[0].Decode()); !bytes.Equal(content, file) {
		t.Errorf("the file has %d bytes", len(content))
	}
	if parts := mime.Render(forward).Parts; len(parts) != 1 || parts[0].Filename != "list.csv" {
		t.Errorf("forwarded %+v", parts)
	}
	if copies, _ := mailboxOf(t, dovecot.IMAPAddr(), ana, anaPassword, "Sent"); len(copies) != 2 {
		t.Errorf("%d copies", len(copies))
	}
	if left, _ := mailboxOf(t, dovecot.IMAPAddr(), ana, anaPassword, "Drafts"); len(left) != 1 {
		t.Errorf("%d drafts, and there should be that with the wrong address", len(left))
	}
	_, flags := mailboxOf(t, dovecot.IMAPAddr(), ana, anaPassword, "INBOX")
	if !slices.Contains(flags[0], imap.FlagAnswered) || !slices.Contains(flags[0], imap.FlagForwarded) {
		t.Errorf("the original has %v", flags[0])
	}
}
