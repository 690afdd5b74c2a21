package mime

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// htmlMessage wraps HTML into a message.
func htmlMessage(markup string) *Message {
	return Parse([]byte("Content-Type: text/html; charset=utf-8\r\n\r\n" + markup))
}

var (
	remoteCSS   = regexp.MustCompile(`(?i)(url\s*\(\s*['"]?\s*(https?:|//|ftp:))|@import|expression\s*\(|behavior\s*:|-moz-binding|position\s*:\s*(fixed|absolute|sticky)|javascript:`)
	remoteStart = regexp.MustCompile(`(?i)^[\s\x00-\x20]*(https?:|ftp:|//|\\\\|/\\)`)
	scriptStart = regexp.MustCompile(`(?i)^[\s\x00-\x20]*(javascript|vbscript|data|livescript|mocha):`)
)

// dangerous tells what a browser would run or load of a markup. It is the
// positive control: each payload below must be dangerous before it is sanitised.
func dangerous(markup string) []string {
	root, err := html.Parse(strings.NewReader("<body>" + markup))
	if err != nil {
		return []string{"unreadable"}
	}
	var found []string
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		if node.Type == html.ElementNode {
			switch node.Data {
			case "script", "iframe", "frame", "object", "embed", "applet", "form", "input", "button", "textarea", "meta", "base", "link", "svg", "math", "audio", "video", "source", "template", "noscript", "dialog":
				found = append(found, node.Data)
			case "style":
				if node.FirstChild != nil && remoteCSS.MatchString(unescapeCSS(node.FirstChild.Data)) {
					found = append(found, "style sheet")
				}
			}
			for _, attr := range node.Attr {
				value := strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(attr.Val)
				switch {
				case strings.HasPrefix(attr.Key, "on"):
					found = append(found, attr.Key)
				case attr.Key == "style" && remoteCSS.MatchString(unescapeCSS(attr.Val)):
					found = append(found, "style")
				case scriptStart.MatchString(value) && !strings.HasPrefix(value, "data:image/"):
					found = append(found, attr.Key+"="+value)
				case attr.Key != "href" && attr.Key != "cite" && attr.Key != "alt" && attr.Key != "title" && remoteStart.MatchString(value):
					found = append(found, "remote "+attr.Key)
				case attr.Key == "href" && node.Data != "a" && remoteStart.MatchString(value):
					found = append(found, "remote href")
				case attr.Key == "srcset":
					found = append(found, "srcset")
				case (attr.Key == "id" || attr.Key == "name") && !strings.HasPrefix(attr.Val, idPrefix):
					found = append(found, "clobbering "+attr.Key)
				}
			}
		}
		for child := node.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(root)
	return found
}

