package mime

import (
	"strings"
	"testing"
)

const (
	oneClickFields = "List-Unsubscribe: <mailto:leave@list.example?subject=leave>, <https://list.example/u?r=1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
	passes         = "Authentication-Results: mx.example.edu; dkim=pass header.d=list.example\r\n"
	covering       = "DKIM-Signature: v=1; a=rsa-sha256; d=list.example; s=k1; h=From:To:List-Unsubscribe:List-Unsubscribe-Post; bh=x; b=abc/def\r\n"
	notCovering    = "DKIM-Signature: v=1; a=rsa-sha256; d=list.example; s=k1; h=From:To; bh=x; b=uvwxyz\r\n"
)

func TestUnsubscribeWays(t *testing.T) {
	for field, want := range map[string]Unsubscribing{
		"": {},
		"<mailto:leave@list.example?subject=a%20b>":            {Mailto: "mailto:leave@list.example?subject=a%20b"},
		"<https://list.example/u>, <mailto:l@list.example>":    {Link: "https://list.example/u", Mailto: "mailto:l@list.example"},
		"<http://list.example/u>":                              {Link: "http://list.example/u"},
		"<http://a.example/>, <https://b.example/>":            {Link: "https://b.example/"},
		"<https://a.example/1>, <https://b.example/2>":         {Link: "https://a.example/1"},
		"(leave here) <https://list.example/\r\n u?x=1>":       {Link: "https://list.example/u?x=1"},
		"<javascript:alert(1)>, <data:text/html,x>, <file:/>":  {},
		"https://list.example/u":                               {},
		"<https://list.example/u":                              {},
		"<https://>, <https:///x>, <//list.example/>":          {},
		"<https://user:secret@list.example/>":                  {Link: "https://list.example/"},
		strings.Repeat("<x:>,", 30) + "<https://late.example>": {},
		"NO": {},
	} {
		got := Unsubscribe(ParseHeader([]byte("List-Unsubscribe: "+field+"\r\n\r\n")), []string{"mx.example.edu"})
		if got != want {
			t.Errorf("%q: %+v, want %+v", field, got, want)
		}
	}
}

func TestOneClick(t *testing.T) {
	hosts := []string{"mx.example.edu"}
	const from = "From: news@list.example\r\n"
	for name, test := range map[string]struct {
		header string
		want   bool
	}{
		"all there":                      {passes + covering + from + oneClickFields, true},
		"of another domain":              {strings.ReplaceAll(passes, "list.example", "sender.example") + strings.ReplaceAll(covering, "d=list.example", "d=sender.example") + from + oneClickFields, true},
		"nobody checked":                 {covering + from + oneClickFields, false},
		"another host checked":           {strings.Replace(passes, "mx.example.edu", "mx.evil.example", 1) + covering + from + oneClickFields, false},
		"below the author":               {from + passes + covering + oneClickFields, false},
		"failed":                         {strings.Replace(passes, "pass", "fail", 1) + covering + from + oneClickFields, false},
		"only SPF passed":                {"Authentication-Results: mx.example.edu; spf=pass smtp.mailfrom=list.example\r\n" + covering + from + oneClickFields, false},
		"no signature there":             {passes + from + oneClickFields, false},
		"not covered":                    {passes + notCovering + from + oneClickFields, false},
		"the post is not covered":        {passes + strings.Replace(covering, ":List-Unsubscribe-Post", "", 1) + from + oneClickFields, false},
		"one of two does not cover":      {passes + covering + notCovering + from + oneClickFields, false},
		"the host says which":            {strings.Replace(passes, "list.example", "list.example header.b=abc/", 1) + covering + notCovering + from + oneClickFields, true},
		"the host says the other":        {strings.Replace(passes, "list.example", "list.example header.b=uvw", 1) + covering + notCovering + from + oneClickFields, false},
		"another selector":               {strings.Replace(passes, "list.example", "list.example header.s=k2", 1) + covering + from + oneClickFields, false},
		"a signature of somebody else":   {passes + strings.Replace(covering, "d=list.example", "d=evil.example", 1) + from + oneClickFields, false},
		"below a domain is not it":       {passes + strings.Replace(covering, "d=list.example", "d=sub.list.example", 1) + from + oneClickFields, false},
		"a tag twice":                    {passes + strings.Replace(covering, "d=list.example", "d=evil.example; d=list.example", 1) + from + oneClickFields, false},
		"another link above":             {passes + covering + from + "List-Unsubscribe: <https://evil.example/>\r\n" + oneClickFields, false},
		"another post":                   {passes + covering + from + oneClickFields + "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", false},
		"no post":                        {passes + covering + from + strings.Split(oneClickFields, "\r\n")[0] + "\r\n", false},
		"another word":                   {passes + covering + from + strings.Replace(oneClickFields, "One-Click", "Two-Clicks", 1), false},
		"only http":                      {passes + covering + from + strings.Replace(oneClickFields, "https:", "http:", 1), false},
		"only mail":                      {passes + covering + from + strings.Replace(oneClickFields, "https:", "ftp:", 1), false},
		"folded and in other letters":    {passes + strings.Replace(covering, "List-Unsubscribe:", "\r\n\tLIST-UNSUBSCRIBE :\r\n ", 1) + from + strings.Replace(oneClickFields, "One-Click", "one-click ", 1), true},
		"a line that is no field":        {"no field\r\n" + passes + covering + from + oneClickFields, false},
		"covered under a longer name":    {passes + strings.Replace(covering, "List-Unsubscribe:", "X-List-Unsubscribe:", 1) + from + oneClickFields, false},
		"more signatures than there are": {passes + strings.Repeat(covering, 60) + from + oneClickFields, false},
	} {
		got := Unsubscribe(ParseHeader([]byte(test.header+"\r\n")), hosts)
		if got.OneClick != test.want {
			t.Errorf("%s: %+v", name, got)
		}
		if Unsubscribe(ParseHeader([]byte(test.header+"\r\n")), nil).OneClick {
			t.Errorf("%s: believed without a host that is known", name)
		}
	}
	if got := Unsubscribe(ParseHeader([]byte(passes+covering+from+oneClickFields+"\r\n")), hosts); got.Host() != "list.example" || got.Link != "https://list.example/u?r=1" {
		t.Errorf("%+v at %q", got, got.Host())
	}
}

func FuzzUnsubscribe(f *testing.F) {
	f.Add(oneClickFields + covering)
	f.Add("List-Unsubscribe: <https://a/>, <mailto:b@c>\r\nDKIM-Signature: ;;=;h=::;b=\r\n")
	f.Fuzz(func(t *testing.T, fields string) {
		got := Unsubscribe(ParseHeader([]byte(passes+fields+"\r\n\r\n")), []string{"mx.example.edu"})
		if got.Link != "" && !strings.HasPrefix(got.Link, "https://") && !strings.HasPrefix(got.Link, "http://") ||
			got.Mailto != "" && !strings.HasPrefix(got.Mailto, "mailto:") || got.OneClick && (!strings.HasPrefix(got.Link, "https://") || got.Host() == "") {
			t.Fatalf("%q: %+v", fields, got)
		}
		if strings.ContainsAny(got.Link+got.Mailto, "\r\n\x00") {
			t.Fatalf("%q: %+v holds more than a line", fields, got)
		}
	})
}
