package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

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
	d := startDemo(t)
	file := writeFile(t, t.TempDir(), "notes.txt", "own notes\n")
	w := openLynx(t, d, "/")
	w.see("Inbox", "unread")
	w.lynxOpens(d.url + "/compose?to=okafor&subject=From+lynx&body=Hello")
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
	d := startDemo(t)
	dir := t.TempDir()
	file := writeFile(t, dir, "notes.txt", "own notes\n")
	editor := writeFile(t, dir, "editor", "for last; do :; done\nprintf 'Hello from w3m.\\n' >\"$last\"\n")
	w := openW3m(t, d, "/", "-o editor='sh "+editor+"'")
	w.see("Inbox", "Unread. Priya Raman")
	w.w3mOpens(d.url + "/compose?to=okafor&subject=From+w3m")
	w.see("Write", "[okafor")
	w.w3mPresses("^ *To", 2)
	w.see("Found for", "[*]", "Ben Okafor ben@example.edu")
	w.w3mPresses("Add to", 0)
	w.see("[Ben Okafor <ben@example.edu>")
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
