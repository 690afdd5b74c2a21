package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

func TestMain(m *testing.M) {
	// Two of fasthttp's goroutines sleep before they notice that they are done.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// fake is a service whose answers a test chooses.
type fake struct {
	answer func(ctx context.Context, call *api.Call, question any) (any, error)
}

func reply[A any](ctx context.Context, f *fake, call *api.Call, question any) (A, error) {
	answer, err := f.answer(ctx, call, question)
	typed, _ := answer.(A)
	return typed, err
}

func (f *fake) Login(ctx context.Context, c *api.Call, q *api.LoginQuestion) (*api.LoginAnswer, error) {
	return reply[*api.LoginAnswer](ctx, f, c, q)
}
func (f *fake) Attempt(ctx context.Context, c *api.Call, q *api.AttemptQuestion) (*api.AttemptAnswer, error) {
	return reply[*api.AttemptAnswer](ctx, f, c, q)
}

func (f *fake) Renew(ctx context.Context, c *api.Call, q *api.RenewQuestion) (*api.LoginAnswer, error) {
	return reply[*api.LoginAnswer](ctx, f, c, q)
}

func (f *fake) Logout(ctx context.Context, c *api.Call, q *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return reply[*api.LogoutAnswer](ctx, f, c, q)
}
func (f *fake) Mailbox(ctx context.Context, c *api.Call, q *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	return reply[*api.MailboxAnswer](ctx, f, c, q)
}
func (f *fake) Message(ctx context.Context, c *api.Call, q *api.MessageQuestion) (*api.MessageAnswer, error) {
	return reply[*api.MessageAnswer](ctx, f, c, q)
}
func (f *fake) Body(ctx context.Context, c *api.Call, q *api.BodyQuestion) (*api.BodyAnswer, error) {
	return reply[*api.BodyAnswer](ctx, f, c, q)
}
func (f *fake) Status(ctx context.Context, c *api.Call, q *api.StatusQuestion) (*api.StatusAnswer, error) {
	return reply[*api.StatusAnswer](ctx, f, c, q)
}
func (f *fake) Part(ctx context.Context, c *api.Call, q *api.PartQuestion) (*api.Stream, error) {
	return reply[*api.Stream](ctx, f, c, q)
}
func (f *fake) Attachments(ctx context.Context, c *api.Call, q *api.AttachmentsQuestion) (*api.Stream, error) {
	return reply[*api.Stream](ctx, f, c, q)
}
func (f *fake) Unsubscribe(ctx context.Context, c *api.Call, q *api.UnsubscribeQuestion) (*api.UnsubscribeAnswer, error) {
	return reply[*api.UnsubscribeAnswer](ctx, f, c, q)
}
func (f *fake) Raw(ctx context.Context, c *api.Call, q *api.RawQuestion) (*api.Stream, error) {
	return reply[*api.Stream](ctx, f, c, q)
}
func (f *fake) Compose(ctx context.Context, c *api.Call, q *api.ComposeQuestion) (*api.Draft, error) {
	return reply[*api.Draft](ctx, f, c, q)
}
func (f *fake) Upload(ctx context.Context, c *api.Call, q *api.UploadQuestion) (*api.UploadAnswer, error) {
	return reply[*api.UploadAnswer](ctx, f, c, q)
}
func (f *fake) SaveDraft(ctx context.Context, c *api.Call, q *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
	return reply[*api.SaveDraftAnswer](ctx, f, c, q)
}
func (f *fake) Send(ctx context.Context, c *api.Call, q *api.SendQuestion) (*api.SendAnswer, error) {
	return reply[*api.SendAnswer](ctx, f, c, q)
}
func (f *fake) Discard(ctx context.Context, c *api.Call, q *api.DiscardQuestion) (*api.DiscardAnswer, error) {
	return reply[*api.DiscardAnswer](ctx, f, c, q)
}
func (f *fake) Settle(ctx context.Context, c *api.Call, q *api.SettleQuestion) (*api.SettleAnswer, error) {
	return reply[*api.SettleAnswer](ctx, f, c, q)
}

func (f *fake) Settings(ctx context.Context, c *api.Call, q *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	return reply[*api.SettingsAnswer](ctx, f, c, q)
}
func (f *fake) Save(ctx context.Context, c *api.Call, q *api.SaveQuestion) (*api.SaveAnswer, error) {
	return reply[*api.SaveAnswer](ctx, f, c, q)
}
func (f *fake) Contacts(ctx context.Context, c *api.Call, q *api.ContactsQuestion) (*api.ContactsAnswer, error) {
	return reply[*api.ContactsAnswer](ctx, f, c, q)
}
func (f *fake) ImportContacts(ctx context.Context, c *api.Call, q *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
	return reply[*api.ImportContactsAnswer](ctx, f, c, q)
}
func (f *fake) FindAddresses(ctx context.Context, c *api.Call, q *api.FindAddressesQuestion) (*api.FindAddressesAnswer, error) {
	return reply[*api.FindAddressesAnswer](ctx, f, c, q)
}
func (f *fake) ExportContacts(ctx context.Context, c *api.Call, q *api.ExportContactsQuestion) (*api.Stream, error) {
	return reply[*api.Stream](ctx, f, c, q)
}

func (f *fake) Act(ctx context.Context, c *api.Call, q *api.ActQuestion) (*api.ActAnswer, error) {
	return reply[*api.ActAnswer](ctx, f, c, q)
}
func (f *fake) ActAll(ctx context.Context, c *api.Call, q *api.ActAllQuestion) (*api.ActAnswer, error) {
	return reply[*api.ActAnswer](ctx, f, c, q)
}
func (f *fake) Usage(ctx context.Context, c *api.Call, q *api.UsageQuestion) (*api.UsageAnswer, error) {
	return reply[*api.UsageAnswer](ctx, f, c, q)
}
func (f *fake) Search(ctx context.Context, c *api.Call, q *api.SearchQuestion) (*api.SearchAnswer, error) {
	return reply[*api.SearchAnswer](ctx, f, c, q)
}
func (f *fake) Jobs(ctx context.Context, c *api.Call, q *api.JobsQuestion) (*api.JobsAnswer, error) {
	return reply[*api.JobsAnswer](ctx, f, c, q)
}
func (f *fake) ChangeJob(ctx context.Context, c *api.Call, q *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	return reply[*api.ChangeJobAnswer](ctx, f, c, q)
}
func (f *fake) Undo(ctx context.Context, c *api.Call, q *api.UndoQuestion) (*api.UndoAnswer, error) {
	return reply[*api.UndoAnswer](ctx, f, c, q)
}
func (f *fake) Empty(ctx context.Context, c *api.Call, q *api.EmptyQuestion) (*api.ActAnswer, error) {
	return reply[*api.ActAnswer](ctx, f, c, q)
}
func (f *fake) Folder(ctx context.Context, c *api.Call, q *api.FolderQuestion) (*api.FolderAnswer, error) {
	return reply[*api.FolderAnswer](ctx, f, c, q)
}

var quiet = slog.New(slog.DiscardHandler)

// remote serves a service over TLS on loopback and returns a client of it.
func remote(t testing.TB, service api.Service, config transport.ServerConfig) (*transport.Client, *transport.Server) {
	t.Helper()
	authority := newAuthority(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config.TLS = authority.ServerTLS(issue(t, authority, transport.RoleNode), transport.RoleFrontend)
	server := transport.Serve(listener, service, config, quiet)
	client := transport.NewClient(listener.Addr().String(), transport.ClientConfig{TLS: authority.ClientTLS(issue(t, authority, transport.RoleFrontend))})
	t.Cleanup(func() {
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(ctx)
	})
	return client, server
}

// each runs a test of the protocol directly and over the wire.
func each(t *testing.T, f *fake, test func(*testing.T, api.Service)) {
	t.Run("direct", func(t *testing.T) { test(t, f) })
	t.Run("remote", func(t *testing.T) {
		client, _ := remote(t, f, transport.ServerConfig{})
		test(t, client)
	})
}

var (
	id   = api.MessageID{Mailbox: "研究室/a", UIDValidity: 7, UID: 9}
	when = time.Date(2026, 11, 23, 10, 42, 0, 0, time.UTC)
	full = &api.Call{
		RequestID: "r", OperationID: "o", ClientAddress: "192.0.2.1", RingDigest: 1 << 63, Hops: 1, Suspects: []string{"node-2", "node-1"},
		Session:  api.Session{Account: "ana@example.edu", ID: "s", Host: "mail.example.edu", Seal: []byte{0, 1, 255}},
		Repeated: true,
	}
)

func TestEveryCommand(t *testing.T) {
	var asked any
	var called *api.Call
	var answer any
	f := &fake{func(_ context.Context, call *api.Call, question any) (any, error) {
		asked, called = question, call
		return answer, nil
	}}
	folder := api.Folder{Mailbox: "INBOX", Path: []string{"INBOX"}, Role: api.RoleInbox, Selectable: true, Total: 3, Unread: 1, Counted: true, Space: api.SpaceShared, ReadOnly: true}
	row := api.Row{ID: id, People: []api.Address{{Name: "Ana", Email: "ana@example.edu"}}, Subject: "s", Snippet: "n", Date: when, Size: 1 << 40, Flags: api.Flags{Seen: true, Deleted: true}, HasAttachment: true}
	fields := api.DraftFields{Identity: "i", To: "t", Cc: "c", Bcc: "b", ReplyTo: "r", Subject: "s", Text: "x\n"}
	settings := &api.Settings{
		Language: "de", TimeZone: "Europe/Berlin", DateStyle: api.DateStyleISO, RowsPerPage: 20, NoSnippets: true, Sort: api.OrderSender, SortReverse: true,
		Density: api.DensityCompact, Images: api.ImagesAlways, StartFolder: "a", RefreshInterval: 60, ReplyPosition: api.ReplyBelow,
		QuoteOriginal: api.QuoteNothing, SignatureAboveQuote: true, DefaultIdentity: "i",
	}
	identity := api.Identity{ID: "i", Name: "n", Address: "a", ReplyTo: "r", Organization: "o", Signatures: []api.Signature{{Name: "n", Text: "t"}}, SignatureChoice: api.SignatureRandom}
	contact := api.Contact{ID: "i", Name: "n", Addresses: []string{"a"}, Organization: "o", Phone: "p", Note: "t"}
	list := api.ContactList{ID: "i", Name: "n", Members: []string{"a"}}
	tests := []struct {
		question, answer any
		ask              func(api.Service) (any, error)
	}{
		{&api.LoginQuestion{Account: "a", Password: "p", Host: "h"}, &api.LoginAnswer{Session: full.Session, Expires: when}, nil},
		{&api.LogoutQuestion{Everywhere: true}, &api.LogoutAnswer{}, nil},
		{&api.AttemptQuestion{Address: "192.0.2.1", Failed: true}, &api.AttemptAnswer{}, nil},
		{&api.RenewQuestion{}, &api.LoginAnswer{Session: api.Session{Account: "a", ID: "i"}, Expires: time.Unix(1, 0).UTC(), Renew: time.Unix(2, 0).UTC()}, nil},
		{&api.UsageQuestion{Sizes: true}, &api.UsageAnswer{
			Quotas: []api.Quota{{Resource: api.QuotaStorage, Used: 1 << 40, Limit: 1 << 41}}, Sizes: []api.FolderSize{{Mailbox: "a", Bytes: 1 << 33}}, Incomplete: true,
		}, nil},
		{&api.MailboxQuestion{Mailbox: "INBOX", Page: 2, PageSize: 10, Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread}, &api.MailboxAnswer{
			Folders: []api.Folder{folder}, Folder: folder, UIDValidity: 7, Total: 3, Unread: 1, Deleted: 1, Matching: 2, Page: 2, Pages: 3, PageSize: 10, Rows: []api.Row{row},
			Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread, AsOf: when, Settings: settings,
		}, nil},
		{&api.MessageQuestion{ID: id, MarkSeen: true, List: api.ListView{Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread}}, &api.MessageAnswer{
			Folders: []api.Folder{folder}, Folder: folder, ID: id, Flags: row.Flags, Subject: "s", From: row.People, To: row.People, Date: when, Size: 5,
			Text:    []api.Block{{Quote: 1, Spans: []api.Span{{Text: "t", URL: "https://example.edu/"}}, Signature: true, Attribution: true}},
			HasHTML: true, BlockedRemote: 2, Uncoloured: true,
			Parts: []api.Part{{ID: "2", MediaType: "image/png", Name: "n", Size: 3, Inline: true}}, Notes: []api.NoteCode{api.NoteMalformed},
			Headers: []api.HeaderField{{Name: "X", Value: "y"}}, Newer: &id, Page: 4, AsOf: when, Images: api.ImagesUnproven, Unsubscribe: &api.Unsubscribe{OneClick: true, Link: "l", Mailto: "m"}, Settings: settings,
			Doubts: []api.Doubt{{Kind: api.DoubtName, Field: "From", Shown: "ana@example.edu", True: "x@example.net"}},
			Events: []api.Event{{
				Method: "request", UID: "u", Summary: "s", Location: "l", Description: "d", URL: "https://example.edu/", Status: "confirmed",
				Start: when, End: when.Add(time.Hour), AllDay: true, Floating: true, Zone: "Europe/Berlin", Offset: -3600,
				Repeats:   &api.Recurrence{Frequency: "weekly", Interval: 2, Count: 3, Until: when, Days: []string{"MO", "-1SU"}},
				Organizer: row.People[0], Attendees: []api.Attendee{{Name: "n", Email: "e", Status: "accepted", Optional: true}}, Reply: "declined",
			}},
			Report: &api.Report{Reporter: "mx.example.edu", Subject: "s", MessageID: "m", Recipients: []api.ReportedRecipient{
				{Address: "a", Action: "failed", Status: "5.1.1", Reason: api.ReasonNoMailbox, Diagnostic: "550", Remote: "mx.example.net"},
			}},
		}, nil},
		{&api.UnsubscribeQuestion{ID: id}, &api.UnsubscribeAnswer{Host: "h", Problem: api.UnsubscribeInner}, nil},
		{&api.BodyQuestion{ID: id, AllowRemote: true}, &api.BodyAnswer{HTML: "<p>", Subject: "s", BlockedRemote: 1, Uncoloured: true}, nil},
		{&api.SettingsQuestion{Fresh: true}, &api.SettingsAnswer{
			Settings: *settings, Searches: []api.SavedSearch{{ID: "i", Name: "n", Query: "q"}}, Senders: []string{api.OwnSender}, Unsaved: true, ImageSenders: []api.ImageSender{{Address: "a", Added: when}},
			Identities: []api.Identity{identity},
		}, nil},
		{&api.SaveQuestion{Changes: []api.Change{
			{Settings: settings}, {Identity: &identity}, {Contact: &contact}, {List: &list}, {Search: &api.SavedSearch{ID: "i"}}, {ImageSender: &api.ImageSender{Address: "a", Added: when}},
			{Delete: &api.Record{Kind: api.RecordContact, ID: "i"}},
		}}, &api.SaveAnswer{IDs: []string{"", "i"}}, nil},
		{&api.ContactsQuestion{Query: "q", Page: 2, ID: "i"}, &api.ContactsAnswer{
			Contacts: []api.Contact{contact}, Lists: []api.ContactList{list}, Total: 1, All: 2, Page: 3, Pages: 4, Unsaved: true,
			Collected: []api.CollectedAddress{{Name: "n", Address: "a", Used: when, Times: 2}},
		}, nil},
		{&api.ImportContactsQuestion{Cards: bytes.Repeat([]byte{0xff}, api.MaxImport)}, &api.ImportContactsAnswer{Added: 1, Known: 2, Unusable: 3}, nil},
		{&api.StatusQuestion{Account: "a"}, &api.StatusAnswer{Node: "n", Version: "v", RingDigest: 1 << 63, Members: []string{"n"}, Owner: "n", Accounts: 1, Started: when, CacheBytes: 1, SealKeys: []string{"k"}, CacheBudget: 2}, nil},
		{&api.ComposeQuestion{Kind: api.ComposeReply, ID: id, Fields: fields, Language: "de", Zone: "Europe/Berlin"}, &api.Draft{
			Folders: []api.Folder{folder}, Fields: fields, ID: &id, OperationID: "o@example.edu", Origin: &api.Origin{Kind: api.ComposeReply, ID: id},
			Identities:  []api.Identity{{ID: "i", Name: "Ana", Address: "ana@example.edu", ReplyTo: "r", Organization: "o", Signatures: []api.Signature{{Name: "n", Text: "t"}}, SignatureChoice: "random"}},
			Attachments: []api.DraftAttachment{{AttachmentName: api.AttachmentName{Source: id, Part: "2"}, Name: "n", MediaType: "image/png", Size: 3}},
			State:       api.DraftUnclear, Formatted: true, MaxSize: 1 << 40, CanSend: true, Settings: settings,
		}, nil},
		{&api.UploadQuestion{Upload: "u", Offset: 1 << 40, Data: []byte{0, 255}, Name: "n", MediaType: "image/png"}, &api.UploadAnswer{Size: 1 << 40}, nil},
		{&api.SaveDraftQuestion{
			Fields: fields, Keep: []api.AttachmentName{{Source: id, Part: "1.2"}}, Uploads: []string{"u"}, ID: &id, OperationID: "o", Origin: &api.Origin{Kind: api.ComposeForward, ID: id},
			WrittenAs: "i",
		}, &api.SaveDraftAnswer{ID: id, OperationID: "o", Change: api.ChangeElsewhere, Other: &id}, nil},
		{&api.SendQuestion{ID: id, OperationID: "o"}, &api.SendAnswer{
			State: api.SendRejected, Problems: []api.Problem{{Field: "to", Kind: api.ProblemAddress, Value: "x"}},
			Refused: []api.RefusedRecipient{{Address: "x@example.edu", Status: "5.1.1", Text: "no"}}, Reason: api.ReasonSize, Copied: true,
		}, nil},
		{&api.FindAddressesQuestion{Text: "t", Add: []string{"i"}, Words: "w"}, &api.FindAddressesAnswer{
			Text: "t", Words: "w", Found: []api.FoundAddress{{ID: "i", Name: "n", Address: "a", Members: 2}}, More: 3,
		}, nil},
		{&api.DiscardQuestion{ID: id}, &api.DiscardAnswer{}, nil},
		{&api.SettleQuestion{ID: id, Sent: true}, &api.SettleAnswer{ID: &id}, nil},
		{&api.ActQuestion{Action: api.ActMove, Mailbox: "INBOX", UIDValidity: 7, UIDs: []uint32{1, 1 << 31}, To: "研究室/a"}, &api.ActAnswer{
			Action: api.ActMove, To: folder, Done: 1, Gone: 2, Left: 3, Unclear: 4, Marked: 1, Problem: api.ProblemFull, Undo: []byte{0, 255},
		}, nil},
		{&api.UndoQuestion{Handle: []byte{0, 255}}, &api.UndoAnswer{
			Action: api.ActJunk, Folder: folder, Done: 1, Gone: 2, Left: 3, Unclear: 4, Problem: api.ProblemAway,
		}, nil},
		{&api.SearchQuestion{Search: api.Search{Query: "q", Mailbox: "INBOX", Where: api.WhereBelow}, Page: 2, PageSize: 10, Again: true, Stop: true}, &api.SearchAnswer{
			Folders: []api.Folder{folder}, Search: api.Search{Query: "q", Mailbox: "INBOX", Where: api.WhereHere}, State: api.SearchRunning,
			Problem: &api.SearchProblem{Kind: api.SearchUnknownField, Term: "t", Suggestion: "to"}, Rows: []api.Row{row}, Found: 11, Page: 2, Pages: 2, PageSize: 10,
			Searched: 3, ToSearch: 4, Skipped: []api.Folder{folder}, Begun: when, Saved: []api.SavedSearch{{ID: "i", Name: "n", Query: "q", Mailbox: "m", Where: api.WhereHere}}, Settings: settings,
		}, nil},
		{&api.EmptyQuestion{Mailbox: "Trash", UIDValidity: 7, UpTo: 9}, &api.ActAnswer{Action: api.ActErase, Done: 5}, nil},
		{&api.FolderQuestion{Action: api.FolderRename, Mailbox: "a", Path: []string{"b", "研究室"}}, &api.FolderAnswer{
			Folders: []api.Folder{folder}, Folder: folder, Moved: 3, Problem: api.FolderExists,
		}, nil},
	}
	each(t, f, func(t *testing.T, service api.Service) {
		for _, test := range tests {
			answer = test.answer
			var got any
			var err error
			switch question := test.question.(type) {
			case *api.LoginQuestion:
				got, err = service.Login(t.Context(), full, question)
			case *api.AttemptQuestion:
				got, err = service.Attempt(t.Context(), full, question)
			case *api.RenewQuestion:
				got, err = service.Renew(t.Context(), full, question)
			case *api.LogoutQuestion:
				got, err = service.Logout(t.Context(), full, question)
			case *api.MailboxQuestion:
				got, err = service.Mailbox(t.Context(), full, question)
			case *api.MessageQuestion:
				got, err = service.Message(t.Context(), full, question)
			case *api.UnsubscribeQuestion:
				got, err = service.Unsubscribe(t.Context(), full, question)
			case *api.BodyQuestion:
				got, err = service.Body(t.Context(), full, question)
			case *api.StatusQuestion:
				got, err = service.Status(t.Context(), full, question)
			case *api.ComposeQuestion:
				got, err = service.Compose(t.Context(), full, question)
			case *api.UploadQuestion:
				got, err = service.Upload(t.Context(), full, question)
			case *api.SaveDraftQuestion:
				got, err = service.SaveDraft(t.Context(), full, question)
			case *api.SendQuestion:
				got, err = service.Send(t.Context(), full, question)
			case *api.DiscardQuestion:
				got, err = service.Discard(t.Context(), full, question)
			case *api.SettleQuestion:
				got, err = service.Settle(t.Context(), full, question)
			case *api.UsageQuestion:
				got, err = service.Usage(t.Context(), full, question)
			case *api.SearchQuestion:
				got, err = service.Search(t.Context(), full, question)
			case *api.SettingsQuestion:
				got, err = service.Settings(t.Context(), full, question)
			case *api.SaveQuestion:
				got, err = service.Save(t.Context(), full, question)
			case *api.ContactsQuestion:
				got, err = service.Contacts(t.Context(), full, question)
			case *api.FindAddressesQuestion:
				got, err = service.FindAddresses(t.Context(), full, question)
			case *api.ImportContactsQuestion:
				got, err = service.ImportContacts(t.Context(), full, question)
			case *api.ActQuestion:
				got, err = service.Act(t.Context(), full, question)
			case *api.UndoQuestion:
				got, err = service.Undo(t.Context(), full, question)
			case *api.EmptyQuestion:
				got, err = service.Empty(t.Context(), full, question)
			case *api.FolderQuestion:
				got, err = service.Folder(t.Context(), full, question)
			}
			if err != nil {
				t.Errorf("%T: %v", test.question, err)
				continue
			}
			if !same(asked, test.question) || !same(called, full) || !same(got, test.answer) {
				t.Errorf("%T changed on the way:\nasked  %+v\ncalled %+v\ngot    %+v", test.question, asked, called, got)
			}
		}
	})
}

// same compares what was sent with what arrived; a time keeps its instant, not
// its zone, so both are encoded again.
func same(a, b any) bool {
	type encodable interface{ MarshalMsg([]byte) ([]byte, error) }
	first, err1 := a.(encodable).MarshalMsg(nil)
	second, err2 := b.(encodable).MarshalMsg(nil)
	return err1 == nil && err2 == nil && reflect.TypeOf(a) == reflect.TypeOf(b) && len(first) > 0 && bytes.Equal(first, second)
}

func TestErrorsCross(t *testing.T) {
	for _, want := range []*api.Error{
		{Code: api.CodeNotOwner, Message: "elsewhere", Owner: "node-2", Digest: 1 << 63},
		{Code: api.CodeBusy, Message: "later", RetryAfter: 1500 * time.Millisecond},
		{Code: api.CodeAuthFailed, Message: "wrong", Cause: errors.New("password was hunter2")},
	} {
		f := &fake{func(context.Context, *api.Call, any) (any, error) { return nil, want }}
		each(t, f, func(t *testing.T, service api.Service) {
			for name, ask := range map[string]func() error{
				"mailbox": func() error {
					_, err := service.Mailbox(t.Context(), full, &api.MailboxQuestion{})
					return err
				},
				"raw": func() error { _, err := service.Raw(t.Context(), full, &api.RawQuestion{}); return err },
			} {
				got := api.AsError(ask())
				if got == nil || got.Code != want.Code || got.Message != want.Message || got.Owner != want.Owner || got.Digest != want.Digest || got.RetryAfter != want.RetryAfter {
					t.Errorf("%s: %+v became %+v", name, want, got)
				}
				if _, direct := service.(*fake); !direct && got.Cause != nil {
					t.Errorf("%s: the cause crossed: %v", name, got.Cause)
				}
			}
		})
	}
}

func TestDeadlineAndCancelReachTheService(t *testing.T) {
	var ended atomic.Int32
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the service sees no deadline")
		}
		<-ctx.Done()
		ended.Add(1)
		return nil, ctx.Err()
	}}
	each(t, f, func(t *testing.T, service api.Service) {
		ended.Store(0)
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := service.Mailbox(short, full, &api.MailboxQuestion{}); api.AsError(err).Code != api.CodeDeadline {
			t.Errorf("after the deadline: %v", err)
		}
		long, cancel := context.WithTimeout(t.Context(), time.Minute)
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := service.Raw(long, full, &api.RawQuestion{}); api.AsError(err).Code != api.CodeCanceled {
			t.Errorf("after cancelling: %v", err)
		}
		for deadline := time.Now().Add(20 * time.Second); ended.Load() < 2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of 2 questions ended at the service", ended.Load())
			}
		}
	})
}

