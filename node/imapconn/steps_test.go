package imapconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// session is one connection in the suite, with what later steps need of earlier
// ones.
type session struct {
	*imapconn.Conn
	place
	t      *testing.T
	prefix string // of mailboxes, such as "INBOX."
	box    *told
	shelf  *shelf
}

// basicSteps are what every server does, in this order.
var basicSteps = []step{
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
	{"LSUB", func(s *session) error {
		list := &imapconn.List{Pattern: s.prefix + "W*", Subscribed: true}
		if err := s.Do(s.t.Context(), list); err != nil || len(list.Data) != 1 || list.Data[0].Mailbox != s.prefix+"Work" {
			return fmt.Errorf("%d mailboxes, %v", len(list.Data), err)
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
		if left := !s.Has(imap.CapMove) && !s.Has(imap.CapUIDPlus); left != errors.Is(err, imapconn.ErrLeftBehind) || !left && err != nil {
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
}

// lastSteps come behind all others.
var lastSteps = []step{
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

// another returns one more connection of the same user.
func another(s *session) *imapconn.Conn {
	s.t.Helper()
	conn, err := imapconn.Dial(s.t.Context(), imapconn.Options{Address: s.address, Security: imapconn.Plain, Without: s.without})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	if err := conn.Login(s.t.Context(), "ana", "secret"); err != nil {
		s.t.Fatal(err)
	}
	return conn
}
