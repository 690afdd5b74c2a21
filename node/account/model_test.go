package account_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/emersion/go-imap/v2"

	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// modelHistories is how many random histories TestModel runs on each server;
// MODEL_HISTORIES sets another number.
const modelHistories = 20

// TestModel lets other clients do anything to a mailbox while the account is
// used: deliver, expunge, change flags, rename, put another mailbox in its place;
// connections end, the account rests. It acts on messages itself, and takes that back. After each step, every list shows what a
// fresh look at the server does.
func TestModel(t *testing.T) {
	histories := modelHistories
	if text := os.Getenv("MODEL_HISTORIES"); text != "" {
		var err error
		if histories, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		before := time.Now()
		courier := strings.HasSuffix(t.Name(), "Courier")
		histories := histories
		if courier || strings.HasSuffix(t.Name(), "Cyrus") {
			histories = (histories + 9) / 10 // they are slow
		}
		for history := range histories {
			m := &model{
				w: w, other: other, rng: uint64(history), renumbers: courier,
				box: w.mailbox(other, fmt.Sprintf("Box %d", history)), elsewhere: w.mailbox(other, fmt.Sprintf("Elsewhere %d", history)),
			}
			if m.run(t); t.Failed() {
				return
			}
		}
		t.Logf("%d histories in %v", histories, time.Since(before).Round(time.Millisecond))
	})
}

// model is one history.
type model struct {
	w              *world
	other          *imapconn.Conn
	account        *account.Account
	box, elsewhere string
	renumbers      bool // the server gives new UIDs to a mailbox that is renamed while it is selected
	rng            uint64
	steps          []string
	made           int
}

func (m *model) run(t *testing.T) {
	m.w.t = t
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	m.account = account.New(m.box+"@example.edu", user, password, m.w.backend(), account.Config{FoldersMaxAge: time.Nanosecond}, store, slog.New(slog.DiscardHandler))
	defer m.account.Close()
	m.w.must(m.other, create(m.box), create(m.elsewhere))
	m.deliver(3 + m.draw(4))
	for range 4 + m.draw(8) {
		m.step()
		if difference := m.compare(t); difference != "" {
			t.Errorf("after %s:\n%s", strings.Join(m.steps, ", "), difference)
			return
		}
	}
	m.replace()
}

func create(name string) imapconn.Command {
	return &imapconn.Manage{Action: imapconn.Create, Mailbox: name}
}

func remove(name string) imapconn.Command {
	return &imapconn.Manage{Action: imapconn.Delete, Mailbox: name}
}

// draw returns a number below n. Equal seeds make equal histories.
func (m *model) draw(n int) int {
	m.rng = m.rng*6364136223846793005 + 1442695040888963407
	return int(m.rng >> 33 % uint64(n))
}

func (m *model) step() {
	switch step := m.draw(14); step {
	case 0, 1:
		m.note("deliver")
		m.deliver(1 + m.draw(3))
	case 2, 3:
		m.note("flags")
		for range 1 + m.draw(3) {
			m.changeFlags()
		}
	case 4, 5:
		m.note("expunge")
		for range 1 + m.draw(2) {
			m.expunge()
		}
	case 6:
		m.note("cut")
		m.w.proxy.Cut()
	case 7:
		m.note("rest")
		m.account.Rest(true)
	case 8:
		m.note("elsewhere")
		m.list(&api.MailboxQuestion{Mailbox: m.elsewhere, Page: 1})
	case 9:
		m.note("rename away and back")
		if m.renumbers {
			m.list(&api.MailboxQuestion{Mailbox: m.elsewhere, Page: 1})
		}
		old := m.box + " away"
		m.w.must(m.other, &imapconn.Select{Name: "INBOX"},
			&imapconn.Manage{Action: imapconn.Rename, Mailbox: m.box, To: old},
			&imapconn.Manage{Action: imapconn.Rename, Mailbox: old, To: m.box})
	case 10:
		// As long as the mailbox is selected, servers go on with the old one.
		m.note("elsewhere, another mailbox of the same name")
		m.list(&api.MailboxQuestion{Mailbox: m.elsewhere, Page: 1})
		m.replace()
		m.deliver(m.draw(4))
	case 11, 12, 13:
		m.act()
	}
}

