package wire_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// parse reads one response from text without its line end.
func parse(t testing.TB, text string) wire.Response {
	t.Helper()
	reader := wire.NewReader(strings.NewReader(text+"\r\n"), wire.DefaultLimits)
	data, err := reader.Next()
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if reader.Buffered() {
		t.Fatalf("%q is more than one response", text)
	}
	return wire.Parse(data, &wire.Decoding{})
}

func TestStatusResponses(t *testing.T) {
	for text, want := range map[string]*wire.Status{
		"A1 OK done":                            {Tag: "A1", Type: "OK", Text: "done"},
		"* NO [ALERT] look":                     {Type: "NO", Code: &wire.Code{Name: "ALERT"}, Text: "look"},
		"* OK [UIDVALIDITY 3857529045] valid":   {Type: "OK", Code: &wire.Code{Name: "UIDVALIDITY", Number: 3857529045}, Text: "valid"},
		"A2 ok":                                 {Tag: "A2", Type: "OK"},
		"* OK a literal? {5}":                   {Type: "OK", Text: "a literal? {5}"},
		"A3 BAD [what":                          {Tag: "A3", Type: "BAD", Text: "[what"},
		"* BYE caf\xe9":                         {Type: "BYE", Text: "caf\uFFFD"},
		"* OK [HIGHESTMODSEQ no] x":             {Type: "OK", Code: &wire.Code{Name: "HIGHESTMODSEQ"}, Text: "x"},
		"* OK [X-UNKNOWN (a b) {3] x":           {Type: "OK", Code: &wire.Code{Name: "X-UNKNOWN"}, Text: "x"},
		"* OK [PERMANENTFLAGS (\\Seen a]b)] ok": {Type: "OK", Code: &wire.Code{Name: "PERMANENTFLAGS", Flags: []imap.Flag{"\\Seen", "a]b"}}, Text: "ok"},
		"A4 OK [COPYUID 38505 304,319:320 3956:3958] copied": {Tag: "A4", Type: "OK", Text: "copied", Code: &wire.Code{
			Name: "COPYUID", UIDValidity: 38505, Source: imap.UIDSet{{Start: 304, Stop: 304}, {Start: 319, Stop: 320}}, Dest: imap.UIDSet{{Start: 3956, Stop: 3958}},
		}},
		"A5 OK [APPENDUID 38505 3955] done":          {Tag: "A5", Type: "OK", Text: "done", Code: &wire.Code{Name: "APPENDUID", UIDValidity: 38505, Dest: imap.UIDSet{{Start: 3955, Stop: 3955}}}},
		"A6 NO [MODIFIED 7,9] some were not changed": {Tag: "A6", Type: "NO", Text: "some were not changed", Code: &wire.Code{Name: "MODIFIED", UIDs: imap.UIDSet{{Start: 7, Stop: 7}, {Start: 9, Stop: 9}}}},
	} {
		if got := parse(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %#v\nwant %#v", text, got, want)
		}
	}
}

