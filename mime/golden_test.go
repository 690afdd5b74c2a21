package mime

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what comes out into testdata/messages")

// golden is a message with what becomes of it. The files in testdata/messages
// hold many; each begins with "## " and its name. The lines of the message end
// with CRLF; \r, \n and \xHH stand for bytes, \\ for a backslash, and a backslash
// at the end of a line for nothing: such a line has no end of its own. After the
// line "-->" comes what the message is read as.
type golden struct{ name, message, want string }

const goldenArrow = "-->"

// readGolden reads a file into its introduction and its cases.
func readGolden(t *testing.T, path string) (introduction string, cases []golden) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	introduction, rest, _ := strings.Cut(string(data), "\n## ")
	for _, text := range strings.Split(rest, "\n## ") {
		name, text, _ := strings.Cut(text, "\n")
		message, want, _ := strings.Cut(text+"\n", "\n"+goldenArrow+"\n")
		cases = append(cases, golden{name, message, strings.TrimSpace(want)})
	}
	return introduction, cases
}

// bytes makes the message of a case.
func (g golden) bytes(t *testing.T) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(g.message + "\n") {
		line = strings.TrimSuffix(line, "\n")
		text, open := line, strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, `\\`)
		if open {
			text = strings.TrimSuffix(line, `\`)
		}
		for i := 0; i < len(text); i++ {
			if text[i] != '\\' {
				out = append(out, text[i])
				continue
			}
			i++
			switch {
			case i < len(text) && text[i] == 'r':
				out = append(out, '\r')
			case i < len(text) && text[i] == 'n':
				out = append(out, '\n')
			case i < len(text) && text[i] == '\\':
				out = append(out, '\\')
			case i+2 < len(text) && text[i] == 'x':
				value, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
				if err != nil {
					t.Fatalf("%s: %q: %v", g.name, line, err)
				}
				out = append(out, byte(value))
				i += 2
			default:
				t.Fatalf("%s: %q has an escape that means nothing", g.name, line)
			}
		}
		if !open {
			out = append(out, "\r\n"...)
		}
	}
	return out
}

// TestMessages reads the messages of testdata/messages and compares.
func TestMessages(t *testing.T) {
	paths, err := filepath.Glob("testdata/messages/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	count := 0
	for _, path := range paths {
		introduction, cases := readGolden(t, path)
		count += len(cases)
		var file strings.Builder
		file.WriteString(introduction)
		names := map[string]bool{}
		for _, g := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+g.name, func(t *testing.T) {
				got := describe(g.bytes(t))
				fmt.Fprintf(&file, "\n## %s\n%s\n%s\n%s\n", g.name, g.message, goldenArrow, got)
				if names[g.name] {
					t.Errorf("the name is taken")
				}
				names[g.name] = true
				if got != g.want && !*update {
					t.Errorf("is read as\n%s\nwant\n%s", got, g.want)
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, []byte(file.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d messages", count)
}

// describe writes all that a page shows of a message.
func describe(raw []byte) string {
	m := Parse(raw)
	view := Render(m)
	m.Examine()
	var d describer
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc"} {
		d.line(strings.ToLower(name), shownAddresses(m.Header.Addresses(name)))
	}
	d.line("subject", m.Header.Get("Subject"))
	if date, ok := m.Header.Date(); ok {
		d.line("date", date.Format(time.RFC3339))
	}
	for _, doubt := range view.Doubts {
		d.line("doubt", fmt.Sprintf("%s in %s: %s, truly %s", doubt.Kind, doubt.Field, doubt.Shown, doubt.True))
	}
	d.part(m.Root, "")
	for _, block := range view.Text {
		d.block(block)
	}
	if view.HasHTML {
		d.line("html", strings.ReplaceAll(view.HTML.Markup, "\n", "⏎"))
		if view.HTML.BlockedRemote > 0 {
			d.line("blocked", strconv.Itoa(view.HTML.BlockedRemote))
		}
	}
	var files []string
	for _, part := range view.Parts {
		file := part.ID + " " + part.MediaType
		if part.Filename != "" {
			file += fmt.Sprintf(" %q", part.Filename)
		}
		files = append(files, file)
	}
	d.line("files", strings.Join(files, ", "))
	for _, event := range view.Events {
		d.event(event)
	}
	d.report(view.Report)
	if texts := TextParts(m); len(texts) > 0 {
		d.line("snippet", Snippet(texts[0].MediaType, texts[0].Params["charset"], texts[0].Encoding, texts[0].Encoded, 100))
	}
	notes := make([]string, len(view.Notes))
	for i, note := range view.Notes {
		notes[i] = string(note)
	}
	d.line("notes", strings.Join(notes, ", "))
	return strings.TrimSpace(d.String())
}

type describer struct{ strings.Builder }

func (d *describer) line(label, text string) {
	if text != "" {
		fmt.Fprintf(d, "%s: %s\n", label, text)
	}
}

func shownAddresses(list []Address) string {
	var shown []string
	for _, address := range list {
		switch {
		case address.Name == "":
			shown = append(shown, "<"+address.Email+">")
		case address.Email == "":
			shown = append(shown, "“"+address.Name+"”")
		default:
			shown = append(shown, "“"+address.Name+"” <"+address.Email+">")
		}
	}
	return strings.Join(shown, ", ")
}

// part writes a part with what is wrong in it, and those below.
func (d *describer) part(part *Part, indent string) {
	fmt.Fprintf(d, "part: %s%s %s", indent, part.ID, part.MediaType)
	for _, name := range []string{"charset", "format", "delsp", "boundary", "access-type", "url"} {
		if value, ok := part.Params[name]; ok && name != "boundary" {
			fmt.Fprintf(d, " %s=%s", name, value)
		}
	}
	for _, word := range []string{part.Encoding, part.Disposition, part.Filename} {
		if word != "" {
			fmt.Fprintf(d, " %q", word)
		}
	}
	if len(part.Children) == 0 || len(part.inText) > 0 {
		size := 0
		buffer := make([]byte, 4096)
		for decoder := part.Decode(); ; {
			n, err := decoder.Read(buffer)
			size += n
			if err != nil {
				break
			}
		}
		fmt.Fprintf(d, " %d bytes", size)
	}
	for _, defect := range part.Defects {
		fmt.Fprintf(d, " !%s", defect)
	}
	d.WriteByte('\n')
	for _, child := range part.Children {
		d.part(child, indent+"  ")
	}
}

func (d *describer) block(block Block) {
	var text strings.Builder
	for _, span := range block.Spans {
		text.WriteString(span.Text)
		if span.URL != "" {
			text.WriteString("⟨" + span.URL + "⟩")
		}
	}
	mark := strings.Repeat(">", block.Quote)
	if block.Signature {
		mark += "~"
	}
	if block.Attribution {
		mark += ":"
	}
	for line := range strings.Lines(text.String()) {
		d.WriteString(strings.TrimRight("|"+mark+" "+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
	d.WriteString("|\n")
}

func (d *describer) event(e Event) {
	form := time.RFC3339
	switch {
	case e.AllDay:
		form = time.DateOnly
	case e.Floating:
		form = "2006-01-02T15:04:05"
	}
	fmt.Fprintf(d, "event: %s %q at %q from %s to %s", e.Method, e.Summary, e.Location, e.Start.Format(form), e.End.Format(form))
	if e.Zone != "" {
		fmt.Fprintf(d, " (%s)", e.Zone)
	}
	if e.Status != "" {
		fmt.Fprintf(d, ", %s", e.Status)
	}
	if e.Repeats != nil {
		fmt.Fprintf(d, ", every %d %s on %v, %d times, until %s", e.Repeats.Interval, e.Repeats.Frequency, e.Repeats.Days, e.Repeats.Count, e.Repeats.Until.Format(time.DateOnly))
	}
	d.WriteByte('\n')
	d.line("  by", strings.Trim(shownAddresses([]Address{e.Organizer}), "<>"))
	for _, attendee := range e.Attendees {
		d.line("  with", fmt.Sprintf("%s %s", shownAddresses([]Address{attendee.Address}), attendee.Status))
	}
	d.line("  text", strings.ReplaceAll(e.Description, "\n", "⏎"))
	d.line("  url", e.URL)
}

func (d *describer) report(report *Report) {
	if report == nil {
		return
	}
	fmt.Fprintf(d, "report: by %s about %q\n", report.Reporter, report.Subject)
	for _, recipient := range report.Recipients {
		fmt.Fprintf(d, "  %s %s %s: %s (%s, %s)\n", recipient.Address, recipient.Action, recipient.Status, recipient.Reason, recipient.Diagnostic, recipient.Remote)
	}
}

// goldenMessages are all messages of the files, for fuzzing and measuring.
func goldenMessages(t testing.TB) [][]byte {
	paths, err := filepath.Glob("testdata/messages/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range strings.Split(string(data), "\n## ") {
			if _, message, ok := strings.Cut(text, "\n"); ok && i > 0 {
				message, _, _ = strings.Cut(message, "\n"+goldenArrow+"\n")
				all = append(all, []byte(message))
			}
		}
	}
	return slices.Clip(all)
}
