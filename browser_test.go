package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"alphamail/bench/testbed/need"
)

// demo is a running `alphamail demo`.
type demo struct {
	*program
	url, user, password string
}

var (
	demoURL  = regexp.MustCompile(`(?m)^\s*(http://\S+/)\s*$`)
	demoUser = regexp.MustCompile(`(?m)^\s*user:?\s+(\S+)\s+password:?\s+(\S+)`)
)

func startDemo(t testing.TB) *demo {
	t.Helper()
	p := start(t, "demo", "demo", "--listen", "127.0.0.1:0")
	d := &demo{program: p}
	p.waitFor(func(output string) string {
		url, user := demoURL.FindStringSubmatch(output), demoUser.FindStringSubmatch(output)
		if url == nil || user == nil {
			return ""
		}
		d.url, d.user, d.password = strings.TrimSuffix(url[1], "/"), user[1], user[2]
		return d.url
	})
	return d
}

// chromium opens a window of a headless Chromium with a profile of its own.
func chromium(t testing.TB, downloads string, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := need.Command(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true))
	allocator, endBrowser := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	window, closeWindow := chromedp.NewContext(allocator)
	limited, cancel := context.WithTimeout(window, 5*time.Minute)
	t.Cleanup(func() { cancel(); closeWindow(); endBrowser() })
	do(t, limited, browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(downloads).WithEventsEnabled(true))
	return limited
}

// axeSource is the accessibility checker.
func axeSource(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile("testdata/browser/node_modules/axe-core/axe.min.js")
	if err != nil {
		need.Have(t, fmt.Errorf("axe-core is not installed (make deps): %w", err))
	}
	return string(source)
}

func do(t testing.TB, window context.Context, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(window, actions...); err != nil {
		t.Fatal(err)
	}
}

// tabTo presses Tab until the focused element's words match.
func tabTo(t testing.TB, window context.Context, words string) {
	t.Helper()
	wanted := regexp.MustCompile(words)
	var seen []string
	for range 250 {
		var focused string
		do(t, window, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focusedWords, &focused))
		if wanted.MatchString(focused) {
			return
		}
		seen = append(seen, focused)
	}
	t.Fatalf("Tab never reaches %q; it reached %q", words, seen)
}

// focusedWords gives what a screen reader would say of the focused element, nearly.
const focusedWords = `(() => {
	const element = document.activeElement;
	if (!element || element === document.body) return '';
	const label = element.labels && element.labels.length ? element.labels[0].innerText : '';
	return [element.getAttribute('aria-label') || label || element.innerText || element.title || '', element.href || element.name || ''].join(' ').replace(/\s+/g, ' ').trim();
})()`

func enter(t testing.TB, window context.Context) {
	t.Helper()
	if _, err := chromedp.RunResponse(window, chromedp.KeyEvent(kb.Enter)); err != nil {
		t.Fatal(err)
	}
}

func location(t testing.TB, window context.Context) (url, heading string) {
	t.Helper()
	do(t, window, chromedp.Location(&url), chromedp.Evaluate(`(document.querySelector('h1') || document.body).innerText`, &heading))
	return url, heading
}