// act does something to some of the messages that are shown, and may take it back.
func (m *model) act() {
	actions := []api.Action{api.ActRead, api.ActUnread, api.ActFlag, api.ActUnflag, api.ActMove, api.ActCopy, api.ActDelete, api.ActErase}
	answer := m.list(&api.MailboxQuestion{Mailbox: m.box, Page: 1})
	question := &api.ActQuestion{Action: actions[m.draw(len(actions))], Mailbox: m.box, UIDValidity: answer.UIDValidity}
	if question.Action == api.ActMove || question.Action == api.ActCopy {
		question.To = m.elsewhere
	}
	for _, row := range answer.Rows {
		if m.draw(2) == 0 {
			question.UIDs = append(question.UIDs, row.ID.UID)
		}
	}
	if len(question.UIDs) == 0 {
		return
	}
	m.note(string(question.Action))
	if m.draw(4) == 0 {
		m.note("with one gone and one new")
		m.expunge()
		m.deliver(1)
	}
	if m.draw(4) == 0 {
		m.note("after a cut")
		m.w.proxy.Cut()
	}
	done, err := m.account.Act(m.w.t.Context(), "", false, question)
	if err != nil || done.Done+done.Gone != len(question.UIDs) || done.Problem != "" {
		m.w.t.Fatalf("after %s: %+v, %v", strings.Join(m.steps, ", "), done, err)
	}
	if len(done.Undo) > 0 && m.draw(2) == 0 {
		m.note("undo")
		before := m.fresh()
		back, err := m.account.Undo(m.w.t.Context(), false, done.Undo)
		if err != nil || back.Left+back.Unclear > 0 || back.Problem != "" {
			m.w.t.Fatalf("after %s: %+v, %v", strings.Join(m.steps, ", "), back, err)
		}
		if after := m.fresh(); question.Action == api.ActMove && len(after) != len(before)+back.Done {
			m.w.t.Fatalf("after %s: %d messages, then %d", strings.Join(m.steps, ", "), len(before), len(after))
		}
	}
}

// replace puts another mailbox in the place of the one there is. A server that
// keeps deleted mailboxes by the second of their end refuses two in one second.
func (m *model) replace() {
	m.w.must(m.other, &imapconn.Select{Name: "INBOX"})
	for m.other.Do(m.w.t.Context(), remove(m.box)) != nil {
		time.Sleep(100 * time.Millisecond)
	}
	m.w.must(m.other, create(m.box))
}

func (m *model) note(step string) { m.steps = append(m.steps, step) }

var words = []string{"alpha", "beta", "gamma", "delta", "epsilon"}

func (m *model) deliver(count int) {
	for range count {
		m.made++
		sender, subject := words[m.draw(len(words))], words[m.draw(len(words))]
		if m.draw(3) == 0 {
			subject = "Re: " + subject
		}
		text := fmt.Sprintf("From: %s <%s@example.edu>\r\nTo: ana@example.edu\r\nSubject: %s\r\nDate: %s\r\nX-Number: %d\r\n\r\n%s\r\n", sender, sender, subject,
			time.Date(2026, 11, 1+m.draw(20), m.draw(24), 0, 0, 0, time.UTC).Format(time.RFC1123Z), m.made, strings.Repeat("x", m.draw(50)))
		put := appending(m.box, []byte(text))
		if m.draw(2) == 0 {
			put.Flags = []imap.Flag{imap.FlagSeen}
		}
		m.w.must(m.other, put)
	}
}

// fresh is the mailbox to a client that knows nothing.
func (m *model) fresh() []*imapconn.Message {
	fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Flags: true, RFC822Size: true, Envelope: true}}
	m.w.must(m.other, &imapconn.Select{Name: m.box})
	m.w.must(m.other, fetch)
	return fetch.Messages
}

func (m *model) changeFlags() {
	messages := m.fresh()
	if len(messages) == 0 {
		return
	}
	change := imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{[]imap.Flag{imap.FlagSeen, imap.FlagFlagged, imap.FlagAnswered, imap.FlagDeleted}[m.draw(4)]}}
	if m.draw(2) == 0 {
		change.Op = imap.StoreFlagsDel
	}
	m.w.must(m.other, &imapconn.Store{UIDs: imap.UIDSetNum(messages[m.draw(len(messages))].UID), Change: change})
}

func (m *model) expunge() {
	messages := m.fresh()
	if len(messages) == 0 {
		return
	}
	uids := imap.UIDSetNum(messages[m.draw(len(messages))].UID)
	m.w.must(m.other, &imapconn.Store{UIDs: uids, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}}, &imapconn.Expunge{UIDs: uids})
}

func (m *model) list(question *api.MailboxQuestion) *api.MailboxAnswer {
	answer, err := m.account.Mailbox(m.w.t.Context(), question)
	if err != nil {
		m.w.t.Fatalf("after %s: %v", strings.Join(m.steps, ", "), err)
	}
	return answer
}

