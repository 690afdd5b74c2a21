package memimap

import (
	"bytes"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Fetch implements imapserver.Session.
func (s *Session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	seen := slices.ContainsFunc(options.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek }) ||
		slices.ContainsFunc(options.BinarySection, func(b *imap.FetchItemBinarySection) bool { return !b.Peek })

	m := s.view.mailbox
	m.mu.Lock()
	all := s.view.choose(set)
	for _, c := range all {
		if seen && !s.view.readOnly && !c.has(imap.FlagSeen) {
			m.setFlags(c.index, append(slices.Clone(c.flags), imap.FlagSeen), nil)
		}
	}
	m.mu.Unlock()

	for _, c := range all {
		if err := c.fetch(w.CreateMessage(c.seq), options); err != nil {
			return err
		}
	}
	return nil
}

func (c chosen) fetch(w *imapserver.FetchResponseWriter, options *imap.FetchOptions) error {
	if options.UID {
		w.WriteUID(c.uid)
	}
	if options.Flags {
		w.WriteFlags(c.flags)
	}
	if options.InternalDate {
		w.WriteInternalDate(c.msg.date)
	}
	if options.RFC822Size {
		w.WriteRFC822Size(int64(len(c.msg.raw)))
	}
	if options.Envelope {
		w.WriteEnvelope(c.msg.parse().envelope)
	}
	if options.BodyStructure != nil {
		w.WriteBodyStructure(c.msg.parse().structure)
	}
	// Responses are buffered until they end; an error shows at Close.
	for _, item := range options.BodySection {
		b := c.msg.section(item)
		lit := w.WriteBodySection(item, int64(len(b)))
		lit.Write(b)
		lit.Close()
	}
	for _, item := range options.BinarySection {
		b := imapserver.ExtractBinarySection(bytes.NewReader(c.msg.parse().lenient), item)
		lit := w.WriteBinarySection(item, int64(len(b)))
		lit.Write(b)
		lit.Close()
	}
	for _, item := range options.BinarySectionSize {
		w.WriteBinarySectionSize(item, imapserver.ExtractBinarySectionSize(bytes.NewReader(c.msg.parse().lenient), item))
	}
	return w.Close()
}
