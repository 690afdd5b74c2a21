package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// realServers are the mail servers that people run.
var realServers = map[string]func(testing.TB) (address string){
	"Dovecot": func(t testing.TB) string {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	},
	"Cyrus": func(t testing.TB) string {
		need.Have(t, testbed.CyrusAvailable())
		server, err := testbed.StartCyrus(testbed.User{Name: ana, Password: anaPassword})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	},
	"Courier": func(t testing.TB) string {
		need.Have(t, testbed.CourierAvailable())
		server, err := testbed.StartCourier(testbed.User{Name: ana, Password: anaPassword})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	},
}

// tidying is a visitor who puts mail in order, and another mail program that sees
// what the server really has.
type tidying struct {
	*visitor
	base  string
	other *imapconn.Conn
}

func newTidying(t *testing.T, server string, messages int) *tidying {
	t.Helper()
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: server, Security: imapconn.Plain})
	if err == nil {
		err = conn.Login(t.Context(), ana, anaPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	var batch []imapconn.Command
	for n := range messages {
		raw := fmt.Sprintf("From: Ben <ben@example.edu>\r\nTo: ana@example.edu\r\nSubject: Message %d\r\nMessage-ID: <%d@example.edu>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\r\nText %d\r\n", n, n, n)
		batch = append(batch, &imapconn.Append{Mailbox: "INBOX", Message: strings.NewReader(raw), Size: int64(len(raw))})
	}
	if err := conn.Do(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	web := freeAddress(t)
	path := writeFile(t, t.TempDir(), "alphamail.yaml", "imap_servers: example.edu="+server+"\nlisten: "+web+"\nadmin_listen: "+freeAddress(t)+"\n")
	start(t, "serve", "serve", "--config", path)
	v := &tidying{newVisitor(t), "http://" + web, conn}
	v.logIn(v.base, ana, anaPassword)
	return v
}

// count is how many messages a mailbox really has.
func (v *tidying) count(mailbox string) uint32 {
	v.t.Helper()
	chosen := &imapconn.Select{Name: mailbox, ReadOnly: true}
	if err := v.other.Do(v.t.Context(), chosen); err != nil {
		v.t.Fatal(err)
	}
	return chosen.Data.NumMessages
}

var (
	boxes       = regexp.MustCompile(`name="uid" value="(\d+)"[^>]* checked`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	pageForm    = regexp.MustCompile(`(?s)<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>`)
	noticeText  = regexp.MustCompile(`(?s)<div class="notice confirmed[^"]*" role="status">(.*?)</div>`)
	tags        = regexp.MustCompile(`<[^>]*>`)
)

// submit presses a button of the form on a page that goes to a path, with its hidden
// fields and checked boxes.
func (v *tidying) submit(page seen, action string, fields url.Values) seen {
	v.t.Helper()
	for _, form := range pageForm.FindAllStringSubmatch(page.body, -1) {
		if unescaped := strings.ReplaceAll(form[1], "&amp;", "&"); unescaped != action {
			continue
		}
		for _, field := range hiddenField.FindAllStringSubmatch(form[2], -1) {
			if field[1] != "csrf" {
				fields.Add(field[1], strings.ReplaceAll(field[2], "&amp;", "&"))
			}
		}
		for _, box := range boxes.FindAllStringSubmatch(form[2], -1) {
			fields.Add("uid", box[1])
		}
		answer, err := v.post(page, action, fields)
		if err != nil || answer.status != http.StatusOK {
			v.t.Fatalf("POST %s: status %d, %v\n%s", action, answer.status, err, answer.body)
		}
		return answer
	}
	v.t.Fatalf("no form goes to %s on %s", action, page.url)
	return seen{}
}

// says demands a notice with these words.
func (v *tidying) says(page seen, words string) {
	v.t.Helper()
	notice := noticeText.FindStringSubmatch(page.body)
	if notice == nil {
		v.t.Fatalf("no notice on %s, want %q", page.url, words)
	}
	if text := html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(notice[1], "")), " ")); !strings.Contains(text, words) {
		v.t.Fatalf("the notice says %q, want %q", text, words)
	}
}

