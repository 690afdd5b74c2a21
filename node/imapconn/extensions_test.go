package imapconn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// shelf is a mailbox with three messages: one in base64, an answer to it, and one
// in a transfer encoding that there is not.
type shelf struct {
	*imapconn.Conn // has it selected
	name           string
	choice         *imapconn.Select
	uids           []imap.UID
	box            *told
}

var shelved = []string{
	"From: Ana <ana@example.edu>\r\nMessage-ID: <plan@example.edu>\r\nSubject: Plan\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nVGhlIHBsYW4gaXMgcmVhZHkuDQo=\r\n",
	"From: Bea <bea@example.edu>\r\nMessage-ID: <answer@example.edu>\r\nIn-Reply-To: <plan@example.edu>\r\nReferences: <plan@example.edu>\r\nSubject: Re: Plan\r\n" +
		"Date: Tue, 3 Nov 2026 10:00:00 +0000\r\n\r\nFine with me.\r\n",
	"From: Cem <cem@example.edu>\r\nMessage-ID: <other@example.edu>\r\nSubject: Other\r\nDate: Wed, 4 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-unheard-of\r\n\r\n????\r\n",
}

// onShelf returns the shelf, which it fills the first time.
func onShelf(s *session) (*shelf, error) {
	if s.shelf != nil {
		return s.shelf, nil
	}
	h := &shelf{Conn: another(s), name: s.prefix + "Shelf", box: &told{}}
	commands := []imapconn.Command{&imapconn.Manage{Action: imapconn.Create, Mailbox: h.name}}
	for _, text := range shelved {
		commands = append(commands, appending(h.name, text))
	}
	h.choice = &imapconn.Select{Name: h.name, Mailbox: h.box}
	fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true}}
	if err := h.Do(s.t.Context(), append(commands, h.choice, fetch)...); err != nil {
		return nil, err
	}
	for _, m := range fetch.Messages {
		h.uids = append(h.uids, m.UID)
	}
	if len(h.uids) != len(shelved) {
		return nil, fmt.Errorf("%d messages on the shelf", len(h.uids))
	}
	s.shelf = h
	return h, nil
}

func appending(mailbox, text string) *imapconn.Append {
	return &imapconn.Append{Mailbox: mailbox, Message: strings.NewReader(text), Size: int64(len(text))}
}

// onShelfWith is a step that needs a capability and the shelf.
func onShelfWith(capability imap.Cap, do func(*session, *shelf) error) func(*session) error {
	return func(s *session) error {
		if !s.Has(capability) {
			return errNotOffered
		}
		h, err := onShelf(s)
		if err != nil {
			return err
		}
		return do(s, h)
	}
}