// TestKeyboardWalk uses the product with Tab and Enter alone: log in, open the
// third message, download a part, go back, log out.
func TestKeyboardWalk(t *testing.T) {
	d := startDemo(t)
	downloads := t.TempDir()
	window := chromium(t, downloads)

	do(t, window, chromedp.Navigate(d.url+"/"))
	tabTo(t, window, `(?i)user.* user$`)
	do(t, window, chromedp.KeyEvent(d.user))
	tabTo(t, window, `(?i)password`)
	do(t, window, chromedp.KeyEvent(d.password))
	enter(t, window)
	if url, heading := location(t, window); !strings.HasSuffix(url, "/mail/INBOX") || heading != "Inbox" {
		t.Fatalf("after login: %s, %q", url, heading)
	}

	third := nthMessage(t, window, 3)
	tabTo(t, window, regexp.QuoteMeta(third)+"$")
	enter(t, window)
	if url, _ := location(t, window); url != third {
		t.Fatalf("the third message is %s, Enter went to %s", third, url)
	}

	do(t, window, chromedp.Navigate(d.url+"/mail/INBOX"))
	attachment := messageWithAttachment(t, window)
	tabTo(t, window, regexp.QuoteMeta(attachment)+"$")
	enter(t, window)
	tabTo(t, window, `(?i)download.*part`)
	do(t, window, chromedp.KeyEvent(kb.Enter))
	eventually(t, "the part is downloaded", func() error {
		files, _ := filepath.Glob(filepath.Join(downloads, "*"))
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() > 0 && !strings.HasSuffix(file, ".crdownload") {
				return nil
			}
		}
		return fmt.Errorf("files: %v", files)
	})

	do(t, window, chromedp.Evaluate(`document.activeElement.blur(); window.scrollTo(0, 0)`, nil))
	tabTo(t, window, `(?i)inbox.*/mail/INBOX(\?|$)`)
	enter(t, window)
	if _, heading := location(t, window); heading != "Inbox" {
		t.Fatalf("back to the list: %q", heading)
	}
	tabTo(t, window, `(?i)log out`)
	enter(t, window)
	if url, _ := location(t, window); !strings.Contains(url, "/login") {
		t.Fatalf("after logging out: %s", url)
	}
	do(t, window, chromedp.Navigate(attachment))
	if url, _ := location(t, window); !strings.Contains(url, "/login") {
		t.Fatalf("a message can be seen after logging out: %s", url)
	}
}

// TestKeyboardChoosesOrderAndFilter sorts, filters and pages with Tab and Enter
// alone, and comes back.
func TestKeyboardChoosesOrderAndFilter(t *testing.T) {
	d := startStage(t)
	window := chromium(t, t.TempDir())
	logIn(t, window, d)
	follow := func(words, path string) {
		t.Helper()
		tabTo(t, window, words)
		enter(t, window)
		if url, _ := location(t, window); url != d.url+path {
			t.Fatalf("%q leads to %s, want %s", words, url, path)
		}
	}
	open := func() {
		t.Helper()
		tabTo(t, window, `^Sort and filter$`)
		do(t, window, chromedp.KeyEvent(kb.Enter))
	}
	open()
	follow(`^Sender .*order=sender$`, "/mail/INBOX?order=sender")
	open()
	follow(`^✓? ?Z to A `, "/mail/INBOX?order=sender&reverse=1")
	follow(`^Next `, "/mail/INBOX?order=sender&reverse=1&page=2")
	open()
	follow(`^Unread `, "/mail/INBOX?order=sender&reverse=1&filter=unread")
	follow(`^Show all, newest first `, "/mail/INBOX")
	follow(`^40 unread `, "/mail/INBOX?filter=unread")

	// Shut, the choices are not in the way.
	tabTo(t, window, `^Sort and filter$`)
	tabTo(t, window, `^Show all, newest first `)
	var between string
	do(t, window, chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(input.ModifierShift)), chromedp.Evaluate(focusedWords, &between))
	if between != "Sort and filter" {
		t.Errorf("before the way back there is %q", between)
	}

	do(t, window, chromedp.Navigate(d.url+"/mail/Trash?filter=flagged"))
	follow(`^Show all messages `, "/mail/Trash")
	do(t, window, chromedp.Navigate(d.url+"/mail/Away"))
	follow(`^Try again `, "/mail/Away")
	do(t, window, chromedp.Navigate(d.url+"/mail/Gone"))
	follow(`^Folders `, "/folders") // the window is narrow
	do(t, window, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(d.url+"/mail/Gone"))
	follow(`^Inbox `, "/mail/INBOX")
	open()
	follow(`^Oldest first `, "/mail/INBOX?reverse=1")
}