var cssEscape = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?`)

// unescapeCSS undoes the escapes and comments with which words are hidden.
func unescapeCSS(text string) string {
	text = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(text, "")
	return cssEscape.ReplaceAllStringFunc(text, func(escape string) string {
		var char rune
		fmt.Sscanf(cssEscape.FindStringSubmatch(escape)[1], "%x", &char)
		return string(char)
	})
}

var payloads = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=https://t.example/x.js></SCRIPT>`, `<script/x>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`, `<img src="x" OnErRoR="alert(1)">`, `<body onload=alert(1)>`, `<p onclick=alert(1)>x`, `<div/onmouseover='alert(1)'>x`,
	`<a href="javascript:alert(1)">x</a>`, `<a href=" java` + "\t" + `script:alert(1)">x</a>`, `<a href="&#106;avascript:alert(1)">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href="vbscript:x">x</a>`,
	`<iframe src="https://t.example/"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>"></iframe>`, `<object data="https://t.example/x.swf"></object>`, `<embed src="https://t.example/x">`, `<applet code=x></applet>`,
	`<form action="https://t.example/"><input name=p><button>go</button></form>`, `<textarea>x</textarea>`, `<input type=image src=https://t.example/x.png>`,
	`<meta http-equiv=refresh content="0;url=https://t.example/">`, `<base href="https://t.example/">`, `<link rel=stylesheet href="https://t.example/x.css">`, `<link rel=prefetch href=//t.example/>`,
	`<svg onload=alert(1)></svg>`, `<svg><script>alert(1)</script></svg>`, `<svg><image href="https://t.example/x.png"/></svg>`, `<svg><style>@import url(https://t.example/)</style></svg>`, `<math><mtext><script>alert(1)</script></mtext></math>`,
	`<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
	`<img src="https://t.example/x.png">`, `<img src="//t.example/x.png">`, `<img src="http://t.example/x.png">`, `<img src=" https://t.example/x.png">`, `<img srcset="https://t.example/x.png 2x" src=cid:a>`, `<img src="ftp://t.example/x.png">`, `<img src="\\t.example\x">`, `<img src="/\t.example/x">`,
	`<table background="https://t.example/x.png"><tr><td>x</table>`, `<table><tr><td background="javascript:alert(1)">x</table>`, `<table><tr><td background=//t.example/x>x</table>`,
	`<div style="background:url(https://t.example/x.png)">x</div>`, `<div style="background:url('//t.example/x')">x</div>`, `<div style="background-image:u\72l(https://t.example/x)">x</div>`, `<div style="background:/**/url(https://t.example/x)">x</div>`,
	`<div style="list-style-image:url(https://t.example/x)">x</div>`, `<div style="content:url(https://t.example/x)">x</div>`, `<div style="border-image:url(https://t.example/x)">x</div>`, `<div style="cursor:url(https://t.example/x),auto">x</div>`,
	`<div style="width:expression(alert(1))">x</div>`, `<div style="behavior:url(#x)">x</div>`, `<div style="-moz-binding:url(https://t.example/x#y)">x</div>`,
	`<div style="position:fixed;top:0">x</div>`, `<div style="position:absolute">x</div>`, `<div style="po\73ition:fixed">x</div>`, `<div style="position:sticky">x</div>`,
	`<style>@import url(https://t.example/x.css);</style>`, `<style>@import "https://t.example/x.css";</style>`, `<style>p{background:url(https://t.example/x)}</style>`, `<style>@font-face{font-family:x;src:url(https://t.example/x)}</style>`,
	`<style>p{position:fixed}</style>`, `<style>@media all{p{background:url(//t.example/x)}}</style>`, `<style>a[href^=x]{background:url(https://t.example/x)}</style>`,
	`<video src="https://t.example/x.mp4" poster="https://t.example/x.png"></video>`, `<audio src=https://t.example/x></audio>`, `<video><source src=https://t.example/x></video>`,
	`<div id="config">x</div>`, `<a name="config">x</a>`, `<img name=body src=x>`,
	`<template><script>alert(1)</script></template>`, `<dialog open>x</dialog>`, `<xmp><script>alert(1)</script></xmp><script>alert(2)</script>`,
	`<!--><script>alert(1)</script>-->`, `<p title="--><script>alert(1)</script>"><script>x</script>`, `<![CDATA[<script>alert(1)</script>]]><script>1</script>`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
	`<table><td><style><img title="</style><img src=x onerror=alert(1)>"></style></table><img src=x onerror=alert(2)>`,
}

func TestPayloadsAreDisarmed(t *testing.T) {
	for _, payload := range payloads {
		if len(dangerous(payload)) == 0 {
			t.Errorf("the payload does nothing, so it proves nothing: %s", payload)
			continue
		}
		out := SafeHTML(htmlMessage(payload), HTMLOptions{}).Markup
		if found := dangerous(out); len(found) > 0 {
			t.Errorf("%s\nbecomes %s\nwith %v", payload, out, found)
		}
		if again := SafeHTML(htmlMessage(out), HTMLOptions{}).Markup; again != out {
			t.Errorf("%s\nbecomes %s\nthen    %s", payload, out, again)
		}
	}
}

func TestWhatIsHarmlessStays(t *testing.T) {
	for in, want := range map[string]string{
		`<p>Hello <b>you</b> &amp; me</p>`:                              `<p>Hello <b>you</b> &amp; me</p>`,
		`<a href="https://example.edu/?a=1&amp;b=2">x</a>`:              `<a href="https://example.edu/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>`,
		`<a href="mailto:a@example.edu">x</a>`:                          `<a href="mailto:a@example.edu" target="_blank" rel="noopener noreferrer nofollow">x</a>`,
		`<a href="#top">x</a><p id=top class="a b">y</p>`:               `<a href="#m-top">x</a><p id="m-top" class="m-a m-b">y</p>`,
		`<a href="/relative">x</a>`:                                     `<a>x</a>`,
		`<table width="100%" bgcolor=#fff><tr><td align=left>x</table>`: `<table width="100%" bgcolor="#fff"><tr><td align="left">x</td></tr></table>`,
		`<div style="color: red; margin:0 auto; foo:bar">x</div>`:       `<div style="color:red;margin:0 auto">x</div>`,
		`<style>.a > p, #b { color: red }</style>x`:                     `<style>.m-a > p,#m-b{color:red}</style>x`,
		`<style>@media (max-width:600px){.a{width:100%}}</style>x`:      `<style>@media (max-width:600px){.m-a{width:100%}}</style>x`,
		`<font color=red size=2>x</font><center>y</center>`:             `<font color="red" size="2">x</font><center>y</center>`,
		`<custom-tag>inside</custom-tag>`:                               `inside`,
		`<img src="https://t.example/x.png" alt="A map">`:               `A map`,
		`<body bgcolor="#eee" style="margin:0"><p>x</p></body>`:         `<div style="background-color:#eee;margin:0"><p>x</p></div>`,
		`<img src="data:image/png;base64,iVBORw0KGgo=">`:                `<img src="data:image/png;base64,iVBORw0KGgo=">`,
		`<img src="data:image/svg+xml;base64,PHN2Zz4=" alt="">`:         ``,
	} {
		if got := strings.TrimSpace(SafeHTML(htmlMessage(in), HTMLOptions{}).Markup); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", in, got, want)
		}
	}
}

