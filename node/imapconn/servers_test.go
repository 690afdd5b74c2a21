package imapconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// servers starts every server that there is, with one user; each returns its
// address.
var servers = []struct {
	name  string
	start func(t *testing.T) string
}{
	{"memory", func(t *testing.T) string {
		server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		return server.IMAPAddr()
	}},
	{"Dovecot", func(t *testing.T) string {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Extra: "mail_plugins = quota acl\nprotocol imap {\n  mail_plugins = quota imap_quota acl imap_acl\n}\nplugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100M\n  acl = vfile\n}\n"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"Cyrus", func(t *testing.T) string {
		need.Have(t, testbed.CyrusAvailable())
		server, err := testbed.StartCyrus(oneUser...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"Courier", func(t *testing.T) string {
		need.Have(t, testbed.CourierAvailable())
		server, err := testbed.StartCourier(oneUser...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
}

var oneUser = []testbed.User{{Name: "ana", Password: "secret"}}

// errNotOffered is what a step returns when the server lacks what it tests.
var errNotOffered = errors.New("not offered")

// session is one connection in the suite, with what later steps need of earlier
// ones.
type session struct {
	*imapconn.Conn
	t       *testing.T
	address string
	prefix  string // of mailboxes, such as "INBOX."
	box     *told
}

// steps are the suite: in this order, over every server.
var steps = []struct {
	name string
	do   func(*session) error
}{
	{"NAMESPACE", func(s *session) error {
		namespace := &imapconn.Namespace{}
		if !s.Has(imap.CapNamespace) {
			return errNotOffered
		}
		if err := s.Do(s.t.Context(), namespace); err != nil {
			return err
		}
		if len(namespace.Data.Personal) > 0 {
			s.prefix = namespace.Data.Personal[0].Prefix
		}
		return nil
	}},
	{"CREATE, SUBSCRIBE, LIST", func(s *session) error {
		names := []string{s.prefix + "Work", s.prefix + "Entwürfe & 日本"}
		for _, name := range names {
			if err := s.Do(s.t.Context(), &imapconn.Manage{Action: imapconn.Create, Mailbox: name}, &imapconn.Manage{Action: imapconn.Subscribe, Mailbox: name}); err != nil {
				return err
			}
		}
		list := &imapconn.List{Pattern: "*"}
		if err := s.Do(s.t.Context(), list); err != nil {
			return err
		}
		var found []string
		for _, data := range list.Data {
			found = append(found, data.Mailbox)
		}
		for _, name := range append(names, "INBOX") {
			if !slices.Contains(found, name) {
				return fmt.Errorf("%s is not among %q", name, found)
			}
		}
		return nil
	}},
	{"APPEND", func(s *session) error {
		for i := range 5 {
			text := fmt.Sprintf("From: Ana <ana@example.edu>\r\nSubject: Message %d\r\nDate: Mon, %d Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
				"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nText %d, Grüße.\r\n--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n", i+1, 10-i, i+1)
			put := &imapconn.Append{Mailbox: "INBOX", Date: time.Date(2026, 11, 1+i, 12, 0, 0, 0, time.UTC), Message: strings.NewReader(text), Size: int64(len(text))}
			if i == 1 {
				put.Flags = []imap.Flag{imap.FlagSeen}
			}
			if err := s.Do(s.t.Context(), put); err != nil {
				return err
			}
			if s.Has(imap.CapUIDPlus) && put.UID == 0 {
				return errors.New("no APPENDUID")
			}
		}
		return nil
	}},
	{"SELECT, UID FETCH FLAGS", func(s *session) error {
		choose := &imapconn.Select{Name: "INBOX", Mailbox: s.box}
		fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true}}
		if err := s.Do(s.t.Context(), choose, fetch); err != nil {
			return err
		}
		if choose.Data.NumMessages != 5 || choose.Data.UIDValidity == 0 || len(fetch.Messages) != 5 || s.box.exists != 5 || len(s.box.events) != 5 {
			return fmt.Errorf("%+v, %d messages, told %+v", choose.Data, len(fetch.Messages), s.box)
		}
		if !slices.Contains(fetch.Messages[1].Flags, imap.FlagSeen) || slices.Contains(fetch.Messages[0].Flags, imap.FlagSeen) {
			return fmt.Errorf("flags %v and %v", fetch.Messages[0].Flags, fetch.Messages[1].Flags)
		}
		return nil
	}},
	{"UID FETCH of everything", func(s *session) error {
		header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject", "From"}, Peek: true}
		beginning := &imap.FetchItemBodySection{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 6}}
		inner := &imap.FetchItemBodySection{Part: []int{2}, Specifier: imap.PartSpecifierMIME, Peek: true}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(uidOf(s, 3)), Items: &imap.FetchOptions{
			Flags: true, Envelope: true, InternalDate: true, RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
			BodySection: []*imap.FetchItemBodySection{header, beginning, inner},
		}}
		if err := s.Do(s.t.Context(), fetch); err != nil {
			return err
		}
		if len(fetch.Messages) != 1 {
			return fmt.Errorf("%d messages", len(fetch.Messages))
		}
		m := fetch.Messages[0]
		multi, _ := m.Structure.(*imap.BodyStructureMultiPart)
		switch {
		case m.Envelope == nil || m.Envelope.Subject != "Message 3" || m.Envelope.From[0].Mailbox != "ana":
			return fmt.Errorf("envelope %+v", m.Envelope)
		case m.Size == 0 || m.InternalDate.Day() != 3:
			return fmt.Errorf("size %d, date %v", m.Size, m.InternalDate)
		case multi == nil || len(multi.Children) != 2 || multi.Children[1].Disposition() == nil || multi.Children[1].Disposition().Params["filename"] != "a.pdf":
			return fmt.Errorf("structure %+v", m.Structure)
		case !strings.Contains(string(m.Section(header)), "Subject: Message 3") || string(m.Section(beginning)) != "Text 3" || !strings.Contains(string(m.Section(inner)), "application/pdf"):
			return fmt.Errorf("sections %q, %q, %q", m.Section(header), m.Section(beginning), m.Section(inner))
		case len(m.Broken) > 0:
			return fmt.Errorf("broken %v", m.Broken)
		}
		return nil
	}},
	{"EXAMINE", func(s *session) error {
		examine := &imapconn.Select{Name: "INBOX", ReadOnly: true}
		reading := &imapconn.Fetch{UIDs: imap.UIDSetNum(uidOf(s, 3)), Items: &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{{}}}}
		other := another(s)
		if err := other.Do(s.t.Context(), examine, reading); err != nil {
			return err
		}
		if !examine.Unchangeable || examine.Data.NumMessages != 5 || len(reading.Messages) != 1 {
			return fmt.Errorf("%+v, %d messages", examine, len(reading.Messages))
		}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(uidOf(s, 3)), Items: &imap.FetchOptions{Flags: true}}
		if err := s.Do(s.t.Context(), &imapconn.Noop{}, fetch); err != nil {
			return err
		}
		if flags := fetch.Messages[0].Flags; slices.Contains(flags, imap.FlagSeen) {
			return fmt.Errorf("flags %v", flags)
		}
		return nil
	}},
	{"UID SEARCH", func(s *session) error {
		for _, extended := range []bool{false, true} {
			if extended && !s.Has(imap.CapESearch) {
				continue
			}
			search := &imapconn.Search{Extended: extended, Criteria: &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}, Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Message"}}}}
			if err := s.Do(s.t.Context(), search); err != nil {
				return err
			}
			if numbers, _ := search.UIDs.Nums(); len(numbers) != 4 {
				return fmt.Errorf("extended %v: %v", extended, search.UIDs)
			}
		}
		umlaut := &imapconn.Search{CharsetUTF8: true, Criteria: &imap.SearchCriteria{Body: []string{"Grüße"}}}
		if err := s.Do(s.t.Context(), umlaut); err != nil {
			return err
		}
		if numbers, _ := umlaut.UIDs.Nums(); len(numbers) != 5 {
			return fmt.Errorf("with an umlaut: %v", umlaut.UIDs)
		}
		return nil
	}},
	{"UID SORT", func(s *session) error {
		if !s.Has(imap.CapSort) {
			return errNotOffered
		}
		sort := &imapconn.Sort{By: "DATE", Criteria: &imap.SearchCriteria{}}
		if err := s.Do(s.t.Context(), sort); err != nil {
			return err
		}
		if len(sort.UIDs) != 5 || !slices.IsSortedFunc(sort.UIDs, func(a, b imap.UID) int { return int(b) - int(a) }) {
			return fmt.Errorf("%v", sort.UIDs)
		}
		return nil
	}},
	{"UID STORE", func(s *session) error {
		first := uidOf(s, 1)
		s.box.events = nil
		store := &imapconn.Store{UIDs: imap.UIDSetNum(first), Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}}
		if err := s.Do(s.t.Context(), store); err != nil {
			return err
		}
		if len(s.box.events) != 1 || !strings.HasPrefix(s.box.events[0], "flagged 1 ") || !strings.Contains(s.box.events[0], `\Flagged`) {
			return fmt.Errorf("told %q", s.box.events)
		}
		return nil
	}},
	{"UID STORE UNCHANGEDSINCE", func(s *session) error {
		if !s.Has(imap.CapCondStore) {
			return errNotOffered
		}
		store := &imapconn.Store{UIDs: imap.UIDSetNum(uidOf(s, 1)), UnchangedSince: 1, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDraft}}}
		err := s.Do(s.t.Context(), store)
		if _, refused := imapconn.IsRefusal(err); err != nil && !refused {
			return err
		}
		if numbers, _ := store.Modified.Nums(); len(numbers) != 1 {
			return fmt.Errorf("modified %v, %v", store.Modified, err)
		}
		return nil
	}},
	{"NOOP tells of others", func(s *session) error {
		other := another(s)
		if err := other.Do(s.t.Context(), &imapconn.Select{Name: "INBOX"}, &imapconn.AddFlags{UIDs: imap.UIDSetNum(uidOf(s, 4)), Flags: []imap.Flag{imap.FlagAnswered}}); err != nil {
			return err
		}
		s.box.events = nil
		deadline := time.Now().Add(10 * time.Second)
		for len(s.box.events) == 0 && time.Now().Before(deadline) {
			if err := s.Do(s.t.Context(), &imapconn.Noop{}); err != nil {
				return err
			}
		}
		if len(s.box.events) != 1 || !strings.HasPrefix(s.box.events[0], "flagged 4 ") {
			return fmt.Errorf("told %q", s.box.events)
		}
		return nil
	}},
	{"IDLE", func(s *session) error {
		if !s.Has(imap.CapIdle) {
			return errNotOffered
		}
		other := another(s)
		ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
		defer cancel()
		rung := make(chan error, 1)
		go func() { rung <- s.Idle(ctx) }() // ends with ctx at the latest
		time.Sleep(100 * time.Millisecond)
		text := "Subject: rings\r\n\r\nx\r\n"
		if err := other.Do(s.t.Context(), &imapconn.Append{Mailbox: "INBOX", Message: strings.NewReader(text), Size: int64(len(text))}); err != nil {
			return err
		}
		if err := <-rung; err != nil || s.box.exists != 6 {
			return fmt.Errorf("%d messages, %v", s.box.exists, err)
		}
		return nil
	}},
	{"UID COPY, UID MOVE", func(s *session) error {
		work := s.prefix + "Work"
		copying := &imapconn.Copy{UIDs: imap.UIDSetNum(uidOf(s, 1)), To: work}
		if err := s.Do(s.t.Context(), copying); err != nil {
			return err
		}
		_, err := s.Move(s.t.Context(), imap.UIDSetNum(uidOf(s, 2)), work)
		if err != nil {
			return err
		}
		if refusal := s.Do(s.t.Context(), &imapconn.Copy{UIDs: imap.UIDSetNum(uidOf(s, 1)), To: s.prefix + "Nowhere"}); refusal == nil {
			return errors.New("a copy to nowhere succeeds")
		}
		before := count(s, "INBOX")
		if _, err := s.Move(s.t.Context(), imap.UIDSetNum(uidOf(s, 1)), s.prefix+"Nowhere"); err == nil || count(s, "INBOX") != before {
			return fmt.Errorf("a move to nowhere: %v, %d messages of %d", err, count(s, "INBOX"), before)
		}
		if inWork := count(s, work); inWork != 2 {
			return fmt.Errorf("%d messages in Work", inWork)
		}
		return nil
	}},
	{"LIST-STATUS", func(s *session) error {
		if !s.Has(imap.CapListStatus) {
			return errNotOffered
		}
		list := &imapconn.List{Pattern: "*", Options: &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true}, ReturnSpecialUse: s.Has(imap.CapSpecialUse)}}
		if err := s.Do(s.t.Context(), list); err != nil {
			return err
		}
		for _, data := range list.Data {
			if data.Mailbox == s.prefix+"Work" && data.Status != nil && *data.Status.NumMessages == 2 {
				return nil
			}
		}
		return fmt.Errorf("%+v", list.Data)
	}},
	{"ID", func(s *session) error {
		if !s.Has(imap.CapID) {
			return errNotOffered
		}
		id := &imapconn.Identify{Fields: []string{"name", "AlphaMail"}}
		return s.Do(s.t.Context(), id)
	}},
	{"GETQUOTAROOT", func(s *session) error {
		if !s.Has(imap.CapQuota) {
			return errNotOffered
		}
		quota := &imapconn.Quota{Mailbox: "INBOX"}
		return s.Do(s.t.Context(), quota)
	}},
	{"MYRIGHTS", func(s *session) error {
		if !s.Has(imap.CapACL) {
			return errNotOffered
		}
		rights := &imapconn.MyRights{Mailbox: "INBOX"}
		if err := s.Do(s.t.Context(), rights); err != nil {
			return err
		}
		if !strings.Contains(rights.Rights, "r") {
			return fmt.Errorf("rights %q", rights.Rights)
		}
		return nil
	}},
	{"RENAME, DELETE", func(s *session) error {
		return s.Do(s.t.Context(),
			&imapconn.Manage{Action: imapconn.Unsubscribe, Mailbox: s.prefix + "Work"},
			&imapconn.Manage{Action: imapconn.Rename, Mailbox: s.prefix + "Work", To: s.prefix + "Done"},
			&imapconn.Manage{Action: imapconn.Delete, Mailbox: s.prefix + "Done"})
	}},
	{"a refusal", func(s *session) error {
		err := s.Do(s.t.Context(), &imapconn.Status{Mailbox: s.prefix + "Nowhere", Options: &imap.StatusOptions{NumMessages: true}})
		if _, refused := imapconn.IsRefusal(err); !refused || !s.Usable() {
			return fmt.Errorf("usable %v, %v", s.Usable(), err)
		}
		return nil
	}},
}

