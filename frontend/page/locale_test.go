package page

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"alphamail/node/api"
)

func readMessages(t *testing.T, name string) []*i18n.Message {
	t.Helper()
	path := "locales/active." + name + ".json"
	content, err := localeFiles.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := i18n.ParseMessageFileBytes(content, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages
}

func gaps(t *testing.T, message string) []string {
	t.Helper()
	p, err := compile(message)
	if err != nil {
		t.Fatalf("%q: %v", message, err)
	}
	var names []string
	for _, piece := range p {
		if piece.gap != "" {
			names = append(names, piece.gap)
		}
	}
	slices.Sort(names)
	return names
}

// formsOf are the forms of a message by the CLDR category that they are for.
func formsOf(m *i18n.Message) map[plural.Form]string {
	return map[plural.Form]string{
		plural.Zero: m.Zero, plural.One: m.One, plural.Two: m.Two,
		plural.Few: m.Few, plural.Many: m.Many, plural.Other: m.Other,
	}
}

func TestLanguagesAreComplete(t *testing.T) {
	source := map[string]*i18n.Message{}
	for _, m := range readMessages(t, "en") {
		source[m.ID] = m
		if m.Description == "" {
			t.Errorf("%s has no description for translators", m.ID)
		}
	}
	for _, name := range Languages() {
		messages := readMessages(t, name)
		if len(messages) != len(source) {
			t.Errorf("%s has %d messages, English %d", name, len(messages), len(source))
		}
		tag := language.MustParse(name)
		for _, m := range messages {
			original := source[m.ID]
			if original == nil {
				t.Errorf("%s: %s is not in English", name, m.ID)
				continue
			}
			if strings.TrimSpace(m.Other) == "" {
				t.Errorf("%s: %s is empty", name, m.ID)
			}
			if original.One == "" {
				// English has a choice of words here too (DateShort), so a translation may take another one.
				if got, want := gaps(t, m.Other), gaps(t, original.Other); m.ID != "DateShort" && !slices.Equal(got, want) {
					t.Errorf("%s: %s has gaps %v, want %v", name, m.ID, got, want)
				}
				continue
			}
			checkForms(t, tag, m)
		}
	}
}

// checkForms demands a form for each plural category that the language uses.
func checkForms(t *testing.T, tag language.Tag, m *i18n.Message) {
	t.Helper()
	forms := formsOf(m)
	for n := range 200 {
		form := plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)
		message := forms[form]
		if message == "" {
			t.Errorf("%v: %s has no form for %d", tag, m.ID, n)
			return
		}
		if (m.ID == "UnreadCount" || m.ID == "DraftCount") && !slices.Equal(gaps(t, message), []string{"Count"}) {
			t.Errorf("%v: %s for %d does not hold the count", tag, m.ID, n)
		}
	}
}

