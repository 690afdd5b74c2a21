package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

// List is the response to LIST, and the one that NOTIFY sends of a mailbox that
// was made, renamed or removed.
type List struct{ Data imap.ListData }

// StatusData is the response to STATUS.
type StatusData struct {
	Data      imap.StatusData
	MailboxID string // RFC 8474; empty if it did not come
}

// Quota is the response of RFC 9208 about one quota root.
type Quota struct {
	Root      string
	Resources map[imap.QuotaResourceType]QuotaUsage
}

// QuotaUsage is how much of a resource is used and how much may be: kilobytes of
// STORAGE, numbers of the others.
type QuotaUsage struct{ Usage, Limit uint64 }

// QuotaRoot is the response that tells which quota roots a mailbox has.
type QuotaRoot struct {
	Mailbox string
	Roots   []string
}

// MyRights is the response of RFC 4314 about one's own rights.
type MyRights struct {
	Mailbox string
	Rights  string // a letter each
}

// mailboxName reads the name of a mailbox. INBOX is in capitals, whatever the
// server sends.
func (s *scanner) mailboxName(decoding *Decoding) (string, error) {
	text, err := s.text()
	if err != nil {
		return "", err
	}
	name := string(text)
	if strings.EqualFold(name, "INBOX") {
		return "INBOX", nil
	}
	// Whichever encoding was agreed on: what cannot be in it is taken as it is.
	if !decoding.UTF8 || !utf8.ValidString(name) {
		if decoded, ok := decodeUTF7(name); ok {
			return decoded, nil
		}
	}
	return name, nil
}

