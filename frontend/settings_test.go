package frontend_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"alphamail/node/api"
)

// kept are settings with which everything is different.
var kept = &api.SettingsAnswer{
	Settings: api.Settings{
		Language: "de", TimeZone: "Asia/Tokyo", DateStyle: api.DateStyleISO, RowsPerPage: 20, Sort: api.OrderSender, Density: api.DensityCompact,
		Images: api.ImagesAlways, StartFolder: "Work/a", RefreshInterval: 300,
	},
	Identities: []api.Identity{{ID: api.OwnIdentity, Address: "ana@example.edu"}, {ID: "two", Name: "Zwei", Address: "ana+2@example.edu"}},
	Senders:    []string{api.OwnSender},
}

// fill sends a form of a page with its hidden fields.
func fill(t *testing.T, client *http.Client, shown, action string, fields url.Values) reply {
	t.Helper()
	form := get(t, client, shown)
	fields.Set("csrf", token(t, form))
	return send(t, client, "POST", action, fields, nil)
}

func (n *fakeNode) lastAsked() any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

func TestSavingSettings(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	node.kept = kept
	for name, test := range map[string]struct {
		fields url.Values
		want   func(*api.Settings)
		to     string
	}{
		"reading": {
			url.Values{"section": {"reading"}, "rows": {"50"}, "sort": {"date"}, "reverse": {"1"}, "density": {""}, "images": {""}, "start": {""}, "refresh": {"0"}},
			func(s *api.Settings) {
				s.RowsPerPage, s.Sort, s.SortReverse, s.NoSnippets, s.Density, s.Images, s.StartFolder, s.RefreshInterval = 0, api.OrderDate, true, true, "", "", "", 0
			}, "/settings?saved=reading#reading-section",
		},
		"writing": {
			url.Values{"section": {"writing"}, "identity": {"two"}, "position": {"below"}, "above": {"1"}},
			func(s *api.Settings) {
				s.DefaultIdentity, s.ReplyPosition, s.QuoteOriginal, s.SignatureAboveQuote = "two", api.ReplyBelow, api.QuoteNothing, true
			}, "/settings?saved=writing#writing-section",
		},
		"language": {
			url.Values{"section": {"language"}, "language": {"ar"}, "zone": {" Europe/Berlin "}, "dates": {""}},
			func(s *api.Settings) { s.Language, s.TimeZone, s.DateStyle = "ar", "Europe/Berlin", "" }, "/settings?saved=language#language-section",
		},
	} {
		answer := fill(t, client, base+"/settings", base+"/settings", test.fields)
		want := kept.Settings
		test.want(&want)
		asked, ok := node.lastAsked().(*api.SaveQuestion)
		if answer.StatusCode != 303 || answer.Header.Get("Location") != test.to || !ok || !reflect.DeepEqual(asked.Changes, []api.Change{{Settings: &want}}) {
			t.Errorf("%s: status %d to %q, saved %+v", name, answer.StatusCode, answer.Header.Get("Location"), asked)
		}
		calls := node.calls()
		if id := calls[len(calls)-1].OperationID; len(id) < 20 {
			t.Errorf("%s: the operation is %q", name, id)
		}
	}
	// What cannot be saved comes back with the reason, and with what was typed.
	for name, test := range map[string]struct {
		refusal error
		fields  url.Values
		status  int
		says    string
	}{
		"zone":    {nil, url.Values{"section": {"language"}, "zone": {"Mars/Base"}}, 400, `value="Mars/Base"`},
		"section": {nil, url.Values{"section": {"x"}}, 400, "Einstellungen"},
		"nobody":  {api.NewError(api.CodeInvalid, "", nil), url.Values{"section": {"reading"}, "rows": {"x"}}, 400, `role="alert"`},
		"full":    {api.NewError(api.CodeTooLarge, "", nil), url.Values{"section": {"reading"}, "rows": {"20"}}, 400, "Postfach ist voll"},
		"away":    {api.NewError(api.CodeBackendDown, "", nil), url.Values{"section": {"language"}, "zone": {"Asia/Seoul"}}, 502, `value="Asia/Seoul"`},
	} {
		node.refusal = test.refusal
		if answer := fill(t, client, base+"/settings", base+"/settings", test.fields); answer.StatusCode != test.status || !strings.Contains(answer.text, test.says) {
			t.Errorf("%s: status %d\n%s", name, answer.StatusCode, answer.text)
		}
	}
}