// nthMessage returns the address of a row of the list, counting from 1.
func nthMessage(t testing.TB, window context.Context, n int) string {
	t.Helper()
	var href string
	do(t, window, chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll('ul.rows > li')[%d].querySelector('a').href`, n-1), &href))
	return href
}

// messageWithAttachment returns the address of the first row that has the mark.
func messageWithAttachment(t testing.TB, window context.Context) string {
	t.Helper()
	var href string
	do(t, window, chromedp.Evaluate(`[...document.querySelectorAll('ul.rows > li')].find(row => /has (an )?attachment/i.test(row.innerText)).querySelector('a').href`, &href))
	return href
}

func logIn(t testing.TB, window context.Context, d *demo) {
	t.Helper()
	submitLogin(t, window, d, d.password)
	if url, _ := location(t, window); !strings.HasSuffix(url, "/mail/INBOX") {
		t.Fatalf("after login: %s", url)
	}
}

func submitLogin(t testing.TB, window context.Context, d *demo, password string) {
	t.Helper()
	do(t, window, chromedp.Navigate(d.url+"/login"),
		chromedp.SendKeys(`[name=user]`, d.user), chromedp.SendKeys(`[name=password]`, password))
	if _, err := chromedp.RunResponse(window, chromedp.Submit(`[name=password]`)); err != nil {
		t.Fatal(err)
	}
}

// look is a way to look at a page.
type look struct {
	name          string
	width, height int64
	scheme        string
	language      string
	// states tells that the states of the stage are looked at in this way: both
	// schemes, both directions, wide and narrow, and long words are enough.
	states bool
}

var looks = []look{
	{"desktop", 1280, 800, "light", "en", false},
	{"desktop-dark", 1280, 800, "dark", "en", false},
	{"phone", 360, 780, "light", "en", true},
	{"phone-dark-arabic", 320, 780, "dark", "ar", true},
	{"desktop-german", 1280, 800, "light", "de", true},
}

// TestAccessibility lets axe look at every page, in every look. With the
// environment variable PICTURES naming a directory it keeps pictures there.
func TestAccessibility(t *testing.T) {
	axe := axeSource(t)
	d := startDemo(t)
	window := chromium(t, t.TempDir())
	before := map[string]string{
		"login": "/login", "login-expired": "/login?problem=expired", "login-logged-out": "/login?problem=logged_out",
		"not-found": "/nothing/here",
	}
	inside := map[string]string{
		"inbox": "/mail/INBOX", "inbox-2": "/mail/INBOX?page=2", "sent": "/mail/Sent", "folders": "/folders",
		"no-folder": "/mail/Nowhere", "no-message": "/mail/INBOX/1-4294967295",
	}
	for _, one := range looks {
		t.Run(one.name, func(t *testing.T) {
			apply(t, window, one)
			do(t, window, network.ClearBrowserCookies())
			for name, path := range before {
				visit(t, window, axe, d.url+path, name, one)
			}
			submitLogin(t, window, d, "wrong")
			judge(t, window, axe, "login-failed", one)
			logIn(t, window, d)
			var kinds map[string]string
			do(t, window, chromedp.Evaluate(sampleMessages, &kinds))
			if len(kinds) < 3 {
				t.Fatalf("the demo's inbox lacks kinds of messages: %v", kinds)
			}
			for name, path := range inside {
				visit(t, window, axe, d.url+path, name, one)
			}
			for name, url := range kinds {
				visit(t, window, axe, url, "message-"+name, one)
				visit(t, window, axe, url+"?view=text&details=1", "message-"+name+"-details", one)
				visit(t, window, axe, url+"/print", "message-"+name+"-print", one)
			}
		})
	}
}

// TestAccessibilityOfStates does the same for the states of the stage, also
// with the choices of a list open.
func TestAccessibilityOfStates(t *testing.T) {
	axe := axeSource(t)
	d := startStage(t)
	window := chromium(t, t.TempDir())
	for _, one := range looks {
		if !one.states && os.Getenv("PICTURES") == "" {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			apply(t, window, one)
			do(t, window, network.ClearBrowserCookies())
			logIn(t, window, d)
			for name, path := range stagedPages {
				visit(t, window, axe, d.url+path, name, one)
			}
			for name, path := range stagedWriting {
				visit(t, window, axe, d.url+path, name, one)
			}
			do(t, window, chromedp.Navigate(d.url+"/compose?draft=Drafts/7-1"))
			if _, err := chromedp.RunResponse(window, chromedp.Click(`button[value=save]`, chromedp.ByQuery)); err != nil {
				t.Fatal(err)
			}
			judge(t, window, axe, "write-unsaved", one)
			for name, path := range map[string]string{"open": "/mail/INBOX", "open-by-size": "/mail/INBOX?order=size&reverse=1&filter=flagged"} {
				do(t, window, chromedp.Navigate(d.url+path), chromedp.Click(`.choices summary`, chromedp.ByQuery))
				judge(t, window, axe, "choices-"+name, one)
			}
		})
	}
}

// sampleMessages picks messages of different kinds from the list page.
const sampleMessages = `(() => {
	const rows = [...document.querySelectorAll('ul.rows > li')];
	const link = row => row && row.querySelector('a').href;
	const picked = {
		first: link(rows[0]),
		attachment: link(rows.find(row => /attachment|Anhang|مرفق/i.test(row.innerText))),
		arabic: link(rows.find(row => /[\u0600-\u06ff]{4}/.test(row.querySelector('.subject').innerText))),
		newsletter: link(rows.find(row => /newsletter|digest|weekly|menu/i.test(row.innerText))),
	};
	return Object.fromEntries(Object.entries(picked).filter(([, href]) => href));
})()`

func apply(t testing.TB, window context.Context, one look) {
	t.Helper()
	do(t, window,
		chromedp.EmulateViewport(one.width, one.height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: one.scheme}}),
		emulation.SetUserAgentOverride("AlphaMail test").WithAcceptLanguage(one.language))
}

// visit opens a page and judges it.
func visit(t *testing.T, window context.Context, axe, url, name string, one look) {
	t.Helper()
	do(t, window, chromedp.Navigate(url))
	judge(t, window, axe, name, one)
}

// judge lets axe look at the page in the window, and checks that it does not
// scroll sideways.
func judge(t *testing.T, window context.Context, axe, name string, one look) {
	t.Helper()
	var report string
	var overflow bool
	do(t, window, chromedp.Evaluate(axe, nil),
		chromedp.Evaluate(axeRun, &report, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth + 1`, &overflow))
	var violations []struct {
		ID, Help string
		Nodes    []struct {
			HTML           string
			FailureSummary string
		}
	}
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		t.Fatalf("%s: axe said %q: %v", name, report, err)
	}
	for _, violation := range violations {
		for _, node := range violation.Nodes {
			t.Errorf("%s: %s: %s\n  %s\n  %s", name, violation.ID, violation.Help, node.HTML, node.FailureSummary)
		}
	}
	if overflow {
		t.Errorf("%s scrolls sideways at %d px", name, one.width)
	}
	if dir := os.Getenv("PICTURES"); dir != "" {
		picture(t, window, filepath.Join(dir, name+"-"+one.name+".png"))
	}
}

const axeRun = `axe.run(document, {
	iframes: false,
	runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(result => {
	if (result.passes.length < 5) return 'axe tested next to nothing';
	return JSON.stringify(result.violations);
})`

func picture(t testing.TB, window context.Context, path string) {
	t.Helper()
	do(t, window, chromedp.ActionFunc(func(ctx context.Context) error {
		png, err := page.CaptureScreenshot().Do(ctx)
		if err != nil {
			return err
		}
		return os.WriteFile(path, png, 0o644)
	}))
}
