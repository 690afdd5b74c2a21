package account_test

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed/mailgen"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// keeping is an account that keeps settings, as another node would have it.
func (w *world) keeping(senders ...string) *account.Account {
	backend := w.backend()
	backend.Senders = senders
	a := account.New(user+"@example.edu", user, password, backend, account.Config{SettingsFolder: "AlphaMail", Watch: -1}, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(a.Close)
	return a
}

var operations int

// save makes changes and returns the IDs of their records.
func (w *world) keep(a *account.Account, changes ...api.Change) []string {
	w.t.Helper()
	operations++
	answer, err := a.Save(w.t.Context(), fmt.Sprint(operations), &api.SaveQuestion{Changes: changes})
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.IDs
}

func (w *world) listed(a *account.Account, question api.MailboxQuestion) *api.MailboxAnswer {
	w.t.Helper()
	question.Mailbox = "INBOX"
	answer, err := a.Mailbox(w.t.Context(), &question)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func (w *world) fillInbox(messages int) {
	other := w.another()
	for message := range mailgen.New(1, time.Now()).Inbox(messages) {
		w.must(other, appending("INBOX", message.Raw))
	}
}

func TestSettings(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.fillInbox(12)
		first := w.keeping()
		if page := w.listed(first, api.MailboxQuestion{}); page.PageSize != api.DefaultPageSize || page.Settings == nil || !reflect.DeepEqual(*page.Settings, api.Settings{}) {
			t.Errorf("without settings: %d rows a page, settings %+v", page.PageSize, page.Settings)
		}
		want := api.Settings{Language: "de", TimeZone: "Europe/Berlin", RowsPerPage: 5, Sort: api.OrderSize, NoSnippets: true}
		w.keep(first, api.Change{Settings: &want})
		saved := w.counted(func() {
			w.keep(first, api.Change{Settings: &api.Settings{Language: "ar", RowsPerPage: 5, Sort: api.OrderSize, NoSnippets: true}})
		})
		want = api.Settings{Language: "ar", RowsPerPage: 5, Sort: api.OrderSize, NoSnippets: true}
		if saved.Total() != 1 || saved.Commands["APPEND"] != 1 {
			t.Errorf("saving took %v", saved.Commands)
		}

		// Another node reads what the first wrote, with its first page.
		second, without := w.keeping(), w.open(w.backend())
		plain := w.counted(func() { w.listed(without, api.MailboxQuestion{Order: api.OrderSize, PageSize: 5}); w.settle() })
		var page *api.MailboxAnswer
		cost := w.counted(func() { page = w.listed(second, api.MailboxQuestion{}); w.settle() })
		t.Logf("the first page costs %d commands in %d exchanges, %d in %d without settings", cost.Total(), cost.Exchanges, plain.Total(), plain.Exchanges)
		if cost.Logins != plain.Logins || cost.Selects != plain.Selects+1 || cost.Total() > plain.Total()+3 {
			t.Errorf("%d logins and %d SELECTs, %d and %d without settings", cost.Logins, cost.Selects, plain.Logins, plain.Selects)
		}
		if page.Settings == nil || !reflect.DeepEqual(*page.Settings, want) || page.PageSize != 5 || len(page.Rows) != 5 || page.Order != api.OrderSize {
			t.Fatalf("%d rows a page by %q, settings %+v", page.PageSize, page.Order, page.Settings)
		}
		for i, row := range page.Rows {
			if row.Snippet != "" || i > 0 && row.Size > page.Rows[i-1].Size {
				t.Errorf("row %d is %+v", i, row)
			}
		}
		if newest := w.listed(second, api.MailboxQuestion{Order: api.OrderNewest, PageSize: 12}); newest.Order != api.OrderArrival || len(newest.Rows) != 12 || newest.Rows[0].ID.UID < newest.Rows[11].ID.UID {
			t.Errorf("asked for the newest: %q, %d rows", newest.Order, len(newest.Rows))
		}
		for _, folder := range page.Folders {
			if strings.Contains(folder.Mailbox, "AlphaMail") {
				t.Errorf("%s is listed", folder.Mailbox)
			}
		}
		message, err := second.Message(t.Context(), &api.MessageQuestion{ID: page.Rows[0].ID})
		if err != nil || message.Settings == nil || !reflect.DeepEqual(*message.Settings, want) {
			t.Errorf("a message comes with %+v, %v", message, err)
		}
		// What is known costs nothing more, also after the connection was given back.
		second.Rest(true)
		if again := w.listed(second, api.MailboxQuestion{}); again.PageSize != 5 {
			t.Errorf("after a rest: %d rows a page", again.PageSize)
		}
		usual, err := second.Usual(t.Context())
		if err != nil || !reflect.DeepEqual(usual, want) {
			t.Errorf("the settings are %+v, %v", usual, err)
		}
	})
}

