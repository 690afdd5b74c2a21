package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardFilesMessages selects, files and takes back with Tab, Space and Enter
// alone, in a list and in a message.
func TestKeyboardFilesMessages(t *testing.T) {
	d := startStage(t)
	window := chromium(t, t.TempDir())
	logIn(t, window, d)
	notice := func(words string) {
		t.Helper()
		var said string
		do(t, window, chromedp.Evaluate(`(document.querySelector('.confirmed') || document.body).innerText`, &said))
		if said = strings.Join(strings.Fields(said), " "); !strings.Contains(said, words) {
			t.Fatalf("the page says %.200q, want %q", said, words)
		}
	}
	at := func(path string) {
		t.Helper()
		if url, _ := location(t, window); url != d.url+path {
			t.Fatalf("the page is %s, want %s", url, path)
		}
	}
	do(t, window, chromedp.Navigate(d.url+"/mail/INBOX?order=size&page=2"))
	tabTo(t, window, `^Select .*\(\d+\) uid$`)
	do(t, window, chromedp.KeyEvent(" "), chromedp.WaitVisible(`[name=uid]:checked`, chromedp.ByQuery))
	// Enter in a box does nothing, and keeps what is selected.
	enter(t, window)
	var selected int
	do(t, window, chromedp.Evaluate(`document.querySelectorAll('[name=uid]:checked').length`, &selected))
	if selected != 1 {
		t.Fatalf("%d messages are selected after Enter", selected)
	}
	tabTo(t, window, `^Delete do$`)
	enter(t, window)
	at("/mail/INBOX?order=size&page=2")
	notice("1 message moved to Trash.")
	tabTo(t, window, `^Undo$`)
	enter(t, window)
	at("/mail/INBOX?order=size&page=2")
	notice("Undone")

	tabTo(t, window, `^Select all on this page `)
	enter(t, window)
	at("/mail/INBOX?order=size&page=2&select=page")
	tabTo(t, window, `^More$`)
	do(t, window, chromedp.KeyEvent(kb.Enter))
	tabTo(t, window, `^To folder to$`)
	do(t, window, chromedp.KeyEvent("Busy"))
	tabTo(t, window, `^Move do$`)
	enter(t, window)
	at("/mail/INBOX?order=size&page=2")
	notice("49 messages moved to Busy. 1 message was not here any more. 1 message stays as it was. There is no more room in your mailbox.")

	do(t, window, chromedp.Navigate(d.url+"/mail/INBOX/7-990"))
	tabTo(t, window, `^Archive do$`)
	enter(t, window)
	at("/mail/INBOX")
	notice("1 message moved to Trash.")
}

// TestLynxFilesMessages does it in lynx, by the words that the page says.
func TestLynxFilesMessages(t *testing.T) {
	d := startStage(t)
	w := openLynx(t, d, "/")
	w.see("Select all on this page", "1–50 of 120")
	w.lynxFollows("Select all on")
	w.see("[X]", "Select none")
	w.lynxFollows("Delete")
	w.see("50 messages moved to Trash.", "Undo", "[ ]")
	w.lynxFollows("Undo")
	w.see("Undone")
	w.lynxFollows("Trash")
	w.see("Empty Trash")
	w.lynxFollows("Empty Trash")
	w.see("120 messages will be deleted for ever")
	w.lynxFollows("Delete for ever")
	w.see("120 messages deleted for ever.")
}

// TestW3mFilesMessages does it in w3m, with real mail.
func TestW3mFilesMessages(t *testing.T) {
	d := startDemo(t)
	w := openW3m(t, d, "/")
	w.see("Inbox", "Priya Raman", "[ ]")
	w.w3mPresses("Move Copy", 2) // the box that comes next
	w.see("[*]")
	w.w3mPresses("Select all on", 1)
	w.see("1 message moved to Archive.", "Undo")
	w.w3mFollows("Undo")
	w.see("Undone: 1 message is as before.", firstSubject)
	w.w3mFollows("Edit folders")
	w.see("Name of the folder")
	w.w3mPresses("Name of the folder", 1)
	w.see("TEXT:")
	w.write("Studies/Lab")
	w.press("Enter")
	w.see("[Studies/Lab")
	w.w3mPresses("A slash puts", 1)
	w.see("The folder Studies/Lab was made.")
}
