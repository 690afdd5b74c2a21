// Package libraries_test reads the test mails of mail libraries for Go, in place,
// where the module cache and Go's own sources hold them. It is a module by itself,
// so that none of them enters the product's build.
package libraries_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	_ "github.com/emersion/go-imap/v2"
	_ "github.com/emersion/go-message"
	"github.com/jhillyerd/enmime/v2"

	"alphamail/mime"
)

// libraries are where mails are looked for; all their licences (MIT, and BSD for
// Go) allow that.
var libraries = []struct {
	name string
	// ask are the words after "go" that tell the directory.
	ask  []string
	dirs []string
	// least is how many mails must be found, for else the test shows nothing.
	least int
}{
	{"enmime", []string{"list", "-m", "-f", "{{.Dir}}", "github.com/jhillyerd/enmime/v2"}, []string{"."}, 80},
	{"go-message", []string{"list", "-m", "-f", "{{.Dir}}", "github.com/emersion/go-message"}, []string{"."}, 15},
	{"go-imap", []string{"list", "-m", "-f", "{{.Dir}}", "github.com/emersion/go-imap/v2"}, []string{"."}, 1},
	{"Go", []string{"env", "GOROOT"}, []string{"src/net/mail", "src/mime", "src/net/textproto"}, 10},
}

// mail is a message and where it stands.
type mail struct {
	name string
	raw  []byte
}

func TestMailsOfLibraries(t *testing.T) {
	for _, library := range libraries {
		t.Run(library.name, func(t *testing.T) {
			out, err := exec.Command("go", library.ask...).Output()
			if err != nil {
				t.Fatal(err)
			}
			var mails []mail
			for _, dir := range library.dirs {
				mails = append(mails, collect(t, filepath.Join(strings.TrimSpace(string(out)), dir))...)
			}
			if len(mails) < library.least {
				t.Errorf("only %d mails", len(mails))
			}
			for _, one := range mails {
				judge(t, one)
			}
			t.Logf("%d mails of %s", len(mails), library.name)
		})
	}
}

// judge reads a mail, writes a line about it, and compares the words of its view
// with those that enmime finds.
func judge(t *testing.T, one mail) {
	t.Helper()
	defer func() {
		if problem := recover(); problem != nil {
			t.Errorf("%s: panic: %v", one.name, problem)
		}
	}()
	m := mime.Parse(one.raw)
	view := mime.Render(m)
	m.Examine()
	mime.Doubts(m.Header)
	mime.SafeHTML(m, mime.HTMLOptions{AllowRemote: true})
	mime.Snippet("text/plain", "", "", one.raw, 200)
	defects := map[mime.Defect]bool{}
	parts := 0
	described(m.Root, func(part *mime.Part) {
		parts++
		for _, defect := range part.Defects {
			defects[defect] = true
		}
	})
	var names []string
	for defect := range defects {
		names = append(names, string(defect))
	}
	slices.Sort(names)
	t.Logf("%-70s %3d parts, %2d files, %3d paragraphs, HTML %-5t %s", one.name, parts, len(view.Parts), len(view.Text), view.HasHTML, strings.Join(names, " "))
	if lost := lostWords(one.raw, view); len(lost) > 0 && accepted[filepath.Base(one.name)] == "" {
		t.Errorf("%s: enmime has words that the view lacks: %q", one.name, lost)
	}
}

// accepted are mails in which enmime finds words that do not belong to the text,
// and why.
var accepted = map[string]string{
	"chardet-detection.raw": "enmime takes short UTF-8, labelled as such, for another charset",
	"chardet-fail.raw":      "a picture labelled as a text; it is no text in any charset",
}

func described(part *mime.Part, visit func(*mime.Part)) {
	if part == nil {
		return
	}
	visit(part)
	for _, child := range part.Children {
		described(child, visit)
	}
}

// lostWords are those that enmime finds in the text and that are neither in the
// text of the view nor in a file that it offers.
func lostWords(raw []byte, view mime.View) []string {
	envelope, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	var ours strings.Builder
	for _, block := range view.Text {
		for _, span := range block.Spans {
			ours.WriteString(span.Text + " " + span.URL + " ")
		}
		ours.WriteByte('\n')
	}
	for _, part := range view.Parts {
		ours.WriteString(part.Filename + " " + part.Text() + "\n")
	}
	ours.WriteString(view.HTML.Markup)
	known := map[string]bool{}
	for _, word := range words(ours.String()) {
		known[word] = true
	}
	var lost []string
	for _, word := range words(envelope.Text) {
		if !known[word] {
			lost = append(lost, word)
		}
	}
	return lost
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(char rune) bool { return !unicode.IsLetter(char) && !unicode.IsDigit(char) })
}

// collect finds the mails below a directory: in files of their own, and as strings
// in tests.
func collect(t *testing.T, dir string) []mail {
	t.Helper()
	var found []mail
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
		switch {
		case strings.HasSuffix(path, ".raw") || filepath.Base(path) == "nested-mime":
			raw, err := os.ReadFile(path)
			found = append(found, mail{name, raw})
			return err
		case strings.HasSuffix(path, "_test.go"):
			for number, text := range stringsIn(path) {
				if looksLikeMail(text) {
					found = append(found, mail{name + "#" + strconv.Itoa(number), []byte(text)})
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var fieldAtStart = regexp.MustCompile(`^\s*(?:From |[A-Za-z][A-Za-z0-9-]*[ \t]*:)`)

func looksLikeMail(text string) bool {
	return fieldAtStart.MatchString(text) && (strings.Contains(text, "\n\n") || strings.Contains(text, "\r\n\r\n")) && strings.Contains(text, ":")
}

// stringsIn are the constant strings of a Go file; those that are added stand
// together.
func stringsIn(path string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil
	}
	var all []string
	ast.Inspect(file, func(node ast.Node) bool {
		expression, ok := node.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := constant(expression)
		if ok {
			all = append(all, text)
		}
		return !ok
	})
	return all
}

func constant(expression ast.Expr) (string, bool) {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		if expression.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(expression.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := constant(expression.X)
		right, also := constant(expression.Y)
		return left + right, ok && also && expression.Op == token.ADD
	case *ast.ParenExpr:
		return constant(expression.X)
	}
	return "", false
}
