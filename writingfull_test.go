package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// smallQuota gives the users of a Dovecot 3 MB each.
const smallQuota = `
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=3M
}
`

// fillUp appends to Ana's INBOX until not even a small message fits.
func fillUp(t *testing.T, address string) {
	t.Helper()
	for _, size := range []int{1 << 20, 64 << 10, 4 << 10, 300} {
		for appends(t, address, size) {
		}
	}
}

// appends puts a message of so many bytes into Ana's INBOX; false when it does not
// fit. The client closes its connection after that.
func appends(t *testing.T, address string, size int) bool {
	t.Helper()
	client := anasClient(t, address)
	defer client.Close()
	raw := "From: filler@example.edu\r\nSubject: filler\r\n\r\n" + strings.Repeat("x", size-2) + "\r\n"
	command := client.Append("INBOX", int64(len(raw)), nil)
	io.WriteString(command, raw)
	command.Close()
	_, err := command.Wait()
	var refusal *imap.Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Code != imap.ResponseCodeOverQuota) {
		t.Fatalf("%d bytes: %v", size, err)
	}
	return err == nil
}

func anasClient(t *testing.T, address string) *imapclient.Client {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Login(ana, anaPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	return client
}

// makeRoom removes what fillUp put there.
func makeRoom(t *testing.T, address string) {
	t.Helper()
	client := anasClient(t, address)
	defer client.Close()
	if _, err := client.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	found, err := client.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "filler"}}}, nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Store(found.All, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWritingIntoAFullMailbox writes and sends while a real Dovecot takes nothing more:
// what was typed comes back with the reason, a draft that was saved before goes out
// once, and is put away when there is room.
func TestWritingIntoAFullMailbox(t *testing.T) {
	p := startWriting(t, smallQuota, "", nil)
	browser := newVisitor(t)
	browser.logIn(p.one, ana, anaPassword)
	written := func(subject string) (seen, *filledForm) {
		t.Helper()
		page := browser.open(p.one + "/compose?to=ben@example.edu&subject=" + url.QueryEscape(subject))
		form := formOf(t, page, "text")
		form.set("text", "Words of "+subject)
		return page, form
	}
	pressed := func(page seen, form *filledForm, button string) seen {
		t.Helper()
		page, err := browser.press(page, form, button, nil)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	inDrafts := func() (all []string) {
		t.Helper()
		raw, flags := mailboxOf(t, p.imap, ana, anaPassword, "Drafts")
		for i, one := range raw {
			all = append(all, fmt.Sprint(letterOf(one).Text, flags[i]))
		}
		return all
	}

	page, form := written("before")
	saved := pressed(page, form, "save")
	if !strings.Contains(saved.body, "Saved in Drafts") {
		t.Fatalf("saving with room: status %d\n%s", saved.status, saved.body)
	}
	fillUp(t, p.imap)

	// Nothing new fits. What was typed comes back, and nothing goes out.
	page, form = written("without room")
	for _, button := range []string{"save", "send", "save"} {
		page = pressed(page, form, button)
		form = formOf(t, page, "text")
		if page.status != http.StatusRequestEntityTooLarge || form.value("text") != "Words of without room" || form.value("to") != "ben@example.edu" || !strings.Contains(page.body, "no room left") {
			t.Fatalf("%s in a full mailbox: status %d\n%s", button, page.status, page.body)
		}
	}
	withoutRoom, itsForm := page, form

	// A draft that is changed stays as it was saved, beside what was typed.
	form = formOf(t, saved, "text")
	form.set("text", "Longer words of before")
	page = pressed(saved, form, "save")
	if page.status != http.StatusRequestEntityTooLarge || formOf(t, page, "text").value("text") != "Longer words of before" {
		t.Errorf("a draft that is changed: status %d\n%s", page.status, page.body)
	}
	if drafts := inDrafts(); len(drafts) != 1 || !strings.HasPrefix(drafts[0], "Words of before") {
		t.Errorf("drafts: %q", drafts)
	}

	// As it was saved, it goes out, once, and says that it did until there is room.
	sent := pressed(saved, formOf(t, saved, "text"), "send")
	if !strings.Contains(sent.body, "Your message was sent.") || !strings.Contains(sent.body, "Its copy could not be put away yet") {
		t.Fatalf("sending: status %d at %s\n%s", sent.status, sent.url, sent.body)
	}
	again := pressed(saved, formOf(t, saved, "text"), "send")
	if !strings.Contains(again.body, "was sent") || strings.Contains(again.body, "This message was not sent") {
		t.Errorf("sending it again: status %d at %s\n%s", again.status, again.url, again.body)
	}
	p.arrived(t, ana, 1)
	drafts := browser.open(p.draftsOf(p.one))
	_, link, _ := strings.Cut(drafts.body, `href="/compose?draft=`)
	link, _, _ = strings.Cut(link, `"`)
	left := browser.open(p.one + "/compose?draft=" + link)
	if !strings.Contains(left.body, "This message was sent. Only putting it away failed.") {
		t.Fatalf("the draft that is left:\n%s", left.body)
	}

	makeRoom(t, p.imap)
	settled, err := browser.post(left, "/compose/settle", url.Values{"draft": {formOf(t, left, "text").value("draft")}, "do": {"sent"}})
	if err != nil || !strings.Contains(settled.body, "Your message was sent.") {
		t.Errorf("putting it away: status %d at %s, %v\n%s", settled.status, settled.url, err, settled.body)
	}
	if later := pressed(withoutRoom, itsForm, "send"); !strings.Contains(later.body, "Your message was sent.") || strings.Contains(later.body, "could not be put away") {
		t.Errorf("sending what did not fit: status %d at %s\n%s", later.status, later.url, later.body)
	}
	messages := p.arrived(t, ana, 2)
	for i, subject := range []string{"before", "without room"} {
		if got := messages[i].Header.Get("Subject"); got != subject {
			t.Errorf("message %d is %q", i, got)
		}
	}
	copies, _ := mailboxOf(t, p.imap, ana, anaPassword, "Sent")
	if drafts := inDrafts(); len(drafts) != 0 || len(copies) != 2 {
		t.Errorf("%d copies, drafts %q", len(copies), drafts)
	}
}
