package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/frontend/page"
	"alphamail/mime/browser"
)

// counter is a server on loopback that counts what it is asked for. A payload
// that ran or loaded anything would ask it.
type counter struct {
	*httptest.Server
	asked atomic.Int64
}

func startCounter(t testing.TB) *counter {
	t.Helper()
	c := &counter{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.Config.ErrorLog = log.New(io.Discard, "", 0) // the browser closes many connections
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// openControl is a payload that nothing holds back; walledControl has it in a
// frame like that of the message page, without the sanitiser.
const (
	openControl   = "/control/open"
	walledControl = "/control/walled"
	controlFrame  = "/control/frame"
)

func (c *counter) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	script := "<!DOCTYPE html><title>x</title><p>" + browser.HarmlessWords + "</p><script>fetch(`" + c.URL + "/run`)</script>"
	switch r.URL.Path {
	case openControl:
		io.WriteString(w, script)
	case walledControl:
		io.WriteString(w, `<!DOCTYPE html><title>x</title><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="`+controlFrame+`"></iframe>`)
	case controlFrame:
		w.Header().Set("Content-Security-Policy", page.BodyPolicy(false))
		io.WriteString(w, script)
	default:
		c.asked.Add(1)
	}
}

// tab is a tab of the browser that notes whatever a harmless page does not do.
type tab struct {
	window context.Context
	site   string // all that may be asked for is there

	mu    sync.Mutex // guards noted
	noted []string
}

// openTab opens a tab beside that of window, with its cookies. The browser must
// keep frames in the process of their page, else what they do is not told.
func openTab(t testing.TB, window context.Context, site string) *tab {
	t.Helper()
	own, closeTab := chromedp.NewContext(window)
	t.Cleanup(closeTab)
	one := &tab{window: own, site: site}
	chromedp.ListenTarget(own, one.listen)
	do(t, own, network.Enable(), cdplog.Enable(), runtime.Enable(), cdppage.Enable())
	return one
}

// listen hears of requests, also of those that a policy then stops, of scripts
// that run or are kept from running, and of what the policy complains about.
func (one *tab) listen(event any) {
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		if !one.allowed(event.Request.URL) {
			one.note("asks for " + event.Request.URL)
		}
	case *cdppage.EventFrameNavigated:
		if !one.allowed(event.Frame.URL) {
			one.note("a frame shows " + event.Frame.URL)
		}
	case *cdplog.EventEntryAdded:
		one.note("the browser says: " + event.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		one.note("a script writes to the console")
	case *runtime.EventExceptionThrown:
		one.note("a script fails: " + event.ExceptionDetails.Text)
	case *cdppage.EventJavascriptDialogOpening:
		one.note("a script opens a dialogue: " + event.Message)
	}
}

func (one *tab) allowed(address string) bool {
	return strings.HasPrefix(address, one.site+"/") || strings.HasPrefix(address, "data:image/") || address == "about:blank"
}

func (one *tab) note(what string) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.noted = append(one.noted, what)
}

// show opens a page, gives it time to do harm, and returns what the tab noted and
// the words of the frames in it.
func (one *tab) show(address string) (noted []string, framed string, err error) {
	one.mu.Lock()
	one.noted = nil
	one.mu.Unlock()
	var document *cdp.Node
	err = chromedp.Run(one.window, chromedp.Navigate(address), chromedp.Sleep(patience), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		document, err = dom.GetDocument().WithDepth(-1).WithPierce(true).Do(ctx)
		return err
	}))
	if err != nil {
		return nil, "", err
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return slices.Clone(one.noted), wordsOfFrames(document, false), nil
}

// patience is what a payload gets to do its work; those that mime/browser proves
// do it while the page loads or at once after it.
const patience = 250 * time.Millisecond

func wordsOfFrames(node *cdp.Node, framed bool) string {
	if node == nil {
		return ""
	}
	words := ""
	if framed && node.NodeType == cdp.NodeTypeText {
		words = node.NodeValue
	}
	for _, child := range node.Children {
		words += wordsOfFrames(child, framed)
	}
	return words + wordsOfFrames(node.ContentDocument, true)
}

// payloadMail are all payloads as messages, with what their receiving host found
// out on top.
func payloadMail(t testing.TB, host string) (names []string, messages [][]byte) {
	t.Helper()
	payloads, err := browser.ReadPayloads("mime/testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	for number, payload := range payloads {
		raw := browser.Mail(payload.Fill(host, "page", number), number)
		messages = append(messages, append([]byte("Authentication-Results: mx.example.edu; dkim=pass header.d=example.edu\r\n"), raw...))
		names = append(names, payload.Name)
	}
	return names, messages
}