// content is a stream of n bytes that ends with err.
type content struct {
	left   int
	err    error
	closed atomic.Bool
}

func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.err
	}
	n := min(len(p), c.left)
	for i := range n {
		p[i] = byte(c.left - i)
	}
	c.left -= n
	return n, nil
}

func (c *content) Close() error {
	c.closed.Store(true)
	return nil
}

func streaming(c *content, size int64) *fake {
	return &fake{func(context.Context, *api.Call, any) (any, error) {
		return &api.Stream{StreamHead: api.StreamHead{MediaType: "image/png", Charset: "x", Name: "n", Size: size}, Content: c}, nil
	}}
}

func closes(t *testing.T, c *content) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !c.closed.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the content is never closed")
		}
	}
}

func TestStreams(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "small": 10, "chunk": 64 << 10, "large": 1<<20 + 1} {
		t.Run(name, func(t *testing.T) {
			source := &content{left: size, err: io.EOF}
			client, _ := remote(t, streaming(source, int64(size)), transport.ServerConfig{})
			stream, err := client.Part(t.Context(), full, &api.PartQuestion{ID: id, Part: "1"})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(stream.Content)
			want, _ := io.ReadAll(&content{left: size, err: io.EOF})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes arrived as %d, %v", size, len(got), err)
			}
			if (stream.StreamHead != api.StreamHead{MediaType: "image/png", Charset: "x", Name: "n", Size: int64(size)}) {
				t.Errorf("head: %+v", stream.StreamHead)
			}
			stream.Content.Close()
			closes(t, source)
		})
	}
}