// uidOf returns the UID of the message with a number in INBOX.
func uidOf(s *session, number int) imap.UID {
	fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true}}
	if err := s.Do(s.t.Context(), fetch); err != nil || len(fetch.Messages) < number {
		s.t.Fatalf("%d messages, %v", len(fetch.Messages), err)
	}
	return fetch.Messages[number-1].UID
}

// count returns the number of messages in a mailbox, as another connection sees
// it.
func count(s *session, mailbox string) uint32 {
	other := another(s)
	status := &imapconn.Status{Mailbox: mailbox, Options: &imap.StatusOptions{NumMessages: true}}
	if err := other.Do(s.t.Context(), status); err != nil {
		s.t.Fatal(err)
	}
	return *status.Data.NumMessages
}

func another(s *session) *imapconn.Conn {
	return loggedIn(s.t, s.address)
}

// TestEveryServer runs the suite over all servers and prints what each of them
// came to.
func TestEveryServer(t *testing.T) {
	results := map[string]map[string]string{}
	for _, server := range servers {
		results[server.name] = map[string]string{}
		t.Run(server.name, func(t *testing.T) {
			s := &session{t: t, address: server.start(t), box: &told{}}
			s.Conn = loggedIn(t, s.address)
			for _, step := range steps {
				switch err := step.do(s); {
				case errors.Is(err, errNotOffered):
					results[server.name][step.name] = "-"
				case err != nil:
					results[server.name][step.name] = "FAILED"
					t.Errorf("%s: %v", step.name, err)
				default:
					results[server.name][step.name] = "ok"
				}
			}
		})
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, server := range servers {
		fmt.Fprintf(w, "\t%s", server.name)
	}
	for _, step := range steps {
		fmt.Fprintf(w, "\n%s", step.name)
		for _, server := range servers {
			fmt.Fprintf(w, "\t%s", results[server.name][step.name])
		}
	}
	w.Flush()
	t.Logf("\n%s", &table)
}
