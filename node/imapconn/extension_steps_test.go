package imapconn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
	"alphamail/node/imapconn/wire"
)

// resynchronised selects the shelf as it was seen before two changes, and is told
// of these alone.
func resynchronised(s *session, h *shelf) error {
	passing, before := appending(h.name, "Subject: passing\r\n\r\nx\r\n"), &imapconn.Select{Name: h.name}
	if err := another(s).Do(s.t.Context(), passing, before); err != nil {
		return err
	}
	gone := imap.UIDSetNum(passing.UID)
	if err := h.Do(s.t.Context(), &imapconn.Noop{}); err != nil { // on its own: Dovecot shows what is new when the batch has ended
		return err
	}
	if err := h.Do(s.t.Context(), &imapconn.AddFlags{UIDs: gone, Flags: []imap.Flag{imap.FlagDeleted}}, &imapconn.Expunge{UIDs: gone},
		&imapconn.AddFlags{UIDs: imap.UIDSetNum(h.uids[1]), Flags: []imap.Flag{imap.FlagFlagged}}); err != nil {
		return err
	}
	box := &told{}
	again := &imapconn.Select{Name: h.name, Mailbox: box, Since: &imapconn.Since{UIDValidity: before.Data.UIDValidity, ModSeq: before.Data.HighestModSeq}}
	if err := another(s).Do(s.t.Context(), again); err != nil {
		return err
	}
	if want := fmt.Sprintf("vanished %v true", gone); len(box.events) != 2 || !slices.Contains(box.events, want) || !slices.ContainsFunc(box.events, func(event string) bool { return strings.HasPrefix(event, "flagged 2 ") }) {
		return fmt.Errorf("told %q", box.events)
	}
	return nil
}

// observed is an observer that writes down what it is told.
type observed struct{ events []string }

func (o *observed) Counted(status *imap.StatusData) {
	if status.NumMessages != nil {
		o.events = append(o.events, fmt.Sprintf("%s has %d", status.Mailbox, *status.NumMessages))
	}
}

func (o *observed) Listed(data *imap.ListData) {
	o.events = append(o.events, fmt.Sprintf("%s is listed", data.Mailbox))
}

func (o *observed) Overflowed() { o.events = append(o.events, "overflow") }

// notified waits for news of mailboxes that are not selected, and of the one
// that is.
func notified(s *session, h *shelf) error {
	watching, other, box, others := another(s), another(s), &told{}, &observed{}
	notify := &imapconn.Notify{Observer: others, Counts: true, Watches: []imapconn.Watch{
		{Scope: imapconn.SelectedDelayed, Events: []imapconn.Event{imapconn.MessageNew, imapconn.MessageExpunge}},
		{Scope: imapconn.Personal, Events: []imapconn.Event{imapconn.MessageNew, imapconn.MessageExpunge, imapconn.MailboxName}},
	}}
	if err := watching.Do(s.t.Context(), &imapconn.Select{Name: h.name, Mailbox: box}, notify); err != nil {
		return err
	}
	if !slices.Contains(others.events, s.prefix+"Work has 2") {
		return fmt.Errorf("counts at once: %q", others.events)
	}
	here, there := box.exists, s.prefix+"Work has 3"
	await := func(command imapconn.Command, told func() bool) error {
		others.events = nil
		if err := other.Do(s.t.Context(), command); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
		defer cancel()
		for !told() {
			if err := watching.Idle(ctx); err != nil || ctx.Err() != nil {
				return fmt.Errorf("%T: %q, %v", command, others.events, err)
			}
		}
		return nil
	}
	text := "Subject: news\r\n\r\nx\r\n"
	if err := await(appending(s.prefix+"Work", text), func() bool { return slices.Contains(others.events, there) }); err != nil {
		return err
	}
	if err := await(&imapconn.Manage{Action: imapconn.Create, Mailbox: s.prefix + "New"}, func() bool { return slices.Contains(others.events, s.prefix+"New is listed") }); err != nil {
		return err
	}
	if err := await(appending(h.name, text), func() bool { return box.exists == here+1 }); err != nil {
		return err
	}
	return watching.Do(s.t.Context(), &imapconn.Notify{})
}

// listed returns what a list has of a mailbox.
func listed(list *imapconn.List, mailbox string) *imap.ListData {
	for _, data := range list.Data {
		if data.Mailbox == mailbox {
			return data
		}
	}
	return &imap.ListData{}
}

