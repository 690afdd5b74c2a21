package page

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"alphamail/node/api"
)

// hostile are strings that mail may put anywhere.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><script>alert(1)</script>`,
	`' onmouseover='alert(1)' x='`,
	`" onfocus="alert(1)" autofocus="`,
	`</title><script>alert(1)</script>`,
	`</textarea></style></svg><img src=x onerror=alert(1)>`,
	`<!--`, `]]>`, `&lt;script&gt;`, `&#60;script&#62;`,
	"\x00<script\x00>", "a\u202egpj.exe", "\u2066\u2067\u2068mixed", "\u202dleft\u202c", "\u200fmark",
	"{{.Count}}", "javascript:alert(1)", "line\r\nSet-Cookie: a=b", strings.Repeat("<b>", 1000), "\xff\xfe broken UTF-8",
}

func hostileMessage(s string) *api.MessageAnswer {
	people := []api.Address{{Name: s, Email: s}, {Name: s}, {Email: s}, {}}
	id := api.MessageID{Mailbox: s, UIDValidity: 1, UID: 2}
	folder := api.Folder{Mailbox: s, Path: []string{s, s}, Selectable: true, Counted: true, Unread: 1}
	return &api.MessageAnswer{
		Folders: []api.Folder{folder}, Folder: folder, ID: id, Subject: s,
		From: people, Sender: people[:1], ReplyTo: people[1:], To: people, Cc: people, Bcc: people,
		Date: time.Unix(0, 0),
		Text: []api.Block{
			{Quote: -1, Spans: []api.Span{{Text: s}, {Text: s, URL: "https://example.edu/" + s}, {Text: s, URL: s}}},
			{Quote: 1 << 30, Spans: []api.Span{{Text: s}}},
		},
		HasHTML: true, BlockedRemote: 1, Newer: &id, Older: &id, Page: 1,
		Parts:   []api.Part{{ID: s, MediaType: s, Name: s, Size: -1}, {ID: s, MediaType: "image/png", Name: "x." + s, Inline: true}},
		Headers: []api.HeaderField{{Name: s, Value: s}},
		Notes:   []api.NoteCode{api.NoteCode(s)},
		Doubts:  []api.Doubt{{Kind: api.DoubtKind(s), Field: s}, {Kind: api.DoubtName, Field: s, Shown: s, True: s}, {Kind: api.DoubtLetters, Field: "Sender", Shown: s, True: s}},
		Events: []api.Event{
			{
				Method: s, UID: s, Summary: s, Location: s, Description: s, URL: s, Status: s, Start: time.Unix(1<<40, 0), End: time.Unix(-1<<40, 0),
				Zone: s, Offset: 1 << 40, Repeats: &api.Recurrence{Frequency: s, Interval: -1 << 63, Count: 1<<63 - 1, Until: time.Unix(1<<50, 0), Days: []string{s, "", "MO", "99999999999999999999MO"}},
				Organizer: people[0], Attendees: []api.Attendee{{Name: s, Email: s, Status: s, Optional: true}, {}}, Reply: s,
			},
			{Method: "reply", URL: "https://example.edu/" + s, Start: time.Unix(0, 0), Floating: true, Zone: s, Attendees: []api.Attendee{{Name: s}}, Reply: "accepted"},
			{Method: "cancel", AllDay: true, Start: time.Unix(0, 0), End: time.Unix(1<<40, 0)},
		},
		Images: api.ImagesOffered, Unsubscribe: &api.Unsubscribe{OneClick: true, Link: s, Mailto: s},
		Report: &api.Report{Reporter: s, Subject: s, MessageID: s, Recipients: []api.ReportedRecipient{
			{Address: s, Action: s, Status: s, Reason: api.ReportReason(s), Diagnostic: s, Remote: s}, {Address: s, Action: "failed", Reason: api.ReportReason(s)},
		}},
	}
}

