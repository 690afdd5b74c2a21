package imapconn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
	"alphamail/node/imapconn/wire"
)

// fine are the items of a message as they should be.
var fine = map[string]string{
	"FLAGS":         `(\Seen)`,
	"INTERNALDATE":  `"17-Jul-1996 02:44:25 -0700"`,
	"RFC822.SIZE":   `4286`,
	"ENVELOPE":      `("Mon, 7 Feb 1994 21:52:25 -0800" "Subject" (("Ana" NIL "ana" "example.edu")) NIL NIL NIL NIL NIL NIL "<id@example.edu>")`,
	"BODYSTRUCTURE": `("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 1)`,
	"BODY[TEXT]":    "{5}\r\nHello",
}

var itemOrder = []string{"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY[TEXT]"}

// TestAnUglyMessageCostsItsDetail fetches five messages, of which the third has
// something that is broken, strange or too much: the other four are complete, so
// is what the third has beside it, and the next command works.
func TestAnUglyMessageCostsItsDetail(t *testing.T) {
	for name, tt := range map[string]struct {
		item, value string
		lost        string // the item that the message has not; empty if it has all
		reported    string
	}{
		"BODYSTRUCTURE NIL":       {"BODYSTRUCTURE", "NIL", "", ""},
		"a part that is NIL":      {"BODYSTRUCTURE", `(("text" "plain" NIL NIL NIL "7bit" 1 1)NIL "mixed")`, "", ""},
		"no structure":            {"BODYSTRUCTURE", `17`, "BODYSTRUCTURE", "broken item BODYSTRUCTURE"},
		"deep nesting":            {"BODYSTRUCTURE", strings.Repeat("(", 90) + `"a"` + strings.Repeat(` "mixed")`, 90), "BODYSTRUCTURE", "broken item BODYSTRUCTURE"},
		"a size below zero":       {"RFC822.SIZE", "-1", "RFC822.SIZE", ""},
		"a size that is NIL":      {"RFC822.SIZE", "NIL", "RFC822.SIZE", ""},
		"a huge size":             {"RFC822.SIZE", "99999999999999999999999", "RFC822.SIZE", "broken item RFC822.SIZE"},
		"a bracket in a flag":     {"FLAGS", `(a]b [c \Seen)`, "", ""},
		"a flag in 8 bits":        {"FLAGS", "(gr\xfc\xdfe \\Seen)", "", ""},
		"no flags":                {"FLAGS", `whatever`, "FLAGS", "broken item FLAGS"},
		"an envelope in 8 bits":   {"ENVELOPE", "(\"heute\" \"Gr\xfc\xdfe\" ((\"J\xfcrgen\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL NIL)", "", ""},
		"an envelope cut short":   {"ENVELOPE", `("date" "subject" NIL)`, "ENVELOPE", "broken item ENVELOPE"},
		"no date":                 {"INTERNALDATE", `"yesterday"`, "INTERNALDATE", "broken item INTERNALDATE"},
		"a literal that is large": {"BODY[TEXT]", fmt.Sprintf("{%d}\r\n%s", 20_000, strings.Repeat("x", 20_000)), "BODY[TEXT]", ""},
		"a literal that looks on": {"BODY[TEXT]", "{25}\r\n)\r\n* 9 EXPUNGE\r\nA2 OK {3}", "", ""},
		"an unknown item":         {"X-GM-LABELS", `("\\Inbox" (a {3}` + "\r\na)b))", "", "unknown item X-GM-LABELS"},
		"a tower of parentheses":  {"X-TOWER", strings.Repeat("(", 5000), "BODY[TEXT]", "broken item FETCH"},
		"a string without an end": {"ENVELOPE", `("date" "subject`, "ENVELOPE", "broken item FETCH"},
	} {
		t.Run(name, func(t *testing.T) {
			var strange []string
			options := imapconn.Options{Security: imapconn.Plain, Limits: wire.Limits{Literals: 10_000}, Strange: func(what, name string) { strange = append(strange, what+" "+name) }}
			conn, err := play(t, options, func(s *scripted) {
				s.say("* OK [CAPABILITY IMAP4rev1] hello")
				tag := s.expect(t, "UID FETCH 1:5 ")
				for uid := 1; uid <= 5; uid++ {
					s.say("%s", fetched(uid, tt.item, tt.value))
				}
				s.say("%s OK done", tag)
				s.say("%s OK done", s.expect(t, "NOOP"))
			})
			if err != nil {
				t.Fatal(err)
			}
			text := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierText, Peek: true}
			fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1, Stop: 5}}, Items: &imap.FetchOptions{
				Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{text},
			}}
			if err := conn.Do(t.Context(), fetch, &imapconn.Noop{}); err != nil {
				t.Fatal(err)
			}
			if len(fetch.Messages) != 5 {
				t.Fatalf("%d messages", len(fetch.Messages))
			}
			for i, m := range fetch.Messages {
				want := slices.Clone(itemOrder)
				if i == 2 {
					want = remaining(tt.lost, tt.reported)
				}
				if got := has(m, text); !slices.Equal(got, want) || i != 2 && len(m.Broken) > 0 {
					t.Errorf("message %d has %q, not %q; broken %q", i+1, got, want, m.Broken)
				}
			}
			if tt.reported != "" && !slices.Contains(strange, tt.reported) || tt.reported == "" && len(strange) > 0 {
				t.Errorf("reported %q, not %q", strange, tt.reported)
			}
		})
	}
}

// fetched writes a response in which, for the third message, one item has a value
// of its own.
func fetched(uid int, item, value string) string {
	var response strings.Builder
	fmt.Fprintf(&response, "* %d FETCH (UID %[1]d", uid)
	for _, name := range itemOrder {
		if uid == 3 && name == item {
			fmt.Fprintf(&response, " %s %s", name, value)
		} else {
			fmt.Fprintf(&response, " %s %s", name, fine[name])
		}
	}
	if _, known := fine[item]; uid == 3 && !known {
		fmt.Fprintf(&response, " %s %s", item, value)
	}
	return response.String() + ")"
}

// remaining are the items that a message has without one, and without those
// behind it where the response cannot be read on.
func remaining(lost, reported string) []string {
	i := slices.Index(itemOrder, lost)
	switch {
	case i < 0 || lost == "BODY[TEXT]" && reported != "": // the item behind all others
		return itemOrder
	case reported == "broken item FETCH":
		return itemOrder[:i]
	}
	return slices.Delete(slices.Clone(itemOrder), i, i+1)
}

// has returns the items that a message came with.
func has(m *imapconn.Message, text *imap.FetchItemBodySection) (items []string) {
	for _, item := range []struct {
		name string
		has  bool
	}{
		{"FLAGS", slices.Contains(m.Flags, imap.FlagSeen)},
		{"INTERNALDATE", m.InternalDate.Year() == time.Date(1996, 7, 17, 0, 0, 0, 0, time.UTC).Year()},
		{"RFC822.SIZE", m.Size == 4286},
		{"ENVELOPE", m.Envelope != nil && m.Envelope.From[0].Mailbox != ""},
		{"BODYSTRUCTURE", m.Structure != nil},
		{"BODY[TEXT]", m.Section(text) != nil},
	} {
		if item.has {
			items = append(items, item.name)
		}
	}
	return items
}
