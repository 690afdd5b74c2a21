package wire_test

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"alphamail/node/imapconn/wire"
)

// FuzzStream reads anything, whole and in pieces: no panic, the same responses,
// nothing unbounded.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\r\n", "* 1 FETCH (UID 5 BODY[] {3}\r\nabc FLAGS (\\Seen))\r\n",
		"* LIST (\\A) \"/\" \"&AOk-\"\r\n* ESEARCH (TAG \"a\") UID ALL 1:5\r\n", "* THREAD (1 (2)(3 4))\r\n", "* STATUS a (MESSAGES 5)\r\nA1 OK [COPYUID 1 2:3 4:5] x\r\n",
		"* 2 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)(NIL) \"mixed\"))\r\n",
		"* 1 FETCH (BODY[HEADER.FIELDS (a b)]<0> {999999}\r\nx", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* VANISHED (EARLIER) 1:9\r\n", "* 1 FETCH (BINARY[1] ~{2}\r\n\x00\x01)\r\n",
	} {
		f.Add([]byte(seed))
	}
	limits := wire.Limits{Line: 4096, Literals: 4096}
	read := func(source io.Reader, await bool) (all []string, parsed []wire.Response) {
		reader := wire.NewReader(source, limits)
		for {
			if await {
				reader.Await() // its error comes again
			}
			data, err := reader.Next()
			if err != nil {
				return append(all, err.Error()), parsed
			}
			all = append(all, string(data))
			parsed = append(parsed, wire.Parse(data, &wire.Decoding{}))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, parsed := read(bytes.NewReader(stream), false)
		pieces, again := read(iotest.OneByteReader(bytes.NewReader(stream)), true)
		if !slices.Equal(whole, pieces) || !reflect.DeepEqual(parsed, again) {
			t.Errorf("whole %q, in pieces %q", whole, pieces)
		}
	})
}

// FuzzMailboxName sends names to a server and reads them back.
func FuzzMailboxName(f *testing.F) {
	for _, seed := range []string{"INBOX", "Entwürfe", "a&b", "日本語/x", "😀", "\"\\", "&AOk-", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ToValidUTF8(name, "") != name || strings.ContainsAny(name, "\x00") || name == "" || strings.EqualFold(name, "INBOX") {
			return
		}
		for _, utf8 := range []bool{false, true} {
			e := &wire.Encoder{Encoding: wire.Encoding{UTF8: utf8}}
			e.Raw("* LIST () NIL ")
			e.Mailbox(name)
			e.Raw("\r\n")
			text, _ := e.Bytes()
			reader := wire.NewReader(bytes.NewReader(text), wire.DefaultLimits)
			data, err := reader.Next()
			if err != nil {
				t.Fatal(err)
			}
			list, ok := wire.Parse(data, &wire.Decoding{UTF8: utf8}).(*wire.List)
			if !ok || list.Data.Mailbox != name {
				t.Errorf("%q, UTF-8 %v, came back as %+v", name, utf8, list)
			}
		}
	})
}

// parsed parses one response, twice and with the memory of the first taken away
// in between: what comes out must be the same, and its own.
func parsed(t *testing.T, text string) wire.Response {
	t.Helper()
	data := []byte(text)
	first := wire.Parse(data, &wire.Decoding{})
	for i := range data {
		data[i] = '#'
	}
	if again := wire.Parse([]byte(text), &wire.Decoding{}); !reflect.DeepEqual(first, again) {
		t.Errorf("%q: %#v, then %#v", text, first, again)
	}
	return first
}

