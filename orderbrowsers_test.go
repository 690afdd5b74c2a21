package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// orderServers tells whether TestPutInOrderInBrowsers does it on all mail servers, and
// not on Dovecot alone.
var orderServers = os.Getenv("ORDER_SERVERS") == "all"

// searchLag is how long each search takes longer, so that there is something to see
// before it ends.
const searchLag = 700 * time.Millisecond

// startLagging starts a proxy that lets searches wait.
func startLagging(t *testing.T, target string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // ends with the listener, its connections with their ends
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer server.Close()
				go func() {
					defer client.Close()
					io.Copy(client, server)
				}()
				lines := bufio.NewReader(client)
				for {
					line, err := lines.ReadBytes('\n')
					if bytes.Contains(line, []byte(" UID SEARCH ")) {
						time.Sleep(searchLag)
					}
					if _, failed := server.Write(line); err != nil || failed != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// TestPutInOrderInBrowsers files 500 messages and takes that back, makes and renames a
// folder, searches all folders while the search goes on, keeps the search, and empties
// Trash: in lynx, in w3m and in Chromium without scripts. ORDER_SERVERS=all does it on
// Cyrus and Courier too.
func TestPutInOrderInBrowsers(t *testing.T) {
	var users []testbed.User
	for _, name := range []string{lyn, wim, cora} {
		users = append(users, testbed.User{Name: name, Password: anaPassword})
	}
	for _, server := range []struct {
		name      string
		available func() error
		start     func() (address string, stop func() error, err error)
	}{
		{"Dovecot", testbed.DovecotAvailable, func() (string, func() error, error) {
			dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users})
			if err != nil {
				return "", nil, err
			}
			return dovecot.IMAPAddr(), dovecot.Stop, nil
		}},
		{"Cyrus", testbed.CyrusAvailable, func() (string, func() error, error) {
			cyrus, err := testbed.StartCyrus(users...)
			if err != nil {
				return "", nil, err
			}
			return cyrus.IMAPAddr(), cyrus.Stop, nil
		}},
		{"Courier", testbed.CourierAvailable, func() (string, func() error, error) {
			courier, err := testbed.StartCourier(users...)
			if err != nil {
				return "", nil, err
			}
			return courier.IMAPAddr(), courier.Stop, nil
		}},
	} {
		if server.name != "Dovecot" && !orderServers {
			continue
		}
		t.Run(server.name, func(t *testing.T) {
			need.Have(t, server.available())
			address, stop, err := server.start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { stop() })
			for _, user := range users {
				fillNumbered(t, address, user.Name, 500)
			}
			web := freeAddress(t)
			path := writeFile(t, t.TempDir(), "alphamail.yaml", "imap_servers: example.edu="+startLagging(t, address)+"\nlisten: "+web+"\nadmin_listen: "+freeAddress(t)+"\n")
			start(t, "serve", "serve", "--config", path)
			p := &orderPlace{"http://" + web}
			eventually(t, "the login page is there", func() error {
				answer, err := http.Get(p.url + "/login")
				if err == nil {
					answer.Body.Close()
				}
				return err
			})
			t.Run("lynx", p.tidiesInLynx)
			t.Run("w3m", p.tidiesInW3m)
			t.Run("Chromium", p.tidiesInChromium)
		})
	}
}

