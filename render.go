package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"alphamail/mime"
)

type renderCommand struct {
	Files   []string `arg:"" optional:"" name:"file" help:"Files with a message each, or directories of them; - or nothing is standard input."`
	Format  string   `enum:"text,html,snippet,parts,json" default:"text" help:"What to print: text, html, snippet, parts (the tree, with what is wrong in it) or json (all of that, one object a file)."`
	Text    bool     `xor:"format" help:"The same as --format text."`
	HTML    bool     `name:"html" xor:"format" help:"The same as --format html."`
	Snippet bool     `xor:"format" help:"The same as --format snippet."`
	Parts   bool     `xor:"format" help:"The same as --format parts."`

	AuthenticationHost []string `placeholder:"HOST" help:"Name under which the receiving host writes what it found out about senders (Authentication-Results); shown by text and json. May be repeated."`
}

// maxRendered bounds a message, in bytes.
const maxRendered = 256 << 20

// renderedSnippet is the length of a snippet, in characters.
const renderedSnippet = 160

// Run prints what a reader would see of each file. A file that cannot be read
// keeps none of the others from being shown.
func (r *renderCommand) Run(terminal console) error {
	files, problems := r.files()
	out := bufio.NewWriter(terminal.out)
	write := r.writer()
	for i, file := range files {
		raw, err := readMessage(file, terminal.in)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if len(files) > 1 && r.format() != "json" {
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "==> %s <==\n", printable(file))
		}
		if err := write(out, file, mime.Parse(raw)); err != nil {
			return err
		}
	}
	return errors.Join(append(problems, out.Flush())...)
}

func (r *renderCommand) format() string {
	switch {
	case r.HTML:
		return "html"
	case r.Snippet:
		return "snippet"
	case r.Parts:
		return "parts"
	}
	return r.Format
}

func (r *renderCommand) writer() func(out io.Writer, file string, m *mime.Message) error {
	switch r.format() {
	case "html":
		return func(out io.Writer, _ string, m *mime.Message) error {
			_, err := fmt.Fprintln(out, printable(mime.SafeHTML(m, mime.HTMLOptions{}).Markup))
			return err
		}
	case "snippet":
		return func(out io.Writer, _ string, m *mime.Message) error {
			_, err := fmt.Fprintln(out, printable(snippetOf(m)))
			return err
		}
	case "parts":
		return func(out io.Writer, _ string, m *mime.Message) error {
			m.Examine()
			return writeParts(out, m.Root, "")
		}
	case "json":
		return func(out io.Writer, file string, m *mime.Message) error {
			encoder := json.NewEncoder(out)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(newRendered(file, m, r.AuthenticationHost))
		}
	}
	return func(out io.Writer, _ string, m *mime.Message) error { return writeText(out, m, r.AuthenticationHost) }
}

// files are the files to show, those of directories in the order of their names.
func (r *renderCommand) files() (files []string, problems []error) {
	if len(r.Files) == 0 {
		return []string{"-"}, nil
	}
	for _, name := range r.Files {
		if name == "-" {
			files = append(files, name)
			continue
		}
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				problems = append(problems, err)
				return nil
			}
			if path == name && !entry.IsDir() || entry.Type().IsRegular() {
				files = append(files, path)
			}
			return nil
		})
		problems = append(problems, err)
	}
	return files, problems
}

func readMessage(file string, in io.Reader) ([]byte, error) {
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in = opened
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRendered+1))
	if err == nil && len(raw) > maxRendered {
		err = fmt.Errorf("%s: more than %d MiB", file, maxRendered>>20)
	}
	return raw, err
}

// printable takes away what a terminal would obey, and what turns the direction
// of reading.
func printable(text string) string {
	return strings.Map(func(char rune) rune {
		if char != '\n' && char != '\t' && unicode.IsControl(char) || unicode.Is(unicode.Bidi_Control, char) {
			return -1
		}
		return char
	}, text)
}

func snippetOf(m *mime.Message) string {
	texts := mime.TextParts(m)
	if len(texts) == 0 {
		return ""
	}
	return mime.Snippet(texts[0].MediaType, texts[0].Params["charset"], texts[0].Encoding, texts[0].Encoded, renderedSnippet)
}

