package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"alphamail/bench/testbed/need"
	"alphamail/mime"
)

// arrives waits until a user of the demo has a message and reads it.
func (d *demo) arrives(t *testing.T, user, subject string) *mime.Message {
	t.Helper()
	reader := newVisitor(t)
	inbox := reader.logIn(d.url, user, d.password)
	eventually(t, fmt.Sprintf("%s has %q", user, subject), func() error {
		if inbox = reader.open(d.url + "/mail/INBOX"); !strings.Contains(inbox.body, subject) {
			return fmt.Errorf("the inbox of %s has no %q", user, subject)
		}
		return nil
	})
	for _, link := range messageLinks(inbox) {
		if page := reader.open(d.url + link); strings.Contains(page.body, "<h1 dir=\"auto\">"+subject) {
			return mime.Parse([]byte(reader.open(d.url + link + "/raw").body))
		}
	}
	t.Fatalf("%q cannot be opened", subject)
	return nil
}

// check looks at what arrived.
func check(t *testing.T, message *mime.Message, text, file, content string) {
	t.Helper()
	view := mime.Render(message)
	if len(view.Text) == 0 || len(view.Text[0].Spans) == 0 || view.Text[0].Spans[0].Text != text {
		t.Errorf("the text is %+v", view.Text)
	}
	if len(view.Parts) != 1 || view.Parts[0].Filename != file {
		t.Fatalf("the files are %+v", view.Parts)
	}
	if got := view.Parts[0].Text(); strings.TrimSpace(got) != content {
		t.Errorf("the file holds %q", got)
	}
}

// TestLynxWrites writes a message with a file in lynx and sends it.
func TestLynxWrites(t *testing.T) {
	lynx := need.Command(t, "lynx")
	d := startDemo(t)
	dir := t.TempDir()
	settings, file := writeFile(t, dir, "lynx.cfg", lynxSettings), writeFile(t, dir, "notes.txt", "own notes\n")
	w := openTerminal(t, bare(t)+lynx+" -nopause -cfg="+settings+" "+d.url+"/")
	w.see("Log in", "Password")
	w.write(d.user)
	w.see(d.user)
	w.press("Down", "Down") // over the domain to the password
	w.write(d.password)
	w.see(strings.Repeat("*", len(d.password)))
	w.press("Down", "Enter")
	w.see("Inbox", "unread")
	w.press("g")
	w.see("URL to open")
	w.press("C-u")
	w.write(d.url + "/compose?to=okafor&subject=From+lynx&body=Hello")
	w.press("Enter")
	w.see("To okafor", "Subject From lynx", "From Robin Meyer")
	w.write("/Find")
	w.press("Enter", "Enter")
	w.see("Found for", "[X] Ben Okafor ben@example.edu")
	w.write("/Add to")
	w.press("Enter", "Enter")
	w.see("To Ben Okafor", "Subject From lynx")
	w.write("/Replies to")
	w.press("Enter", "Down", "Down") // over the subject to the text
	w.write(" from lynx.")
	w.see("Hello from lynx.", "--", "Robin Meyer")
	for range 18 {
		w.press("Down")
	}
	w.see("(File entry field)")
	w.write(file)
	w.press("Down", "Enter") // the button that attaches
	w.see("Saved in Drafts")
	w.write("/notes.txt")
	w.press("Enter")
	w.see("[X] notes.txt")
	w.write("/Send")
	w.press("Enter", "Enter")
	w.see("Your message was sent.")
	check(t, d.arrives(t, "ben@example.edu", "From lynx"), "Hello from lynx.", "notes.txt", "own notes")
}

// TestW3mWrites does the same in w3m, which opens an editor for the text.
func TestW3mWrites(t *testing.T) {
	w3m := need.Command(t, "w3m")
	d := startDemo(t)
	dir := t.TempDir()
	file := writeFile(t, dir, "notes.txt", "own notes\n")
	editor := writeFile(t, dir, "editor", "for last; do :; done\nprintf 'Hello from w3m.\\n' >\"$last\"\n")
	w := openTerminal(t, bare(t)+w3m+" -cookie -o accept_cookie=1 -o editor='sh "+editor+"' "+d.url+"/")
	w.see("Log in", "Password")
	w.press("Tab", "Enter")
	w.see("TEXT:")
	w.write(d.user)
	w.press("Enter")
	w.see(d.user)
	w.press("Tab", "Tab", "Enter")
	w.see("Password:")
	w.write(d.password)
	w.press("Enter")
	w.see(strings.Repeat("*", len(d.password)))
	w.press("Tab", "Enter")
	w.see("Inbox", "Unread. Priya Raman")
	w.press("U")
	w.see("Goto URL")
	w.press("C-u")
	w.write(d.url + "/compose?to=ben@example.edu&subject=From+w3m")
	w.press("Enter")
	w.see("Write")
	w.write("/Message")
	w.press("Enter", "Tab", "Enter")
	w.see("[Hello from w3m.")
	w.write("/Add files")
	w.press("Enter", "Tab", "Enter")
	w.see("Filename:")
	w.write(file)
	w.press("Enter")
	w.write("/Send Save")
	w.press("Enter", "Enter")
	w.see("Inbox")
	check(t, d.arrives(t, "ben@example.edu", "From w3m"), "Hello from w3m.", "notes.txt", "own notes")
}

// TestKeyboardWrites writes with Tab and Enter alone, in a browser that runs no
// scripts: Enter within a field saves, and never sends.
func TestKeyboardWrites(t *testing.T) {
	d := startDemo(t)
	window := chromium(t, t.TempDir())
	do(t, window, emulation.SetScriptExecutionDisabled(true))
	logIn(t, window, d)
	tabTo(t, window, `^Write .*/compose$`)
	enter(t, window)
	tabTo(t, window, `^To to$`)
	do(t, window, chromedp.KeyEvent("ben@example.edu, carol"))
	tabTo(t, window, `^Subject subject$`)
	do(t, window, chromedp.KeyEvent("From the keyboard"))
	enter(t, window)
	url, _ := location(t, window)
	if !strings.Contains(url, "/compose?draft=") || !strings.Contains(url, "saved=1") {
		t.Fatalf("Enter within a field leads to %s", url)
	}
	tabTo(t, window, `^Message text$`)
	do(t, window, chromedp.KeyEvent("Hello from the keyboard."))
	tabTo(t, window, `^Send do$`)
	enter(t, window)
	tabTo(t, window, `^carol is not a mail address. .*#to$`)
	enterHere(t, window)
	tabTo(t, window, `^To to$|^Cc cc$`)
	do(t, window, chromedp.Focus(`#to`, chromedp.ByQuery), chromedp.KeyEvent(kb.End))
	for range len(", carol") {
		do(t, window, chromedp.KeyEvent(kb.Backspace))
	}
	tabTo(t, window, `^Send do$`)
	enter(t, window)
	if url, _ := location(t, window); !strings.HasSuffix(url, "/mail/INBOX?done=sent") {
		t.Fatalf("sending leads to %s", url)
	}
	message := d.arrives(t, "ben@example.edu", "From the keyboard")
	if view := mime.Render(message); len(view.Text) == 0 || view.Text[0].Spans[0].Text != "Hello from the keyboard." {
		t.Errorf("the text is %+v", view.Text)
	}
}

// enterHere follows a link within the page.
func enterHere(t testing.TB, window context.Context) {
	t.Helper()
	do(t, window, chromedp.KeyEvent(kb.Enter))
}