// compare asks for a list, and sometimes opens a message, and tells how what is
// shown differs from what is there.
func (m *model) compare(t *testing.T) string {
	question := &api.MailboxQuestion{
		Mailbox: m.box, PageSize: 200, Reverse: m.draw(2) == 0,
		Order:  []api.Order{api.OrderArrival, api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize}[m.draw(6)],
		Filter: []api.Filter{api.FilterNone, api.FilterNone, api.FilterUnread, api.FilterFlagged}[m.draw(4)],
	}
	answer := m.list(question)
	shown := shownRows(answer)
	if answer.Page != 1 || answer.Matching != len(answer.Rows) || !answer.AsOf.IsZero() {
		return fmt.Sprintf("%+v", answer)
	}
	if len(answer.Rows) > 0 && m.draw(4) == 0 {
		m.note("open")
		row := answer.Rows[m.draw(len(answer.Rows))]
		message, err := m.account.Message(t.Context(), &api.MessageQuestion{ID: row.ID, MarkSeen: true})
		if err != nil || message.Subject != row.Subject || !message.Flags.Seen {
			return fmt.Sprintf("message %d: %v", row.ID.UID, err)
		}
		question.Filter = api.FilterNone
		shown = shownRows(m.list(question))
	}
	right := expected(m.fresh(), question)
	if question.Order != api.OrderArrival {
		// Servers differ in the order of those whose keys are equal.
		shown, right = byKey(shown), byKey(right)
	}
	if !slices.Equal(shown, right) {
		return fmt.Sprintf("%+v shows\n%v\ninstead of\n%v", question, shown, right)
	}
	return ""
}

// byKey puts rows that follow each other and have the same key in the order of
// their UIDs.
func byKey(rows []row) []row {
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].key == rows[from].key {
			to++
		}
		slices.SortFunc(rows[from:to], func(a, b row) int { return cmp.Compare(a.uid, b.uid) })
		from = to
	}
	return rows
}

// row is what is compared of a row.
type row struct {
	uid  uint32
	key  string // what it is sorted by
	text string
}

func shownRows(answer *api.MailboxAnswer) (shown []row) {
	for _, r := range answer.Rows {
		who := ""
		if len(r.People) > 0 {
			who = r.People[0].Name
		}
		shown = append(shown, newRow(answer.Order, r.ID.UID, r.Flags, r.Subject, who, r.Size, r.Date))
	}
	return shown
}

func newRow(order api.Order, uid uint32, flags api.Flags, subject, who string, size int64, date time.Time) row {
	key := map[api.Order]string{
		api.OrderDate: date.UTC().String(), api.OrderSender: who, api.OrderSubject: strings.TrimPrefix(subject, "Re: "), api.OrderSize: fmt.Sprint(size),
	}[order]
	return row{uid, key, fmt.Sprintf("%s, %s, %d bytes, %+v", subject, who, size, flags)}
}

func expected(messages []*imapconn.Message, question *api.MailboxQuestion) (rows []row) {
	base := func(message *imapconn.Message) string { return strings.TrimPrefix(message.Envelope.Subject, "Re: ") }
	slices.SortStableFunc(messages, func(a, b *imapconn.Message) int {
		switch question.Order {
		case api.OrderDate:
			return a.Envelope.Date.Compare(b.Envelope.Date)
		case api.OrderSender:
			return cmp.Compare(a.Envelope.From[0].Name, b.Envelope.From[0].Name)
		case api.OrderSubject:
			return cmp.Compare(base(a), base(b))
		case api.OrderSize:
			return cmp.Compare(a.Size, b.Size)
		}
		return 0
	})
	upwards := question.Order == api.OrderSender || question.Order == api.OrderSubject
	if upwards == question.Reverse {
		slices.Reverse(messages)
	}
	for _, message := range messages {
		has := func(flag imap.Flag) bool { return slices.Contains(message.Flags, flag) }
		flags := api.Flags{Seen: has(imap.FlagSeen), Flagged: has(imap.FlagFlagged), Answered: has(imap.FlagAnswered), Deleted: has(imap.FlagDeleted)}
		if question.Filter == api.FilterUnread && flags.Seen || question.Filter == api.FilterFlagged && !flags.Flagged {
			continue
		}
		rows = append(rows, newRow(question.Order, uint32(message.UID), flags, message.Envelope.Subject, message.Envelope.From[0].Name, message.Size, message.Envelope.Date))
	}
	return rows
}