// fuzzItem reads a FETCH response in which anything stands for one item: whose
// message it is is known all the same.
func fuzzItem(f *testing.F, name string, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		message, ok := parsed(t, "* 3 FETCH (UID 9 "+name+" "+value+")").(*wire.Fetch)
		if !ok || message.SeqNum != 3 || message.UID == 0 && len(message.Broken) == 0 {
			t.Errorf("%q: %+v", value, message)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	fuzzItem(f, "ENVELOPE",
		`("Mon, 7 Feb 1994 21:52:25 -0800" "s" (("N" NIL "a" "b")) NIL NIL ((NIL NIL "g" NIL)(NIL NIL "x" "y")(NIL NIL NIL NIL)) NIL NIL "<x> <y>" "<z>")`,
		"(NIL {3}\r\na\"b ((\"\\\\\" NIL \xff \"\")) NIL NIL NIL NIL NIL NIL NIL)", `NIL`, `((((((`, `("" "" () () () () () () "" "") FLAGS (\Seen)`, `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL "more")`)
}

func FuzzBodyStructure(f *testing.F) {
	fuzzItem(f, "BODYSTRUCTURE",
		`(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23)("APPLICATION" "PDF" NIL NIL NIL "BASE64" 4554 NIL ("attachment" ("FILENAME" "a b")) NIL NIL "ext" (1 2)) "MIXED" ("BOUNDARY" "x") ("inline") "en" "place")`,
		`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" -1 ("d" "s" NIL NIL NIL NIL NIL NIL NIL NIL) (NIL "mixed") 5 NIL NIL ("en" "de"))`,
		`NIL`, `("mixed")`, `((NIL)NIL "x")`, strings.Repeat("(", 60)+`"a" "b"`, `("text" "plain" ("a") NIL NIL NIL NIL)`)
}

// FuzzList reads what may stand behind LIST, and STATUS, which has names too.
func FuzzList(f *testing.F) {
	for _, seed := range []string{
		`(\HasNoChildren \sent) "/" "a b"`, `() NIL inbox`, `(\Noselect) "." {3}` + "\r\na\"b", `() "/" new (OLDNAME ("old"))`, `() "/" x ("CHILDINFO" ("SUBSCRIBED") X (1 (2)))`,
		`() "." "&AOk-&"`, `"a b" (MESSAGES 3 UNSEEN -1 X-NEW (1 2) MAILBOXID (F1))`, `( "`, `() "\\" a`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"LIST", "STATUS"} {
			switch response := parsed(t, "* "+name+" "+value).(type) {
			case *wire.List, *wire.StatusData, *wire.Broken:
			default:
				t.Errorf("%s %q: %T", name, value, response)
			}
		}
	})
}

func FuzzESearch(f *testing.F) {
	for _, seed := range []string{
		`(TAG "A1") UID COUNT 3 ALL 2,4:5`, `UID MIN 4 MAX 1 MODSEQ 5`, `(TAG A1 X Y) ALL 5:2`, `ALL *`, `ALL 0`, `PARTIAL (1:10 5,6) ALL 4294967295:1`, `COUNT NIL`, `(TAG`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		found, ok := parsed(t, "* ESEARCH "+value).(*wire.ESearch)
		if !ok {
			return
		}
		for _, part := range found.All {
			if part.Start == 0 || part.Stop < part.Start {
				t.Errorf("%q: %v", value, part)
			}
		}
	})
}

// FuzzLiterals puts anything into the literals of a response and cuts the stream
// at every byte: all of them arrive as they were.
func FuzzLiterals(f *testing.F) {
	for _, seed := range []string{"", "abc", "{3}\r\nabc", "A1 OK done\r\n", "\r\n* 5 EXISTS\r\n", "\x00\xff)", strings.Repeat("x", 200), "}"} {
		f.Add([]byte(seed), "INBOX")
	}
	f.Fuzz(func(t *testing.T, content []byte, mailbox string) {
		content, mailbox = content[:min(len(content), 300)], mailbox[:min(len(mailbox), 100)]
		stream := fmt.Appendf(nil, "* LIST () NIL {%d}\r\n%s\r\n* 1 FETCH (BODY[] {%d}\r\n%s BODY[1] {%[3]d+}\r\n%[4]s BINARY[2] ~{%[3]d}\r\n%[4]s UID 5)\r\nA1 OK {3}\r\n", len(mailbox), mailbox, len(content), content)
		want := responses(t, bytes.NewReader(stream))
		if len(want) != 3 {
			t.Fatalf("%d responses in %q", len(want), stream)
		}
		message, ok := want[1].(*wire.Fetch)
		if !ok || message.UID != 5 || len(message.Sections) != 3 || message.Broken != nil {
			t.Fatalf("%q: %+v", stream, message)
		}
		for _, section := range message.Sections {
			if !bytes.Equal(section.Data, content) {
				t.Errorf("%q came as %q", content, section.Data)
			}
		}
		for cut := range stream {
			if got := responses(t, io.MultiReader(bytes.NewReader(stream[:cut]), bytes.NewReader(stream[cut:]))); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q cut at %d: %#v", stream, cut, got)
			}
		}
		if got := responses(t, iotest.OneByteReader(bytes.NewReader(stream))); !reflect.DeepEqual(got, want) {
			t.Errorf("%q byte by byte: %#v", stream, got)
		}
	})
}

func responses(t *testing.T, source io.Reader) (all []wire.Response) {
	t.Helper()
	for _, data := range readAll(t, source) {
		all = append(all, wire.Parse([]byte(data), &wire.Decoding{}))
	}
	return all
}