// TestManyChangesBecomeFewMessages, while nobody waits.
func TestManyChangesBecomeFewMessages(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		a := w.keeping()
		for i := range 20 {
			w.keep(a, api.Change{Contact: &api.Contact{Name: fmt.Sprint("contact ", i)}})
			if i%5 == 4 {
				w.settle()
			}
		}
		w.settle()
		other := w.another()
		var fetch *imapconn.Fetch
		look := func() int {
			choose := &imapconn.Select{Name: w.mailbox(other, "AlphaMail"), ReadOnly: true}
			fetch = &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Flags: true}}
			w.must(other, choose, fetch)
			return len(fetch.Messages)
		}
		// What comes while messages are put together waits for the next change, and a
		// slow server takes its time.
		contacts := 20
		for ; look() > 10 && contacts < 60; contacts++ {
			w.keep(a, api.Change{Contact: &api.Contact{Name: fmt.Sprint("contact ", contacts)}})
			time.Sleep(500 * time.Millisecond)
		}
		if found, err := w.keeping().Contacts(t.Context(), &api.ContactsQuestion{}); err != nil || found.All != contacts {
			t.Errorf("%+v, %v", found, err)
		}
		if len(fetch.Messages) > 10 {
			t.Errorf("there are %d messages", len(fetch.Messages))
		}
		for _, message := range fetch.Messages {
			if !slices.Contains(message.Flags, imap.FlagSeen) {
				t.Errorf("message %d is new mail to other programs", message.UID)
			}
		}
	})
}

func TestIdentities(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		a := w.keeping()
		got, err := a.Identities(t.Context())
		if want := []api.Identity{{ID: api.OwnIdentity, Address: "ana@example.edu"}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("at first: %+v, %v", got, err)
		}
		own := api.Identity{ID: api.OwnIdentity, Name: "Ana", Address: "ana@example.edu", Signatures: []api.Signature{{Name: "short", Text: "A.\n"}, {Text: "Ana"}}, SignatureChoice: api.SignatureRandom}
		shop := api.Identity{Name: "Ana buys", Address: "Ana+shop@example.edu", ReplyTo: "ana@example.net", Organization: "Home"}
		shop.ID = w.keep(a, api.Change{Identity: &own}, api.Change{Identity: &shop})[1]
		w.keep(a, api.Change{Settings: &api.Settings{DefaultIdentity: shop.ID}})
		got, err = w.keeping().Identities(t.Context())
		if want := []api.Identity{shop, own}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		w.keep(a, api.Change{Delete: &api.Record{Kind: api.RecordIdentity, ID: shop.ID}})
		if got, err = a.Identities(t.Context()); err != nil || !reflect.DeepEqual(got, []api.Identity{own}) {
			t.Errorf("after deleting one: %+v, %v", got, err)
		}
		if got, err = w.keeping("nobody@example.edu").Identities(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("where nothing is allowed: %+v, %v", got, err)
		}
	})
}

func TestSenders(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		for _, test := range []struct {
			senders []string
			address string
			want    bool
		}{
			{nil, "ana@example.edu", true}, {nil, "ANA+x@Example.edu", true}, {nil, "ana+x@example.net", false}, {nil, "anab@example.edu", false},
			{nil, "ben@example.edu", false}, {nil, "ana+x\r\nBcc: b@example.edu", false}, {nil, "", false}, {[]string{"any"}, "ben@example.net", true},
			{[]string{"any"}, "ben", false}, {[]string{"any"}, "a@b@c", false}, {[]string{"any"}, "\"a b\"@example.edu", false},
			{[]string{"*@lists.example.edu"}, "team@lists.example.edu", true}, {[]string{"*@lists.example.edu"}, "team@example.edu", false},
			{[]string{"office@example.edu"}, "Office@example.edu", true}, {[]string{"office@example.edu"}, "ana@example.edu", false},
		} {
			operations++
			_, err := w.keeping(test.senders...).Save(t.Context(), fmt.Sprint(operations), &api.SaveQuestion{Changes: []api.Change{{Identity: &api.Identity{Address: test.address}}}})
			if (err == nil) != test.want || err != nil && code(err) != api.CodeInvalid {
				t.Errorf("%v may write as %q: %v", test.senders, test.address, err)
			}
		}
	})
}

