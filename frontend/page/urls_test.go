package page

import (
	"net/url"
	"strings"
	"testing"

	"alphamail/node/api"
)

func TestMailboxSegments(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX":              "INBOX",
		"Travel 2026":        "Travel%202026",
		"Courses/LING 201":   "Courses~1LING%20201",
		"INBOX.Sub.Folder":   "INBOX.Sub.Folder",
		"a~b":                "a~0b",
		"~1/~0":              "~01~1~00",
		"100%":               "100%25",
		"R&D":                "R%26D",
		"a+b?c#d":            "a%2Bb%3Fc%23d",
		"研究室":                "%E7%A0%94%E7%A9%B6%E5%AE%A4",
		"📬":                  "%F0%9F%93%AC",
		`"quotes" <tag> \ '`: "%22quotes%22%20%3Ctag%3E%20%5C%20%27",
		".":                  "~2",
		"..":                 "~2~2",
		"...":                "...",
		" ":                  "%20",
		"a\u202eb":           "a%E2%80%AEb",
	} {
		if got := EncodeMailbox(name); got != want {
			t.Errorf("EncodeMailbox(%q) = %q, want %q", name, got, want)
		}
		if got, err := DecodeMailbox(want); err != nil || got != name {
			t.Errorf("DecodeMailbox(%q) = %q, %v, want %q", want, got, err, name)
		}
		// A browser resolves the path and must come out where it started.
		path := MailboxURL(name, 1)
		base, _ := url.Parse("https://mail.example.edu/x")
		resolved, err := base.Parse(path)
		if err != nil || resolved.EscapedPath() != path {
			t.Errorf("%q resolves to %v, %v", path, resolved, err)
		}
	}
}

func TestDecodeMailboxIsStrict(t *testing.T) {
	for _, segment := range []string{
		"", "%", "%4", "%zz", "a%00b", "\x00", "%FF", "\xff", "%C3", "~", "a~", "~3", "~a", "~~", "a/b", "%2F", "a?b", "a#b",
	} {
		if got, err := DecodeMailbox(segment); err == nil {
			t.Errorf("DecodeMailbox(%q) = %q, want an error", segment, got)
		}
	}
	if got, err := DecodeMailbox("%7E1caf%c3%a9"); err != nil || got != "/café" {
		t.Errorf("lower case and needless escapes: %q, %v", got, err)
	}
}

func TestParseMessageSegment(t *testing.T) {
	if v, u, err := ParseMessageSegment("1700000000-4294967295"); v != 1700000000 || u != 4294967295 || err != nil {
		t.Errorf("got %d, %d, %v", v, u, err)
	}
	for _, s := range []string{
		"", "-", "1", "1-", "-1", "0-1", "1-0", "01-1", "1-01", "+1-1", "1-+1", "1--1", "1-1-1", "1-4294967296",
		"1 -1", "1-1 ", "a-b", "１-１", "1_0-1", "0x1-1",
	} {
		if v, u, err := ParseMessageSegment(s); err == nil {
			t.Errorf("ParseMessageSegment(%q) = %d, %d, want an error", s, v, u)
		}
	}
}

func TestURLs(t *testing.T) {
	id := api.MessageID{Mailbox: "A/B", UIDValidity: 7, UID: 42}
	for got, want := range map[string]string{
		MailboxURL("A/B", 0):        "/mail/A~1B",
		MailboxURL("A/B", 1):        "/mail/A~1B",
		MailboxURL("A/B", 2):        "/mail/A~1B?page=2",
		MessageURL(id):              "/mail/A~1B/7-42",
		PartURL(id, "1.2", false):   "/mail/A~1B/7-42/part/1.2",
		PartURL(id, "1/?&\"", true): "/mail/A~1B/7-42/part/1~1%3F%26%22?download=1",
		BodyURL(id, false):          "/mail/A~1B/7-42/body",
		BodyURL(id, true):           "/mail/A~1B/7-42/body?remote=1",
		PrintURL(id):                "/mail/A~1B/7-42/print",
		RawURL(id):                  "/mail/A~1B/7-42/raw",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzDecodeMailbox(f *testing.F) {
	for _, seed := range []string{"INBOX", "a~0~1~2", "%E7%A0%94", "%00", "~", "%2F", "..", "%252e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, segment string) {
		name, err := DecodeMailbox(segment)
		if err != nil {
			return
		}
		if name == "" || strings.Contains(name, "\x00") {
			t.Fatalf("%q decodes to %q", segment, name)
		}
		again, err := DecodeMailbox(EncodeMailbox(name))
		if err != nil || again != name {
			t.Fatalf("%q came back as %q, %v", name, again, err)
		}
	})
}

func FuzzParseMessageSegment(f *testing.F) {
	for _, seed := range []string{"1-1", "1700000000-42", "0-1", "1-", "01-1", "4294967296-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		uidValidity, uid, err := ParseMessageSegment(s)
		if err != nil {
			return
		}
		if got := MessageURL(api.MessageID{Mailbox: "m", UIDValidity: uidValidity, UID: uid}); got != "/mail/m/"+s {
			t.Fatalf("%q is read as %s", s, got)
		}
	})
}
