package page

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// voidElements have no end tag.
var voidElements = map[string]bool{"meta": true, "link": true, "base": true, "input": true, "br": true}

// knownAttributes are those that the templates use, and data of none of them is
// script or style.
var knownAttributes = map[string]bool{
	"accept": true, "accept-charset": true, "checked": true, "cols": true, "disabled": true, "enctype": true, "formaction": true, "hidden": true, "list": true, "multiple": true, "open": true, "rows": true,
	"action": true, "aria-current": true, "aria-describedby": true, "aria-hidden": true, "aria-invalid": true,
	"aria-label": true, "aria-labelledby": true, "autocapitalize": true, "autocomplete": true, "autocorrect": true, "charset": true, "class": true,
	"content": true, "d": true, "datetime": true, "dir": true, "for": true, "height": true, "href": true, "id": true,
	"lang": true, "max": true, "maxlength": true, "method": true, "name": true, "referrerpolicy": true, "rel": true, "required": true, "size": true,
	"role": true, "rx": true, "sandbox": true, "selected": true, "spellcheck": true, "src": true, "target": true,
	"title": true, "type": true, "value": true, "viewbox": true, "viewBox": true, "width": true,
}

// wellFormed checks that every tag is closed in order and every attribute is
// one that we write.
func wellFormed(t *testing.T, page []byte) {
	t.Helper()
	var open []string
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF {
				t.Error(z.Err())
			}
			break
		}
		switch token := z.Token(); kind {
		case html.StartTagToken:
			seen := map[string]bool{}
			for _, a := range token.Attr {
				if !knownAttributes[a.Key] || seen[a.Key] {
					t.Errorf("attribute %s in %s", a.Key, token)
				}
				seen[a.Key] = true
			}
			if !voidElements[token.Data] {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("never closed: %v", open)
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// textOf is what is read out or seen inside a node.
func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for child := range n.ChildNodes() {
		b.WriteString(textOf(child))
	}
	return b.String()
}

// elements collects all elements by name, and ids.
func elements(t *testing.T, page []byte) (byName map[string][]*html.Node, ids map[string]bool) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	byName, ids = map[string][]*html.Node{}, map[string]bool{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		byName[n.Data] = append(byName[n.Data], n)
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q stands twice", id)
			}
			ids[id] = true
		}
	}
	return byName, ids
}

func TestStructure(t *testing.T) {
	for name, render := range samplePages() {
		if strings.HasPrefix(name, "body") {
			continue // the sender's markup; see TestBodyDocument
		}
		t.Run(name, func(t *testing.T) {
			page := write(t, render)
			wellFormed(t, page)
			byName, ids := elements(t, page)
			for _, forbidden := range []string{"script", "style", "noscript", "object", "embed", "b-", "template"} {
				if len(byName[forbidden]) > 0 {
					t.Errorf("there is a %s", forbidden)
				}
			}
			for _, single := range []string{"h1", "main", "title"} {
				if len(byName[single]) != 1 || strings.TrimSpace(textOf(byName[single][0])) == "" {
					t.Errorf("%d elements %s", len(byName[single]), single)
				}
			}
			root := byName["html"][0]
			if attribute(root, "lang") == "" || attribute(root, "dir") == "" {
				t.Error("the page has no language or direction")
			}
			checkLinks(t, byName, ids)
			checkFields(t, byName, ids)
			checkHeadings(t, page)
			labels := map[string]bool{}
			for _, nav := range byName["nav"] {
				label := attribute(nav, "aria-label")
				if label == "" || labels[label] {
					t.Errorf("a landmark is called %q", label)
				}
				labels[label] = true
			}
		})
	}
}

func checkLinks(t *testing.T, byName map[string][]*html.Node, ids map[string]bool) {
	t.Helper()
	names := map[string]string{}
	for _, a := range append(byName["a"], byName["button"]...) {
		if slices.ContainsFunc(a.Attr, func(a html.Attribute) bool { return a.Key == "hidden" }) {
			continue
		}
		name := attribute(a, "aria-label")
		seen := strings.TrimSpace(textOf(a))
		if name != "" && !strings.Contains(name, seen) {
			t.Errorf("the name %q does not hold what is seen, %q", name, seen)
		}
		if name == "" {
			name = seen
		}
		href := attribute(a, "href")
		if name == "" {
			t.Errorf("a link to %q has no name", href)
		}
		if target, local := strings.CutPrefix(href, "#"); local && !ids[target] {
			t.Errorf("%s leads nowhere", href)
		}
		if a.Data == "button" {
			continue
		}
		if other, ok := names[name]; ok && other != href {
			t.Errorf("%q is the name of links to %s and %s", name, other, href)
		}
		names[name] = href
		if strings.HasPrefix(href, "http") && attribute(a, "rel") != "noopener noreferrer nofollow" {
			t.Errorf("the link to %s has no rel", href)
		}
	}
	for _, frame := range byName["iframe"] {
		if attribute(frame, "title") == "" || attribute(frame, "sandbox") != "allow-popups allow-popups-to-escape-sandbox" {
			t.Error("a frame without a title or with another sandbox")
		}
	}
	for _, link := range byName["link"] {
		if _, ok := Asset(attribute(link, "href")); !ok {
			t.Errorf("%s is not an asset", attribute(link, "href"))
		}
	}
	for _, when := range byName["time"] {
		if attribute(when, "datetime") == "" && textOf(when) != "no date" {
			t.Errorf("%q has no machine date", textOf(when))
		}
	}
}