func TestStreamTakesConstantMemory(t *testing.T) {
	source := &content{left: 256 << 20, err: io.EOF}
	client, _ := remote(t, streaming(source, -1), transport.ServerConfig{})
	stream, err := client.Raw(t.Context(), full, &api.RawQuestion{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Content.Close()
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := io.CopyN(io.Discard, stream.Content, 200<<20); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&during)
	if grown := int64(during.HeapInuse) - int64(before.HeapInuse); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes while 200 MiB went through", grown)
	}
}

func TestBrokenStreamIsNotAShortOne(t *testing.T) {
	source := &content{left: 100_000, err: api.NewError(api.CodeBackendDown, "gone", nil)}
	client, _ := remote(t, streaming(source, -1), transport.ServerConfig{})
	stream, err := client.Raw(t.Context(), full, &api.RawQuestion{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Content.Close()
	got, err := io.ReadAll(stream.Content)
	if len(got) != 100_000 || api.AsError(err) == nil || api.AsError(err).Code != api.CodeBackendDown {
		t.Errorf("%d bytes and %v", len(got), err)
	}
}

func TestClosingEarlyEndsTheService(t *testing.T) {
	source := &content{left: 1 << 30, err: io.EOF}
	client, _ := remote(t, streaming(source, -1), transport.ServerConfig{})
	stream, err := client.Raw(t.Context(), full, &api.RawQuestion{})
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, stream.Content, 1000)
	stream.Content.Close()
	closes(t, source)
	source.left, source.err = 0, io.EOF
	again, err := client.Raw(t.Context(), full, &api.RawQuestion{})
	if err != nil {
		t.Fatalf("a question after an abandoned stream: %v", err)
	}
	again.Content.Close()
}
