package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/mime"
)

// writingServers tells whether TestWritingOverACluster writes on all mail servers, and
// not on Dovecot alone.
var writingServers = os.Getenv("WRITING_SERVERS") == "all"

const invitation = "From: Ben <ben@example.edu>\r\nTo: ana@example.edu\r\nSubject: Field trip\r\nMessage-ID: <trip@example.edu>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nTake two.\r\n" +
	"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=list.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nYSxiLGMK\r\n--b--\r\n"

// Those who write, each by a browser of another kind, and who gets it.
const (
	lyn, wim, cora = "lyn", "wim", "cora"
	ben            = "ben"
	benPassword    = "other horse"
)

// writingPlace is a cluster of real processes with two frontends and three nodes, the
// mail server of those who write, and a real Postfix, which delivers to a Dovecot.
type writingPlace struct {
	imap     string // of those who write
	prefix   string // of their mailboxes
	dovecot  *testbed.Dovecot
	members  map[string]*clusterMember
	owner    string // of Ana's account
	one, two string // the frontends
}

// startWriting starts all that, with more lines for the Dovecot. start, if not nil,
// starts another mail server for those who write, whose mailboxes have the prefix.
func startWriting(t *testing.T, extra, prefix string, start func(...testbed.User) (address string, stop func() error, err error)) *writingPlace {
	t.Helper()
	need.Postfix(t)
	var writers []testbed.User
	for _, name := range []string{ana, lyn, wim, cora} {
		writers = append(writers, testbed.User{Name: name, Password: anaPassword})
	}
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{
		Users: append(slices.Clone(writers), testbed.User{Name: ben, Password: benPassword}), Separator: "/", ForPostfix: true, Extra: extra,
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
	p := &writingPlace{imap: dovecot.IMAPAddr(), prefix: prefix, dovecot: dovecot}
	if start != nil {
		address, stop, err := start(writers...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop() })
		p.imap = address
	}
	for _, writer := range writers {
		deliver(t, p.imap, writer.Name, anaPassword, invitation)
	}
	authority := writeFile(t, t.TempDir(), "ca.pem", string(postfix.Certificate().CertPEM))
	server := p.imap
	if prefix != "" {
		server += "[" + prefix + "]"
	}
	p.members = cluster(t, server, fmt.Sprintf("smtp_servers: example.edu=smtps://%s\ndomains:\n  example.edu:\n    tls_ca: %s\n", postfix.SMTPSAddr(), authority))
	for _, one := range p.members {
		one.start(t)
	}
	p.owner = agreedOwner(t, p.members, 3)
	p.one, p.two = "http://"+p.members["front-1"].web, "http://"+p.members["front-2"].web
	return p
}

// TestWritingOverACluster answers with a file, saves, goes on at another frontend,
// sends, and forwards: in lynx, in w3m, in Chromium without scripts, and as forms that
// nobody looks at while the node that owns the account is killed. WRITING_SERVERS=all
// does it on Cyrus and Courier too.
func TestWritingOverACluster(t *testing.T) {
	for _, server := range []struct {
		name, prefix string
		available    func() error
		start        func(...testbed.User) (string, func() error, error)
	}{
		{"Dovecot", "", testbed.DovecotAvailable, nil},
		{"Cyrus", "INBOX.", testbed.CyrusAvailable, func(users ...testbed.User) (string, func() error, error) {
			cyrus, err := testbed.StartCyrus(users...)
			if err != nil {
				return "", nil, err
			}
			return cyrus.IMAPAddr(), cyrus.Stop, nil
		}},
		{"Courier", "INBOX.", testbed.CourierAvailable, func(users ...testbed.User) (string, func() error, error) {
			courier, err := testbed.StartCourier(users...)
			if err != nil {
				return "", nil, err
			}
			return courier.IMAPAddr(), courier.Stop, nil
		}},
	} {
		if server.start != nil && !writingServers {
			continue
		}
		t.Run(server.name, func(t *testing.T) {
			need.Have(t, server.available())
			p := startWriting(t, "", server.prefix, server.start)
			t.Run("lynx", p.writesInLynx)
			t.Run("w3m", p.writesInW3m)
			t.Run("Chromium", p.writesInChromium)
			t.Run("forms", p.writesWhileTheOwnerDies)
		})
	}
}

// arrived waits until so many messages of an author have come to Ben, and then for a
// second in which one too many would.
func (p *writingPlace) arrived(t *testing.T, author string, count int) (messages []*mime.Message) {
	t.Helper()
	look := func() error {
		raw, _ := mailboxOf(t, p.dovecot.IMAPAddr(), ben, benPassword, "INBOX")
		messages = nil
		for _, one := range raw {
			message := mime.Parse([]byte(one))
			if from := message.Header.Addresses("From"); len(from) == 1 && from[0].Email == author+"@example.edu" {
				messages = append(messages, message)
			}
		}
		if len(messages) != count {
			return fmt.Errorf("%d messages", len(messages))
		}
		return nil
	}
	eventually(t, fmt.Sprintf("Ben gets %d messages of %s", count, author), look)
	time.Sleep(time.Second)
	if err := look(); err != nil {
		t.Fatalf("%v of %s arrived, not %d", err, author, count)
	}
	return messages
}