func hostilePages(s string) map[string]func(io.Writer) error {
	c := contextIn("en")
	m := hostileMessage(s)
	m.Folders = append(m.Folders,
		api.Folder{Mailbox: s + "1", Path: []string{s, s}, Selectable: true, Space: api.SpaceOther, ReadOnly: true},
		api.Folder{Mailbox: s + "2", Path: []string{s}, Selectable: true, Space: api.Space(s)})
	list := &api.MailboxAnswer{
		Folders: m.Folders, Folder: m.Folder, Total: 100, Unread: 1, Page: 2, Pages: 3, PageSize: 50,
		Rows: []api.Row{{ID: m.ID, People: m.From, Subject: s, Snippet: s}},
	}
	odd := *list
	odd.Order, odd.Filter, odd.Reverse, odd.Matching, odd.Deleted = api.Order(s), api.Filter(s), true, -1, 1<<40
	odd.AsOf = time.Unix(1<<40, 0)
	odd.Rows = []api.Row{{ID: m.ID, Size: -1 << 63, Flags: api.Flags{Deleted: true}}, {ID: m.ID, Size: 1<<63 - 1}}
	sized := odd
	sized.Order, sized.Page, sized.Pages = api.OrderSize, -5, 1<<40
	return map[string]func(io.Writer) error{
		"mailbox":     func(w io.Writer) error { return WriteMailbox(w, c, Mailbox{Answer: list}) },
		"odd":         func(w io.Writer) error { return WriteMailbox(w, c, Mailbox{Answer: &odd}) },
		"sized":       func(w io.Writer) error { return WriteMailbox(w, c, Mailbox{Answer: &sized}) },
		"folders":     func(w io.Writer) error { return WriteFolders(w, c, Folders{Answer: list}) },
		"message":     func(w io.Writer) error { return WriteMessage(w, c, Message{Answer: m, Details: true}) },
		"text":        func(w io.Writer) error { return WriteMessage(w, c, Message{Answer: m, AsText: true}) },
		"unsubscribe": func(w io.Writer) error { return WriteUnsubscribe(w, c, Unsubscribe{Answer: m}) },
		"print":       func(w io.Writer) error { return WritePrint(w, c, Print{Answer: m}) },
		"body":        func(w io.Writer) error { return WriteBody(w, c, Body{&api.BodyAnswer{Subject: s}}) },
		"login": func(w io.Writer) error {
			return WriteLogin(w, c, Login{Domains: []string{s, "b"}, Domain: s, User: s, Next: s, Problem: LoginProblem(s)})
		},
		"compose": func(w io.Writer) error {
			draft := &api.Draft{
				Folders: m.Folders, Fields: api.DraftFields{Identity: s, To: s, Cc: s, Bcc: s, ReplyTo: s, Subject: s, Text: s}, ID: &m.ID, OperationID: s,
				Identities:  []api.Identity{{ID: s, Name: s, Address: s}, {ID: s, Name: s, Address: s}},
				Attachments: []api.DraftAttachment{{AttachmentName: api.AttachmentName{Source: m.ID, Part: s}, Name: s, MediaType: s, Size: -1}},
				Origin:      &api.Origin{Kind: api.ComposeKind(s), ID: m.ID}, State: api.DraftState(s), Formatted: true, CanSend: true,
			}
			return WriteCompose(w, c, Compose{
				Draft: draft, Change: api.DraftChange(s), Other: &m.ID, Reason: api.SendReason(s), Failure: ComposeFailure(s), Refused: []string{s},
				Words:   []ServerWords{{Recipient: s, Text: s}, {Text: s}},
				FoundIn: "to", Found: &api.FindAddressesAnswer{Words: s, Found: []api.FoundAddress{{ID: s, Name: s, Address: s}, {ID: s, Name: s, Members: -1}}, More: -1},
				Waiting:  []WaitingFile{{s, s}},
				Problems: []api.Problem{{Field: s, Kind: api.ProblemKind(s), Value: s}, {Field: "to", Kind: api.ProblemAddress, Value: s}},
			})
		},
		"settings": func(w io.Writer) error {
			identity := api.Identity{ID: s, Name: s, Address: s}
			return WriteSettings(w, c, Settings{
				Answer:    &api.SettingsAnswer{Identities: []api.Identity{identity, identity}, Folders: m.Folders},
				Settings:  api.Settings{Language: s, TimeZone: s, StartFolder: s, Density: api.Density(s), RowsPerPage: -1 << 63, RefreshInterval: 1<<63 - 1, Sort: api.Order(s)},
				ProblemIn: SectionLanguage, Problem: FormProblem{FormProblemKind(s), s},
			})
		},
		"identity": func(w io.Writer) error {
			return WriteIdentity(w, c, Identity{
				Identity: api.Identity{ID: s, Name: s, Address: s, ReplyTo: s, Organization: s, Signatures: []api.Signature{{Name: s, Text: s}}, SignatureChoice: api.SignatureChoice(s)},
				Senders:  []string{s}, Problem: FormProblem{ProblemAddress, s},
			})
		},
		"contacts": func(w io.Writer) error {
			return WriteContacts(w, c, Contacts{
				Answer: &api.ContactsAnswer{
					Contacts: []api.Contact{{ID: s, Name: s, Addresses: []string{s, s}, Organization: s, Phone: s}}, Page: -1, Pages: 1 << 40, Total: -1, All: 1,
					Lists: []api.ContactList{{ID: s, Name: s}}, Collected: []api.CollectedAddress{{Name: s, Address: s}},
				},
				Query: s, Imported: &api.ImportContactsAnswer{Added: -1, Known: 1, Unusable: 1 << 62},
			})
		},
		"contact": func(w io.Writer) error {
			return WriteContact(w, c, Contact{Contact: api.Contact{ID: s, Name: s, Organization: s, Phone: s, Note: s}, Addresses: s})
		},
		"list": func(w io.Writer) error {
			return WriteContactList(w, c, ContactList{List: api.ContactList{ID: s, Name: s}, Members: s})
		},
		"error": func(w io.Writer) error {
			return WriteError(w, c, Error{Status: 500, Code: api.Code(s), RequestID: s, Retry: s})
		},
		"error beside folders": func(w io.Writer) error {
			return WriteError(w, c, Error{Status: 502, RequestID: s, Retry: s, Folders: m.Folders, RetryAfter: 1<<63 - 1})
		},
	}
}