// writeText writes a message as the text view of its page shows it.
func writeText(out io.Writer, m *mime.Message, hosts []string) error {
	view := mime.Render(m)
	var b strings.Builder
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"} {
		if list := m.Header.Addresses(name); len(list) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", name, addressLine(list))
		}
	}
	if date, ok := m.Header.Date(); ok {
		fmt.Fprintf(&b, "Date: %s\n", date.Format(time.RFC1123Z))
	}
	fmt.Fprintf(&b, "Subject: %s\n", m.Header.Get("Subject"))
	host, verdicts := mime.Verdicts(m.Header, hosts)
	for _, verdict := range verdicts {
		fmt.Fprintf(&b, "Verdict: %s %s %s by %s\n", verdict.Method, verdict.Result, verdict.Domain, host)
	}
	if checked := mime.Check(m.Header, hosts); checked != nil {
		fmt.Fprintf(&b, "Checked: %s, %s %s\n", checked.Result, checked.Domain, strings.Join(checked.Methods, " "))
	}
	for _, doubt := range view.Doubts {
		fmt.Fprintf(&b, "Doubt: %s in %s: shown %q, really %q\n", doubt.Kind, doubt.Field, doubt.Shown, doubt.True)
	}
	for _, note := range view.Notes {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	for i := range view.Events {
		writeEvent(&b, &view.Events[i])
	}
	writeReport(&b, view.Report)
	for _, block := range view.Text {
		b.WriteString("\n" + quoted(block))
	}
	if len(view.Parts) > 0 {
		b.WriteString("\n")
	}
	for _, part := range view.Parts {
		b.WriteString("Attachment: " + partLine(part) + "\n")
	}
	_, err := io.WriteString(out, printable(b.String()))
	return err
}

func addressLine(list []mime.Address) string {
	shown := make([]string, len(list))
	for i, address := range list {
		switch {
		case address.Email == "":
			shown[i] = address.Name
		case address.Name == "":
			shown[i] = address.Email
		default:
			shown[i] = address.Name + " <" + address.Email + ">"
		}
	}
	return strings.Join(shown, ", ")
}

// quoted is a paragraph with a mark for each level of quotation before its lines.
func quoted(block mime.Block) string {
	var text strings.Builder
	for _, span := range block.Spans {
		text.WriteString(span.Text)
		if span.URL != "" && span.URL != span.Text && span.URL != "mailto:"+span.Text {
			text.WriteString(" <" + span.URL + ">")
		}
	}
	var b strings.Builder
	for _, line := range strings.Split(text.String(), "\n") {
		b.WriteString(strings.TrimRight(strings.Repeat("> ", block.Quote)+line, " ") + "\n")
	}
	return b.String()
}

func writeEvent(b *strings.Builder, e *mime.Event) {
	start, end := eventTimes(e)
	fmt.Fprintf(b, "\nEvent: %s\n", e.Summary)
	for _, line := range [][2]string{
		{"Method", e.Method}, {"Status", e.Status}, {"Start", start}, {"End", end}, {"Zone", e.Zone}, {"Where", e.Location}, {"Link", e.URL},
		{"Organizer", addressLine([]mime.Address{e.Organizer})}, {"Reply", e.Reply},
	} {
		if line[1] != "" {
			fmt.Fprintf(b, "  %s: %s\n", line[0], line[1])
		}
	}
	if rule := e.Repeats; rule != nil {
		fmt.Fprintf(b, "  Repeats: %s, interval %d, count %d, days %s\n", rule.Frequency, rule.Interval, rule.Count, strings.Join(rule.Days, " "))
	}
	for _, guest := range e.Attendees {
		fmt.Fprintf(b, "  Guest: %s %s\n", addressLine([]mime.Address{guest.Address}), guest.Status)
	}
}

// eventTimes writes the times of an event: dates, times without a zone, or with
// their offset; empty when they are not known.
func eventTimes(e *mime.Event) (start, end string) {
	layout := time.RFC3339
	switch {
	case e.Start.IsZero():
		return "", ""
	case e.AllDay:
		layout = time.DateOnly
	case e.Floating:
		layout = "2006-01-02T15:04:05"
	}
	return e.Start.Format(layout), e.End.Format(layout)
}

func writeReport(b *strings.Builder, r *mime.Report) {
	if r == nil {
		return
	}
	fmt.Fprintf(b, "\nReport: by %s about %q\n", r.Reporter, r.Subject)
	for _, recipient := range r.Recipients {
		fmt.Fprintf(b, "  %s: %s %s %s\n", recipient.Address, recipient.Action, recipient.Status, recipient.Reason)
		if recipient.Diagnostic != "" || recipient.Remote != "" {
			fmt.Fprintf(b, "    %s: %s\n", recipient.Remote, recipient.Diagnostic)
		}
	}
}

// partLine describes a part in a line.
func partLine(part *mime.Part) string {
	words := []string{part.ID, part.MediaType, part.Params["charset"], part.Encoding, part.Disposition}
	if part.Filename != "" {
		words = append(words, strconv.Quote(part.Filename))
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// writeParts writes a part with what is wrong in it, and those inside.
func writeParts(out io.Writer, part *mime.Part, indent string) error {
	if part == nil {
		return nil
	}
	line := indent + partLine(part)
	if !part.Container() {
		size, _ := digest(part)
		line += fmt.Sprintf(" %d bytes", size)
	}
	for _, defect := range part.Defects {
		line += " !" + string(defect)
	}
	if _, err := fmt.Fprintln(out, printable(line)); err != nil {
		return err
	}
	for _, child := range part.Children {
		if err := writeParts(out, child, indent+"  "); err != nil {
			return err
		}
	}
	return nil
}