func TestMailboxResponses(t *testing.T) {
	three, seen := uint32(3), uint32(1)
	for text, want := range map[string]wire.Response{
		"* 23 EXISTS":                                &wire.Exists{Count: 23},
		"* 5 expunge":                                &wire.Expunge{SeqNum: 5},
		"* VANISHED 300:310,405":                     &wire.Vanished{UIDs: imap.UIDSet{{Start: 300, Stop: 310}, {Start: 405, Stop: 405}}},
		"* VANISHED (EARLIER) 41":                    &wire.Vanished{UIDs: imap.UIDSet{{Start: 41, Stop: 41}}, Earlier: true},
		"* FLAGS (\\Answered \\Seen $Label1)":        &wire.Flags{Flags: []imap.Flag{"\\Answered", "\\Seen", "$Label1"}},
		"* FLAGS ()":                                 &wire.Flags{Flags: []imap.Flag{}},
		"* SEARCH 2 3 6 (MODSEQ 917162500)":          &wire.Search{Numbers: []uint32{2, 3, 6}, ModSeq: 917162500},
		"* SEARCH":                                   &wire.Search{},
		"* OK [UIDVALIDITY 4294967297] x":            &wire.Status{Type: "OK", Code: &wire.Code{Name: "UIDVALIDITY"}, Text: "x"},
		"* SORT 5 3 4":                               &wire.Search{Numbers: []uint32{5, 3, 4}},
		`* ESEARCH (TAG "A1") UID COUNT 3 ALL 2,4:5`: &wire.ESearch{Tag: "A1", UID: true, Count: &three, All: []imap.UIDRange{{Start: 2, Stop: 2}, {Start: 4, Stop: 5}}},
		"* ESEARCH":                                  &wire.ESearch{},
		`* STATUS "a b" (MESSAGES 3 UNSEEN 1 X-NEW (1 2))`: &wire.StatusData{Data: imap.StatusData{Mailbox: "a b", NumMessages: &three, NumUnseen: &seen}},
		`* LIST (\HasNoChildren) "/" {5}` + "\r\na\"b\\c":  &wire.List{Data: imap.ListData{Attrs: []imap.MailboxAttr{"\\HasNoChildren"}, Delim: '/', Mailbox: `a"b\c`}},
		`* LIST (\Noselect) NIL inbox`:                     &wire.List{Data: imap.ListData{Attrs: []imap.MailboxAttr{"\\Noselect"}, Mailbox: "INBOX"}},
		`* LIST () "." "INBOX.&ZeVnLIqe-"`:                 &wire.List{Data: imap.ListData{Delim: '.', Mailbox: "INBOX.日本語"}},
		`* LIST () "." "R&broken"`:                         &wire.List{Data: imap.ListData{Delim: '.', Mailbox: "R&broken"}},
		`* LIST () "/" new ("OLDNAME" ("old"))`:            &wire.List{Data: imap.ListData{Delim: '/', Mailbox: "new", OldName: "old"}},
		`* NAMESPACE (("INBOX." "." "X-PARAM" ("a"))) NIL (("Public." "."))`: &wire.Namespace{Data: imap.NamespaceData{
			Personal: []imap.NamespaceDescriptor{{Prefix: "INBOX.", Delim: '.'}}, Shared: []imap.NamespaceDescriptor{{Prefix: "Public.", Delim: '.'}},
		}},
		`* QUOTAROOT INBOX "" "extra"`:         &wire.QuotaRoot{Mailbox: "INBOX", Roots: []string{"", "extra"}},
		`* QUOTA "" (STORAGE 10 512)`:          &wire.Quota{Resources: map[imap.QuotaResourceType]wire.QuotaUsage{"STORAGE": {Usage: 10, Limit: 512}}},
		`* MYRIGHTS INBOX rwiptsldaex`:         &wire.MyRights{Mailbox: "INBOX", Rights: "rwiptsldaex"},
		`* ID ("name" "Dovecot" "x" NIL)`:      &wire.ID{Fields: map[string]string{"name": "Dovecot"}},
		`* ID NIL`:                             &wire.ID{Fields: map[string]string{}},
		"+ go ahead":                           &wire.Continuation{Text: "go ahead"},
		"+":                                    &wire.Continuation{},
		"* XYZZY (nothing (happens)) \"here\"": &wire.Unknown{Name: "XYZZY"},
		"* 17 XYZZY":                           &wire.Unknown{Name: "XYZZY"},
	} {
		if got := parse(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %#v\nwant %#v", text, got, want)
		}
	}
}

