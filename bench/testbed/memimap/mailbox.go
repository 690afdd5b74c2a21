package memimap

import (
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// entry is a message in a mailbox. Its flags are replaced, never modified, so
// that a copied entry stays valid without the lock.
type entry struct {
	uid   imap.UID
	msg   *Message
	flags []imap.Flag
}

func (e entry) has(flag imap.Flag) bool {
	return slices.ContainsFunc(e.flags, func(f imap.Flag) bool { return strings.EqualFold(string(f), string(flag)) })
}

type mailbox struct {
	uidValidity uint32
	tracker     *imapserver.MailboxTracker
	use         []imap.MailboxAttr

	// mu guards the fields below, and the order of the tracker's updates
	// against them.
	mu         sync.Mutex
	name       string
	subscribed bool
	uidNext    imap.UID
	entries    []entry // by ascending UID
	unseen     uint32
	deleted    uint32
	size       int64
	views      []*view
}

func newMailbox(name string, uidValidity uint32, use []imap.MailboxAttr) *mailbox {
	return &mailbox{
		uidValidity: uidValidity,
		tracker:     imapserver.NewMailboxTracker(0),
		name:        name,
		use:         use,
		uidNext:     1,
	}
}

func (m *mailbox) append(msg *Message, flags []imap.Flag) imap.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := entry{m.uidNext, msg, flags}
	m.uidNext++
	m.entries = append(m.entries, e)
	m.count(e, 1)
	m.tracker.QueueNumMessages(uint32(len(m.entries)))
	m.wake()
	return e.uid
}

// count adds an entry to the sums that STATUS reports, or takes it out.
func (m *mailbox) count(e entry, n int) {
	if !e.has(imap.FlagSeen) {
		m.unseen += uint32(n)
	}
	if e.has(imap.FlagDeleted) {
		m.deleted += uint32(n)
	}
	m.size += int64(n * len(e.msg.raw))
}

// setFlags replaces the flags of entry i and tells every view but source.
func (m *mailbox) setFlags(i int, flags []imap.Flag, source *view) {
	m.count(m.entries[i], -1)
	m.entries[i].flags = flags
	m.count(m.entries[i], 1)
	var tracker *imapserver.SessionTracker
	if source != nil {
		tracker = source.tracker
	}
	m.tracker.QueueMessageFlags(uint32(i)+1, m.entries[i].uid, flags, tracker)
	m.wake()
}

// take removes the entries that match and returns them.
func (m *mailbox) take(match func(entry) bool) []entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var taken []entry
	kept := make([]entry, 0, len(m.entries))
	for _, e := range m.entries {
		if !match(e) {
			kept = append(kept, e)
			continue
		}
		taken = append(taken, e)
		m.count(e, -1)
		// The sequence number counts what is left: those before it that are
		// already expunged do not count any more.
		m.tracker.QueueExpunge(uint32(len(kept)) + 1)
	}
	m.entries = kept
	if taken != nil {
		m.wake()
	}
	return taken
}

func (m *mailbox) rename(name string) (old string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, m.name = m.name, name
	return old
}

func (m *mailbox) setSubscribed(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscribed = on
}

// wake tells idle views that the tracker has something for them.
func (m *mailbox) wake() {
	for _, v := range m.views {
		select {
		case v.wake <- struct{}{}:
		default: // it will see this update together with the one before
		}
	}
}

func (m *mailbox) status(name string, options *imap.StatusOptions) *imap.StatusData {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := &imap.StatusData{Mailbox: name}
	total, unseen, deleted, recent, size := uint32(len(m.entries)), m.unseen, m.deleted, uint32(0), m.size
	if options.NumMessages {
		data.NumMessages = &total
	}
	if options.UIDNext {
		data.UIDNext = m.uidNext
	}
	if options.UIDValidity {
		data.UIDValidity = m.uidValidity
	}
	if options.NumUnseen {
		data.NumUnseen = &unseen
	}
	if options.NumDeleted {
		data.NumDeleted = &deleted
	}
	if options.NumRecent {
		data.NumRecent = &recent
	}
	if options.Size {
		data.Size = &size
	}
	return data
}

// systemFlags are always listed; keywords join them once they are used.
var systemFlags = []imap.Flag{imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagSeen, imap.FlagDraft}

// open makes a view and describes the mailbox as it begins.
func (m *mailbox) open(readOnly bool) (*view, *imap.SelectData) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &view{mailbox: m, tracker: m.tracker.NewSession(), wake: make(chan struct{}, 1), readOnly: readOnly}
	m.views = append(m.views, v)
	data := &imap.SelectData{
		Flags:       slices.Clone(systemFlags),
		NumMessages: uint32(len(m.entries)),
		UIDNext:     m.uidNext,
		UIDValidity: m.uidValidity,
	}
	known := map[imap.Flag]bool{}
	for _, f := range systemFlags {
		known[f] = true
	}
	for i, e := range m.entries {
		if data.FirstUnseenSeqNum == 0 && !e.has(imap.FlagSeen) {
			data.FirstUnseenSeqNum = uint32(i) + 1
		}
		for _, f := range e.flags {
			if !known[f] {
				known[f] = true
				data.Flags = append(data.Flags, f)
			}
		}
	}
	if !readOnly {
		data.PermanentFlags = append(slices.Clone(data.Flags), imap.FlagWildcard)
	}
	return v, data
}

// canonicalFlags spells system flags as RFC 9051 does and drops duplicates.
func canonicalFlags(flags []imap.Flag) []imap.Flag {
	var out []imap.Flag
	for _, f := range flags {
		for _, system := range systemFlags {
			if strings.EqualFold(string(f), string(system)) {
				f = system
			}
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}