func TestContacts(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		a := w.keeping()
		ids := w.keep(a,
			api.Change{Contact: &api.Contact{Name: "Ben Okafor", Addresses: []string{"ben@example.edu", "ben@example.net"}, Organization: "Physics"}},
			api.Change{Contact: &api.Contact{Name: "Émilie", Addresses: []string{"emilie@example.edu"}}},
			api.Change{List: &api.ContactList{Name: "Seminar", Members: []string{"ben@example.net", "yuki@example.net"}}},
		)
		if err := a.Collect(t.Context(), []api.Address{{Name: "Yuki\nTanaka", Email: "Yuki@example.net"}, {Email: "ben@example.edu"}, {Email: "ana@example.edu"}, {Email: "broken"}}); err != nil {
			t.Fatal(err)
		}
		b := w.keeping()
		page, err := b.Contacts(t.Context(), &api.ContactsQuestion{})
		if err != nil {
			t.Fatal(err)
		}
		if page.All != 2 || page.Total != 2 || page.Contacts[0].Name != "Ben Okafor" || len(page.Lists) != 1 || len(page.Collected) != 1 || page.Collected[0].Name != "Yuki Tanaka" || page.Collected[0].Times != 1 {
			t.Errorf("the address book is %+v", page)
		}
		if page, err = b.Contacts(t.Context(), &api.ContactsQuestion{Query: "ÉMILIE example"}); err != nil || page.Total != 1 || page.All != 2 || len(page.Lists)+len(page.Collected) != 0 {
			t.Errorf("found %+v, %v", page, err)
		}
		w.keep(b, api.Change{Delete: &api.Record{Kind: api.RecordContact, ID: ids[0]}}, api.Change{Delete: &api.Record{Kind: api.RecordAddress, ID: "yuki@example.net"}})
		if _, err := b.Contacts(t.Context(), &api.ContactsQuestion{ID: ids[0]}); code(err) != api.CodeNotFound {
			t.Errorf("a deleted contact: %v", err)
		}
		if one, err := b.Contacts(t.Context(), &api.ContactsQuestion{ID: ids[1]}); err != nil || one.Contacts[0].Name != "Émilie" {
			t.Errorf("one contact: %+v, %v", one, err)
		}
	})
}

func TestCardsInAndOut(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		a := w.keeping()
		w.keep(a, api.Change{Contact: &api.Contact{Name: "Ben", Addresses: []string{"Ben@example.edu"}}})
		cards := "BEGIN:VCARD\r\nFN:Ben again\r\nEMAIL:ben@example.edu\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:Yuki\r\nEMAIL:yuki@example.net\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEND:VCARD\r\n" +
			"BEGIN:VCARD\r\nKIND:group\r\nFN:Team\r\nMEMBER:mailto:yuki@example.net\r\nEND:VCARD\r\n"
		for try, want := range []api.ImportContactsAnswer{{Added: 2, Known: 1, Unusable: 1}, {Added: 0, Known: 3, Unusable: 1}} {
			got, err := a.ImportContacts(t.Context(), "import", &api.ImportContactsQuestion{Cards: []byte(cards)})
			if err != nil || *got != want {
				t.Errorf("import %d: %+v, %v", try, got, err)
			}
		}
		for version, want := range map[string]int{"": 3, "4.0": 3, "3.0": 2} {
			stream, err := a.ExportContacts(t.Context(), &api.ExportContactsQuestion{Version: version})
			if err != nil {
				t.Fatal(err)
			}
			file, err := io.ReadAll(stream.Content)
			if err != nil || int64(len(file)) != stream.Size || strings.Count(string(file), "BEGIN:VCARD") != want || stream.MediaType != "text/vcard" {
				t.Errorf("version %q: %v\n%s", version, err, file)
			}
		}
		if _, err := a.ExportContacts(t.Context(), &api.ExportContactsQuestion{Version: "5"}); code(err) != api.CodeInvalid {
			t.Errorf("version 5: %v", err)
		}
		if _, err := a.ImportContacts(t.Context(), "x", &api.ImportContactsQuestion{Cards: make([]byte, api.MaxImport+1)}); code(err) != api.CodeTooLarge {
			t.Errorf("too large: %v", err)
		}
		var many strings.Builder
		for i := range api.MaxContacts {
			fmt.Fprintf(&many, "BEGIN:VCARD\nFN:Person %d\nEMAIL:p%d@example.edu\nEND:VCARD\n", i, i)
		}
		if _, err := a.ImportContacts(t.Context(), "many", &api.ImportContactsQuestion{Cards: []byte(many.String())}); code(err) != api.CodeTooLarge {
			t.Errorf("more than are kept: %v", err)
		}
		if page, err := a.Contacts(t.Context(), &api.ContactsQuestion{}); err != nil || page.All != 2 {
			t.Errorf("%d contacts, %v", page.All, err)
		}
	})
}

