package memimap

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// List implements imapserver.Session (RFC 9051 section 6.3.9). Special uses
// and children are always reported, as common servers do.
func (s *Session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // the question for the delimiter
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: Delimiter})
	}
	for _, data := range s.user.list(ref, patterns, options) {
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func (u *User) list(ref string, patterns []string, options *imap.ListOptions) []*imap.ListData {
	u.mu.Lock()
	all := map[string]*mailbox{} // nil for a level that exists only above others
	parents := map[string]bool{}
	for name, m := range u.mailboxes {
		all[name] = m
		for parent, ok := parentOf(name); ok; parent, ok = parentOf(parent) {
			parents[parent] = true
			if u.mailboxes[parent] == nil {
				all[parent] = nil
			}
		}
	}
	u.mu.Unlock()

	var out []*imap.ListData
	for name, m := range all {
		matches := func(pattern string) bool { return imapserver.MatchList(name, Delimiter, ref, pattern) }
		if !slices.ContainsFunc(patterns, matches) {
			continue
		}
		if data := m.list(name, parents[name], options); data != nil {
			out = append(out, data)
		}
	}
	slices.SortFunc(out, func(a, b *imap.ListData) int { return strings.Compare(a.Mailbox, b.Mailbox) })
	return out
}

func parentOf(name string) (string, bool) {
	i := strings.LastIndexByte(name, Delimiter)
	if i < 0 {
		return "", false
	}
	return name[:i], true
}

// list describes a mailbox, or returns nil if the options leave it out.
func (m *mailbox) list(name string, hasChildren bool, options *imap.ListOptions) *imap.ListData {
	data := &imap.ListData{Mailbox: name, Delim: Delimiter}
	if hasChildren {
		data.Attrs = append(data.Attrs, imap.MailboxAttrHasChildren)
	} else {
		data.Attrs = append(data.Attrs, imap.MailboxAttrHasNoChildren)
	}
	if m == nil {
		if options.SelectSubscribed || options.SelectSpecialUse {
			return nil
		}
		data.Attrs = append(data.Attrs, imap.MailboxAttrNonExistent, imap.MailboxAttrNoSelect)
		return data
	}
	m.mu.Lock()
	subscribed := m.subscribed
	m.mu.Unlock()
	if options.SelectSubscribed && !subscribed || options.SelectSpecialUse && len(m.use) == 0 {
		return nil
	}
	if subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	}
	data.Attrs = append(data.Attrs, m.use...)
	if options.ReturnStatus != nil {
		data.Status = m.status(name, options.ReturnStatus)
	}
	return data
}