// listedExtended lists by what is subscribed and by several patterns.
func listedExtended(s *session) error {
	if !s.Has(imap.CapListExtended) {
		return errNotOffered
	}
	separator := "/"
	if s.prefix != "" {
		separator = s.prefix[len(s.prefix)-1:]
	}
	parent := s.prefix + "Parent"
	child, gone := parent+separator+"Child", s.prefix+"Gone"
	if err := s.Do(s.t.Context(),
		&imapconn.Manage{Action: imapconn.Create, Mailbox: parent}, &imapconn.Manage{Action: imapconn.Create, Mailbox: child},
		&imapconn.Manage{Action: imapconn.Create, Mailbox: gone},
		&imapconn.Manage{Action: imapconn.Subscribe, Mailbox: child}, &imapconn.Manage{Action: imapconn.Subscribe, Mailbox: gone},
		&imapconn.Manage{Action: imapconn.Delete, Mailbox: gone},
	); err != nil {
		return err
	}
	subscribed := &imapconn.List{Pattern: "*", Options: &imap.ListOptions{SelectSubscribed: true, ReturnChildren: true}}
	several := &imapconn.List{Pattern: "INBOX", Patterns: []string{parent, child}, Options: &imap.ListOptions{ReturnSubscribed: true}}
	if err := s.Do(s.t.Context(), subscribed, several); err != nil {
		return err
	}
	switch lost := listed(subscribed, gone); {
	case !slices.Contains(listed(subscribed, child).Attrs, imap.MailboxAttrSubscribed) || listed(subscribed, parent).Mailbox != "":
		return fmt.Errorf("subscribed: %+v", subscribed.Data)
	case lost.Mailbox != "" && !slices.Contains(lost.Attrs, imap.MailboxAttrNonExistent): // some forget it with the mailbox
		return fmt.Errorf("subscribed and deleted: %+v", lost)
	case len(several.Data) != 3 || !slices.Contains(listed(several, child).Attrs, imap.MailboxAttrSubscribed):
		return fmt.Errorf("by several patterns: %+v", several.Data)
	}
	return nil
}

// acceptedUTF8 uses a mailbox name, a header and a search in UTF-8.
func acceptedUTF8(s *session) error {
	if !s.Has(imap.CapUTF8Accept) {
		return errNotOffered
	}
	conn, err := imapconn.Dial(s.t.Context(), imapconn.Options{Address: s.address, Security: imapconn.Plain, Without: s.without, UTF8: true})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Login(s.t.Context(), "ana", "secret"); err != nil {
		return err
	}
	if !conn.Enabled(imap.CapUTF8Accept) {
		return errNotOffered
	}
	message := appending(s.prefix+"Entwürfe & 日本", "From: Ana <ana@bücher.example>\r\nSubject: Grüße\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nx\r\n")
	message.UTF8 = true
	choose := &imapconn.Select{Name: message.Mailbox}
	if err := conn.Do(s.t.Context(), message, choose); err != nil {
		return err
	}
	criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Grüße"}}}
	search := &imapconn.Search{CharsetUTF8: wire.NeedsCharset(criteria), Criteria: criteria}
	fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Envelope: true}}
	if err := conn.Do(s.t.Context(), search, fetch); err != nil {
		return err
	}
	last := fetch.Messages[len(fetch.Messages)-1]
	if len(search.UIDs) != 1 || last.UID != search.UIDs[0].Start || last.Envelope.Subject != "Grüße" || last.Envelope.From[0].Host != "bücher.example" {
		return fmt.Errorf("found %v, %+v", search.UIDs, last.Envelope)
	}
	return nil
}

// compressed does over a compressed connection what was done without.
func compressed(s *session, h *shelf) error {
	conn, box := another(s), &told{}
	if err := conn.Compress(s.t.Context()); err != nil {
		return err
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	fetch := &imapconn.Fetch{UIDs: imap.UIDSetNum(h.uids...), Items: &imap.FetchOptions{Envelope: true, BodySection: []*imap.FetchItemBodySection{whole}}}
	large := appending(h.name, "Subject: large\r\n\r\n"+strings.Repeat("0123456789", 20_000)+"\r\n")
	if err := conn.Do(s.t.Context(), large, &imapconn.Select{Name: h.name, Mailbox: box}, fetch); err != nil {
		return err
	}
	for i, m := range fetch.Messages {
		if string(m.Section(whole)) != shelved[i] {
			return fmt.Errorf("message %d: %q", i, m.Section(whole))
		}
	}
	// A wait that ends between blocks leaves the connection as it was.
	for range 3 {
		ctx, cancel := context.WithTimeout(s.t.Context(), 50*time.Millisecond)
		err := conn.Idle(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	count := box.exists
	if err := another(s).Do(s.t.Context(), appending(h.name, "Subject: rings\r\n\r\nx\r\n")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	for box.exists == count && ctx.Err() == nil {
		if err := conn.Idle(ctx); err != nil {
			return err
		}
	}
	if box.exists != count+1 {
		return fmt.Errorf("%d messages, not %d", box.exists, count+1)
	}
	return nil
}