// showPayloads serves the mail server to a browser and opens the messages of
// Ana's inbox, which are named in the order of their arrival.
func showPayloads(t *testing.T, imap string, names []string, c *counter) {
	t.Helper()
	web := freeAddress(t)
	alone(t, imap, "listen: "+web, "admin_listen: "+freeAddress(t), "domains:\n  example.edu:\n    authentication_host: mx.example.edu")
	site := "http://" + web
	window := chromium(t, t.TempDir(), chromedp.IgnoreCertErrors, chromedp.Flag("disable-features", "IsolateSandboxedIframes,Translate"), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	checkControls(t, window, c)
	logIn(t, window, &demo{url: site, user: ana, password: anaPassword})
	var row string
	do(t, window, chromedp.Evaluate(`document.querySelector('ul.rows a').href`, &row))
	validity := regexp.MustCompile(`/mail/INBOX/(\d+)-`).FindStringSubmatch(row)
	if validity == nil {
		t.Fatalf("the first row leads to %s", row)
	}

	var beside []*tab
	for range 8 {
		beside = append(beside, openTab(t, window, site))
	}
	tabs, before := countTabs(t, window), c.asked.Load()
	numbers := make(chan int)
	var showing sync.WaitGroup
	for _, one := range beside {
		showing.Go(func() { // ends when numbers is closed
			for number := range numbers {
				noted, framed, err := one.show(fmt.Sprintf("%s/mail/INBOX/%s-%d", site, validity[1], number+1))
				if err != nil {
					t.Errorf("%s: %v", names[number], err)
				}
				if len(noted) > 0 {
					t.Errorf("%s: %q", names[number], noted)
				}
				if err == nil && !strings.Contains(framed, browser.HarmlessWords) {
					t.Errorf("%s: the harmless words are not in the frame: %q", names[number], framed)
				}
			}
		})
	}
	for number := range names {
		numbers <- number
	}
	close(numbers)
	showing.Wait()
	if after := c.asked.Load(); after > before {
		t.Errorf("%d requests left", after-before)
	}
	if opened := countTabs(t, window); opened != tabs {
		t.Errorf("%d tabs have become %d", tabs, opened)
	}
	var checked string
	do(t, window, chromedp.Navigate(row), chromedp.Evaluate(`document.querySelector('.people').innerText`, &checked))
	if want := "mx.example.edu checked: really sent by example.edu (DKIM)."; !strings.Contains(checked, want) {
		t.Errorf("below the sender stands %q, not %q", checked, want)
	}
}

func countTabs(t *testing.T, window context.Context) int {
	t.Helper()
	opened, err := chromedp.Targets(window)
	if err != nil {
		t.Fatal(err)
	}
	return len(slices.DeleteFunc(opened, func(info *target.Info) bool { return info.Type != "page" }))
}

// checkControls makes sure that a script which runs is counted, and that one which
// is only kept from running is noted: else the silence of the others proves
// nothing.
func checkControls(t *testing.T, window context.Context, c *counter) {
	t.Helper()
	one := openTab(t, window, c.URL)
	before := c.asked.Load()
	if _, _, err := one.show(c.URL + openControl); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a script without walls is counted", func() error {
		if c.asked.Load() == before {
			return fmt.Errorf("%d requests", before)
		}
		return nil
	})
	noted, framed, err := one.show(c.URL + walledControl)
	if err != nil {
		t.Fatal(err)
	}
	if len(noted) == 0 || !strings.Contains(framed, browser.HarmlessWords) {
		t.Fatalf("of a script in the frame the browser tells %q, and shows %q", noted, framed)
	}
}

// TestPayloadsInTheMessagePage mails every payload and opens it as a user would,
// with all walls: nothing runs, no request leaves, not even one that a policy has
// to stop, and the harmless words are there.
func TestPayloadsInTheMessagePage(t *testing.T) {
	need.Command(t, "chromium")
	c := startCounter(t)
	names, messages := payloadMail(t, c.Listener.Addr().String())
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for i, raw := range messages {
		if uid, err := server.Append(ana, "INBOX", raw, time.Now()); err != nil || int(uid) != i+1 {
			t.Fatalf("%s has the UID %d: %v", names[i], uid, err)
		}
	}
	showPayloads(t, server.IMAPAddr(), names, c)
}

// TestPayloadsOnDovecot does the same with some of them on a server as campuses
// have it, which keeps messages and takes them apart in its own way.
func TestPayloadsOnDovecot(t *testing.T) {
	need.Command(t, "chromium")
	need.Dovecot(t)
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dovecot.Stop(); err != nil {
			t.Error(err)
		}
	})
	client, err := imapclient.DialInsecure(dovecot.IMAPAddr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(ana, anaPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	c := startCounter(t)
	names, messages := payloadMail(t, c.Listener.Addr().String())
	var some []string
	for i := 0; i < len(messages); i += 11 {
		some = append(some, names[i])
		upload := client.Append("INBOX", int64(len(messages[i])), nil)
		if _, err := upload.Write(messages[i]); err != nil {
			t.Fatal(err)
		}
		if err := upload.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := upload.Wait(); err != nil {
			t.Fatalf("%s: %v", names[i], err)
		}
	}
	showPayloads(t, dovecot.IMAPAddr(), some, c)
}
