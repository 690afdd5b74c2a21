package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// notes is the file that is attached.
const notes = "own notes\n"

// writesInLynx answers, attaches, goes on elsewhere, sends and forwards in lynx.
func (p *writingPlace) writesInLynx(t *testing.T) {
	file := writeFile(t, t.TempDir(), "lynx.txt", notes)
	w := openLynx(t, &demo{url: p.one, user: lyn, password: anaPassword}, "/")
	w.see("Inbox", "Field trip")
	w.lynxFollows("Field trip")
	w.see("From: Ben", "Take two.")
	w.lynxFollows("Reply")
	w.see("To Ben <ben@example.edu>", "Subject Re: Field trip", "> Take two.")
	w.write("/Replies to")
	w.press("Enter", "Down", "Down") // over the subject to the text
	w.write("I will, from lynx.")
	w.see("I will, from lynx.")
	w.write("\t") // to the file
	w.see("(File entry field)")
	w.write(file)
	w.press("Down", "Enter") // the button that attaches
	w.see("Saved in Drafts")

	w.lynxOpens(p.draftsOf(p.two))
	w.see("Sort and filter", "Re: Field trip")
	w.lynxFollows("Re: Field trip")
	w.see("To Ben <ben@example.edu>", "Subject Re: Field trip", "I will, from lynx.")
	w.write("/Replies to")
	w.press("Enter", "Down")
	w.write(" on Friday")
	w.see("Subject Re: Field trip on Friday")
	w.write("\t\t") // over the text
	w.write("/Send")
	w.press("Enter", "Enter")
	w.see("Your message was sent.")

	w.lynxFollows("Field trip")
	w.see("From: Ben", "Take two.")
	w.lynxFollows("Forward")
	w.see("Subject Fwd: Field trip", "Take two.")
	w.write("/Replies to")
	w.press("Enter")
	w.press("Up", "Up", "Up", "Up", "Up", "Up") // over Bcc and Cc
	w.write("ben@example.edu")
	w.see("To ben@example.edu")
	w.write("\t/Send")
	w.press("Enter", "Enter")
	w.see("Your message was sent.")
	p.check(t, lyn, "I will, from lynx.", "lynx.txt", []byte(notes), 0)
}

// writesInW3m does the same in w3m, which opens an editor for the text.
func (p *writingPlace) writesInW3m(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "w3m.txt", notes)
	editor := writeFile(t, dir, "editor", "for last; do :; done\n{ printf 'I will, from w3m.\\n'; cat \"$last\"; } >\"$last.new\"\nmv \"$last.new\" \"$last\"\n")
	w := openW3m(t, &demo{url: p.one, user: wim, password: anaPassword}, "/", "-o editor='sh "+editor+"'")
	w.see("Inbox", "Field trip")
	w.w3mFollows("Field trip")
	w.see("From: Ben", "Take two.")
	w.w3mFollows("Reply")
	w.see("Write", "[Ben <ben@example.edu>", "[Re: Field trip")
	w.w3mPresses("Message", 1)
	w.see("[I will, from w3m.")
	w.w3mPresses("Add files", 1)
	w.see("Filename:")
	w.write(file)
	w.press("Enter", "Tab", "Enter") // the button that attaches
	w.see("Saved in Drafts")

	w.w3mOpens(p.draftsOf(p.two))
	w.see("Sort and filter", "Re: Field trip")
	w.w3mFollows("Re: Field trip")
	w.see("Write", "[I will, from w3m.")
	w.w3mPresses("Subject", 1)
	w.see("TEXT:")
	w.write(" on Friday")
	w.press("Enter")
	w.see("[Re: Field trip on Friday")
	w.w3mPresses("Send Save", 0)
	w.see("Inbox", "Your message was sent.")

	w.w3mFollows("Field trip")
	w.see("From: Ben", "Take two.")
	w.w3mFollows("Forward")
	w.see("Write", "[Fwd: Field trip")
	w.w3mPresses("^ *To", 1)
	w.see("TEXT:")
	w.write("ben@example.edu")
	w.press("Enter")
	w.see("[ben@example.edu")
	w.w3mPresses("Send Save", 0)
	w.see("Inbox", "Your message was sent.")
	p.check(t, wim, "I will, from w3m.", "w3m.txt", []byte(notes), 0)
}

// writesInChromium does the same in Chromium, which runs no scripts.
func (p *writingPlace) writesInChromium(t *testing.T) {
	file := writeFile(t, t.TempDir(), "chromium.txt", notes)
	window := chromium(t, t.TempDir())
	do(t, window, emulation.SetScriptExecutionDisabled(true))
	logIn(t, window, &demo{url: p.one, user: cora, password: anaPassword})
	press := func(selector, leadsTo string) {
		t.Helper()
		if _, err := chromedp.RunResponse(window, chromedp.Click(selector, chromedp.ByQuery)); err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		if url, _ := location(t, window); !strings.Contains(url, leadsTo) {
			t.Fatalf("%s leads to %s", selector, url)
		}
	}
	press(`ul.rows a`, "/mail/INBOX/")
	press(`a[href^="/compose?reply="]`, "/compose")
	do(t, window, chromedp.SendKeys(`#text`, "I will, from Chromium.", chromedp.ByQuery), chromedp.SetUploadFiles(`#file`, []string{file}, chromedp.ByQuery))
	press(`button[value=attach]`, "saved=1")

	do(t, window, chromedp.Navigate(p.draftsOf(p.two)))
	press(`a[href^="/compose?draft="]`, p.two+"/compose?draft=")
	do(t, window, chromedp.Focus(`#subject`, chromedp.ByQuery), chromedp.KeyEvent(kb.End), chromedp.KeyEvent(" on Friday"))
	press(`button[value=send]`, "/mail/INBOX?done=sent")

	press(`ul.rows a`, "/mail/INBOX/")
	press(`a[href^="/compose?forward="]`, "/compose")
	do(t, window, chromedp.SendKeys(`#to`, "ben@example.edu", chromedp.ByQuery))
	press(`button[value=send]`, "/mail/INBOX?done=sent")
	p.check(t, cora, "I will, from Chromium.", filepath.Base(file), []byte(notes), 0)
}