func checkFields(t *testing.T, byName map[string][]*html.Node, ids map[string]bool) {
	t.Helper()
	labelled := map[string]bool{}
	for _, label := range byName["label"] {
		labelled[attribute(label, "for")] = true
	}
	for _, field := range append(append(byName["input"], byName["select"]...), byName["textarea"]...) {
		if attribute(field, "type") != "hidden" && !labelled[attribute(field, "id")] && attribute(field, "aria-label") == "" {
			t.Errorf("the field %s has no label", attribute(field, "name"))
		}
		if about := attribute(field, "aria-describedby"); about != "" && !ids[about] {
			t.Errorf("there is no %s", about)
		}
	}
	for _, form := range byName["form"] {
		token := false
		for n := range form.Descendants() {
			token = token || n.Data == "input" && attribute(n, "name") == "csrf" && attribute(n, "value") == "csrf-token"
		}
		if attribute(form, "method") == "get" && !token {
			continue // it changes nothing
		}
		if attribute(form, "method") != "post" || !token {
			t.Errorf("the form %s is not a POST with a token", attribute(form, "action"))
		}
	}
}

// checkHeadings demands that no level is left out after the h1.
func checkHeadings(t *testing.T, page []byte) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] > '2' && n.Data[1] <= '6' {
			t.Errorf("%s on a page with only two levels", n.Data)
		}
	}
}

func TestBodyDocument(t *testing.T) {
	page := write(t, samplePages()["body.html"])
	byName, _ := elements(t, page)
	if len(byName["script"]) > 0 || len(byName["style"]) != 1 || len(byName["link"]) > 0 {
		t.Error("the document of the body has script, or other than its one style")
	}
	if len(byName["base"]) != 1 || attribute(byName["base"][0], "target") != "_blank" || attribute(byName["base"][0], "href") != "" {
		t.Error("links do not open in a window of their own")
	}
	if !bytes.Contains(page, []byte(sampleBody().HTML)) {
		t.Error("the sanitised HTML is not there as it is")
	}
}

// Text browsers show no frame, so the text must be on the page.
func TestFramedMessageHoldsItsText(t *testing.T) {
	page := write(t, samplePages()["message-html.html"])
	byName, _ := elements(t, page)
	if len(byName["iframe"]) != 1 {
		t.Fatal("no frame")
	}
	for _, details := range byName["details"] {
		if strings.Contains(textOf(details), "The bus leaves at 7:40") {
			return
		}
	}
	t.Error("the text of the message is not on the page")
}

// Templates take every word from the translations. The generated code is what
// counts: all constant text of a template, seen as HTML, has no letters.
func TestTemplatesHaveNoWords(t *testing.T) {
	files, err := filepath.Glob("*_templ.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no generated templates", err)
	}
	for _, file := range append(files, "rows.go", "choices.go", "folderlist.go", "tools.go") {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok {
				for _, word := range wordsIn(constantsOf(f)) {
					t.Errorf("%s: %s says %q by itself", file, f.Name, word)
				}
			}
		}
	}
	if got := wordsIn(`<p class="a">Hello</p><a aria-label="there" href="/x"> · </a><style>a{}</style>`); len(got) != 2 {
		t.Errorf("the check itself finds %q", got)
	}
}

// constantsOf joins all strings that a template writes as they are.
func constantsOf(f *ast.FuncDecl) string {
	var b strings.Builder
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch called := call.Fun.(type) {
		case *ast.SelectorExpr:
			if called.Sel.Name != "WriteString" {
				return true
			}
		case *ast.Ident:
			if called.Name != "append" {
				return true
			}
		}
		for _, argument := range call.Args {
			if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				if err == nil {
					b.WriteString(text)
				}
			}
		}
		return true
	})
	return b.String()
}

func wordsIn(constants string) (found []string) {
	hasLetters := func(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }
	inStyle := false
	for z := html.NewTokenizer(strings.NewReader(constants)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return found
		case html.TextToken:
			if text := string(z.Text()); !inStyle && hasLetters(text) {
				found = append(found, text)
			}
		case html.StartTagToken, html.EndTagToken:
			token := z.Token()
			inStyle = token.Type == html.StartTagToken && token.Data == "style"
			for _, a := range token.Attr {
				switch a.Key {
				case "aria-label", "title", "alt", "placeholder":
					if hasLetters(a.Val) {
						found = append(found, a.Val)
					}
				}
			}
		}
	}
}
