package page

import (
	"fmt"
	"strings"
	"time"

	"alphamail/node/api"
)

// The fixtures are what the golden files show: a mailbox with mail in several
// scripts, and messages with everything that a page can say about them.

var zone = time.FixedZone("CET", 60*60)

func contextIn(language string) Context {
	return Context{
		Language: language,
		Account:  "maria@example.edu",
		CSRF:     "csrf-token",
		Now:      time.Date(2026, time.November, 23, 11, 30, 0, 0, zone),
	}
}

func sampleFolders() []api.Folder {
	return []api.Folder{
		{Mailbox: "INBOX", Path: []string{"INBOX"}, Role: api.RoleInbox, Selectable: true, Total: 12431, Unread: 12, Counted: true},
		{Mailbox: "Archive", Path: []string{"Archive"}, Role: api.RoleArchive, Selectable: true},
		{Mailbox: "Courses", Path: []string{"Courses"}},
		{Mailbox: "Courses/Linguistics 201", Path: []string{"Courses", "Linguistics 201"}, Selectable: true, Total: 44, Unread: 3, Counted: true},
		{Mailbox: "Drafts", Path: []string{"Drafts"}, Role: api.RoleDrafts, Selectable: true, Total: 2, Unread: 0, Counted: true},
		{Mailbox: "Junk", Path: []string{"Junk"}, Role: api.RoleJunk, Selectable: true, Total: 60, Unread: 41, Counted: true},
		{Mailbox: "Library", Path: []string{"Library"}, Selectable: true, Counted: true},
		{Mailbox: "Sent", Path: []string{"Sent"}, Role: api.RoleSent, Selectable: true, Total: 900, Counted: true},
		{Mailbox: "Travel 2026", Path: []string{"Travel 2026"}, Selectable: true},
		{Mailbox: "Trash", Path: []string{"Trash"}, Role: api.RoleTrash, Selectable: true, Unread: 5, Counted: true},
		{Mailbox: "研究室", Path: []string{"研究室"}, Selectable: true, Unread: 1, Counted: true},
	}
}