func TestNonsenseIsNotSaved(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		a := w.keeping("any")
		long := strings.Repeat("x", 300)
		for name, change := range map[string]api.Change{
			"nothing": {}, "two": {Settings: &api.Settings{}, List: &api.ContactList{Name: "x"}},
			"zone": {Settings: &api.Settings{TimeZone: "../../etc/passwd"}}, "local zone": {Settings: &api.Settings{TimeZone: "Local"}},
			"rows": {Settings: &api.Settings{RowsPerPage: 201}}, "negative": {Settings: &api.Settings{RowsPerPage: -1}},
			"sort": {Settings: &api.Settings{Sort: "colour"}}, "refresh": {Settings: &api.Settings{RefreshInterval: 1}},
			"language": {Settings: &api.Settings{Language: "de\r\nX: y"}}, "images": {Settings: &api.Settings{Images: "x"}},
			"name": {Identity: &api.Identity{Address: "a@b", Name: "a\r\nBcc: b"}}, "long": {Identity: &api.Identity{Address: "a@b", Name: long}},
			"reply to": {Identity: &api.Identity{Address: "a@b", ReplyTo: "c"}}, "signature": {Identity: &api.Identity{Address: "a@b", Signatures: []api.Signature{{Text: "a\x00b"}}}},
			"another's own": {Identity: &api.Identity{ID: api.OwnIdentity, Address: "a\nb@c"}},
			"no name":       {Contact: &api.Contact{}}, "utf-8": {Contact: &api.Contact{Name: "\xff"}}, "address": {Contact: &api.Contact{Name: "x", Addresses: []string{"a b@c"}}},
			"members": {List: &api.ContactList{Name: "x", Members: make([]string, api.MaxListMembers+1)}},
			"path":    {Delete: &api.Record{Kind: "setting", ID: "language"}}, "prefix": {Delete: &api.Record{Kind: api.RecordContact, ID: "a/b"}}, "all": {Delete: &api.Record{Kind: api.RecordContact}},
			"own": {Delete: &api.Record{Kind: api.RecordIdentity, ID: api.OwnIdentity}},
		} {
			if _, err := a.Save(t.Context(), "x", &api.SaveQuestion{Changes: []api.Change{change}}); code(err) != api.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := a.Save(t.Context(), "", &api.SaveQuestion{Changes: []api.Change{{Settings: &api.Settings{}}}}); code(err) != api.CodeInvalid {
			t.Errorf("without an operation: %v", err)
		}
		if _, err := w.account.Save(t.Context(), "x", &api.SaveQuestion{Changes: []api.Change{{Settings: &api.Settings{}}}}); code(err) != api.CodeUnsupported {
			t.Errorf("where nothing is kept: %v", err)
		}
		if answer, err := w.account.Settings(t.Context(), &api.SettingsQuestion{}); err != nil || !answer.Unsaved || len(answer.Identities) != 1 {
			t.Errorf("where nothing is kept: %+v, %v", answer, err)
		}
	})
}

// TestSettingsWithoutTheMailServer: pages and settings are shown as they were
// known, changes are not taken.
func TestSettingsWithoutTheMailServer(t *testing.T) {
	each(t, 3, func(t *testing.T, w *world) {
		a := w.keeping()
		w.keep(a, api.Change{Settings: &api.Settings{Language: "de", RowsPerPage: 2}})
		w.listed(a, api.MailboxQuestion{})
		if err := w.proxy.Refuse(true); err != nil {
			t.Fatal(err)
		}
		w.proxy.Cut()
		if page := w.listed(a, api.MailboxQuestion{}); page.AsOf.IsZero() || page.Settings.Language != "de" || len(page.Rows) != 2 {
			t.Errorf("the page is %+v", page)
		}
		if answer, err := a.Settings(t.Context(), &api.SettingsQuestion{Fresh: true}); err != nil || answer.Settings.Language != "de" {
			t.Errorf("settings: %+v, %v", answer, err)
		}
		if _, err := a.Save(t.Context(), "later", &api.SaveQuestion{Changes: []api.Change{{Settings: &api.Settings{}}}}); code(err) != api.CodeBackendDown {
			t.Errorf("a change is answered %v", err)
		}
	})
}
