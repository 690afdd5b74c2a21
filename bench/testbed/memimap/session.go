package memimap

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// MaxMessageBytes is the largest message that APPEND accepts.
const MaxMessageBytes = 32 << 20

// Caps are the capabilities that a server with these sessions should offer.
// IMAP4rev2 is not among them: imapserver would then send mailbox names as raw
// UTF-8 to clients that never enabled it.
func Caps() imap.CapSet {
	return imap.CapSet{
		imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {},
		imap.CapSearchRes: {}, imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapMove: {},
		imap.CapStatusSize: {}, imap.CapBinary: {}, imap.CapChildren: {}, imap.CapSpecialUse: {},
		imap.CapCreateSpecialUse: {}, imap.CapLiteralPlus: {},
	}
}

// Session serves one connection. imapserver calls it from one goroutine, and
// Idle from a second one while the first waits; when the connection breaks off, the
// first one does not wait for the second.
type Session struct {
	store *Store
	user  *User // nil before login

	mu   sync.Mutex // guards changes of view, for Idle
	view *view      // nil unless a mailbox is selected
}

var (
	_ imapserver.SessionIMAP4rev2   = (*Session)(nil)
	_ imapserver.SessionAppendLimit = (*Session)(nil)
)

// NewSession returns a session in the not authenticated state.
func (s *Store) NewSession() *Session { return &Session{store: s} }

// Close implements imapserver.Session.
func (s *Session) Close() error { return s.Unselect() }

// Login implements imapserver.Session.
func (s *Session) Login(name, password string) error {
	u, err := s.store.Login(name, password)
	s.user = u
	return err
}

// AppendLimit implements imapserver.SessionAppendLimit.
func (s *Session) AppendLimit() uint32 { return MaxMessageBytes }

// Namespace implements imapserver.SessionNamespace.
func (s *Session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: Delimiter}}}, nil
}

// Select implements imapserver.Session.
func (s *Session) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	m, err := s.user.mailbox(name)
	if err != nil {
		return nil, err
	}
	view, data := m.open(options.ReadOnly)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = view
	return data, nil
}

// Unselect implements imapserver.Session.
func (s *Session) Unselect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		s.view.close()
		s.view = nil
	}
	return nil
}

// Create implements imapserver.Session.
func (s *Session) Create(name string, options *imap.CreateOptions) error {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	return s.user.createLocked(strings.TrimSuffix(name, string(Delimiter)), options.SpecialUse)
}

// Delete implements imapserver.Session.
func (s *Session) Delete(name string) error { return s.user.deleteMailbox(name) }

// Rename implements imapserver.Session.
func (s *Session) Rename(from, to string, _ *imap.RenameOptions) error {
	return s.user.renameMailbox(from, strings.TrimSuffix(to, string(Delimiter)))
}

// Subscribe implements imapserver.Session.
func (s *Session) Subscribe(name string) error { return s.subscribe(name, true) }

// Unsubscribe implements imapserver.Session.
func (s *Session) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *Session) subscribe(name string, on bool) error {
	m, err := s.user.mailbox(name)
	if err != nil {
		return err
	}
	m.setSubscribed(on)
	return nil
}

// Status implements imapserver.Session.
func (s *Session) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	m, err := s.user.mailbox(name)
	if err != nil {
		return nil, err
	}
	return m.status(name, options), nil
}

// Append implements imapserver.Session.
func (s *Session) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	m, err := s.target(name)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, r.Size()) // at most AppendLimit
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	date := options.Time
	if date.IsZero() {
		date = time.Now()
	}
	uid := m.append(NewMessage(raw, date), canonicalFlags(options.Flags))
	return &imap.AppendData{UIDValidity: m.uidValidity, UID: uid}, nil
}

// target returns a mailbox that messages are put into.
func (s *Session) target(name string) (*mailbox, error) {
	m, err := s.user.mailbox(name)
	if err != nil {
		return nil, no(imap.ResponseCodeTryCreate, "No such mailbox")
	}
	return m, nil
}