// A form that comes twice as it is, is one operation. What is typed into the same page
// after going back to it is another, and so is the same in another page.
func TestOperationsOfForms(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	first, second := token(t, get(t, client, base+"/contacts/contact")), token(t, get(t, client, base+"/contacts/contact"))
	seen := map[string]string{}
	for _, form := range []struct{ name, page, path, person string }{
		{"once", first, "/contacts/contact?id=", "Ana"}, {"once", first, "/contacts/contact?id=", "Ana"}, {"another person", first, "/contacts/contact?id=", "Ben"},
		{"another page", second, "/contacts/contact?id=", "Ana"}, {"another form", first, "/contacts/list?id=", "Ana"},
	} {
		if answer := send(t, client, "POST", base+form.path, url.Values{"csrf": {form.page}, "name": {form.person}}, nil); answer.StatusCode != 303 {
			t.Fatalf("%s: status %d\n%s", form.name, answer.StatusCode, answer.text)
		}
		calls := node.calls()
		operation := calls[len(calls)-1].OperationID
		if known, ok := seen[operation]; ok && known != form.name || operation == "" {
			t.Errorf("%s is the operation %q, as is %s", form.name, operation, known)
		}
		seen[operation] = form.name
	}
	if len(seen) != 4 {
		t.Errorf("%d operations: %v", len(seen), seen)
	}
}

// TestForgedForms change nothing.
func TestForgedForms(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	before := len(node.calls())
	for _, path := range []string{"/settings", "/settings/identity?id=own", "/contacts", "/contacts/contact?id=ben", "/contacts/list?id=team", "/contacts/import"} {
		for name, fields := range map[string]url.Values{
			"no token": {"section": {"reading"}}, "another token": {"csrf": {strings.Repeat("A", 86)}}, "nothing": {},
		} {
			if answer := send(t, client, "POST", base+path, fields, nil); answer.StatusCode != 403 && answer.StatusCode != 400 {
				t.Errorf("%s with %s: status %d", path, name, answer.StatusCode)
			}
		}
	}
	if asked := len(node.calls()) - before; asked != 0 {
		t.Errorf("a node was asked %d times", asked)
	}
	form := get(t, client, base+"/settings")
	good := url.Values{"csrf": {token(t, form)}, "section": {"language"}}
	for name, header := range map[string]map[string]string{"origin": {"Origin": "https://evil.example"}, "site": {"Sec-Fetch-Site": "cross-site"}} {
		if answer := send(t, client, "POST", base+"/settings", good, header); answer.StatusCode != 403 {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
	}
	if answer := get(t, client, base+"/contacts/import"); answer.StatusCode != 405 {
		t.Errorf("GET of the import: status %d", answer.StatusCode)
	}
	if answer := send(t, client, "POST", base+"/contacts/export", good, nil); answer.StatusCode != 405 {
		t.Errorf("POST of the export: status %d", answer.StatusCode)
	}
}

func TestSettingsTakeEffect(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	node.kept = kept
	form := get(t, client, base+"/login")
	answer := send(t, client, "POST", base+"/login", url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "csrf": {token(t, form)}}, nil)
	if answer.Header.Get("Location") != "/mail/Work~1a" {
		t.Errorf("login leads to %q", answer.Header.Get("Location"))
	}
	if answer := get(t, client, base+"/"); answer.Header.Get("Location") != "/mail/Work~1a" {
		t.Errorf("/ leads to %q", answer.Header.Get("Location"))
	}
	list := get(t, client, base+"/mail/INBOX")
	_, offset := time.Now().In(mustLoad(t, "Asia/Tokyo")).Zone()
	for _, want := range []string{`lang="de"`, "Einstellungen", `class="rows compact"`, "+09:00", "order=arrival"} {
		if !strings.Contains(list.text, want) {
			t.Errorf("the list lacks %q (%d)\n%s", want, offset, list.text)
		}
	}
	if got := list.Header.Get("Refresh"); got != "300" {
		t.Errorf("Refresh: %q", got)
	}
	if q := node.lastAsked().(*api.MailboxQuestion); q.Order != "" || q.PageSize != 0 {
		t.Errorf("the node was not left to choose: %+v", q)
	}
	get(t, client, base+"/mail/INBOX?order=arrival")
	if q := node.lastAsked().(*api.MailboxQuestion); q.Order != api.OrderNewest {
		t.Errorf("asked for %+v", q)
	}
	for path, want := range map[string]string{"": `/body?remote=1"`, "?remote=0": `/body"`} {
		if message := get(t, client, base+"/mail/INBOX/1-2"+path); !strings.Contains(message.text, want) || message.Header.Get("Refresh") != "" {
			t.Errorf("%q: no %q, or it refreshes\n%s", path, want, message.text)
		}
	}
	for path, want := range map[string]string{"/folders": "Ordner", "/contacts": "Kontakte", "/settings/identity?id=two": "Zwei", "/mail/INBOX/1-2/print": `lang="de"`} {
		if page := get(t, client, base+path); page.StatusCode != 200 || !strings.Contains(page.text, want) {
			t.Errorf("%s: status %d lacks %q", path, page.StatusCode, want)
		}
	}
}