func TestThreads(t *testing.T) {
	node := func(number uint32, answers ...wire.ThreadNode) wire.ThreadNode {
		return wire.ThreadNode{Number: number, Answers: answers}
	}
	for text, want := range map[string][]wire.ThreadNode{
		"* THREAD (2)(3 6 (4 23)(44 7 96))": {node(2), node(3, node(6, node(4, node(23)), node(44, node(7, node(96)))))},
		"* THREAD ((3)(5))":                 {node(0, node(3), node(5))},
		"* THREAD":                          nil,
		"* THREAD (1" + strings.Repeat(" 2", 5000) + ")": nil, // see below
	} {
		got, ok := parse(t, text).(*wire.Thread)
		if ok && len(text) > 5000 { // nobody has to go five thousand steps down
			deep, nodes := deepest(got.Threads)
			if deep > 1000 || nodes != 5001 {
				t.Errorf("%d nodes, %d deep", nodes, deep)
			}
			continue
		}
		if !ok || !reflect.DeepEqual(got.Threads, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func deepest(threads []wire.ThreadNode) (depth, nodes int) {
	for _, thread := range threads {
		below, count := deepest(thread.Answers)
		depth, nodes = max(depth, below+1), nodes+count+1
	}
	return depth, nodes
}

// TestABrokenResponseIsOneResponse reads on behind each of them.
func TestABrokenResponseIsOneResponse(t *testing.T) {
	for _, text := range []string{
		"* LIST (\\a", `* LIST () "/" "unterminated`, "* STATUS INBOX (MESSAGES many)", "* SEARCH 1 two 3", "* 99999999999 EXISTS",
		"* FLAGS", "* VANISHED 5:x", "* 3 FETCH", "* THREAD (1 (2)", "* THREAD " + strings.Repeat("(", 5000), "* NAMESPACE ((", "*", "", "A9 WHAT",
		"* SEARCH 0", "* 0 EXPUNGE", "* 0 FETCH (UID 1)", "* ESEARCH (TAG", "* QUOTA x (STORAGE 1", "* ID (a", "* ENABLED", "* \xff\xfe",
	} {
		reader := wire.NewReader(strings.NewReader(text+"\r\n* 7 EXISTS\r\n"), wire.DefaultLimits)
		data, err := reader.Next()
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		switch response := wire.Parse(data, &wire.Decoding{}).(type) {
		case *wire.Broken, *wire.Unknown:
		case *wire.Enabled, *wire.Status: // nothing was enabled; text
		default:
			t.Errorf("%q is a %T", text, response)
		}
		data, err = reader.Next()
		if exists, ok := wire.Parse(data, &wire.Decoding{}).(*wire.Exists); err != nil || !ok || exists.Count != 7 {
			t.Errorf("behind %q: %q, %v", text, data, err)
		}
	}
}

func TestFetch(t *testing.T) {
	text := `* 12 FETCH (FLAGS (\Seen $Forwarded) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286 UID 77 MODSEQ (624140003) ` +
		`BODY[HEADER.FIELDS ("From" {7}` + "\r\nSubject)]<0> {14}\r\nFrom: a@b)\r\n\r\n" + ` BODY[1]<10> NIL BODY[] "" X-GM-MSGID 1278455344230334865 ` +
		`EMAILID (M6d99ac3275bb4e) THREADID NIL PREVIEW "Hello")`
	got, ok := parse(t, text).(*wire.Fetch)
	if !ok {
		t.Fatalf("%#v", got)
	}
	date := time.Date(1996, time.July, 17, 2, 44, 25, 0, time.FixedZone("", -7*3600))
	if got.SeqNum != 12 || got.UID != 77 || got.Size != 4286 || got.ModSeq != 624140003 || !got.InternalDate.Equal(date) || got.EmailID != "M6d99ac3275bb4e" || got.Preview != "Hello" || !got.HasPreview {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.Flags, []imap.Flag{imap.FlagSeen, imap.FlagForwarded}) || !slices.Equal(got.Unknown, []string{"X-GM-MSGID"}) || got.Broken != nil {
		t.Errorf("flags %v, unknown %v, broken %v", got.Flags, got.Unknown, got.Broken)
	}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"FROM", "subject"}, Partial: &imap.SectionPartial{Size: 100}}
	if content, found := got.Section(header); !found || string(content) != "From: a@b)\r\n\r\n" {
		t.Errorf("header %q, %v", content, found)
	}
	if content, found := got.Section(&imap.FetchItemBodySection{Part: []int{1}, Partial: &imap.SectionPartial{Offset: 10, Size: 5}}); !found || content != nil {
		t.Errorf("part 1 %q, %v", content, found)
	}
	if content, found := got.Section(&imap.FetchItemBodySection{}); !found || content == nil || len(content) != 0 {
		t.Errorf("whole %q, %v", content, found)
	}
	if _, found := got.Section(&imap.FetchItemBodySection{Part: []int{2}}); found {
		t.Error("a section that did not come was found")
	}
}

// TestABrokenItemCostsThatItem keeps all others of the message.
func TestABrokenItemCostsThatItem(t *testing.T) {
	for _, item := range []string{
		`BODYSTRUCTURE ("text" "plain" (`, `BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" x 1) "mixed")`, `BODYSTRUCTURE "nonsense"`,
		`INTERNALDATE "yesterday"`, `INTERNALDATE ()`, `ENVELOPE ("date" "subject")`, `ENVELOPE (((((`, `MODSEQ (x)`, `FLAGS x`, `RFC822.SIZE big`,
		`EMAILID M1`, `BODY[TEXT]<x> "a"`, `BODYSTRUCTURE ` + strings.Repeat("(", 300),
	} {
		got, ok := parse(t, `* 3 FETCH (UID 9 `+item+` RFC822.HEADER "a")`).(*wire.Fetch)
		if !ok || got.SeqNum != 3 || got.UID != 9 || len(got.Broken) == 0 {
			t.Errorf("%s: %+v", item, got)
		}
	}
	for item, size := range map[string]int64{"-1": 0, "NIL": 0, `"17"`: 17, "18446744073709551615": 1 << 62} {
		if got, ok := parse(t, "* 3 FETCH (RFC822.SIZE "+item+" UID 9)").(*wire.Fetch); !ok || got.Size != size || got.UID != 9 || got.Broken != nil {
			t.Errorf("size %s: %+v", item, got)
		}
	}
}

func TestBodyStructure(t *testing.T) {
	structure := func(text string) imap.BodyStructure {
		got, _ := parse(t, "* 1 FETCH (BODYSTRUCTURE "+text+" UID 1)").(*wire.Fetch)
		if got == nil || got.Broken != nil || got.UID != 1 {
			t.Errorf("%s: %+v", text, got)
			return nil
		}
		return got.Structure
	}
	plain := &imap.BodyStructureSinglePart{
		Type: "text", Subtype: "plain", Params: map[string]string{"charset": "us-ascii"}, Encoding: "7BIT", Size: 1152, Text: &imap.BodyStructureText{NumLines: 23},
	}
	for text, want := range map[string]imap.BodyStructure{
		`("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23)`: plain,
		`(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23)("APPLICATION" "PDF" ("NAME" "a b") "<id>" "what" "BASE64" 4554 NIL ("attachment" ("FILENAME" "a b")) NIL NIL "ext" (1 2)) "MIXED" ("BOUNDARY" "x") ("inline") "en" "place")`: &imap.BodyStructureMultiPart{
			Subtype: "mixed", Children: []imap.BodyStructure{plain, &imap.BodyStructureSinglePart{
				Type: "application", Subtype: "pdf", Params: map[string]string{"name": "a b"}, ID: "<id>", Description: "what", Encoding: "BASE64", Size: 4554,
				Extended: &imap.BodyStructureSinglePartExt{Disposition: &imap.BodyStructureDisposition{Value: "attachment", Params: map[string]string{"filename": "a b"}}},
			}},
			Extended: &imap.BodyStructureMultiPartExt{Params: map[string]string{"boundary": "x"}, Disposition: &imap.BodyStructureDisposition{Value: "inline"}, Language: []string{"en"}, Location: "place"},
		},
		`NIL`:       &imap.BodyStructureSinglePart{Type: "application", Subtype: "octet-stream"},
		`("mixed")`: &imap.BodyStructureMultiPart{Subtype: "mixed"},
		`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" -1 ("Mon, 7 Feb 1994 21:52:25 -0800" "s" NIL NIL NIL ((NIL NIL "a" "b")) NIL NIL "<x> <y>" "<z>") NIL 5)`: &imap.BodyStructureSinglePart{
			Type: "message", Subtype: "rfc822", Encoding: "7BIT", MessageRFC822: &imap.BodyStructureMessageRFC822{
				NumLines: 5, BodyStructure: &imap.BodyStructureSinglePart{Type: "application", Subtype: "octet-stream"},
				Envelope: &imap.Envelope{
					Date: time.Date(1994, time.February, 7, 21, 52, 25, 0, time.FixedZone("", -8*3600)), Subject: "s",
					To: []imap.Address{{Mailbox: "a", Host: "b"}}, InReplyTo: []string{"x", "y"}, MessageID: "z",
				},
			},
		},
	} {
		if got := structure(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %#v\nwant %#v", text, got, want)
		}
	}
	deep := strings.Repeat("(", 40) + `("text" "plain" NIL NIL NIL "7bit" 1 1)` + strings.Repeat(` "mixed")`, 40)
	if structure(deep) == nil {
		t.Error("forty levels are too many")
	}
}

// TestEverySplit gives a stream in two pieces, cut at every byte, and in single
// bytes: the responses are the same.
func TestEverySplit(t *testing.T) {
	stream := "* OK hi {9}\r\n* LIST () \"/\" {3}\r\na{2 ({1}\r\n)\r\n* 1 FETCH (BODY[] {20}\r\nA1 OK\r\n* 2 {4}\r\nxy\r UID 5)\r\nA1 OK\n+ {3}\r\n* SEARCH\r\n"
	want := readAll(t, strings.NewReader(stream))
	if len(want) != 6 {
		t.Fatalf("%d responses: %q", len(want), want)
	}
	for cut := range stream {
		got := readAll(t, io.MultiReader(strings.NewReader(stream[:cut]), strings.NewReader(stream[cut:])))
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
	if got := readAll(t, iotest.OneByteReader(strings.NewReader(stream))); !slices.Equal(got, want) {
		t.Errorf("byte by byte: %q", got)
	}
	// Waiting before each of them changes nothing.
	reader := wire.NewReader(strings.NewReader(stream), wire.DefaultLimits)
	for _, response := range want {
		if err := reader.Await(); err != nil {
			t.Error(err)
		}
		if data, err := reader.Next(); err != nil || string(data) != response {
			t.Errorf("behind a wait: %q, not %q, %v", data, response, err)
		}
	}
	if err := reader.Await(); !errors.Is(err, io.EOF) {
		t.Errorf("a wait at the end: %v", err)
	}
}

func readAll(t testing.TB, source io.Reader) (all []string) {
	t.Helper()
	reader := wire.NewReader(source, wire.Limits{Line: 1000, Literals: 1000})
	for {
		data, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		all = append(all, string(data))
		reader.Release()
	}
}

func TestLimits(t *testing.T) {
	limits := wire.Limits{Line: 1000, Literals: 100}
	// A literal that is too large is read over; the message keeps the rest.
	stream := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 5 BODY[1] {2}\r\nab)\r\n* 2 EXISTS\r\n", 300_000, strings.Repeat("x", 300_000))
	for _, source := range []io.Reader{strings.NewReader(stream), iotest.HalfReader(strings.NewReader(stream)), iotest.OneByteReader(strings.NewReader(stream))} {
		reader := wire.NewReader(source, limits)
		data, err := reader.Next()
		got, ok := wire.Parse(data, &wire.Decoding{}).(*wire.Fetch)
		if err != nil || !ok || got.UID != 5 || len(got.Sections) != 2 || got.Sections[0].Data != nil || string(got.Sections[1].Data) != "ab" {
			t.Fatalf("%v: %+v", err, got)
		}
		if data, err := reader.Next(); err != nil || string(data) != "* 2 EXISTS" {
			t.Errorf("behind it: %q, %v", data, err)
		}
	}
	reader := wire.NewReader(strings.NewReader("* OK "+strings.Repeat("x", 100_000)), limits)
	if _, err := reader.Next(); !errors.Is(err, wire.ErrLine) {
		t.Errorf("a line without end: %v", err)
	}
	reader = wire.NewReader(strings.NewReader("* 1 FETCH (BODY[] {50}\r\nabc"), limits)
	if _, err := reader.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an end within a literal: %v", err)
	}
}