func sampleRows(mailbox string) []api.Row {
	now := contextIn("en").Now
	at := func(days, hour, minute int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()-days, hour, minute, 0, 0, zone)
	}
	seen := api.Flags{Seen: true}
	person := func(name, email string) []api.Address { return []api.Address{{Name: name, Email: email}} }
	rows := []api.Row{
		{People: []api.Address{{Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"}, {Name: "Ben Okafor"}}, Subject: "Field trip on Friday", Snippet: "The bus leaves at 7:40 from the north gate; bring boots and a second pair of socks. The path to the outcrop is slippery.", Date: at(0, 10, 42), Flags: api.Flags{Flagged: true}, HasAttachment: true},
		{People: person("Registrar", "registrar@example.edu"), Subject: "Your winter schedule is final", Snippet: "Two changes since the draft: LING 201 moves to Condon 104 and your lab starts an hour later.", Date: at(0, 10, 5)},
		{People: person("山田 太郎", "yamada@example.ac.jp"), Subject: "研究会の資料について", Snippet: "明日の研究会の資料をお送りします。ご確認のほどよろしくお願いいたします。", Date: at(0, 9, 31), HasAttachment: true},
		{People: person("Library", "library@example.edu"), Subject: "Two books are due on Monday", Snippet: "Renew online or return them to any desk; the item on hold for you waits until Thursday.", Date: at(0, 8, 58), Flags: seen},
		{People: person("Noor Haddad", "noor@example.edu"), Subject: "تقرير المختبر", Snippet: "مرفق تقرير المختبر للأسبوع الماضي، أرجو المراجعة قبل يوم الخميس القادم إن أمكن.", Date: at(1, 17, 20), Flags: api.Flags{Seen: true, Flagged: true, Answered: true}, HasAttachment: true},
		{People: person("", "facilities@example.edu"), Subject: "Water off in Chapman Hall, 6–8 pm", Snippet: "Crews replace a valve on the second floor. Restrooms on the first floor stay open.", Date: at(1, 9, 0), Flags: seen},
		{People: person("Prof. Lindqvist", "lindqvist@example.edu"), Subject: "Re: thesis outline", Snippet: "Much clearer now. I would still move the second chapter before the first.", Date: at(2, 22, 15), Flags: api.Flags{Seen: true, Answered: true}},
		{People: person("Campus Dining", "dining@example.edu"), Subject: "", Snippet: "Roasted squash soup returns on Tuesday; the late kitchen stays open until one.", Date: at(3, 12, 0), Flags: seen},
		{People: nil, Subject: "Photos from the coast", Snippet: "", Date: at(4, 12, 0), Flags: api.Flags{Seen: true, Forwarded: true}},
		{People: person("Grants Office", "grants@example.edu"), Subject: "Draft budget, comments by the 28th", Snippet: "Section C needs a line for travel. The indirect rate changed to", Date: at(11, 8, 0), Flags: seen, HasAttachment: true},
		{People: person("Miguel Ângelo", "miguel@example.pt"), Subject: "Concerto de domingo", Snippet: "Há dois bilhetes na porta em teu nome; começa às 19h e não", Date: at(12, 8, 0), Flags: seen},
		{People: person("IT Service Desk", "it@example.edu"), Subject: "Ticket 48120 solved: printer in 214", Snippet: "We replaced the drum and printed a test page.", Date: at(400, 8, 0), Flags: seen},
	}
	for i := range rows {
		rows[i].ID = api.MessageID{Mailbox: mailbox, UIDValidity: 1700000000, UID: uint32(52000 - i)}
		rows[i].Size = 4096
	}
	return rows
}

func sampleMailbox() *api.MailboxAnswer {
	folders := sampleFolders()
	return &api.MailboxAnswer{
		Folders: folders, Folder: folders[0], UIDValidity: 1700000000,
		Total: 12431, Unread: 12, Page: 1, Pages: 249, PageSize: 50, Rows: sampleRows("INBOX"),
	}
}

// middleOf is a page in the middle of the Sent folder.
func middleOf() *api.MailboxAnswer {
	folders := sampleFolders()
	answer := &api.MailboxAnswer{
		Folders: folders, Folder: folders[7], UIDValidity: 3,
		Total: 900, Page: 3, Pages: 18, PageSize: 50, Rows: sampleRows("Sent"),
	}
	for i := range answer.Rows {
		answer.Rows[i].Flags.Seen = true
	}
	return answer
}

// foldersOfOthers are the folders of the reader with those of others.
func foldersOfOthers() []api.Folder {
	return append(sampleFolders(),
		api.Folder{Mailbox: "Other/ana/INBOX", Path: []string{"ana", "INBOX"}, Role: api.RoleInbox, Selectable: true, Unread: 4, Counted: true, Space: api.SpaceOther},
		api.Folder{Mailbox: "Other/ana/Plans", Path: []string{"ana", "Plans"}, Selectable: true, Space: api.SpaceOther, ReadOnly: true},
		api.Folder{Mailbox: "Shared", Path: []string{"Shared"}, Space: api.SpaceShared},
		api.Folder{Mailbox: "Shared/Announcements", Path: []string{"Announcements"}, Selectable: true, Space: api.SpaceShared, ReadOnly: true, Unread: 2, Counted: true},
		api.Folder{Mailbox: "Later/x", Path: []string{"x"}, Selectable: true, Space: "of a later version"})
}

// sortedMailbox is a page in the middle of a list in another order, filtered,
// with messages that are marked as deleted.
func sortedMailbox(order api.Order, reverse bool, filter api.Filter) *api.MailboxAnswer {
	answer := sampleMailbox()
	answer.Order, answer.Reverse, answer.Filter = order, reverse, filter
	answer.Deleted, answer.Matching, answer.Page, answer.Pages = 2, 230, 3, 5
	for i := range answer.Rows {
		answer.Rows[i].Size = int64(1+i) * 4321 * int64(1+i*i)
		answer.Rows[i].Flags.Deleted = i == 1 || i == 4
	}
	return answer
}

// filteredAway is a list of starred messages that has none.
func filteredAway() *api.MailboxAnswer {
	answer := sampleMailbox()
	answer.Order, answer.Filter, answer.Deleted = api.OrderSubject, api.FilterFlagged, 1
	answer.Rows, answer.Pages = nil, 1
	return answer
}

// outOfDate is a shared list from before the mail server went away.
func outOfDate(ago time.Duration) *api.MailboxAnswer {
	answer := sampleMailbox()
	answer.Folders = foldersOfOthers()
	answer.Folder = answer.Folders[14]
	answer.AsOf = contextIn("en").Now.Add(-ago).UTC()
	answer.Page = 2
	return answer
}

func messageOutOfDate(ago time.Duration) *api.MessageAnswer {
	answer := sampleMessage()
	answer.AsOf, answer.Flags.Deleted = contextIn("en").Now.Add(-ago), true
	return answer
}

func emptyMailbox() *api.MailboxAnswer {
	folders := sampleFolders()
	return &api.MailboxAnswer{Folders: folders, Folder: folders[6], UIDValidity: 9, Page: 1, Pages: 1, PageSize: 50}
}

func sampleMessage() *api.MessageAnswer {
	folders := sampleFolders()
	id := api.MessageID{Mailbox: "INBOX", UIDValidity: 1700000000, UID: 52000}
	older := api.MessageID{Mailbox: "INBOX", UIDValidity: 1700000000, UID: 51999}
	newer := api.MessageID{Mailbox: "INBOX", UIDValidity: 1700000000, UID: 52001}
	words := func(quote int, text string) api.Block {
		return api.Block{Quote: quote, Spans: []api.Span{{Text: text}}}
	}
	return &api.MessageAnswer{
		Folders: folders, Folder: folders[0], ID: id,
		Subject: "Field trip on Friday",
		From:    []api.Address{{Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"}},
		Sender:  []api.Address{{Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"}},
		To:      []api.Address{{Name: "Maria Sousa", Email: "maria@example.edu"}, {Name: "Ben Okafor", Email: "ben@example.edu"}, {Email: "field-methods@lists.example.edu"}},
		Cc:      []api.Address{{Name: "نور حداد", Email: "noor@example.edu"}},
		Date:    time.Date(2026, time.November, 23, 9, 42, 0, 0, time.UTC),
		Size:    4_812_331,
		Text: []api.Block{
			words(0, "Hi all,"),
			words(0, "The bus leaves at 7:40 from the north gate; bring boots and a second pair of socks. The path to the outcrop is slippery after last night’s rain, and the upper section closes at three."),
			{Spans: []api.Span{{Text: "Slides and the map are attached. Print the map: there is no signal past the bridge. The route is on "}, {Text: "https://maps.example.edu/outcrop?day=5&bus=1", URL: "https://maps.example.edu/outcrop?day=5&bus=1"}, {Text: "."}}},
			words(2, "Should we bring the recorders?"),
			words(1, "Can we take the recorders along, or is that too wet?"),
			words(0, "Take two, in the yellow cases."),
			words(0, "Ana\nRoom 214, Chapman Hall"),
		},
		Parts: []api.Part{
			{ID: "2", MediaType: "image/png", Name: "outcrop-map.png", Size: 1_812_331},
			{ID: "3", MediaType: "application/pdf", Name: "slides.pdf", Size: 2_300_000},
			{ID: "4", MediaType: "application/gzip", Name: "recordings-index of the whole expedition.tar.gz", Size: 412_000},
		},
		Headers: []api.HeaderField{
			{Name: "Received", Value: "from mx.example.edu (mx.example.edu [192.0.2.7])\n by imap.example.edu with LMTP; Mon, 23 Nov 2026 10:42:11 +0100"},
			{Name: "Message-ID", Value: "<20261123.1042@example.edu>"},
			{Name: "Subject", Value: "Field trip on Friday"},
		},
		Newer: &newer, Older: &older, Page: 1,
	}
}

func sampleHTML() *api.MessageAnswer {
	m := sampleMessage()
	m.HasHTML, m.BlockedRemote = true, 3
	m.Notes = []api.NoteCode{api.NoteMalformed, "of_a_later_version"}
	m.Page = 4
	m.Newer = nil
	m.ReplyTo = []api.Address{{Name: "Field Methods", Email: "field-methods@lists.example.edu"}}
	for i := range 20 {
		m.Cc = append(m.Cc, api.Address{Name: fmt.Sprintf("Student %d", i+1), Email: fmt.Sprintf("student%d@example.edu", i+1)})
	}
	m.Parts = append(m.Parts, api.Part{ID: "1.2", MediaType: "image/gif", Name: "logo.gif", Size: 900, Inline: true})
	return m
}

// withImages is a message with remote images of a sender about whom the reader has
// said something.
func withImages(images api.SenderImages) *api.MessageAnswer {
	m := sampleHTML()
	m.Images = images
	return m
}

// fromList is a message that tells how to leave the list that it came by.
func fromList() *api.MessageAnswer {
	m := sampleMessage()
	m.From = []api.Address{{Name: "News", Email: "news@list.example"}}
	m.Unsubscribe = &api.Unsubscribe{OneClick: true, Link: "https://list.example/leave?reader=1&list=2", Mailto: "mailto:leave@list.example?subject=leave"}
	return m
}

// sampleEvent is a seminar elsewhere, with more guests than are shown at once.
func sampleEvent() api.Event {
	event := api.Event{
		Method: "request", UID: "1@example.edu", Summary: "Seminar: vowels of the coast", Location: "Condon 104 / https://meet.example.edu/coast",
		Description: "Bring your recordings.\nCoffee from three.", URL: "https://meet.example.edu/coast", Status: "tentative",
		Start: time.Date(2026, time.November, 27, 22, 30, 0, 0, time.UTC), End: time.Date(2026, time.November, 27, 23, 30, 0, 0, time.UTC),
		Zone: "America/Los_Angeles", Offset: -8 * 60 * 60,
		Repeats:   &api.Recurrence{Frequency: "weekly", Interval: 2, Days: []string{"FR", "MO"}, Until: time.Date(2027, time.March, 12, 23, 0, 0, 0, time.UTC)},
		Organizer: api.Address{Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"},
		Attendees: []api.Attendee{
			{Name: "Maria Sousa", Email: "maria@example.edu", Status: "needs-action"}, {Name: "Ben Okafor", Email: "ben@example.edu", Status: "accepted"},
			{Name: "نور حداد", Email: "noor@example.edu", Status: "tentative", Optional: true}, {Email: "lindqvist@example.edu", Status: "declined"},
		},
	}
	for i := range 8 {
		event.Attendees = append(event.Attendees, api.Attendee{Name: fmt.Sprintf("Student %d", i+1), Status: "of a later version"})
	}
	return event
}

// sampleInvitation has an event twice, as programs send it: in the text and as a
// file.
func sampleInvitation() *api.MessageAnswer {
	m := sampleMessage()
	m.Subject, m.Text = "Invitation: Seminar", m.Text[:1]
	m.Events = []api.Event{sampleEvent(), sampleEvent()}
	return m
}

// sampleEvents are answers, a cancelled holiday, and an event of an unknown time.
func sampleEvents() *api.MessageAnswer {
	m := sampleMessage()
	m.Text, m.Parts = m.Text[:1], nil
	day := time.Date(2026, time.December, 24, 0, 0, 0, 0, time.UTC)
	guest := sampleEvent().Attendees[2:3]
	m.Events = []api.Event{
		{Method: "reply", Summary: "Seminar", Start: day.Add(9 * time.Hour), End: day.Add(33 * time.Hour), Zone: "Central Europe", Offset: 3600, Attendees: guest, Reply: "tentative"},
		{Method: "cancel", Summary: "Holidays", Start: day, End: day.AddDate(0, 0, 2), AllDay: true, Repeats: &api.Recurrence{Frequency: "yearly", Interval: 1, Count: 5}},
		{Method: "publish", Start: day, End: day, AllDay: true, Repeats: &api.Recurrence{Frequency: "monthly", Interval: 1, Days: []string{"-1SU", "2TU"}}},
		{Method: "counter", Summary: "Lunch", Start: day.Add(12 * time.Hour), End: day.Add(12 * time.Hour), Floating: true},
		{Method: "request", Summary: "Dinner", Start: day.Add(19 * time.Hour), End: day.Add(20 * time.Hour), Floating: true, Zone: "Moon/Tycho", Attendees: guest},
		{Method: "request", Summary: "Some day", Repeats: &api.Recurrence{Frequency: "hourly", Days: []string{"XX", "9MO"}}},
	}
	return m
}

// sampleReport says something of each kind.
func sampleReport() *api.MessageAnswer {
	m := sampleMessage()
	m.Subject, m.From, m.Sender = "Undelivered Mail Returned to Sender", []api.Address{{Name: "Mail Delivery System", Email: "MAILER-DAEMON@example.edu"}}, nil
	m.Text, m.Parts = []api.Block{
		{Spans: []api.Span{{Text: "This is the mail system at host mx.example.edu."}}},
		{Spans: []api.Span{{Text: "Reporting-MTA: dns; mx.example.edu"}}, Machine: true},
		{Spans: []api.Span{{Text: "Subject: Field trip on Friday"}}, Machine: true},
	}, nil
	m.Report = &api.Report{Reporter: "mx.example.edu", Subject: "Field trip on Friday", MessageID: "1@example.edu", Recipients: []api.ReportedRecipient{
		{Address: "ben@example.org", Action: "failed", Status: "5.1.1", Reason: api.ReasonNoMailbox, Diagnostic: "550 5.1.1 <ben@example.org>: User unknown", Remote: "mx.example.org"},
		{Address: "noor@example.org", Action: "delayed", Status: "4.2.2", Reason: api.ReasonFull},
		{Address: "list@example.edu", Action: "expanded"}, {Address: "ana@example.net", Action: "relayed"},
		{Address: "maria@example.edu", Action: "delivered", Status: "2.0.0"}, {Address: "later@example.edu", Action: "of a later version"},
	}}
	return m
}

func sampleReceipt() *api.MessageAnswer {
	m := sampleReport()
	m.Report = &api.Report{Reporter: "pc.example.org; Mailer 3", Recipients: []api.ReportedRecipient{{Address: "ben@example.org", Action: "displayed"}}}
	return m
}

// sampleDoubts has every doubt, long quotations and a signature.
func sampleDoubts() *api.MessageAnswer {
	m := sampleMessage()
	m.From = []api.Address{{Name: "dean@example.edu", Email: "x@evil.example"}}
	m.ReplyTo = []api.Address{{Name: "Dean", Email: "dean@other.example"}}
	m.Doubts = []api.Doubt{
		{Kind: api.DoubtName, Field: "From", Shown: "dean@example.edu", True: "x@evil.example"},
		{Kind: api.DoubtLetters, Field: "Reply-To", Shown: "dean@xn--ample-1of3f.edu", True: "dean@xn--ample-1of3f.edu"},
		{Kind: api.DoubtSeveral, Field: "From"},
		{Kind: api.DoubtNobody, Field: "From"},
		{Kind: api.DoubtReply, Field: "Reply-To", Shown: "x@evil.example", True: "dean@other.example"},
		{Kind: api.DoubtSender, Field: "Sender", Shown: "x@evil.example", True: "bulk@other.example"},
		{Kind: "of a later version", Field: "From", Shown: "a", True: "b"},
	}
	words := func(quote int, text string) api.Block {
		return api.Block{Quote: quote, Spans: []api.Span{{Text: text}}}
	}
	long := "The path to the outcrop is slippery after last night’s rain, and the upper section closes at three. "
	m.Text = []api.Block{
		words(0, "As I wrote:"),
		words(1, "Short enough to stay open."),
		words(2, "And this too."),
		words(3, "Too deep."),
		words(0, "On Monday, 23 November 2026, Ana wrote:"),
		words(1, long+long+long+long+long+long+long),
		words(2, "Not folded again."),
		words(0, "-- \nDean"),
	}
	m.Text[4].Attribution, m.Text[7].Signature = true, true
	return m
}

// sampleChecked is of an author whose domain the receiving host proved; its words
// are those of a machine, and no report says them in others.
func sampleChecked() *api.MessageAnswer {
	m := sampleMessage()
	m.Text = []api.Block{{Spans: []api.Span{{Text: "Status: 2.0.0"}}, Machine: true}}
	m.Checked = &api.Checked{Host: "mx.example.edu", Result: api.CheckPassed, Domain: "example.edu", Methods: []string{"DKIM", "SPF"}}
	return m
}

// sampleUnproven is of an author whose domain disowns the message.
func sampleUnproven() *api.MessageAnswer {
	m := sampleMessage()
	m.Checked = &api.Checked{Host: "mx.example.edu", Result: api.CheckFailed, Domain: "example.edu"}
	return m
}

// sampleUncoloured is HTML without colours of its own.
func sampleUncoloured() *api.MessageAnswer {
	m := sampleHTML()
	m.Uncoloured = true
	return m
}

func sampleBody() *api.BodyAnswer {
	return &api.BodyAnswer{
		Subject: "Field trip on Friday",
		HTML: `<h2 style="color:#0d6b4f">Field trip on Friday</h2><p>The bus leaves at <b>7:40</b> from the north gate.</p>` +
			`<table style="border:1px solid #ccc"><tr><td>Boots</td><td>2 pairs of socks</td></tr></table><p><a href="https://maps.example.edu/" rel="noopener noreferrer nofollow" target="_blank">The map</a></p>`,
	}
}

// errorBesideFolders is what is shown when the mail server is away and only the
// folders are known.
func errorBesideFolders() Error {
	e := sampleError()
	e.Folders = foldersOfOthers()
	return e
}

func sampleError() Error {
	return Error{Status: 502, Code: api.CodeBackendDown, RequestID: "01JD8Q7M3N", Retry: "/mail/INBOX?page=2"}
}

var draftAt = api.MessageID{Mailbox: "Drafts", UIDValidity: 9, UID: 4}

func sampleDraft() *api.Draft {
	answered := api.MessageID{Mailbox: "INBOX", UIDValidity: 1, UID: 77}
	return &api.Draft{
		Folders: sampleFolders(),
		Identities: []api.Identity{
			{ID: "1", Name: "Maria Lopez", Address: "maria@example.edu"}, {ID: "2", Name: "Registrar’s office", Address: "registrar@example.edu"},
		},
		Fields: api.DraftFields{
			Identity: "2", To: "Ana Ruiz <ana.ruiz@example.edu>", Bcc: "dean@example.edu", Subject: "Re: Field trip on Friday",
			Text: "\nGot it, thanks.\n\nOn 23 November 2026, Ana Ruiz wrote:\n> Take two, in the yellow cases.\n",
		},
		Attachments: []api.DraftAttachment{
			{AttachmentName: api.AttachmentName{Source: draftAt, Part: "2"}, Name: "recorders.pdf", MediaType: "application/pdf", Size: 182_000},
			{AttachmentName: api.AttachmentName{Source: draftAt, Part: "3"}, Name: "الخريطة.png", MediaType: "image/png", Size: 4_200_000},
		},
		ID: &draftAt, OperationID: "abc@example.edu", Origin: &api.Origin{Kind: api.ComposeReply, ID: answered}, MaxSize: 25 << 20, CanSend: true,
	}
}

func newSampleDraft() *api.Draft {
	draft := sampleDraft()
	draft.ID, draft.Origin, draft.Attachments, draft.Fields = nil, nil, nil, api.DraftFields{Identity: "1"}
	return draft
}

func unsentDraft() Compose {
	draft := sampleDraft()
	draft.Fields.To, draft.Fields.ReplyTo = "Ana Ruiz, eve@example.com", "zoë@example.edu"
	return Compose{
		Draft: draft, Saved: true, Reason: api.ReasonRecipients, Refused: []string{"eve@example.com"},
		Words: []ServerWords{{Recipient: "eve@example.com", Text: "<eve@example.com>: Recipient address rejected: \u202eUser unknown " + strings.Repeat("x", 60)}, {Text: "no spam"}},
		Problems: []api.Problem{
			{Field: "to", Kind: api.ProblemAddress, Value: "Ana Ruiz"}, {Field: "reply_to", Kind: api.ProblemLetters, Value: "zoë@example.edu"},
			{Field: "attachments", Kind: api.ProblemTooMany},
		},
	}
}

func unclearDraft() Compose {
	draft := sampleDraft()
	draft.State, draft.Formatted = api.DraftUnclear, true
	other := draftAt
	other.UID++
	return Compose{Draft: draft, Change: api.ChangeElsewhere, Other: &other}
}

func unsavedDraft() Compose {
	draft := sampleDraft()
	draft.Folders, draft.Identities = nil, nil
	return Compose{Draft: draft, Failure: FailureExpired}
}

func foundDraft() Compose {
	draft := newSampleDraft()
	draft.Fields.To, draft.Fields.Text = "noor@example.edu, ana", "\nHello\n"
	draft.Identities = draft.Identities[:1]
	return Compose{Draft: draft, FoundIn: "to", Waiting: []WaitingFile{{"UPLOAD", "plan \u202efdp.exe"}}, Found: &api.FindAddressesAnswer{
		Words: "ana", More: 3,
		Found: []api.FoundAddress{{ID: "ana@example.edu", Name: "Ana Ruiz", Address: "ana@example.edu"}, {ID: "ana@example.net", Address: "ana@example.net"}, {ID: "l1", Name: "Анатомия", Members: 12}},
	}}
}

func oneFound() Compose {
	shown := foundDraft()
	shown.FoundIn, shown.Found = "bcc", &api.FindAddressesAnswer{Found: shown.Found.Found[:1]}
	return shown
}

func noneFound() Compose {
	shown := foundDraft()
	shown.FoundIn, shown.Found = "cc", &api.FindAddressesAnswer{Words: unkind}
	return shown
}

func draftList() *api.MailboxAnswer {
	answer := sampleMailbox()
	answer.Folder = api.Folder{Mailbox: "Drafts", Path: []string{"Drafts"}, Role: api.RoleDrafts, Selectable: true}
	return answer
}

// inRole is a mailbox of a role.
func inRole(role api.Role) *api.MailboxAnswer {
	answer := sampleMailbox()
	for _, f := range answer.Folders {
		if f.Role == role {
			answer.Folder = f
		}
	}
	answer.Rows = sampleRows(answer.Folder.Mailbox)
	return answer
}

func inTrash() *api.MailboxAnswer { return inRole(api.RoleTrash) }
func inJunk() *api.MailboxAnswer  { return inRole(api.RoleJunk) }

func emptyTrash() *api.MailboxAnswer {
	answer := inTrash()
	answer.Rows, answer.Total = nil, 0
	return answer
}

// flagged is a message with a star, and a next one.
func flagged() *api.MessageAnswer {
	answer := sampleMessage()
	answer.Flags.Flagged = true
	answer.Older = &api.MessageID{Mailbox: answer.ID.Mailbox, UIDValidity: answer.ID.UIDValidity, UID: answer.ID.UID - 1}
	return answer
}