func (s *scanner) listResponse(decoding *Decoding) (Response, error) {
	list := &List{}
	data := &list.Data
	err := s.list(func() error {
		attribute, err := s.text()
		data.Attrs = append(data.Attrs, knownAttribute(attribute))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.space()
	separator, null, err := s.textOrNull()
	if err != nil {
		return nil, err
	}
	if !null {
		data.Delim, _ = utf8.DecodeRune(separator)
	}
	s.space()
	if data.Mailbox, err = s.mailboxName(decoding); err != nil {
		return nil, err
	}
	if s.space(); s.peek() == '(' { // extended data, RFC 5258
		err = s.list(func() error { return s.listItem(data, decoding) })
	}
	return list, err
}

// knownAttribute returns an attribute of a mailbox. Those of RFC 9051 section
// 7.3.1 and RFC 6154, which servers write in whatever letters, have one form.
func knownAttribute(word []byte) imap.MailboxAttr {
	if attribute, ok := attributes[upper(word)]; ok {
		return attribute
	}
	return imap.MailboxAttr(word)
}

var attributes = func() map[string]imap.MailboxAttr {
	known := map[string]imap.MailboxAttr{}
	for _, attribute := range []imap.MailboxAttr{
		imap.MailboxAttrNonExistent, imap.MailboxAttrNoInferiors, imap.MailboxAttrNoSelect, imap.MailboxAttrHasChildren, imap.MailboxAttrHasNoChildren,
		imap.MailboxAttrMarked, imap.MailboxAttrUnmarked, imap.MailboxAttrSubscribed, imap.MailboxAttrRemote,
		imap.MailboxAttrAll, imap.MailboxAttrArchive, imap.MailboxAttrDrafts, imap.MailboxAttrFlagged, imap.MailboxAttrJunk,
		imap.MailboxAttrSent, imap.MailboxAttrTrash, imap.MailboxAttrImportant,
	} {
		known[strings.ToUpper(string(attribute))] = attribute
	}
	return known
}()

func (s *scanner) listItem(data *imap.ListData, decoding *Decoding) error {
	name, err := s.text()
	if err != nil {
		return err
	}
	s.space()
	switch upper(name) {
	case "CHILDINFO":
		kinds, err := s.words()
		data.ChildInfo = &imap.ListDataChildInfo{}
		for _, kind := range kinds {
			data.ChildInfo.Subscribed = data.ChildInfo.Subscribed || strings.EqualFold(kind, "SUBSCRIBED")
		}
		return err
	case "OLDNAME":
		return s.list(func() (err error) { data.OldName, err = s.mailboxName(decoding); return err })
	}
	return s.value()
}

func (s *scanner) statusData(decoding *Decoding) (Response, error) {
	status := &StatusData{}
	data := &status.Data
	var err error
	if data.Mailbox, err = s.mailboxName(decoding); err != nil {
		return nil, err
	}
	s.space()
	err = s.list(func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		item := upper(name)
		s.space()
		if item == "MAILBOXID" && s.objectID(&status.MailboxID) == nil {
			return nil
		}
		if statusItems[item] == nil {
			return s.value()
		}
		value, err := s.number()
		if err == nil {
			statusItems[item](data, value)
		}
		return err
	})
	return status, err
}

var statusItems = map[string]func(*imap.StatusData, uint64){
	"MESSAGES":        func(d *imap.StatusData, n uint64) { d.NumMessages = number32(n) },
	"UNSEEN":          func(d *imap.StatusData, n uint64) { d.NumUnseen = number32(n) },
	"RECENT":          func(d *imap.StatusData, n uint64) { d.NumRecent = number32(n) },
	"DELETED":         func(d *imap.StatusData, n uint64) { d.NumDeleted = number32(n) },
	"UIDNEXT":         func(d *imap.StatusData, n uint64) { d.UIDNext = imap.UID(*number32(n)) },
	"UIDVALIDITY":     func(d *imap.StatusData, n uint64) { d.UIDValidity = *number32(n) },
	"HIGHESTMODSEQ":   func(d *imap.StatusData, n uint64) { d.HighestModSeq = n },
	"APPENDLIMIT":     func(d *imap.StatusData, n uint64) { d.AppendLimit = number32(n) },
	"SIZE":            func(d *imap.StatusData, n uint64) { d.Size = number64(n) },
	"DELETED-STORAGE": func(d *imap.StatusData, n uint64) { d.DeletedStorage = number64(n) },
}

func number32(value uint64) *uint32 {
	number := uint32(min(value, 1<<32-1))
	return &number
}

func number64(value uint64) *int64 {
	number := int64(min(value, 1<<62))
	return &number
}

func (s *scanner) namespace(decoding *Decoding) (Response, error) {
	namespace := &Namespace{}
	data := &namespace.Data
	for _, into := range []*[]imap.NamespaceDescriptor{&data.Personal, &data.Other, &data.Shared} {
		s.space()
		err := s.list(func() error {
			if !s.take('(') {
				return errSyntax
			}
			prefix, err := s.text()
			if err != nil {
				return err
			}
			s.space()
			separator, null, err := s.textOrNull()
			if err != nil {
				return err
			}
			descriptor := imap.NamespaceDescriptor{Prefix: string(prefix)}
			if decoded, ok := decodeUTF7(descriptor.Prefix); ok && !decoding.UTF8 {
				descriptor.Prefix = decoded
			}
			if !null {
				descriptor.Delim, _ = utf8.DecodeRune(separator)
			}
			*into = append(*into, descriptor)
			for { // extensions of the namespace
				if s.space(); s.take(')') {
					return nil
				}
				if err := s.value(); err != nil {
					return err
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return namespace, nil
}

func (s *scanner) quota(*Decoding) (Response, error) {
	root, err := s.text()
	if err != nil {
		return nil, err
	}
	quota := &Quota{Root: string(root), Resources: map[imap.QuotaResourceType]QuotaUsage{}}
	s.space()
	err = s.list(func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		kind := imap.QuotaResourceType(upper(name))
		s.space()
		usage, err := s.number()
		if err != nil {
			return err
		}
		s.space()
		limit, err := s.number()
		quota.Resources[kind] = QuotaUsage{usage, limit}
		return err
	})
	return quota, err
}

func (s *scanner) quotaRoot(decoding *Decoding) (Response, error) {
	root := &QuotaRoot{}
	var err error
	if root.Mailbox, err = s.mailboxName(decoding); err != nil {
		return nil, err
	}
	for {
		if s.space(); s.atEnd() {
			return root, nil
		}
		name, err := s.text()
		if err != nil {
			return nil, err
		}
		root.Roots = append(root.Roots, string(name))
	}
}

func (s *scanner) myRights(decoding *Decoding) (Response, error) {
	rights := &MyRights{}
	var err error
	if rights.Mailbox, err = s.mailboxName(decoding); err != nil {
		return nil, err
	}
	s.space()
	text, err := s.text()
	rights.Rights = string(text)
	return rights, err
}