// extensionSteps are what some servers do.
var extensionSteps = []step{
	{"SORT", onShelfWith(imap.CapSort, func(s *session, h *shelf) error {
		sort := &imapconn.Sort{By: "REVERSE DATE", Criteria: &imap.SearchCriteria{}}
		if err := h.Do(s.t.Context(), sort); err != nil {
			return err
		}
		if want := []imap.UID{h.uids[2], h.uids[1], h.uids[0]}; !slices.Equal(sort.UIDs, want) {
			return fmt.Errorf("%v, want %v", sort.UIDs, want)
		}
		return nil
	})},
	{"THREAD", onShelfWith("THREAD=REFERENCES", func(s *session, h *shelf) error {
		thread := &imapconn.Thread{Algorithm: imap.ThreadReferences, Criteria: &imap.SearchCriteria{}}
		if err := h.Do(s.t.Context(), thread); err != nil {
			return err
		}
		got := thread.Threads
		if len(got) != 2 || got[0].Number != uint32(h.uids[0]) || len(got[0].Answers) != 1 || got[0].Answers[0].Number != uint32(h.uids[1]) || got[1].Number != uint32(h.uids[2]) {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})},
	{"SEARCHRES", onShelfWith(imap.CapSearchRes, func(s *session, h *shelf) error {
		search := &imapconn.Search{Save: true, Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Plan"}}}}
		fetch := &imapconn.Fetch{UIDs: imap.SearchRes(), Items: &imap.FetchOptions{Envelope: true}}
		if err := h.Do(s.t.Context(), search, fetch); err != nil {
			return err
		}
		if len(fetch.Messages) != 2 || fetch.Messages[1].UID != h.uids[1] || fetch.Messages[1].Envelope.Subject != "Re: Plan" {
			return fmt.Errorf("%d messages", len(fetch.Messages))
		}
		return nil
	})},
	{"PREVIEW", onShelfWith(imap.CapPreview, func(s *session, h *shelf) error {
		now := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{}, Preview: imapconn.PreviewNow}
		lazy := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{}, Preview: imapconn.PreviewLazy}
		if err := h.Do(s.t.Context(), now, lazy); err != nil {
			return err
		}
		if len(now.Messages) != 3 || len(lazy.Messages) != 3 {
			return fmt.Errorf("%d and %d messages", len(now.Messages), len(lazy.Messages))
		}
		first, again := now.Messages[0], lazy.Messages[0]
		if first.HasPreview == s.noPreviews || first.HasPreview && !strings.HasPrefix(first.Preview, "The plan is ready.") || again.HasPreview && again.Preview != first.Preview {
			return fmt.Errorf("%q, lazily %q", first.Preview, again.Preview)
		}
		if s.noPreviews {
			return errNothing
		}
		return nil
	})},
	{"OBJECTID", onShelfWith(imap.CapObjectID, func(s *session, h *shelf) error {
		ids := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{}, ObjectIDs: true}
		status := &imapconn.Status{Mailbox: h.name, Options: &imap.StatusOptions{NumMessages: true}, ObjectID: true}
		if err := h.Do(s.t.Context(), ids, status); err != nil {
			return err
		}
		if len(ids.Messages) != 3 || ids.Messages[0].EmailID == "" || ids.Messages[0].EmailID == ids.Messages[1].EmailID {
			return fmt.Errorf("messages %+v", ids.Messages)
		}
		if h.choice.MailboxID == "" || status.MailboxID != h.choice.MailboxID || *status.Data.NumMessages != 3 {
			return fmt.Errorf("mailbox %q and %q", h.choice.MailboxID, status.MailboxID)
		}
		return nil
	})},
	{"BINARY", onShelfWith(imap.CapBinary, func(s *session, h *shelf) error {
		part, size := &imap.FetchItemBinarySection{Part: []int{1}, Peek: true}, &imap.FetchItemBinarySectionSize{Part: []int{1}}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(h.uids[0]), Items: &imap.FetchOptions{
			BinarySection: []*imap.FetchItemBinarySection{part}, BinarySectionSize: []*imap.FetchItemBinarySectionSize{size},
		}}
		if err := h.Do(s.t.Context(), fetch); err != nil {
			return err
		}
		m := fetch.Messages[0]
		if n, told := m.BinarySize(size); string(m.Binary(part)) != "The plan is ready.\r\n" || n != 20 || !told {
			return fmt.Errorf("%q, %d", m.Binary(part), n)
		}
		strange := &imapconn.Fetch{UIDs: imap.UIDSetNum(h.uids[2]), Items: &imap.FetchOptions{BinarySection: []*imap.FetchItemBinarySection{part}}}
		err := h.Do(s.t.Context(), strange)
		refusal, refused := imapconn.IsRefusal(err)
		if err != nil && (!refused || refusal.Code != "UNKNOWN-CTE") || err == nil && len(strange.Messages) == 0 {
			return fmt.Errorf("an unknown encoding: %v", err)
		}
		return nil
	})},
	{"BINARY, a piece", onShelfWith(imap.CapBinary, func(s *session, h *shelf) error {
		middle := &imap.FetchItemBinarySection{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Offset: 4, Size: 4}}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(h.uids[0]), Items: &imap.FetchOptions{BinarySection: []*imap.FetchItemBinarySection{middle}}}
		if err := h.Do(s.t.Context(), fetch); err != nil || string(fetch.Messages[0].Binary(middle)) != "plan" {
			return fmt.Errorf("%q, %v", fetch.Messages[0].Binary(middle), err)
		}
		return nil
	})},
	{"STATUS=SIZE", onShelfWith(imap.CapStatusSize, func(s *session, h *shelf) error {
		status := &imapconn.Status{Mailbox: h.name, Options: &imap.StatusOptions{Size: true}}
		if err := h.Do(s.t.Context(), status); err != nil {
			return err
		}
		if want := int64(len(strings.Join(shelved, ""))); status.Data.Size == nil || *status.Data.Size != want {
			return fmt.Errorf("%+v, want %d", status.Data, want)
		}
		return nil
	})},
	{"UIDPLUS", onShelfWith(imap.CapUIDPlus, func(s *session, h *shelf) error {
		copying := &imapconn.Copy{UIDs: imap.UIDSetNum(h.uids[1:]...), To: h.name}
		if err := h.Do(s.t.Context(), copying); err != nil {
			return err
		}
		copies, _ := copying.Dest.Nums()
		if len(copies) != 2 || copying.UIDValidity != h.choice.Data.UIDValidity || !slices.Equal(copying.Source, copying.UIDs) {
			return fmt.Errorf("%+v", copying.Copied)
		}
		if err := h.Do(s.t.Context(), &imapconn.Noop{}); err != nil { // so that it shows them here
			return err
		}
		mark := &imapconn.AddFlags{UIDs: copying.Dest, Flags: []imap.Flag{imap.FlagDeleted}}
		if err := h.Do(s.t.Context(), mark, &imapconn.Expunge{UIDs: imap.UIDSetNum(copies[0])}); err != nil {
			return err
		}
		left := &imapconn.Search{Criteria: &imap.SearchCriteria{}}
		if err := h.Do(s.t.Context(), left); err != nil || !slices.Equal(left.UIDs, imap.UIDSetNum(append(slices.Clone(h.uids), copies[1])...)) {
			return fmt.Errorf("%v are left, %v", left.UIDs, err)
		}
		return h.Do(s.t.Context(), &imapconn.Expunge{UIDs: imap.UIDSetNum(copies[1])})
	})},
	{"CONDSTORE", onShelfWith(imap.CapCondStore, func(s *session, h *shelf) error {
		all := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true, ModSeq: true}}
		if err := h.Do(s.t.Context(), all); err != nil {
			return err
		}
		last := uint64(0)
		for _, m := range all.Messages {
			last = max(last, m.ModSeq)
		}
		store := &imapconn.Store{UIDs: imap.UIDSetNum(h.uids[0]), UnchangedSince: last, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagAnswered}}}
		late := &imapconn.Store{UIDs: imap.UIDSetNum(h.uids[0]), UnchangedSince: 1, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDraft}}}
		if err := h.Do(s.t.Context(), store); err != nil {
			return err
		}
		err := h.Do(s.t.Context(), late)
		if _, refused := imapconn.IsRefusal(err); err != nil && !refused || len(store.Modified) > 0 || !slices.Equal(late.Modified, late.UIDs) {
			return fmt.Errorf("modified %v and %v, %v", store.Modified, late.Modified, err)
		}
		changed := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true, ModSeq: true, ChangedSince: last}}
		if err := h.Do(s.t.Context(), changed); err != nil {
			return err
		}
		if len(changed.Messages) != 1 || changed.Messages[0].UID != h.uids[0] || changed.Messages[0].ModSeq <= last {
			return fmt.Errorf("%d changed", len(changed.Messages))
		}
		return nil
	})},
	{"QRESYNC", onShelfWith(imap.CapQResync, func(s *session, h *shelf) error {
		if !h.Enabled(imap.CapQResync) {
			return errors.New("not enabled")
		}
		return resynchronised(s, h)
	})},
	{"NOTIFY", onShelfWith(imap.CapNotify, notified)},
	{"LIST-STATUS", func(s *session) error {
		if !s.Has(imap.CapListStatus) {
			return errNotOffered
		}
		list := &imapconn.List{Pattern: "*", Options: &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true}}}
		if err := s.Do(s.t.Context(), list); err != nil {
			return err
		}
		for _, data := range list.Data {
			if data.Mailbox == s.prefix+"Work" && data.Status != nil && *data.Status.NumMessages == count(s, data.Mailbox) {
				return nil
			}
		}
		return fmt.Errorf("%d mailboxes, and Work without its count", len(list.Data))
	}},
	{"LIST-EXTENDED", listedExtended},
	{"LIST RECURSIVEMATCH", func(s *session) error {
		if !s.Has(imap.CapListExtended) {
			return errNotOffered
		}
		list := &imapconn.List{Pattern: s.prefix + "%", Options: &imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true}}
		if err := s.Do(s.t.Context(), list); err != nil {
			return err
		}
		if parent := listed(list, s.prefix+"Parent"); parent.ChildInfo == nil || !parent.ChildInfo.Subscribed {
			return fmt.Errorf("%+v", parent)
		}
		return nil
	}},
	{"SPECIAL-USE", func(s *session) error {
		if !s.Has(imap.CapSpecialUse) {
			return errNotOffered
		}
		special := s.special
		if s.Has(imap.CapCreateSpecialUse) {
			special++
			if err := s.Do(s.t.Context(), &imapconn.Manage{Action: imapconn.Create, Mailbox: s.prefix + "Outbox", Use: imap.MailboxAttrSent}); err != nil {
				return err
			}
		}
		list := &imapconn.List{Pattern: "*", Options: &imap.ListOptions{ReturnSpecialUse: true}}
		if err := s.Do(s.t.Context(), list); err != nil {
			return err
		}
		uses := 0
		for _, data := range list.Data {
			if slices.Contains(data.Attrs, imap.MailboxAttrSent) || slices.Contains(data.Attrs, imap.MailboxAttrDrafts) {
				uses++
			}
		}
		if uses != special {
			return fmt.Errorf("%d mailboxes with a use of their own, not %d", uses, special)
		}
		return nil
	}},
	{"MULTIAPPEND", onShelfWith(imap.CapMultiAppend, func(s *session, h *shelf) error {
		first, second := appending("", "Subject: first\r\n\r\n1\r\n"), appending("", "Subject: second\r\n\r\n2\r\n")
		second.Flags = []imap.Flag{imap.FlagSeen}
		all := &imapconn.AppendAll{Mailbox: s.prefix + "Entwürfe & 日本", Messages: []*imapconn.Append{first, second}}
		fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true, Envelope: true}}
		if err := another(s).Do(s.t.Context(), all, &imapconn.Select{Name: all.Mailbox}, fetch); err != nil {
			return err
		}
		if len(fetch.Messages) != 2 || fetch.Messages[1].UID != second.UID || first.UID == second.UID || fetch.Messages[1].Envelope.Subject != "second" || !slices.Contains(fetch.Messages[1].Flags, imap.FlagSeen) {
			return fmt.Errorf("%d messages, UIDs %d and %d", len(fetch.Messages), first.UID, second.UID)
		}
		return nil
	})},
	{"CATENATE", onShelfWith(imap.CapCatenate, func(s *session, h *shelf) error {
		header, end := "Subject: put together\r\n\r\n", "-- \r\nAna\r\n"
		together := &imapconn.Append{Mailbox: s.prefix + "Work", Parts: []imapconn.Part{
			{Text: strings.NewReader(header), Size: int64(len(header))},
			{URL: imapconn.MessageURL(h.name, h.choice.Data.UIDValidity, h.uids[1], "TEXT")},
			{Text: strings.NewReader(end), Size: int64(len(end))},
		}}
		whole := &imap.FetchItemBodySection{Peek: true}
		if err := h.Do(s.t.Context(), together); err != nil {
			return err
		}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(together.UID), Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}}
		if err := another(s).Do(s.t.Context(), &imapconn.Select{Name: together.Mailbox}, fetch); err != nil {
			return err
		}
		if len(fetch.Messages) != 1 || string(fetch.Messages[0].Section(whole)) != header+"Fine with me.\r\n"+end {
			return fmt.Errorf("%d messages", len(fetch.Messages))
		}
		missing := &imapconn.Append{Mailbox: together.Mailbox, Parts: []imapconn.Part{{URL: imapconn.MessageURL(h.name, h.choice.Data.UIDValidity, 4711, "")}}}
		if refusal, refused := imapconn.IsRefusal(h.Do(s.t.Context(), missing)); !refused || refusal.Code != "BADURL" {
			return fmt.Errorf("a message that there is not: %v", refusal)
		}
		return nil
	})},
	{"UTF8=ACCEPT", acceptedUTF8},
	{"COMPRESS=DEFLATE", onShelfWith(imapconn.CapCompress, compressed)},
	{"ID", func(s *session) error {
		if !s.Has(imap.CapID) {
			return errNotOffered
		}
		id := &imapconn.Identify{Fields: []string{"name", "AlphaMail", "x-originating-ip", "198.51.100.7"}}
		if err := s.Do(s.t.Context(), id); err != nil || id.Server["name"] == "" {
			return fmt.Errorf("%v, %v", id.Server, err)
		}
		return nil
	}},
	{"GETQUOTAROOT", func(s *session) error {
		if !s.Has(imap.CapQuota) {
			return errNotOffered
		}
		asked := &imapconn.Quota{Mailbox: "INBOX"}
		if err := s.Do(s.t.Context(), asked); err != nil {
			return err
		}
		if len(asked.Roots) != 1 || asked.Roots[0].Resources["STORAGE"].Limit != s.quota {
			return fmt.Errorf("%+v", asked.Roots)
		}
		return nil
	}},
	{"MYRIGHTS", func(s *session) error {
		if !s.Has(imap.CapACL) {
			return errNotOffered
		}
		rights := &imapconn.MyRights{Mailbox: "INBOX"}
		if err := s.Do(s.t.Context(), rights); err != nil {
			return err
		}
		// List, read, seen, write, insert; delete and expunge are one right in RFC 2086.
		modern := strings.NewReplacer("d", "te").Replace(rights.Rights)
		for _, right := range "lrswite" {
			if !strings.ContainsRune(modern, right) {
				return fmt.Errorf("rights %q", rights.Rights)
			}
		}
		return nil
	}},
}