func TestRemoteContent(t *testing.T) {
	markup := `<img src="https://t.example/a.png"><img src="http://t.example/b.png"><div style="background:url(https://t.example/c.png)">x</div><table background="https://t.example/d.png"></table>`
	if blocked := SafeHTML(htmlMessage(markup), HTMLOptions{}); blocked.BlockedRemote != 4 || len(dangerous(blocked.Markup)) > 0 {
		t.Errorf("%d blocked: %s", blocked.BlockedRemote, blocked.Markup)
	}
	allowed := SafeHTML(htmlMessage(markup), HTMLOptions{AllowRemote: true})
	if !strings.Contains(allowed.Markup, `src="https://t.example/a.png"`) || strings.Contains(allowed.Markup, "http://") || !strings.Contains(allowed.Markup, "c.png") {
		t.Errorf("allowed: %s", allowed.Markup)
	}
	if view := Render(htmlMessage(markup)); view.HTML.BlockedRemote != 4 || !view.HasHTML {
		t.Errorf("view: %+v", view)
	}
}

func TestPicturesOfTheMessage(t *testing.T) {
	related := func(id, kind string) *Message {
		return Parse([]byte("Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:a@b\"><div style=\"background:url(cid:a@b)\">x</div>\r\n" +
			"--b\r\nContent-Type: " + kind + "\r\nContent-ID: <" + id + ">\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAAANSUhEUg==\r\n--b--\r\n"))
	}
	if out := SafeHTML(related("a@b", "image/png"), HTMLOptions{}).Markup; strings.Count(out, "data:image/png;base64,iVBORw0KGgo") != 2 {
		t.Errorf("a picture of the message: %s", out)
	}
	if out := SafeHTML(related("a@b", "image/jpeg"), HTMLOptions{}).Markup; !strings.Contains(out, "data:image/png") {
		t.Errorf("the bytes say what it is, not the label: %s", out)
	}
	if out := SafeHTML(related("other", "image/png"), HTMLOptions{}).Markup; strings.Contains(out, "data:") || strings.Contains(out, "cid:") {
		t.Errorf("a picture that is not there: %s", out)
	}
	if view := Render(related("a@b", "image/png")); len(view.Parts) != 1 || !view.Parts[0].Inline() {
		t.Errorf("parts: %+v", view.Parts)
	}
}

func FuzzSafeHTML(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, markup string) {
		if len(markup) > 100_000 {
			return
		}
		out := SafeHTML(htmlMessage(markup), HTMLOptions{})
		if found := dangerous(out.Markup); len(found) > 0 {
			t.Fatalf("%q becomes %q with %v", markup, out.Markup, found)
		}
		if len(out.Markup) > 10*len(markup)+10_000 {
			t.Fatalf("%d bytes become %d", len(markup), len(out.Markup))
		}
	})
}

func TestSafeURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.edu/x": "https://example.edu/x", "HTTP://Example.edu": "http://Example.edu", "mailto:a@b": "mailto:a@b",
		"https://bank.example@evil.example/": "https://evil.example/", "https://": "", "https:///x": "", "javascript:x": "", "data:x": "", "//x": "", "x": "", "": "",
		"mailto:": "", "file:///etc/passwd": "", "https://a\x00b": "",
	} {
		got, ok := safeURL(address)
		if got != want || ok != (want != "") {
			t.Errorf("%q becomes %q", address, got)
		}
		if parsed, err := url.Parse(got); ok && (err != nil || !parsed.IsAbs()) {
			t.Errorf("%q is not absolute", got)
		}
	}
}