// intrusions finds what only an attacker can have put there.
func intrusions(page []byte) (found []string) {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	for n := range root.Descendants() {
		if n.Type == html.CommentNode || n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img" || n.Data == "b" && textOf(n) != "Mail") {
			found = append(found, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case !knownAttributes[a.Key]:
				found = append(found, a.Key)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action") && strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:"):
				found = append(found, a.Val)
			case (a.Key == "title" || a.Key == "aria-label") && strings.ContainsFunc(a.Val, isBidiControl):
				found = append(found, "bidirectional control in "+a.Key)
			}
		}
		if n.Type == html.ElementNode && n.Data == "title" && strings.ContainsFunc(textOf(n), isBidiControl) {
			found = append(found, "bidirectional control in the title")
		}
	}
	return found
}

func isBidiControl(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

func TestHostileStringsStayText(t *testing.T) {
	for _, s := range hostile {
		for name, render := range hostilePages(s) {
			page := write(t, render)
			if found := intrusions(page); len(found) > 0 {
				t.Errorf("%.40q in %s becomes %q", s, name, found)
			}
			if name != "body" {
				wellFormed(t, page)
			}
		}
	}
	// The body document is the one place that takes HTML as it is; there every
	// attack must be found, or the search proves nothing.
	for _, s := range []string{hostile[0], hostile[5], hostile[6] + "-->", "<p onclick=alert(1)>", "<a href='javascript:alert(1)'>", "<p title='\u202e'>"} {
		page := write(t, func(w io.Writer) error {
			return WriteBody(w, contextIn("en"), Body{&api.BodyAnswer{HTML: s}})
		})
		if len(intrusions(page)) == 0 {
			t.Errorf("%q put in as HTML is not found", s)
		}
	}
}

func TestMailKeepsItsWords(t *testing.T) {
	page := string(write(t, hostilePages(`<b>&"'`)["message"]))
	if got := strings.Count(page, "&lt;b&gt;&amp;&#34;&#39;"); got < 10 {
		t.Errorf("the text of the message is there %d times", got)
	}
}

func TestRetryStaysHere(t *testing.T) {
	for retry, want := range map[string]bool{
		"/mail/INBOX?page=2": true, "": false, "//evil.example": false, "/\\evil.example": false,
		"https://evil.example": false, "javascript:alert(1)": false, "/\t/evil.example": false,
	} {
		page := string(write(t, func(w io.Writer) error {
			return WriteError(w, contextIn("en"), Error{Status: 500, Retry: retry})
		}))
		if got := strings.Contains(page, "Try again</a>"); got != want {
			t.Errorf("a retry of %q is offered: %t, want %t", retry, got, want)
		}
	}
}

func TestQuotationsNest(t *testing.T) {
	words := func(quote int, s string) api.Block { return api.Block{Quote: quote, Spans: []api.Span{{Text: s}}} }
	p := func(s string) string { return `<p dir="auto">` + s + `</p>` }
	const in, out = "<blockquote>", "</blockquote>"
	const fold, end = `<details class="quoted"><summary>Quoted text</summary>` + in, out + "</details>"
	long := strings.Repeat("é", maxQuoteOpen+1)
	for _, test := range []struct {
		name string
		text []api.Block
		want string
	}{
		{"short ones are open", []api.Block{words(1, "a"), words(2, "c"), words(0, "d\ne"), words(1, "f")}, in + p("a") + in + p("c") + out + out + p("d<br>e") + in + p("f") + out},
		{"deep ones are folded", []api.Block{words(1, "a"), words(3, "b"), words(2, "c"), words(0, "d")}, in + p("a") + in + fold + p("b") + end + p("c") + out + out + p("d")},
		{"long ones are folded, once", []api.Block{words(0, "a"), words(1, long), words(2, long), words(1, "b")}, p("a") + fold + p(long) + in + p(long) + out + p("b") + end},
		{"characters count", []api.Block{words(0, "a"), words(1, long[2:])}, p("a") + in + p(long[2:]) + out},
		{"short ones make a long one", []api.Block{words(0, "a"), words(1, long[2:]), words(2, "b")}, p("a") + fold + p(long[2:]) + in + p("b") + out + end},
		{"nothing else is open", []api.Block{{Spans: []api.Span{{Text: "w:"}}, Attribution: true}, words(1, long)}, `<p dir="auto" class="dimmed">w:</p>` + in + p(long) + out},
	} {
		m := sampleMessage()
		m.Text = test.text
		page := string(write(t, func(w io.Writer) error { return WriteMessage(w, contextIn("en"), Message{Answer: m}) }))
		if !strings.Contains(page, test.want) {
			t.Errorf("%s: the page lacks %s", test.name, test.want)
		}
		paper := string(write(t, func(w io.Writer) error { return WritePrint(w, contextIn("en"), Print{Answer: m}) }))
		if strings.Contains(paper, "<details") {
			t.Errorf("%s: folded on paper", test.name)
		}
	}
}