// Our compiled messages must say what go-i18n says.
func TestPatternsAgreeWithGoI18n(t *testing.T) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, name := range Languages() {
		if _, err := bundle.LoadMessageFileFS(localeFiles, "locales/active."+name+".json"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range Languages() {
		reference, l := i18n.NewLocalizer(bundle, name), localeOf(name)
		for id, words := range map[string]*counted{"UnreadCount": &l.UnreadCount, "Attachments": &l.Attachments, "MoreRecipients": &l.MoreRecipients} {
			for _, n := range []int{0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 111, 1000, 12431, 10_000_001} {
				number := l.number(n)
				want, err := reference.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: map[string]string{"Count": number}})
				if err != nil {
					t.Fatal(err)
				}
				if got := words.fill(n, number); got != want {
					t.Errorf("%s: %s of %d is %q, want %q", name, id, n, got, want)
				}
			}
		}
		want, err := reference.Localize(&i18n.LocalizeConfig{MessageID: "MessageRange", TemplateData: map[string]string{"First": "1", "Last": "50", "Total": "60"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.MessageRange.fill("Last", "50", "Total", "60", "First", "1"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestPatternsAreStrict(t *testing.T) {
	for _, message := range []string{"{{", "{{.}}", "{{Count}}", "{{.Count}", "a {{ .Count }} b"} {
		if _, err := compile(message); err == nil {
			t.Errorf("%q was accepted", message)
		}
	}
}

func TestLoadingRefusesWrongMessages(t *testing.T) {
	var complete words
	if err := complete.load(language.English, readMessages(t, "en")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]*i18n.Message) []*i18n.Message{
		"missing": func(m []*i18n.Message) []*i18n.Message { return m[1:] },
		"unknown": func(m []*i18n.Message) []*i18n.Message { return append(m, &i18n.Message{ID: "Nobody", Other: "x"}) },
		"empty":   func(m []*i18n.Message) []*i18n.Message { m[0].Other = ""; return m },
	} {
		var w words
		if err := w.load(language.English, change(readMessages(t, "en"))); err == nil {
			t.Errorf("a file with a message %s was accepted", name)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for header, want := range map[string]string{
		"":                                   "en",
		"de-AT,de;q=0.9,en;q=0.5":            "de",
		"en-GB,en;q=0.9":                     "en",
		"ar-EG":                              "ar",
		"fr-FR,fr;q=0.9,de;q=0.8,en;q=0.7":   "de",
		"zh":                                 "en",
		"*":                                  "en",
		"de;q=0.2, ar;q=0.9":                 "ar",
		"not a header;;;":                    "en",
		strings.Repeat("de,", 10_000) + "de": "en",
	} {
		if got := Negotiate(header); got != want {
			t.Errorf("Negotiate(%.40q) = %q, want %q", header, got, want)
		}
	}
	if got := Languages(); got[0] != "en" {
		t.Errorf("the default is %s", got[0])
	}
	if got := localeOf("tlh").language; got != "en" {
		t.Errorf("an unknown language gets %s", got)
	}
}

// Every kind of news has words in every language, and the words have all they
// speak of.
func TestNewsHasWords(t *testing.T) {
	complete := func(name string, p phrase) {
		t.Helper()
		if p.pattern == nil {
			t.Errorf("%s has no words", name)
		}
		for _, piece := range p.pattern {
			if piece.gap != "" && !slices.Contains(p.pairs, piece.gap) {
				t.Errorf("%s: nothing fills %s", name, piece.gap)
			}
		}
	}
	for _, name := range Languages() {
		v := viewOf(contextIn(name))
		for _, kind := range []api.DoubtKind{api.DoubtName, api.DoubtLetters, api.DoubtReply, api.DoubtSender, api.DoubtSeveral, api.DoubtNobody} {
			complete(name+" "+string(kind), v.doubt(&api.Doubt{Kind: kind}))
		}
		seen := map[string]bool{}
		for _, action := range []string{"failed", "delayed", "delivered", "relayed", "expanded", "displayed", "deleted", ""} {
			said := v.reported(&api.ReportedRecipient{Action: action})
			complete(name+" "+action, said)
			seen[said.pattern[0].text+said.pattern[len(said.pattern)-1].text] = true
		}
		for _, reason := range []api.ReportReason{
			api.ReasonNoMailbox, api.ReasonNoHost, api.ReasonDisabled, api.ReasonFull, api.ReasonTooLarge, api.ReasonUnreachable, api.ReasonExpired, api.ReasonLoop,
			api.ReasonNotAllowed, api.ReasonSpam, api.ReasonUnproven, api.ReasonContent, api.ReasonBusy, api.ReasonBadAddress, api.ReasonNotSupported,
		} {
			said := v.reason(&api.ReportedRecipient{Action: "failed", Reason: reason})
			if said == "" || seen[said] {
				t.Errorf("%s: %s is %q", name, reason, said)
			}
			seen[said] = true
			if said := v.reason(&api.ReportedRecipient{Action: "delivered", Reason: reason}); said != "" {
				t.Errorf("%s: delivered, and yet %q", name, said)
			}
		}
		for _, status := range []string{"accepted", "declined", "tentative", "delegated"} {
			guest := api.Attendee{Name: "Ben", Status: status}
			complete(name+" reply "+status, v.reply(&api.Event{Reply: status, Attendees: []api.Attendee{guest}}))
			if v.guestStatus(&guest) == "" {
				t.Errorf("%s: a guest who has %s has no words", name, status)
			}
		}
	}
}
