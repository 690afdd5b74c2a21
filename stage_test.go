package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/frontend"
	"alphamail/node/api"
)

// stagedNode answers for a mailbox in states that are hard to bring about with
// a mail server: away, out of date, with messages marked as deleted.
type stagedNode struct {
	api.Service
	now time.Time
}

// The mailboxes of a staged node. All others are full of mail.
const (
	stagedEmpty = "Empty"
	stagedAway  = "Away"  // the mail server is away, the list is known
	stagedGone  = "Gone"  // the mail server is away, nothing is known
	stagedBusy  = "Busy"  // overloaded
	stagedOther = "Other" // of another user, read only
)

func (n stagedNode) Login(_ context.Context, _ *api.Call, q *api.LoginQuestion) (*api.LoginAnswer, error) {
	return &api.LoginAnswer{Session: api.Session{Account: q.Account, ID: "STAGE", Host: q.Host, Seal: []byte("seal")}, Expires: n.now.Add(time.Hour)}, nil
}

func (n stagedNode) Attempt(context.Context, *api.Call, *api.AttemptQuestion) (*api.AttemptAnswer, error) {
	return &api.AttemptAnswer{}, nil
}

func (n stagedNode) Logout(context.Context, *api.Call, *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return &api.LogoutAnswer{}, nil
}

func (n stagedNode) Settings(context.Context, *api.Call, *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	return &api.SettingsAnswer{}, nil
}

func (n stagedNode) folders() []api.Folder {
	own := func(name string, role api.Role) api.Folder {
		return api.Folder{Mailbox: name, Path: []string{name}, Role: role, Selectable: true}
	}
	inbox := own("INBOX", api.RoleInbox)
	inbox.Counted, inbox.Unread, inbox.Total = true, 40, 120
	return []api.Folder{
		inbox, own("Sent", api.RoleSent), own("Trash", api.RoleTrash),
		own(stagedAway, ""), own(stagedBusy, ""), own(stagedEmpty, ""), own(stagedGone, ""),
		{Mailbox: stagedOther, Path: []string{"ana.ruiz", "Field methods"}, Selectable: true, Space: api.SpaceOther, ReadOnly: true},
		{Mailbox: "Other/Plans", Path: []string{"ana.ruiz", "Plans"}, Selectable: true, Space: api.SpaceOther, Counted: true, Unread: 3},
		{Mailbox: "Shared/Announcements", Path: []string{"Announcements"}, Selectable: true, Space: api.SpaceShared, ReadOnly: true},
		{Mailbox: "Shared/Lab", Path: []string{"Department of Linguistics", "Laboratory"}, Selectable: true, Space: api.SpaceShared},
	}
}

func (n stagedNode) folder(mailbox string) api.Folder {
	folders := n.folders()
	i := slices.IndexFunc(folders, func(f api.Folder) bool { return f.Mailbox == mailbox })
	return folders[max(i, 0)]
}