func mustLoad(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestSavingIdentities(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	node.kept = &api.SettingsAnswer{Identities: kept.Identities}
	save := func(id string, fields url.Values) (reply, api.Change) {
		answer := fill(t, client, base+"/settings/identity?id="+id, base+"/settings/identity?id="+id, fields)
		asked, ok := node.lastAsked().(*api.SaveQuestion)
		if !ok {
			return answer, api.Change{}
		}
		return answer, asked.Changes[0]
	}
	answer, change := save("own", url.Values{
		"name": {" Ana "}, "address": {"forged@example.net"}, "reply-to": {"a@example.net"}, "organization": {"Uni"}, "choice": {"random"},
		"signature-name-1": {"kurz"}, "signature-text-1": {"A\r\n--\r\n"}, "signature-text-2": {" \r\n"}, "signature-text-3": {"B"},
	})
	want := api.Identity{
		ID: "own", Name: "Ana", Address: "ana@example.edu", ReplyTo: "a@example.net", Organization: "Uni",
		Signatures: []api.Signature{{Name: "kurz", Text: "A\n--"}, {Text: "B"}}, SignatureChoice: api.SignatureRandom,
	}
	if answer.StatusCode != 303 || !reflect.DeepEqual(change, api.Change{Identity: &want}) {
		t.Errorf("status %d, saved %+v", answer.StatusCode, change.Identity)
	}
	if answer, change = save("", url.Values{"address": {"ana+x@example.edu"}}); answer.StatusCode != 303 || change.Identity == nil || change.Identity.ID != "" {
		t.Errorf("a new one: status %d, %+v", answer.StatusCode, change)
	}
	if answer, change = save("two", url.Values{"delete": {"1"}}); answer.StatusCode != 303 || !reflect.DeepEqual(change.Delete, &api.Record{Kind: api.RecordIdentity, ID: "two"}) {
		t.Errorf("deleting: status %d, %+v", answer.StatusCode, change)
	}
	if answer, _ = save("two", url.Values{"address": {"no address"}}); answer.StatusCode != 400 || !strings.Contains(answer.text, `value="no address"`) || !strings.Contains(answer.text, "is not a mail address") {
		t.Errorf("no address: status %d\n%s", answer.StatusCode, answer.text)
	}
	node.refusal = api.NewError(api.CodeInvalid, "", nil)
	if answer, _ = save("two", url.Values{"name": {"Zwei B"}, "address": {"b@example.edu"}}); answer.StatusCode != 400 || !strings.Contains(answer.text, `value="Zwei B"`) || !strings.Contains(answer.text, "You may not write as this address") {
		t.Errorf("refused: status %d\n%s", answer.StatusCode, answer.text)
	}
	if answer := get(t, client, base+"/settings/identity?id=nobody"); answer.StatusCode != 404 {
		t.Errorf("an unknown identity: status %d", answer.StatusCode)
	}
}

func TestSavingContacts(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	save := func(path string, fields url.Values) (reply, api.Change) {
		shown := path
		if path == "/contacts" {
			shown = "/contacts?q="
		}
		answer := fill(t, client, base+shown, base+path, fields)
		for _, asked := range []any{node.lastAsked()} {
			if asked, ok := asked.(*api.SaveQuestion); ok {
				return answer, asked.Changes[0]
			}
		}
		return answer, api.Change{}
	}
	answer, change := save("/contacts/contact?id=ben", url.Values{"name": {"Ben"}, "address": {"a@example.edu\r\nb@example.edu, a@example.edu"}, "note": {"x\r\ny"}})
	want := &api.Contact{ID: "ben", Name: "Ben", Addresses: []string{"a@example.edu", "b@example.edu"}, Note: "x\ny"}
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/contacts" || !reflect.DeepEqual(change.Contact, want) {
		t.Errorf("status %d, saved %+v", answer.StatusCode, change.Contact)
	}
	if answer, change = save("/contacts/list?id=", url.Values{"name": {"Team"}, "address": {"a@example.edu"}}); answer.StatusCode != 303 || !reflect.DeepEqual(change.List, &api.ContactList{Name: "Team", Members: []string{"a@example.edu"}}) {
		t.Errorf("status %d, saved %+v", answer.StatusCode, change.List)
	}
	if answer, change = save("/contacts/list?id=team", url.Values{"delete": {"1"}}); answer.StatusCode != 303 || !reflect.DeepEqual(change.Delete, &api.Record{Kind: api.RecordList, ID: "team"}) {
		t.Errorf("status %d, deleted %+v", answer.StatusCode, change.Delete)
	}
	if answer, change = save("/contacts", url.Values{"forget": {"x@example.edu"}}); answer.StatusCode != 303 || !reflect.DeepEqual(change.Delete, &api.Record{Kind: api.RecordAddress, ID: "x@example.edu"}) {
		t.Errorf("status %d, forgot %+v", answer.StatusCode, change.Delete)
	}
	for name, test := range map[string]struct {
		path   string
		fields url.Values
		says   string
	}{
		"empty": {"/contacts/contact?id=", url.Values{}, "A name is missing"}, "no address": {"/contacts/contact?id=", url.Values{"name": {"N"}, "address": {"a@b@c"}}, "a@b@c</textarea>"},
		"list": {"/contacts/list?id=", url.Values{"address": {"a@example.edu"}}, "a@example.edu</textarea>"}, "list address": {"/contacts/list?id=", url.Values{"name": {"L"}, "address": {"x"}}, "x is not a mail address"},
	} {
		if answer, _ := save(test.path, test.fields); answer.StatusCode != 400 || !strings.Contains(answer.text, test.says) {
			t.Errorf("%s: status %d\n%s", name, answer.StatusCode, answer.text)
		}
	}
	node.refusal = api.NewError(api.CodeNotFound, "", nil)
	if answer, _ = save("/contacts/contact?id=ben", url.Values{"name": {"Ben B"}}); answer.StatusCode != 400 || !strings.Contains(answer.text, `action="/contacts/contact?id="`) || !strings.Contains(answer.text, `value="Ben B"`) {
		t.Errorf("deleted meanwhile: status %d\n%s", answer.StatusCode, answer.text)
	}
	for _, path := range []string{"/contacts/contact?id=team", "/contacts/contact?id=nobody", "/contacts/list?id=ben"} {
		if answer := get(t, client, base+path); answer.StatusCode != 404 {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	if answer := get(t, client, base+"/contacts/contact?name=N+N&address=n@example.edu"); !strings.Contains(answer.text, `value="N N"`) || !strings.Contains(answer.text, "n@example.edu</textarea>") {
		t.Errorf("a form that is filled in: %s", answer.text)
	}
}

func TestCards(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	upload := func(name string, content []byte) reply {
		t.Helper()
		form := get(t, client, base+"/contacts")
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		err := parts.WriteField("csrf", token(t, form))
		file, failed := parts.CreateFormFile(name, "x.vcf")
		if err = errors.Join(err, failed); err == nil {
			_, err = file.Write(content)
		}
		if err = errors.Join(err, parts.Close()); err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), "POST", base+"/contacts/import", &body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", parts.FormDataContentType())
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{response, string(text)}
	}
	cards := bytes.Repeat([]byte("\x00\xff"), 100_000) // more than other forms may have
	answer := upload("cards", cards)
	asked, _ := node.lastAsked().(*api.ImportContactsQuestion)
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/contacts?added=3&known=2&unusable=1" || asked == nil || !bytes.Equal(asked.Cards, cards) {
		t.Errorf("status %d to %q\n%s", answer.StatusCode, answer.Header.Get("Location"), answer.text)
	}
	if page := get(t, client, base+answer.Header.Get("Location")); !strings.Contains(page.text, "3 were added. 2 were there already. 1 card could not be used.") {
		t.Errorf("the page after the import: %s", page.text)
	}
	for name, test := range map[string]struct {
		field   string
		content []byte
		status  int
	}{"empty": {"cards", nil, 400}, "another field": {"x", []byte("x"), 400}, "too large": {"cards", make([]byte, api.MaxImport+20<<10), 413}} {
		if answer := upload(test.field, test.content); answer.StatusCode != test.status {
			t.Errorf("%s: status %d\n%s", name, answer.StatusCode, answer.text)
		}
	}
	node.part = &api.Stream{StreamHead: api.StreamHead{MediaType: "text/vcard", Name: "contacts.vcf", Size: 4}, Content: io.NopCloser(strings.NewReader("data"))}
	export := get(t, client, base+"/contacts/export?version=3.0")
	if export.StatusCode != 200 || export.text != "data" || !strings.HasPrefix(export.Header.Get("Content-Disposition"), "attachment") || node.lastAsked().(*api.ExportContactsQuestion).Version != "3.0" {
		t.Errorf("the export: status %d, %q, %v", export.StatusCode, export.text, export.Header)
	}
}
