package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardTools finds what is seldom done with a message, with Tab and Enter
// alone, and keeps the order of the list that it came from.
func TestKeyboardTools(t *testing.T) {
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
	const page = "/mail/INBOX/7-8?order=sender"
	do(t, window, chromedp.Navigate(d.url+page))
	tabTo(t, window, `^More$`)
	do(t, window, chromedp.KeyEvent(kb.Enter))
	tabTo(t, window, `^Add sender to contacts do$`)
	tabTo(t, window, `^Save as file .*/raw\?download=1$`)
	do(t, window, chromedp.Navigate(d.url+page))
	tabTo(t, window, `^More$`)
	do(t, window, chromedp.KeyEvent(kb.Enter))
	follow(`^Ways to unsubscribe `, "/mail/INBOX/7-8/unsubscribe?order=sender")
	tabTo(t, window, `^Unsubscribe do$`)
	tabTo(t, window, `^Open the page https://list.example.edu/`)
	do(t, window, chromedp.Navigate(d.url+page))
	follow(`^Next message `, "/mail/INBOX/7-1?order=sender")
	follow(`^Back to Inbox `, "/mail/INBOX?order=sender")
	tabTo(t, window, `/mail/INBOX/7-\d+\?order=sender$`) // a row
}

// TestLynxTools finds the same in lynx.
func TestLynxTools(t *testing.T) {
	d := startStage(t)
	w := openLynx(t, d, "/mail/INBOX/7-8?order=sender")
	w.see("Add sender to contacts", "Unsubscribe", "Raw source", "Save as file", "Always show those from weekly@list.example.edu")
	w.lynxFollows("Ways to unsubscribe")
	w.see("Unsubscribe from this list", "list.example.edu", "Open the page")
	w.lynxFollows("Back to the message")
	w.see("Add sender to contacts")
}

// TestCurlTakesAttachments saves all attachments of a message and its source, from
// the demo.
func TestCurlTakesAttachments(t *testing.T) {
	d := startDemo(t)
	v := newVisitor(t)
	inbox := v.logIn(d.url, d.user, d.password)
	for _, link := range messageLinks(inbox) {
		page := v.open(d.url + link)
		if !strings.Contains(page.body, link+"/attachments") {
			continue
		}
		archive := v.open(d.url + link + "/attachments")
		reader, err := zip.NewReader(bytes.NewReader([]byte(archive.body)), int64(len(archive.body)))
		if err != nil || len(reader.File) < 2 || archive.header.Get("Content-Type") != "application/zip" || !strings.HasPrefix(archive.header.Get("Content-Disposition"), "attachment; filename") {
			t.Fatalf("%v, headers %v", err, archive.header)
		}
		for _, file := range reader.File {
			content, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, content); err != nil {
				t.Errorf("%s: %v", file.Name, err)
			}
		}
		if unzip, err := exec.LookPath("unzip"); err == nil {
			path := writeFile(t, t.TempDir(), "a.zip", archive.body)
			if out, err := exec.CommandContext(t.Context(), unzip, "-t", path).CombinedOutput(); err != nil {
				t.Errorf("unzip: %v\n%s", err, out)
			}
		}
		source := v.open(d.url + link + "/raw?download=1")
		if name := source.header.Get("Content-Disposition"); !strings.Contains(name, ".eml") || !strings.Contains(name, "20") {
			t.Errorf("the source is saved as %q", name)
		}
		return
	}
	t.Error("no message on the first page has several attachments")
}