// rows are 120 messages, a third of them unread, a fifth starred, some marked
// as deleted.
func (n stagedNode) rows(mailbox string) []api.Row {
	people := []api.Address{
		{Name: "Zoë Lindqvist", Email: "zoe@example.edu"}, {Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"},
		{Name: "نور حداد", Email: "noor@example.edu"}, {Name: "山田 太郎", Email: "yamada@example.ac.jp"},
		{Email: "a.very.long.address.of.the.central.notification.service@notifications.example.edu"}, {Name: "Library", Email: "library@example.edu"},
	}
	subjects := []string{"Field trip on Friday", "Your winter schedule is final", "تقرير المختبر", "研究会の資料について", "Zoom licences end in May", "Books are due"}
	rows := make([]api.Row, 120)
	for i := range rows {
		rows[i] = api.Row{
			ID:      api.MessageID{Mailbox: mailbox, UIDValidity: 7, UID: uint32(1000 - i)},
			People:  people[i*5%6 : i*5%6+1],
			Subject: fmt.Sprintf("%s (%d)", subjects[i*7%6], i+1),
			Snippet: "The bus leaves at 7:40 from the north gate; bring boots and a second pair of socks.",
			Date:    n.now.Add(-time.Duration(i*i) * time.Hour),
			Size:    int64(i*i*i*7919%9_999_991 + 300), HasAttachment: i%4 == 0,
			Flags: api.Flags{Seen: i%3 != 0, Flagged: i%5 == 1, Answered: i%7 == 2, Deleted: i%11 == 2},
		}
	}
	return rows
}

func (n stagedNode) Mailbox(_ context.Context, _ *api.Call, q *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	answer := &api.MailboxAnswer{
		Folders: n.folders(), Folder: n.folder(q.Mailbox), UIDValidity: 7,
		Order: q.Order, Reverse: q.Reverse, Filter: q.Filter, Page: 1, Pages: 1, PageSize: 50,
	}
	switch q.Mailbox {
	case stagedGone:
		return nil, &api.Error{Code: api.CodeBackendDown, RetryAfter: 20 * time.Second}
	case stagedBusy:
		return nil, &api.Error{Code: api.CodeBusy, RetryAfter: 4 * time.Second}
	case stagedAway:
		answer.AsOf = n.now.Add(-48 * time.Minute)
	case stagedEmpty:
		return answer, nil
	}
	rows := n.rows(q.Mailbox)
	answer.Total, answer.Unread, answer.Deleted, answer.LastUID = len(rows), 40, 11, 1000
	if q.Mailbox == "Sent" {
		answer.Jobs = n.stagedJobs()
	}
	if q.Mailbox == "Trash" { // nothing in it has a star
		rows = slices.DeleteFunc(rows, func(r api.Row) bool { return q.Filter == api.FilterFlagged })
	}
	rows = slices.DeleteFunc(rows, func(r api.Row) bool {
		return q.Filter == api.FilterUnread && r.Flags.Seen || q.Filter == api.FilterFlagged && !r.Flags.Flagged
	})
	slices.SortStableFunc(rows, func(a, b api.Row) int {
		switch q.Order {
		case api.OrderSender:
			return cmp.Compare(a.People[0].Name+a.People[0].Email, b.People[0].Name+b.People[0].Email)
		case api.OrderSubject:
			return cmp.Compare(a.Subject, b.Subject)
		case api.OrderSize:
			return cmp.Compare(b.Size, a.Size)
		}
		return b.Date.Compare(a.Date)
	})
	if q.Reverse {
		slices.Reverse(rows)
	}
	answer.Matching = len(rows)
	answer.Pages = max(1, (len(rows)+answer.PageSize-1)/answer.PageSize)
	answer.Page = min(q.Page, answer.Pages)
	first := (answer.Page - 1) * answer.PageSize
	answer.Rows = rows[first:min(first+answer.PageSize, len(rows))]
	return answer, nil
}

func (n stagedNode) Message(_ context.Context, _ *api.Call, q *api.MessageQuestion) (*api.MessageAnswer, error) {
	if q.ID.Mailbox == stagedGone {
		return nil, &api.Error{Code: api.CodeBackendDown}
	}
	answer := &api.MessageAnswer{
		Folders: n.folders(), Folder: n.folder(q.ID.Mailbox), ID: q.ID, Subject: "Field trip on Friday",
		Flags: api.Flags{Deleted: true}, From: []api.Address{{Name: "Ana Ruiz", Email: "ana.ruiz@example.edu"}},
		Date: n.now.Add(-time.Hour), Page: 1,
		Text: []api.Block{{Spans: []api.Span{{Text: "The bus leaves at 7:40 from the north gate."}}}},
	}
	if q.ID.Mailbox == stagedAway {
		answer.AsOf = n.now.Add(-30 * time.Hour)
	}
	n.stageMail(answer)
	return answer, nil
}

// stagedRing has one node.
type stagedRing struct{ node stagedNode }

func (r stagedRing) Owner(string) (string, bool)                { return "stage", true }
func (r stagedRing) Successor(string, ...string) (string, bool) { return "", false }
func (r stagedRing) Digest() uint64                             { return 1 }
func (r stagedRing) Members() []string                          { return []string{"stage"} }
func (r stagedRing) Service(string) (api.Service, bool)         { return r.node, true }

// startStage serves a staged node like a demo.
func startStage(t testing.TB) *demo {
	t.Helper()
	ring := stagedRing{stagedNode{now: time.Now()}}
	config := frontend.Config{Domains: []frontend.Domain{{Name: "example.edu"}}, Location: time.UTC}
	server, err := frontend.New(config, ring, ring, slog.New(slog.DiscardHandler), metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener, nil); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return &demo{url: "http://" + listener.Addr().String(), user: "maria", password: "secret"}
}

// stagedPages are the states of pages that only the stage shows, by name.
var stagedPages = map[string]string{
	"list-as-usual": "/mail/INBOX", "list-by-sender": "/mail/INBOX?order=sender&reverse=1&filter=unread",
	"list-by-size": "/mail/INBOX?order=size&page=2", "list-oldest": "/mail/INBOX?reverse=1&page=2",
	"list-starred": "/mail/INBOX?filter=flagged", "list-none-starred": "/mail/Trash?filter=flagged",
	"list-empty": "/mail/Empty", "list-by-date-sent": "/mail/Sent?order=date", "list-read-only": "/mail/Other",
	"list-as-of": "/mail/Away", "message-as-of": "/mail/Away/7-990", "message-deleted": "/mail/INBOX/7-998",
	"gone": "/mail/Gone", "gone-message": "/mail/Gone/7-1", "busy": "/mail/Busy", "folders-of-others": "/folders",
	"message-invitation": "/mail/INBOX/7-1", "message-report": "/mail/INBOX/7-2", "message-doubts": "/mail/INBOX/7-3",
	"message-checked": "/mail/INBOX/7-6", "message-unproven": "/mail/INBOX/7-7",
	"message-plain-html": "/mail/INBOX/7-4", "message-coloured": "/mail/INBOX/7-5", "message-invitation-print": "/mail/INBOX/7-1/print",
	"list-selected": "/mail/INBOX?select=page", "list-trash": "/mail/Trash", "empty-trash": "/mail/Trash/empty", "folder": "/folders/Empty",
	"folders-sizes": "/folders?sizes=1", "search": "/search", "search-running": "/search?q=report&in=Work&where=all&still=1", "search-done": "/search?q=is:unread&select=page", "search-wrong": "/search?q=form:ana", "search-nothing": "/search?q=nothing",
	"list-all-selected": "/mail/INBOX?select=all", "jobs": "/jobs", "job-running": "/jobs/running?still=1", "job-waiting": "/jobs/waiting?still=1",
	"job-done": "/jobs/done", "job-failed": "/jobs/failed", "list-with-job": "/mail/Sent?select=page",
	"message-then-next": "/mail/INBOX/7-990?then=next",
	"message-of-list":   "/mail/INBOX/7-8?order=sender", "message-of-list-details": "/mail/INBOX/7-8?details=1&view=text", "unsubscribe": "/mail/INBOX/7-8/unsubscribe",
	"invalid-order": "/mail/INBOX?order=" + strings.Repeat("colour", 9),
}
