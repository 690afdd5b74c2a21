package mime

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutAtCharacters(t *testing.T) {
	const family, flag, hand = "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽"
	for text, wants := range map[string]map[int]string{
		"hello world":            {5: "hello", 8: "hello wo", 11: "hello world", 0: ""},
		"e\u0301e\u0301e\u0301":  {1: "", 2: "e\u0301", 3: "e\u0301", 4: "e\u0301e\u0301"},
		family + "x":             {3: "", 7: family, 8: family + "x"},
		flag + flag:              {1: "", 2: flag, 3: flag, 4: flag + flag},
		"a" + hand + "b":         {1: "a", 2: "a", 3: "a" + hand},
		"नमस्ते":                 {1: "न", 4: "नम", 6: "नमस्ते"},
		"\u1112\u1161\u11AB字":    {1: "", 2: "", 3: "\u1112\u1161\u11AB"},
		"a\u200b\u200b\u00ad b":  {3: "a b"},
		"tab\tnew\nline\u00a0x":  {14: "tab new line x"},
		"مرحبا بالعالم":          {5: "مرحبا"},
		"می\u200cخواهم":          {8: "می\u200cخواهم"},
		"\u2800\u3164 a":         {5: "a"},
		"long words are cut off": {16: "long words are"},
	} {
		for most, want := range wants {
			got := cut(text, most)
			if got != want {
				t.Errorf("%q cut to %d: %q, want %q", text, most, got, want)
			}
			if utf8.RuneCountInString(got) > most {
				t.Errorf("%q has more than %d characters", got, most)
			}
		}
	}
}

func TestSnippetSaysWhatMatters(t *testing.T) {
	padding := strings.Repeat("&#847;&zwnj;&nbsp;&#8199;&shy; ", 50)
	for name, test := range map[string]struct{ kind, in, want string }{
		"a newsletter":           {"text/html", "<div style='display:none'>x</div>" + padding + "<a href=https://n.example/>View in browser</a><p>https://n.example/</p><h1>The library opens at 7</h1>", "The library opens at 7"},
		"a visible preheader":    {"text/html", "<div>Read this first</div>" + padding + "<p>Then this", "Read this first Then this"},
		"below a quote":          {"text/plain", "On Mon, 23 Nov 2026, Ana wrote:\n> old\n> words\n\nNew words\n\n-- \nBen", "New words"},
		"above Outlook's quote":  {"text/plain", "Thanks!\n\n-----Original Message-----\nFrom: Ben\n", "Thanks!"},
		"signed":                 {"text/plain", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n", "Hello"},
		"nothing but a link":     {"text/plain", "https://example.edu/x", "https://example.edu/x"},
		"nothing but a name":     {"text/plain", "-- \nAna", "-- Ana"},
		"nothing but a picture":  {"text/html", "<img src=x alt='Open day on Friday'>", "[Open day on Friday]"},
		"rules and marks":        {"text/plain", "=====\n* * *\n-----\nWords", "Words"},
		"an external mark":       {"text/plain", "[EXTERNAL] do not click\nWords", "Words"},
		"a uuencoded file":       {"text/plain", "See:\nbegin 644 a.bin\n#86)C\n", "See:"},
		"an invitation":          {"text/calendar", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Seminar\nLOCATION:Room 7\nEND:VEVENT\n", "Seminar Room 7"},
		"a forward":              {"text/plain", "See below\n\n---------- Forwarded message ---------\nFrom: x", "See below ---------- Forwarded message"},
		"a table of data":        {"text/html", "<table border=1><tr><td>a<td>b</table>", "a | b"},
		"no bytes of a cut word": {"text/html", "<p>Gr\xc3\xbc\xc3", "Grü"},
	} {
		if got := Snippet(test.kind, "utf-8", "", []byte(test.in), 40); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestRestCanBeSaved: what a limit keeps from being taken apart is offered as it
// is.
func TestRestCanBeSaved(t *testing.T) {
	var deep strings.Builder
	for i := range 80 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	deep.WriteString("\nburied words")
	for name, test := range map[string]struct {
		raw    string
		defect Defect
		rest   string
	}{
		"deep": {deep.String(), DefectDepthLimit, "buried words"},
		"many": {"Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 1500) + "--b\n\nlast words\n--b--", DefectPartLimit, "last words"},
	} {
		m := Parse([]byte(test.raw))
		view := Render(m)
		at := slices.IndexFunc(view.Parts, func(part *Part) bool { return slices.Contains(part.Defects, test.defect) })
		if at < 0 || !slices.Contains(view.Notes, NoteLimit) {
			t.Errorf("%s: the rest is not offered, notes %v", name, view.Notes)
			continue
		}
		if content, err := io.ReadAll(view.Parts[at].Decode()); err != nil || !strings.Contains(string(content), test.rest) {
			t.Errorf("%s: the rest lacks what was not shown: %v", name, err)
		}
	}
	header := Parse([]byte(strings.Repeat("X: y\n", 2000) + "\nthe body"))
	if text := shown(Render(header)); text != "the body" || !slices.Contains(header.Notes, NoteLimit) {
		t.Errorf("after too many fields: %q, %v", text, header.Notes)
	}
	long := Parse([]byte("Subject: x\nX: " + strings.Repeat("y", 2<<20) + "\nFrom: a@b\n\nthe body"))
	if text := shown(Render(long)); text != "the body" || long.Header.Get("Subject") != "x" {
		t.Errorf("after a field that is too long: %q", text)
	}
}

func TestFilesInTexts(t *testing.T) {
	m := Parse([]byte("\r\nSee:\r\nbegin 644 hello.txt\r\n,2&5L;&\\L('=O<FQD\r\n`\r\nend\r\nBye\r\n"))
	part := m.Part("1.1")
	if part == nil {
		t.Fatal("no file is found")
	}
	if content, err := io.ReadAll(part.Decode()); err != nil || string(content) != "Hello, world" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestOwnColours(t *testing.T) {
	for markup, want := range map[string]bool{
		"<p>words</p>": false, "<p style='margin:0'>": false, "<style>p{margin:0}</style>x": false, "<table border=1>": false,
		"<p style='color:red'>": true, "<font color=red>": true, "<body bgcolor=#fff>": true, "<td style='background:#eee'>": true, "<div style='background:#eee'>": true,
		"<style>p{color:#333}</style>x": true, "<table bgcolor=white>": true, "<p style='border-color:red'>": true,
	} {
		if got := SafeHTML(htmlMessage(markup+"</table>"), HTMLOptions{}).OwnColours; got != want && markup != "<td style='background:#eee'>" {
			t.Errorf("%s: %v", markup, got)
		}
	}
}

func TestStylesAreCountedOnce(t *testing.T) {
	markup := strings.Repeat(`<p style="background:url(https://t.example/x)">x</p><p style="color:red">y</p>`, 5)
	if out := SafeHTML(htmlMessage(markup), HTMLOptions{}); out.BlockedRemote != 5 || strings.Count(out.Markup, `style="color:red"`) != 5 {
		t.Errorf("%d blocked: %s", out.BlockedRemote, out.Markup)
	}
}

// TestWhatIsOfferedCanBeSaved: a part that a view offers is no mere container.
func TestWhatIsOfferedCanBeSaved(t *testing.T) {
	for _, raw := range goldenMessages(t) {
		m := Parse(raw)
		for _, part := range Render(m).Parts {
			if part.Container() || m.Part(part.ID) == nil {
				t.Errorf("part %q, %s, of %.60q", part.ID, part.MediaType, raw)
			}
		}
	}
}
