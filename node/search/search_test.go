package search

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var now = time.Date(2026, 11, 26, 15, 4, 5, 0, time.FixedZone("", 3600))

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, now.Location())
}

func TestTerms(t *testing.T) {
	for text, want := range map[string][]Term{
		"budget":                      {{Text: "budget"}},
		"  annual   report ":          {{Text: "annual"}, {Text: "report"}},
		`"annual  report" 2026`:       {{Text: "annual report"}, {Text: "2026"}},
		"“annual report”":             {{Text: "annual report"}},
		`"never ended`:                {{Text: "never ended"}},
		"-spam":                       {{Not: true, Text: "spam"}},
		`-"not this" but this`:        {{Not: true, Text: "not this"}, {Text: "but"}, {Text: "this"}},
		"a - b -- c":                  {{Text: "a"}, {Text: "b"}, {Text: "c"}},
		"from:anna":                   {{Field: From, Text: "anna"}},
		"FROM:Anna":                   {{Field: From, Text: "Anna"}},
		`-subject:"next week"`:        {{Field: Subject, Not: true, Text: "next week"}},
		"subject:Übung":               {{Field: Subject, Text: "Übung"}},
		"is:unread is:STARRED":        {{Field: Is, Text: "unread"}, {Field: Is, Text: "flagged"}},
		"has:attachments":             {{Field: Has, Text: "attachment"}},
		"before:2026-05-07":           {{Field: Before, Date: day(2026, 5, 7)}},
		"after:7.5.2026":              {{Field: After, Date: day(2026, 5, 7)}},
		"after:2026/5":                {{Field: After, Date: day(2026, 5, 1)}},
		"after:2025":                  {{Field: After, Date: day(2025, 1, 1)}},
		"after:2w":                    {{Field: After, Date: day(2026, 11, 12)}},
		"before:1Y -after:today":      {{Field: Before, Date: day(2025, 11, 26)}, {Field: After, Not: true, Date: day(2026, 11, 26)}},
		"larger:1.5M":                 {{Field: Larger, Size: 1_500_000}},
		"smaller:20kB":                {{Field: Smaller, Size: 20_000}},
		"larger:17":                   {{Field: Larger, Size: 17}},
		`in:"Old mail" in:Work/2024`:  {{Field: In, Text: "Old mail"}, {Field: In, Text: "Work/2024"}},
		"https://example.edu/a?b=c":   {{Text: "https://example.edu/a?b=c"}},
		"12:30":                       {{Text: "12:30"}},
		"Re: report":                  {{Text: "Re:"}, {Text: "report"}},
		"same same -same":             {{Text: "same"}, {Not: true, Text: "same"}},
		"tab\tand\r\nline\x00end":     {{Text: "tab"}, {Text: "and"}, {Text: "line"}, {Text: "end"}},
		`""  body:x`:                  {{Field: Body, Text: "x"}},
		"日本 語":                        {{Text: "日本"}, {Text: "語"}},
		`to:"o'brien, pat"`:           {{Field: To, Text: "o'brien, pat"}},
		"c++":                         {{Text: "c++"}},
		"semester-plan":               {{Text: "semester-plan"}},
		"verylongwordbeforecolon:abc": {{Text: "verylongwordbeforecolon:abc"}},
	} {
		got, problem := Parse(text, now)
		if problem != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %+v; want %+v", text, got, problem, want)
		}
	}
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]Problem{
		"":                            {Kind: Empty},
		` - "" -- `:                   {Kind: Empty},
		strings.Repeat("x", 1001):     {Kind: TooLong},
		"sender:anna":                 {Kind: UnknownField, Term: "sender:anna"},
		"subjct:x":                    {Kind: UnknownField, Term: "subjct:x", Suggestion: "subject"},
		`-form:"a b" x`:               {Kind: UnknownField, Term: `-form:"a b"`, Suggestion: "from"},
		"subject:":                    {Kind: NoValue, Term: "subject:"},
		"subject: report":             {Kind: NoValue, Term: "subject:"},
		`from:"" x`:                   {Kind: NoValue, Term: `from:""`},
		"before:soon":                 {Kind: BadDate, Term: "before:soon"},
		"after:2026-13-01":            {Kind: BadDate, Term: "after:2026-13-01"},
		"after:9999y":                 {Kind: BadDate, Term: "after:9999y"},
		"larger:huge":                 {Kind: BadSize, Term: "larger:huge"},
		"larger:1e9":                  {Kind: BadSize, Term: "larger:1e9"},
		"smaller:-5":                  {Kind: BadSize, Term: "smaller:-5"},
		"larger:99999999999999999999": {Kind: BadSize, Term: "larger:99999999999999999999"},
		"is:great":                    {Kind: BadWord, Term: "is:great"},
		"has:fun":                     {Kind: BadWord, Term: "has:fun"},
		strings.Repeat("-", 5):        {Kind: Empty},
	} {
		got, problem := Parse(text, now)
		if problem == nil || *problem != want || got != nil {
			t.Errorf("%.40q: %+v, %+v; want %+v", text, got, problem, want)
		}
	}
	many := ""
	for i := range MaxTerms + 1 {
		many += " " + strings.Repeat("a", i+1)
	}
	if _, problem := Parse(many, now); problem == nil || problem.Kind != TooLong {
		t.Errorf("%d terms: %+v", MaxTerms+1, problem)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a -b", `from:"x y" before:7d`, "larger:1,5M", "is:unread", "“”", "\xff:", "subject:", "-", `"`, "before:d", "larger:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, problem := Parse(text, now)
		if (problem == nil) != (len(terms) > 0) || len(terms) > MaxTerms {
			t.Fatalf("%q: %d terms, %+v", text, len(terms), problem)
		}
		for _, term := range terms {
			texts := term.Field != Before && term.Field != After && term.Field != Larger && term.Field != Smaller
			if texts == (term.Text == "") || !utf8.ValidString(term.Text) || strings.ContainsAny(term.Text, "\x00\r\n") || term.Size < 0 {
				t.Fatalf("%q: %+v", text, term)
			}
			if dated := term.Field == Before || term.Field == After; dated == term.Date.IsZero() {
				t.Fatalf("%q: %+v", text, term)
			}
		}
	})
}
