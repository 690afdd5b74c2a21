package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// submitForm fills in fields of the page and sends the form with the first of
// them.
func submitForm(t testing.TB, window context.Context, url string, fields ...string) {
	t.Helper()
	do(t, window, chromedp.Navigate(url))
	for i := 0; i < len(fields); i += 2 {
		do(t, window, chromedp.SetValue(fields[i], fields[i+1], chromedp.ByQuery))
	}
	if _, err := chromedp.RunResponse(window, chromedp.Submit(fields[0], chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
}

// fillAddressBook makes what the pages show, as a person would.
func fillAddressBook(t testing.TB, window context.Context, d *demo) {
	t.Helper()
	for _, one := range [][2]string{
		{"Ana Ruiz", "ana.ruiz@example.edu\nana@example.net"}, {"محمد علي", "mohammed@example.edu"}, {"山田 太郎", "yamada@example.ac.jp"},
		{"Donaudampfschifffahrtsgesellschaftskapitänswitwenverein", "donaudampfschifffahrtsgesellschaftskapitaen@donaudampfschifffahrt.example.net"},
	} {
		submitForm(t, window, d.url+"/contacts/contact?id=", "#name", one[0], "#address", one[1])
	}
	submitForm(t, window, d.url+"/contacts/list?id=", "#name", "Field trip", "#address", "ana@example.net\nyamada@example.ac.jp")
	submitForm(t, window, d.url+"/settings/identity?id=own", "#name", "Robin Meyer", "#signature-text-1", "Robin\nLinguistics")
	submitForm(t, window, d.url+"/settings/identity?id=", "#name", "Robin, list mail", "#address", strings.Replace(d.user, "@", "+lists@", 1))
}

// TestAccessibilityOfSettings lets axe look at the pages of settings and contacts,
// with problems and without.
func TestAccessibilityOfSettings(t *testing.T) {
	axe := axeSource(t)
	d := startDemo(t)
	window := chromium(t, t.TempDir())
	other := *d
	other.user = demoUsers[2] // who has no contacts yet
	logIn(t, window, &other)
	do(t, window, chromedp.Navigate(d.url+"/contacts"))
	judge(t, window, axe, "contacts-none", looks[0])
	do(t, window, network.ClearBrowserCookies())
	logIn(t, window, d)
	fillAddressBook(t, window, d)
	for _, one := range looks {
		if !one.states && os.Getenv("PICTURES") == "" {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			apply(t, window, one)
			do(t, window, network.ClearBrowserCookies())
			logIn(t, window, d)
			for name, path := range map[string]string{
				"settings": "/settings", "settings-saved": "/settings?saved=reading", "identity": "/settings/identity?id=own", "identity-new": "/settings/identity?id=",
				"contacts": "/contacts", "contacts-found": "/contacts?q=ana", "contacts-imported": "/contacts?added=3&known=1&unusable=2",
				"contact-new": "/contacts/contact?id=", "list-new": "/contacts/list?id=",
			} {
				visit(t, window, axe, d.url+path, name, one)
			}
			submitForm(t, window, d.url+"/settings", "#zone", "Mars/Base")
			judge(t, window, axe, "settings-problem", one)
			submitForm(t, window, d.url+"/contacts/contact?id=", "#address", "nobody")
			judge(t, window, axe, "contact-problem", one)
		})
	}
}

// TestKeyboardSettings changes settings with Tab, arrows and Enter alone, and sees
// what comes of it.
func TestKeyboardSettings(t *testing.T) {
	d := startDemo(t)
	window := chromium(t, t.TempDir())
	do(t, window, chromedp.EmulateViewport(1280, 800))
	logIn(t, window, d)
	follow := func(words, path, heading string) {
		t.Helper()
		tabTo(t, window, words)
		enter(t, window)
		if url, got := location(t, window); !strings.HasSuffix(url, path) || got != heading {
			t.Fatalf("%q leads to %s, %q", words, url, got)
		}
	}
	follow(`^Settings `, "/settings", "Settings")
	tabTo(t, window, `^Messages on a page rows$`)
	do(t, window, chromedp.KeyEvent(kb.ArrowUp)) // 20
	tabTo(t, window, `^Rows of lists density$`)
	do(t, window, chromedp.KeyEvent("c"))
	tabTo(t, window, `^First folder after login start$`)
	do(t, window, chromedp.KeyEvent("s"))
	tabTo(t, window, `^Refresh lists refresh$`)
	do(t, window, chromedp.KeyEvent(kb.ArrowDown))
	follow(`^Save`, "/settings?saved=reading#reading-section", "Settings")
	tabTo(t, window, `^Language language$`)
	do(t, window, chromedp.KeyEvent("D"))
	tabTo(t, window, `^Time zone zone$`)
	do(t, window, chromedp.KeyEvent("Asia/Tokyo"))
	tabTo(t, window, `^Dates dates$`)
	do(t, window, chromedp.KeyEvent("2"))
	follow(`^Save`, "/settings?saved=language#language-section", "Einstellungen")

	do(t, window, chromedp.Navigate(d.url+"/"))
	if url, heading := location(t, window); !strings.HasSuffix(url, "/mail/Sent") || heading != "Gesendet" {
		t.Errorf("the first folder is %s, %q", url, heading)
	}
	do(t, window, chromedp.Navigate(d.url+"/mail/INBOX"))
	var seen struct {
		Rows    int
		Compact bool
		Times   []string
		Zone    string
	}
	do(t, window, chromedp.Evaluate(`({
		rows: document.querySelectorAll('ul.rows > li').length, compact: !!document.querySelector('ul.rows.compact'),
		times: [...document.querySelectorAll('ul.rows time')].map(one => one.innerText), zone: document.querySelector('ul.rows time').dateTime.slice(-6),
	})`, &seen))
	iso := regexp.MustCompile(`^(\d\d:\d\d|\d{4}-\d\d-\d\d)$`)
	for _, when := range seen.Times {
		if !iso.MatchString(when) {
			t.Errorf("a date is %q", when)
		}
	}
	if seen.Rows != 20 || !seen.Compact || seen.Zone != "+09:00" {
		t.Errorf("the list is %+v", seen)
	}

	follow(`^Kontakte `, "/contacts", "Kontakte")
	follow(`^Neuer Kontakt `, "/contacts/contact?id=", "Neuer Kontakt")
	tabTo(t, window, `^Name name$`)
	do(t, window, chromedp.KeyEvent("Ana"))
	tabTo(t, window, `^Adressen, .* address$`)
	do(t, window, chromedp.KeyEvent("ana@example.net"))
	follow(`^Speichern`, "/contacts", "Kontakte")
	tabTo(t, window, `^Kontakte suchen q$`)
	do(t, window, chromedp.KeyEvent("net"))
	enter(t, window)
	follow(`^Ana.*ana@example.net`, "", "Kontakt")
	follow(`^Löschen`, "/contacts", "Kontakte")
}
