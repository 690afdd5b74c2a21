package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Search finds messages of the selected mailbox by UID.
type Search struct {
	plain
	Criteria *imap.SearchCriteria
	// Extended asks for the short form of the answer (ESEARCH, RFC 4731), which
	// the server must offer.
	Extended bool
	// CharsetUTF8 says that the texts are UTF-8; where that was enabled, it must
	// not be said (see wire.NeedsCharset).
	CharsetUTF8 bool
	// Save makes the server remember the result until the next one, for commands
	// that name their messages by imap.SearchRes() (SEARCHRES, RFC 5182, which the
	// server must offer). What stands behind the search in a batch may use it.
	Save bool

	// UIDs is the result, in the order of the server. It is not told when it is
	// saved, unless Extended asks for it too.
	UIDs imap.UIDSet

	answered bool
}

func (*Search) name() string { return "UID SEARCH" }

func (s *Search) write(e *wire.Encoder) {
	e.Raw("UID SEARCH ")
	w := wordWriter{encoder: e, before: "RETURN ("}
	w.word(s.Extended, "ALL")
	w.word(s.Save, "SAVE")
	if w.close(); w.open {
		e.Raw(" ")
	}
	if s.CharsetUTF8 && !e.UTF8 {
		e.Raw("CHARSET UTF-8 ")
	}
	e.Criteria(s.Criteria)
}

func (s *Search) lacks(tag string, response wire.Response) bool {
	switch response := response.(type) {
	case *wire.Search:
		return !s.answered && !s.Extended && !s.Save
	case *wire.ESearch:
		return response.Tag == tag || response.Tag == "" && !s.answered
	}
	return false
}

func (s *Search) take(response wire.Response) bool {
	switch response := response.(type) {
	case *wire.Search:
		for _, uid := range response.Numbers {
			s.UIDs.AddNum(imap.UID(uid))
		}
	case *wire.ESearch:
		s.UIDs = append(s.UIDs, response.All...)
	default:
		return false
	}
	s.answered = true
	return true
}

// Sort finds messages and puts them in order (RFC 5256, which the server must
// offer).
type Sort struct {
	plain
	By       string // sort keys, such as "REVERSE DATE"
	Criteria *imap.SearchCriteria

	// UIDs is the result in order.
	UIDs []imap.UID

	answered bool
}

func (*Sort) name() string { return "UID SORT" }

func (s *Sort) write(e *wire.Encoder) {
	e.Raw("UID SORT (" + s.By + ") UTF-8 ")
	e.Criteria(s.Criteria)
}

func (s *Sort) lacks(_ string, response wire.Response) bool {
	_, ok := response.(*wire.Search)
	return ok && !s.answered
}

func (s *Sort) take(response wire.Response) bool {
	found, ok := response.(*wire.Search)
	if ok {
		s.answered = true
		for _, uid := range found.Numbers {
			s.UIDs = append(s.UIDs, imap.UID(uid))
		}
	}
	return ok
}

// Thread finds messages and groups them by conversation (RFC 5256). The server
// must offer the algorithm, as the capability THREAD= and its name.
type Thread struct {
	plain
	Algorithm imap.ThreadAlgorithm
	Criteria  *imap.SearchCriteria

	// Threads is the result, by UID. A message with number 0 is one that is known
	// from answers to it alone.
	Threads []wire.ThreadNode

	answered bool
}

func (*Thread) name() string { return "UID THREAD" }

func (t *Thread) write(e *wire.Encoder) {
	e.Raw("UID THREAD " + string(t.Algorithm) + " UTF-8 ")
	e.Criteria(t.Criteria)
}

func (t *Thread) lacks(_ string, response wire.Response) bool {
	_, ok := response.(*wire.Thread)
	return ok && !t.answered
}

func (t *Thread) take(response wire.Response) bool {
	found, ok := response.(*wire.Thread)
	if ok {
		t.answered = true
		t.Threads = append(t.Threads, found.Threads...)
	}
	return ok
}