// Poll implements imapserver.Session.
func (s *Session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	return s.view.tracker.Poll(w, allowExpunge)
}

// Idle implements imapserver.Session. It does not use the tracker's Idle,
// which says nothing of updates queued before it began.
func (s *Session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	s.mu.Lock()
	view := s.view
	s.mu.Unlock()
	if view == nil {
		<-stop
		return nil
	}
	for {
		if err := view.tracker.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-view.wake:
		case <-stop:
			return nil
		}
	}
}

// writable refuses changes in a mailbox opened with EXAMINE.
func (s *Session) writable() error {
	if s.view.readOnly {
		return no(imap.ResponseCodeCannot, "The mailbox was opened read-only")
	}
	return nil
}

// Expunge implements imapserver.Session. The responses are written by the poll
// that follows every command. CLOSE after EXAMINE expunges nothing.
func (s *Session) Expunge(_ *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.view.readOnly {
		return nil
	}
	var only imap.UIDSet
	if uids != nil {
		only = s.uidsOf(*uids)
	}
	s.view.mailbox.take(func(e entry) bool {
		return e.has(imap.FlagDeleted) && (uids == nil || only.Contains(e.uid))
	})
	return nil
}

// uidsOf resolves "*" and "$" to UIDs.
func (s *Session) uidsOf(set imap.NumSet) imap.UIDSet {
	s.view.mailbox.mu.Lock()
	defer s.view.mailbox.mu.Unlock()
	var uids imap.UIDSet
	for _, c := range s.view.choose(set) {
		uids.AddNum(c.uid)
	}
	return uids
}

// Store implements imapserver.Session.
func (s *Session) Store(w *imapserver.FetchWriter, set imap.NumSet, change *imap.StoreFlags, _ *imap.StoreOptions) error {
	if err := s.writable(); err != nil {
		return err
	}
	flags := canonicalFlags(change.Flags)
	m := s.view.mailbox
	m.mu.Lock()
	all := s.view.choose(set)
	for i, c := range all {
		now := flags
		switch change.Op {
		case imap.StoreFlagsAdd:
			now = canonicalFlags(append(slices.Clone(c.flags), flags...))
		case imap.StoreFlagsDel:
			now = slices.DeleteFunc(slices.Clone(c.flags), func(f imap.Flag) bool { return slices.Contains(flags, f) })
		}
		m.setFlags(c.index, now, s.view)
		all[i].flags = now
	}
	m.mu.Unlock()
	if change.Silent {
		return nil
	}
	for _, c := range all {
		r := w.CreateMessage(c.seq)
		r.WriteUID(c.uid)
		r.WriteFlags(c.flags)
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Copy implements imapserver.Session.
func (s *Session) Copy(set imap.NumSet, name string) (*imap.CopyData, error) {
	to, err := s.target(name)
	if err != nil {
		return nil, err
	}
	from := s.view.mailbox
	from.mu.Lock()
	all := s.view.choose(set)
	from.mu.Unlock()
	data := &imap.CopyData{UIDValidity: to.uidValidity}
	for _, c := range all {
		data.SourceUIDs.AddNum(c.uid)
		data.DestUIDs.AddNum(to.append(c.msg, c.flags))
	}
	return data, nil
}

// Move implements imapserver.SessionMove. The expunges are written by the poll
// that follows.
func (s *Session) Move(w *imapserver.MoveWriter, set imap.NumSet, name string) error {
	if err := s.writable(); err != nil {
		return err
	}
	to, err := s.target(name)
	if err != nil {
		return err
	}
	if to == s.view.mailbox {
		return no(imap.ResponseCodeCannot, "Source and destination are the same mailbox")
	}
	uids := s.uidsOf(set)
	data := &imap.CopyData{UIDValidity: to.uidValidity}
	for _, e := range s.view.mailbox.take(func(e entry) bool { return uids.Contains(e.uid) }) {
		data.SourceUIDs.AddNum(e.uid)
		data.DestUIDs.AddNum(to.append(e.msg, e.flags))
	}
	if data.SourceUIDs == nil {
		return nil
	}
	return w.WriteCopyData(data)
}