func TestEncoding(t *testing.T) {
	for _, tt := range []struct {
		encoding wire.Encoding
		write    func(*wire.Encoder)
		want     string
	}{
		{wire.Encoding{}, func(e *wire.Encoder) { e.String(`a"b\c`) }, `"a\"b\\c"`},
		{wire.Encoding{}, func(e *wire.Encoder) { e.String("a\r\nb") }, "{4}\r\na\r\nb"},
		{wire.Encoding{NonSync: 4096}, func(e *wire.Encoder) { e.String("ä") }, "{2+}\r\nä"},
		{wire.Encoding{NonSync: 1}, func(e *wire.Encoder) { e.String("ä") }, "{2}\r\nä"},
		{wire.Encoding{NonSync: -1}, func(e *wire.Encoder) { e.String(strings.Repeat("x", 2000)) }, "{2000+}\r\n" + strings.Repeat("x", 2000)},
		{wire.Encoding{UTF8: true}, func(e *wire.Encoder) { e.String("ä") }, `"ä"`},
		{wire.Encoding{}, func(e *wire.Encoder) { e.Mailbox("Inbox") }, "INBOX"},
		{wire.Encoding{}, func(e *wire.Encoder) { e.Mailbox("Entwürfe & mehr") }, `"Entw&APw-rfe &- mehr"`},
		{wire.Encoding{UTF8: true}, func(e *wire.Encoder) { e.Mailbox("Entwürfe & mehr") }, `"Entwürfe & mehr"`},
		{wire.Encoding{}, func(e *wire.Encoder) { e.Flags([]imap.Flag{"\\Seen", "a b", "x)y", "$ok", ""}) }, `(\Seen $ok)`},
		{wire.Encoding{}, func(e *wire.Encoder) {
			e.Section(&imap.FetchItemBodySection{Part: []int{1, 2}, Specifier: imap.PartSpecifierMIME, Peek: true, Partial: &imap.SectionPartial{Offset: 5, Size: 10}})
		}, "BODY.PEEK[1.2.MIME]<5.10>"},
		{wire.Encoding{}, func(e *wire.Encoder) {
			e.Section(&imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"From", "to"}})
		}, "BODY[HEADER.FIELDS (FROM TO)]"},
		{wire.Encoding{}, func(e *wire.Encoder) { e.Criteria(&imap.SearchCriteria{}) }, "ALL"},
		{wire.Encoding{}, func(e *wire.Encoder) {
			e.Criteria(&imap.SearchCriteria{
				UID: []imap.UIDSet{imap.UIDSetNum(1, 2, 3)}, Since: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), NotFlag: []imap.Flag{imap.FlagSeen, "$Junk"},
				Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "a b"}, {Key: "List-Id", Value: "x"}}, Larger: 10,
				Or:  [][2]imap.SearchCriteria{{{Body: []string{"x"}}, {Text: []string{"y"}}}},
				Not: []imap.SearchCriteria{{Flag: []imap.Flag{imap.FlagFlagged}}},
			})
		}, `UID 1:3 SINCE 1-Feb-2026 SUBJECT "a b" HEADER "List-Id" "x" UNSEEN UNKEYWORD $Junk LARGER 10 NOT (FLAGGED) OR (BODY "x") (TEXT "y")`},
	} {
		e := &wire.Encoder{Encoding: tt.encoding}
		tt.write(e)
		if got, _ := e.Bytes(); string(got) != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
