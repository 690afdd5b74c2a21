package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alphamail/node/api"
)

var now = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// documents draws documents whose fields often meet, at times that are often the
// same.
var documents = rapid.Custom(func(t *rapid.T) Document {
	d := Document{}
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		name := rapid.SampledFrom([]string{"setting/language", "contact/a", "contact/a/name", "address/x@example.edu", "später/neu"}).Draw(t, "name")
		field := Field{Time: rapid.Int64Range(0, 3).Draw(t, "time")}
		if rapid.Bool().Draw(t, "there") {
			value, err := marshal(rapid.StringN(0, 3, -1).Draw(t, "value"))
			if err != nil {
				t.Fatal(err)
			}
			field.Value = value
		}
		d[name] = field
	}
	return d
})

func same(a, b Document) bool {
	return maps.EqualFunc(a, b, func(x, y Field) bool { return x.Time == y.Time && bytes.Equal(x.Value, y.Value) })
}

// TestMergeIsAJoin: the order of messages and one that is there twice make no
// difference.
func TestMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := documents.Draw(t, "a"), documents.Draw(t, "b"), documents.Draw(t, "c")
		before := maps.Clone(a)
		if !same(Merge(a, b), Merge(b, a)) {
			t.Fatal("not commutative")
		}
		if !same(Merge(Merge(a, b), c), Merge(a, Merge(b, c))) {
			t.Fatal("not associative")
		}
		if !same(Merge(a, a), a) || !same(Merge(Merge(a, b), b), Merge(a, b)) {
			t.Fatal("not idempotent")
		}
		if !same(a, before) {
			t.Fatal("merging changed its argument")
		}
	})
}

// TestWhatIsWrittenIsRead: a message says exactly what the document says.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documents.Draw(t, "document")
		message, err := format(d, "ana@example.edu", now)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parse(message); err != nil || !same(read, d) {
			t.Fatalf("%v became %v, %v", d, read, err)
		}
	})
}