// mailboxOf finds the address of a folder by the name that the page shows.
func (v *tidying) mailboxOf(page seen, name string) string {
	v.t.Helper()
	found := regexp.MustCompile(`<a href="(/mail/[^"]+)"[^>]*><bdi>` + regexp.QuoteMeta(name) + `</bdi>`).FindStringSubmatch(page.body)
	if found == nil {
		v.t.Fatalf("there is no folder %s on %s", name, page.url)
	}
	return found[1]
}

// TestPutInOrder files 500 messages by pages, takes the last page back, makes,
// fills and renames a folder, and empties Trash: on real servers, by forms alone.
func TestPutInOrder(t *testing.T) {
	for name, startServer := range realServers {
		t.Run(name, func(t *testing.T) {
			v := newTidying(t, startServer(t), 500)
			begun := time.Now()
			var page seen
			for n := range 10 {
				page = v.submit(v.open(v.base+"/mail/INBOX?select=page"), "/mail/INBOX", url.Values{"do": {"archive"}})
				v.says(page, "50 messages moved to Archive.")
				if got := v.count("INBOX"); got != uint32(450-50*n) {
					t.Fatalf("the inbox has %d messages after page %d", got, n+1)
				}
			}
			t.Logf("500 messages filed in %v", time.Since(begun).Round(time.Millisecond))
			page = v.submit(page, "/undo", url.Values{})
			v.says(page, "Undone: 50 messages are as before.")
			if got := v.count("INBOX"); got != 50 {
				t.Fatalf("after undo the inbox has %d messages", got)
			}

			page = v.submit(v.open(v.base+"/folders"), "/folders", url.Values{"name": {"Kurse/Sprache & Schrift"}})
			v.says(page, "The folder Kurse/Sprache & Schrift was made.")
			goal := v.mailboxOf(page, "Kurse/Sprache &amp; Schrift")
			to, err := url.PathUnescape(strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(goal, "/mail/")))
			if err != nil {
				t.Fatal(err)
			}
			page = v.submit(v.open(v.base+"/mail/INBOX?select=page"), "/mail/INBOX", url.Values{"do": {"move"}, "to": {to}})
			v.says(page, "50 messages moved to Kurse/Sprache & Schrift.")
			manage := "/folders/" + strings.TrimPrefix(goal, "/mail/")
			page = v.submit(v.open(v.base+manage), manage, url.Values{"do": {"rename"}, "name": {"研究室"}})
			v.says(page, "The folder is called 研究室 now.")
			renamed := v.mailboxOf(page, "研究室")

			list := v.open(v.base + renamed + "?select=page")
			if n := len(boxes.FindAllString(list.body, -1)); n != 50 {
				t.Fatalf("%d messages came along with the name", n)
			}
			page = v.submit(list, renamed, url.Values{"do": {"delete"}})
			v.says(page, "50 messages moved to Trash")
			trash := v.mailboxOf(page, "Trash")
			page = v.submit(v.open(v.base+trash+"/empty"), trash+"/empty", url.Values{})
			v.says(page, "50 messages deleted for ever.")
			if page = v.open(v.base + trash); len(messageLinks(page)) > 0 {
				t.Error("Trash is not empty")
			}
			manage = "/folders/" + strings.TrimPrefix(renamed, "/mail/")
			page = v.submit(v.open(v.base+manage), manage, url.Values{"do": {"delete"}})
			v.says(page, "The folder 研究室 was deleted.")

			total := uint32(0)
			mailboxes := &imapconn.List{Pattern: "*"}
			if err := v.other.Do(t.Context(), mailboxes); err != nil {
				t.Fatal(err)
			}
			for _, one := range mailboxes.Data {
				if !noselect(one) {
					total += v.count(one.Mailbox)
				}
			}
			if total != 450 {
				t.Errorf("there are %d messages in all, want 450", total)
			}
		})
	}
}

func noselect(data *imap.ListData) bool {
	for _, attribute := range data.Attrs {
		if strings.EqualFold(string(attribute), `\Noselect`) || strings.EqualFold(string(attribute), `\NonExistent`) {
			return true
		}
	}
	return false
}