// check looks at what came of an answer with a file and a forward.
func (p *writingPlace) check(t *testing.T, author, firstLine, file string, content []byte, drafts int) {
	t.Helper()
	messages := p.arrived(t, author, 2)
	reply, forward := messages[0], messages[1]
	if subject := reply.Header.Get("Subject"); subject != "Re: Field trip on Friday" || reply.Header.Get("In-Reply-To") != "<trip@example.edu>" || reply.Header.Get("Bcc") != "" {
		t.Errorf("the reply has the subject %q and answers %q", subject, reply.Header.Get("In-Reply-To"))
	}
	view := mime.Render(reply)
	first, _, _ := strings.Cut(view.Text[0].Spans[0].Text, "\n")
	quotes := slices.ContainsFunc(view.Text, func(block mime.Block) bool { return block.Quote == 1 && block.Spans[0].Text == "Take two." })
	if first != firstLine || !quotes {
		t.Errorf("the reply begins with %q: %+v", first, view.Text)
	}
	if len(view.Parts) != 1 || view.Parts[0].Filename != file {
		t.Fatalf("attached %+v", view.Parts)
	}
	if got, _ := io.ReadAll(view.Parts[0].Decode()); !bytes.Equal(got, content) {
		t.Errorf("the file has %d bytes", len(got))
	}
	if parts := mime.Render(forward).Parts; forward.Header.Get("Subject") != "Fwd: Field trip" || len(parts) != 1 || parts[0].Filename != "list.csv" {
		t.Errorf("forwarded %q with %+v", forward.Header.Get("Subject"), parts)
	}
	if copies, _ := mailboxOf(t, p.imap, author, anaPassword, p.prefix+"Sent"); len(copies) != 2 {
		t.Errorf("%d copies", len(copies))
	}
	if left, _ := mailboxOf(t, p.imap, author, anaPassword, p.prefix+"Drafts"); len(left) != drafts {
		t.Errorf("%d drafts, not %d", len(left), drafts)
	}
	_, flags := mailboxOf(t, p.imap, author, anaPassword, "INBOX")
	if !slices.Contains(flags[0], imap.FlagAnswered) || !slices.Contains(flags[0], imap.FlagForwarded) {
		t.Errorf("the original has %v", flags[0])
	}
}

// draftsOf is the page of the drafts at a frontend.
func (p *writingPlace) draftsOf(frontend string) string {
	return frontend + "/mail/" + p.prefix + "Drafts"
}

// writesWhileTheOwnerDies sends forms as browsers do; the owner of the account is
// killed between saving and sending.
func (p *writingPlace) writesWhileTheOwnerDies(t *testing.T) {
	browser := newVisitor(t)
	inbox := browser.logIn(p.one, ana, anaPassword)
	message := browser.open(p.one + messageLinks(inbox)[0])
	if !strings.Contains(message.body, `href="/compose?reply=`) {
		t.Fatalf("no way to answer:\n%s", message.body)
	}
	reference := strings.TrimPrefix(messageLinks(inbox)[0], "/mail/")
	page := browser.open(p.one + "/compose?reply=" + url.QueryEscape(reference))
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

	p.members[p.owner].kill()
	delete(p.members, p.owner)
	var drafts seen
	eventually(t, "the draft is found at the other frontend", func() (err error) {
		if drafts, err = browser.get(p.draftsOf(p.two)); err == nil && !strings.Contains(drafts.body, "/compose?draft=") {
			err = fmt.Errorf("status %d at %s", drafts.status, drafts.url)
		}
		return err
	})
	_, link, _ := strings.Cut(drafts.body, `href="/compose?draft=`)
	link, _, _ = strings.Cut(link, `"`)
	page = browser.open(p.two + "/compose?draft=" + link)
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

	page = browser.open(p.two + "/compose?forward=" + url.QueryEscape(reference))
	form = formOf(t, page, "text")
	form.set("to", "ben@example.edu")
	if sent, err := browser.press(page, form, "send", nil); err != nil || !strings.Contains(sent.body, "Your message was sent.") {
		t.Fatalf("forwarding: %s, %v\n%s", sent.url, err, sent.body)
	}
	page = browser.open(p.two + "/compose?to=" + url.QueryEscape("nobody.at.all@example.edu, ben@example.edu"))
	refused, err := browser.press(page, formOf(t, page, "text"), "send", nil)
	if err != nil || !strings.Contains(refused.body, "does not take mail for <bdi>nobody.at.all@example.edu</bdi>") || !strings.Contains(refused.body, "User unknown in virtual mailbox table") {
		t.Errorf("a recipient that is not: %s, %v\n%s", refused.url, err, refused.body)
	}
	// The one draft is that with the wrong address. The copy for its author came to
	// the Dovecot, whichever mail server he has.
	p.check(t, ana, "I will. Ναι, 好的.", "recorders.bin", file, 1)
}