// TestLaterWriterWins: of two changes the one made with knowledge of the other
// wins, even if the clock of its machine is late.
func TestLaterWriterWins(t *testing.T) {
	first := change(t, Document{}, now, api.Change{Settings: &api.Settings{Language: "de", RowsPerPage: 20}})
	second := change(t, first, now.Add(-time.Hour), api.Change{Settings: &api.Settings{Language: "ar", RowsPerPage: 20}})
	if len(second) != 1 {
		t.Errorf("more was written than has changed: %v", second)
	}
	got := NewBook(Merge(second, first)).Settings
	if want := (api.Settings{Language: "ar", RowsPerPage: 20}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	third := change(t, Merge(first, second), now, api.Change{Settings: &api.Settings{}})
	if got := NewBook(Merge(Merge(first, third), second)).Settings; !reflect.DeepEqual(got, api.Settings{}) {
		t.Errorf("after going back to the defaults: %+v", got)
	}
}

// TestTwoWriters change different things without knowing of each other.
func TestTwoWriters(t *testing.T) {
	base := change(t, Document{}, now, api.Change{Contact: &api.Contact{Name: "Ben", Addresses: []string{"ben@example.edu"}}})
	id := NewBook(base).Contacts[0].ID
	a := change(t, base, now.Add(time.Second), api.Change{Contact: &api.Contact{ID: id, Name: "Ben Okafor", Addresses: []string{"ben@example.edu"}}})
	b := change(t, base, now.Add(time.Minute), api.Change{Contact: &api.Contact{ID: id, Name: "Ben", Addresses: []string{"ben@example.edu"}, Phone: "+49 30 1"}})
	got := NewBook(Merge(Merge(base, a), b)).Contacts
	want := []api.Contact{{ID: id, Name: "Ben Okafor", Addresses: []string{"ben@example.edu"}, Phone: "+49 30 1"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	gone := change(t, base, now, api.Change{Delete: &api.Record{Kind: api.RecordContact, ID: id}})
	if got := NewBook(Merge(Merge(base, b), gone)).Contacts; len(got) != 0 {
		t.Errorf("a deleted contact came back: %+v", got)
	}
}

func TestSavingTwiceMakesOne(t *testing.T) {
	add := api.Change{Contact: &api.Contact{Name: "Ben"}}
	first, ids, err := Changed(Document{}, []api.Change{add}, "operation", now)
	if err != nil {
		t.Fatal(err)
	}
	second, again, err := Changed(Document{}, []api.Change{add}, "operation", now.Add(time.Second))
	if err != nil || ids[0] != again[0] || len(NewBook(Merge(first, second)).Contacts) != 1 {
		t.Errorf("%v and %v, %v", ids, again, err)
	}
	_, _, err = Changed(first, []api.Change{{Contact: &api.Contact{ID: "unknown", Name: "x"}}}, "", now)
	if api.AsError(err).Code != api.CodeNotFound {
		t.Errorf("changing what is not there: %v", err)
	}
}

// TestUnknownFieldsAreKept: a later version may have written them.
func TestUnknownFieldsAreKept(t *testing.T) {
	d := Document{
		"setting/colour": {json.RawMessage(`{"of":"a later <version>"}`), 5}, "job/7/state": {json.RawMessage(`"half"`), 5},
		"setting/language": {json.RawMessage(`["not","a","word"]`), 5}, "contact/x": {json.RawMessage("true"), 5},
		"contact/x/name": {json.RawMessage(`17`), 5}, "contact/x/phone": {json.RawMessage(`"1"`), 5},
	}
	message, err := format(Prune(d, now), "ana@example.edu", now)
	if err != nil {
		t.Fatal(err)
	}
	read, err := parse(message)
	if err != nil || !same(read, d) {
		t.Errorf("kept %v, %v", read, err)
	}
	book := NewBook(d)
	if book.Settings.Language != "" || len(book.Contacts) != 1 || book.Contacts[0].Phone != "1" {
		t.Errorf("read as %+v", book)
	}
}

func TestPrune(t *testing.T) {
	old, young := now.Add(-tombstoneAge-time.Hour).UnixMilli(), now.Add(-time.Hour).UnixMilli()
	d := Document{
		"contact/a": {nil, old}, "contact/a/phone": {json.RawMessage(`"written by somebody who did not know"`), young},
		"contact/b": {nil, young}, "contact/b/name": {nil, young}, "setting/language": {nil, old}, "setting/sort": {json.RawMessage(`"date"`), old},
	}
	var used []api.Address
	for i := range api.MaxCollected + 5 {
		used = append(used, api.Address{Email: fmt.Sprintf("%d@example.edu", i)})
	}
	first, err := Collect(Document{}, used, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Collect(first, used[5:], now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	pruned := Prune(Merge(Merge(d, first), again), now)
	for name, want := range map[string]bool{
		"contact/a": false, "contact/a/phone": false, "contact/b": true, "contact/b/name": true, "setting/language": false, "setting/sort": true,
		"address/0@example.edu": false, "address/5@example.edu": true,
	} {
		if _, got := pruned[name]; got != want {
			t.Errorf("%s: kept %v, want %v", name, got, want)
		}
	}
	if book := NewBook(pruned); len(book.Collected) != api.MaxCollected || book.Collected[0].Times != 2 {
		t.Errorf("%d collected addresses, the first %+v", len(book.Collected), book.Collected[0])
	}
}

func change(t testing.TB, known Document, now time.Time, changes ...api.Change) Document {
	t.Helper()
	written, _, err := Changed(known, changes, fmt.Sprint(now), now)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// TestMessageForPeople: somebody who finds it with another program understands
// what it is.
func TestMessageForPeople(t *testing.T) {
	message, err := format(Document{}, "ana@example.edu", now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"From: \"AlphaMail\" <ana@example.edu>\r\n", "Subject: AlphaMail settings (please keep)\r\n",
		"Content-Type: text/plain; charset=us-ascii\r\n", "Please leave it here", "filename=alphamail-settings.json\r\n",
	} {
		if !bytes.Contains(message, []byte(want)) {
			t.Errorf("%q is missing in\n%s", want, message)
		}
	}
	if bytes.Contains(bytes.ReplaceAll(message, []byte("\r\n"), nil), []byte("\n")) {
		t.Error("a line does not end with CRLF")
	}
	for _, address := range []string{"ünï@example.edu", "a\r\nBcc: b@example.edu", ""} {
		message, err := format(Document{}, address, now)
		if _, failed := parse(message); err != nil || failed != nil || bytes.Contains(message, []byte("\nBcc")) {
			t.Errorf("%q: %v, %v", address, err, failed)
		}
	}
}

func TestTooMuchIsNotWritten(t *testing.T) {
	large := json.RawMessage(`"` + strings.Repeat("x", maxValue-2) + `"`)
	d := Document{}
	for i := range 50 {
		d[fmt.Sprint("contact/", i, "/note")] = Field{large, 1}
	}
	for name, d := range map[string]Document{
		"all": d, "value": {"setting/x": {append(large, ' '), 1}}, "name": {strings.Repeat("x", maxName+1): {large, 1}},
		"time": {"setting/x": {large, maxTime + 1}}, "bad name": {"\xff": {large, 1}},
	} {
		if _, err := format(d, "", now); err == nil {
			t.Errorf("%s is written", name)
		}
	}
}

func FuzzMessage(f *testing.F) {
	message, err := format(Document{"setting/language": {json.RawMessage(`"de"`), 5}, "contact/a": {nil, 7}}, "ana@example.edu", now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	f.Add(bytes.ReplaceAll(message, []byte("Encoding: base64"), []byte("Encoding: 8bit")))
	f.Fuzz(func(t *testing.T, message []byte) {
		d, err := parse(message)
		if err != nil {
			return
		}
		NewBook(Prune(d, now))
		again, err := format(d, "ana@example.edu", now)
		if err != nil {
			return // escapes made it larger
		}
		if read, err := parse(again); err != nil || !same(read, d) {
			t.Errorf("%v became %v, %v", d, read, err)
		}
	})
}

func FuzzData(f *testing.F) {
	for _, seed := range []string{`{"fields":{}}`, `{"fields":{"setting/language":{"value":"de","time":5},"contact/a":{"time":7}}}`, `{"fields":{"x":{"value":null,"time":1}}}`, `{"fields":null}`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseData(data)
		if err != nil {
			return
		}
		message, err := format(d, "ana@example.edu", now)
		if err != nil {
			return
		}
		if read, err := parse(message); err != nil || !same(read, d) {
			t.Errorf("%v became %v, %v", d, read, err)
		}
	})
}

// TestJobsStayUndone writes how far a job is without having heard that it was undone
// and seen.
func TestJobsStayUndone(t *testing.T) {
	now := time.Now()
	known, err := PutJobs(nil, []Job{{ID: "a", State: api.JobDone, Done: 1, Ended: now.UnixMilli(), UndoneBy: "b", Seen: true}}, now)
	if err != nil {
		t.Fatal(err)
	}
	late := []Job{{ID: "a", State: api.JobDone, Done: 2, Ended: now.UnixMilli()}}
	written, err := PutJobs(known, late, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := NewBook(Merge(known, written)).Jobs; len(got) != 1 || got[0].Done != 2 || got[0].UndoneBy != "b" || !got[0].Seen || late[0].UndoneBy != "b" {
		t.Errorf("%+v", got)
	}
}
