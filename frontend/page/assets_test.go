package page

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

var assetPath = regexp.MustCompile(`^/assets/[a-z]+\.[0-9a-f]{12}\.[a-z]+$`)

func TestAssets(t *testing.T) {
	for name, wantType := range map[string]string{"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		path := assetURL(name)
		if !assetPath.MatchString(path) {
			t.Errorf("%s is served as %q", name, path)
		}
		content, ok := Asset(path)
		if !ok || content.Type != wantType || len(content.Plain) == 0 {
			t.Fatalf("%s: found %t, type %q, %d bytes", path, ok, content.Type, len(content.Plain))
		}
		unzip, err := gzip.NewReader(bytes.NewReader(content.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		fromGzip, err := io.ReadAll(unzip)
		if err != nil || !bytes.Equal(fromGzip, content.Plain) {
			t.Errorf("%s: gzip does not give the content back: %v", name, err)
		}
		fromBrotli, err := brrr.Decompress(content.Brotli)
		if err != nil || !bytes.Equal(fromBrotli, content.Plain) {
			t.Errorf("%s: brotli does not give the content back: %v", name, err)
		}
		decoder, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer decoder.Close()
		fromZstd, err := decoder.DecodeAll(content.Zstd, nil)
		if err != nil || !bytes.Equal(fromZstd, content.Plain) {
			t.Errorf("%s: zstd does not give the content back: %v", name, err)
		}
	}
	for _, path := range []string{"", "/assets/", "/assets/style.css", "/assets/style.000000000000.css", "style.css", "/assets/../locale.go"} {
		if _, ok := Asset(path); ok {
			t.Errorf("%q is an asset", path)
		}
	}
}

// The style must not fetch anything, and no rule may depend on a side.
func TestStyle(t *testing.T) {
	style, _ := Asset(assetURL("style.css"))
	physical := regexp.MustCompile(`(margin|padding|border)-(left|right)|[ ;{](left|right):|text-align: ?(left|right)|float:`)
	if found := physical.FindString(string(style.Plain)); found != "" {
		t.Errorf("the style has %q, which is wrong in right-to-left pages", found)
	}
	if strings.Contains(string(style.Plain), "url(") || strings.Contains(string(style.Plain), "@import") {
		t.Error("the style fetches something")
	}
	if strings.Count(string(style.Plain), "{") != strings.Count(string(style.Plain), "}") {
		t.Error("braces are not balanced")
	}
}

func TestPolicies(t *testing.T) {
	closed, open := BodyPolicy(false), BodyPolicy(true)
	for _, want := range []string{"sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none';", "style-src 'unsafe-inline';", "frame-ancestors 'self'"} {
		if !strings.Contains(closed, want) || !strings.Contains(open, want) {
			t.Errorf("the policy of the body lacks %s", want)
		}
	}
	if strings.Contains(closed, "http") || !strings.Contains(open, "img-src data: https:;") {
		t.Errorf("remote images: %q and %q", closed, open)
	}
	for _, policy := range []string{closed, open, PagePolicy()} {
		if strings.Contains(policy, "script") || strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "*") {
			t.Errorf("%q is too wide", policy)
		}
	}
	if !strings.Contains(PagePolicy(), "frame-ancestors 'none'") || strings.Contains(PagePolicy(), "unsafe") {
		t.Errorf("the policy of pages is %q", PagePolicy())
	}
}