// fillNumbered delivers numbered messages.
func fillNumbered(t *testing.T, server, user string, messages int) {
	t.Helper()
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: server, Security: imapconn.Plain})
	if err == nil {
		err = conn.Login(t.Context(), user, anaPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var batch []imapconn.Command
	for n := range messages {
		raw := fmt.Sprintf("From: Ben <ben@example.edu>\r\nTo: ana@example.edu\r\nSubject: Message %d\r\nMessage-ID: <%d@example.edu>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\r\nText %d\r\n", n, n, n)
		batch = append(batch, &imapconn.Append{Mailbox: "INBOX", Message: strings.NewReader(raw), Size: int64(len(raw))})
	}
	if err := conn.Do(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
}

// orderPlace is where people put their mail in order.
type orderPlace struct{ url string }

func (p *orderPlace) tidiesInLynx(t *testing.T) {
	w := openLynx(t, &demo{url: p.url, user: lyn, password: anaPassword}, "/")
	w.see("Inbox", "1–50 of 500")
	w.lynxFollows("Select all on")
	w.see("Select none", "All 50 messages on this page are selected")
	w.lynxFollows("Select all 500")
	w.see("All 500 messages in this folder are selected")
	w.press("Home")
	w.write("/Delete")
	w.press("Enter", "Up", "Right") // to Archive
	w.see("500 messages moved to Archive.", "Undo")
	w.lynxFollows("Undo")
	w.see("Undone: 500 messages are as before.", "1–50 of 500")

	w.lynxFollows("Edit folders")
	w.see("Name of the folder")
	w.press("Home")
	w.write("/Name of the folder")
	w.press("Enter")
	w.see("(Textfield")
	w.write("Kurse")
	w.see("Kurse")
	w.press("Down", "Enter")
	w.see("The folder Kurse was made.")
	w.write("/Long jobs")
	w.press("Enter", "Down", "Right") // to the folders that can be changed
	w.see("Folder Kurse", "Rename")
	w.write("/Name of the folder")
	w.press("Enter")
	w.see("(Textfield")
	w.press("C-u")
	w.write("Übung")
	w.see("Übung")
	w.press("Down", "Enter")
	w.see("The folder is called Übung now.")

	w.lynxOpens(p.url + "/search?q=subject:%22Message+4%22")
	w.see("Search: subject:", "Searching:", "1–50 of 111", "Stop searching")
	w.reloadsUntil("111 messages were found.", func() { w.lynxFollows("Reload") })
	w.write("/Name of the search")
	w.press("Enter")
	w.see("(Textfield")
	w.write("Fours")
	w.see("Name of the search Fours")
	w.press("Down", "Enter")
	w.see("The search Fours is saved.")
	w.lynxOpens(p.url + "/search")
	w.see("Saved searches", "Fours subject:")

	w.lynxOpens(p.url + "/mail/INBOX")
	w.see("1–50 of 500", "Sort and filter")
	w.lynxFollows("Select all on")
	w.see("Select none")
	w.lynxFollows("Delete")
	w.see("50 messages moved to Trash")
	w.lynxFollows("Trash")
	w.see("Empty Trash")
	w.lynxFollows("Empty Trash")
	w.see("50 messages will be deleted for ever")
	w.lynxFollows("Delete for ever")
	w.see("50 messages deleted for ever.")
}

func (p *orderPlace) tidiesInW3m(t *testing.T) {
	w := openW3m(t, &demo{url: p.url, user: wim, password: anaPassword}, "/")
	w.see("Inbox", "1–50 of 500")
	w.w3mFollows("Select all on")
	w.see("Select none", "All 50 messages on this page are selected")
	w.w3mFollows("Select all 500")
	w.see("All 500 messages in this folder are selected")
	w.w3mFollows("Archive Delete")
	w.see("500 messages moved to Archive.", "Undo")
	w.w3mFollows("Undo")
	w.see("Undone: 500 messages are as before.", "1–50 of 500")

	w.w3mFollows("Edit folders")
	w.see("Name of the folder")
	w.w3mPresses("Name of the folder", 1)
	w.see("TEXT:")
	w.write("Kurse")
	w.press("Enter")
	w.see("[Kurse")
	w.w3mPresses("A slash puts", 1)
	w.see("The folder Kurse was made.")
	w.write("g") // to the top
	w.write("/Kurse")
	w.press("Enter", "n", "n", "Enter") // over the notice and the list to the link that changes it
	w.see("Folder Kurse", "Rename")
	w.w3mPresses("Name of the folder", 1)
	w.see("TEXT:")
	w.press("C-u")
	w.write("Übung")
	w.press("Enter")
	w.see("[Übung")
	w.w3mPresses("A slash puts", 1)
	w.see("The folder is called Übung now.")

	w.w3mOpens(p.url + "/search?q=subject:%22Message+4%22")
	w.see("Search: subject:", "Searching:", "1–50 of 111", "Stop searching")
	w.reloadsUntil("111 messages were found.", func() { w.w3mFollows("Reload") })
	w.w3mPresses("Name of the search", 1)
	w.see("TEXT:")
	w.write("Fours")
	w.press("Enter")
	w.see("[Fours")
	w.w3mPresses("Name of the search", 2)
	w.see("The search Fours is saved.")
	w.w3mOpens(p.url + "/search")
	w.see("How to search", "Fours subject:")

	w.w3mOpens(p.url + "/mail/INBOX")
	w.see("1–50 of 500", "Sort and filter")
	w.w3mFollows("Select all on")
	w.see("Select none")
	w.w3mFollows("Delete Junk")
	w.see("50 messages moved to Trash")
	w.w3mFollows("Trash")
	w.see("Empty Trash")
	w.w3mFollows("Empty Trash")
	w.see("50 messages will be deleted for ever")
	w.w3mFollows("Delete for ever")
	w.see("50 messages deleted for ever.")
}

// reloadsUntil loads the page again, which neither lynx nor w3m does by itself, until
// words are on it.
func (w *terminal) reloadsUntil(words string, reload func()) {
	w.t.Helper()
	eventually(w.t, "the page shows "+words, func() error {
		if strings.Contains(w.screen(), words) {
			return nil
		}
		reload()
		time.Sleep(searchLag)
		return fmt.Errorf("not yet:\n%s", w.screen())
	})
}

func (p *orderPlace) tidiesInChromium(t *testing.T) {
	window := chromium(t, t.TempDir())
	do(t, window, emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(1280, 900))
	logIn(t, window, &demo{url: p.url, user: cora, password: anaPassword})
	press := func(selector string, words ...string) {
		t.Helper()
		if _, err := chromedp.RunResponse(window, chromedp.Click(selector, chromedp.ByQuery)); err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		sees(t, window, words...)
	}
	open := func(path string, words ...string) {
		t.Helper()
		do(t, window, chromedp.Navigate(p.url+path))
		sees(t, window, words...)
	}
	open("/mail/INBOX?select=page", "1–50 of 500", "All 50 messages on this page are selected")
	press(`a[href$="select=all"]`, "All 500 messages in this folder are selected")
	press(`button[value=archive]`, "500 messages moved to Archive.")
	press(`form[action="/undo"] button`, "Undone: 500 messages are as before.", "1–50 of 500")

	open("/folders", "New folder")
	do(t, window, chromedp.SendKeys(`#name`, "Kurse", chromedp.ByQuery))
	press(`form[action="/folders"] button`, "The folder Kurse was made.")
	press(`a[href$="Kurse"][href^="/folders/"]`, "Folder Kurse")
	do(t, window, chromedp.SetValue(`#name`, "Übung", chromedp.ByQuery))
	press(`button[value=rename]`, "The folder is called Übung now.")

	open("/mail/INBOX", "1–50 of 500")
	do(t, window, chromedp.SendKeys(`#search`, `subject:"Message 4"`, chromedp.ByQuery))
	press(`form[role=search] button`, "Search: subject:", "only Inbox")
	press(`.chosen a[href$="where=all"]`, "Searching:", "1–50 of 111", "Stop searching")
	sees(t, window, "111 messages were found.")
	do(t, window, chromedp.Click(`.saving summary`, chromedp.ByQuery), chromedp.SendKeys(`#name`, "Fours", chromedp.ByQuery))
	press(`button[value=save]`, "The search Fours is saved.", "Saved searches")
	press(`.saved a`, "111 messages were found.")
	open("/search", "Saved searches", "Fours")

	open("/mail/INBOX?select=page", "Select none")
	press(`button[value=delete]`, "50 messages moved to Trash")
	press(`.folders a[href$="Trash"]`, "Empty Trash")
	press(`a[href$="/empty"]`, "50 messages will be deleted for ever")
	press(`button.danger`, "50 messages deleted for ever.")
}

// sees waits until all words are on the page, which may load itself again.
func sees(t *testing.T, window context.Context, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the page shows %q", words), func() error {
		var source string
		if err := chromedp.Run(window, chromedp.OuterHTML("body", &source, chromedp.ByQuery)); err != nil {
			return err
		}
		text := html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(source, "")), " "))
		for _, word := range words {
			if !strings.Contains(text, word) {
				return fmt.Errorf("%q is not on the page: %s", word, text)
			}
		}
		return nil
	})
}
