package wire

import (
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Response is one response of a server: one of the types of this package that
// have a comment saying so.
type Response any

// Continuation is the response that asks for the rest of a command.
type Continuation struct{ Text string }

// Status is the response OK, NO, BAD, BYE or PREAUTH.
type Status struct {
	Tag  string // empty for an untagged one
	Type imap.StatusResponseType
	Code *Code // nil if there is none
	Text string
}

// Error returns the status as an error: nil for OK and PREAUTH.
func (s *Status) Error() error {
	if s.Type == imap.StatusResponseTypeOK || s.Type == imap.StatusResponseTypePreAuth {
		return nil
	}
	e := &imap.Error{Type: s.Type, Text: s.Text}
	if s.Code != nil {
		e.Code = imap.ResponseCode(s.Code.Name)
	}
	return e
}

// Responses about the selected mailbox.
type (
	// Exists is the response that tells how many messages there are.
	Exists struct{ Count uint32 }
	// Expunge is the response that tells that a message is gone; those behind it
	// move up.
	Expunge struct{ SeqNum uint32 }
	// Vanished is the response of RFC 7162 that tells which messages are gone:
	// since the mailbox was last seen, if Earlier.
	Vanished struct {
		UIDs    imap.UIDSet
		Earlier bool
	}
	// Flags is the response that tells which flags the mailbox knows.
	Flags struct{ Flags []imap.Flag }
	// Recent is a response of RFC 3501 that nobody needs.
	Recent struct{ Count uint32 }
)

// Responses about the server and the account.
type (
	// Capability is the response, or the code of a status, that tells what the
	// server offers.
	Capability struct{ Caps imap.CapSet }
	// Enabled is the response to ENABLE.
	Enabled struct{ Caps []imap.Cap }
	// ID is the response of RFC 2971; names are in lower case.
	ID struct{ Fields map[string]string }
	// Namespace is the response of RFC 2342.
	Namespace struct{ Data imap.NamespaceData }
)

// Unknown is a response that this package does not know.
type Unknown struct{ Name string }

// Broken is a response that cannot be read.
type Broken struct {
	Name string
	Err  error
}

// statusTypes are the words that begin status responses.
var statusTypes = map[string]imap.StatusResponseType{
	"OK": imap.StatusResponseTypeOK, "NO": imap.StatusResponseTypeNo, "BAD": imap.StatusResponseTypeBad,
	"BYE": imap.StatusResponseTypeBye, "PREAUTH": imap.StatusResponseTypePreAuth,
}

// parsers read what follows the name of an untagged response. Those in numbered
// stand behind a number.
var (
	parsers  map[string]func(*scanner, *Decoding) (Response, error)
	numbered map[string]func(*scanner, *Decoding, uint32) (Response, error)
)

func init() { // the parsers of LIST and STATUS need each other
	parsers = map[string]func(*scanner, *Decoding) (Response, error){
		"CAPABILITY": (*scanner).capability, "ENABLED": (*scanner).enabled, "FLAGS": (*scanner).flagsResponse, "ID": (*scanner).id,
		"LIST": (*scanner).listResponse, "LSUB": (*scanner).listResponse, "STATUS": (*scanner).statusData, "NAMESPACE": (*scanner).namespace,
		"SEARCH": (*scanner).search, "SORT": (*scanner).search, "ESEARCH": (*scanner).esearch, "THREAD": (*scanner).thread,
		"VANISHED": (*scanner).vanished, "QUOTA": (*scanner).quota, "QUOTAROOT": (*scanner).quotaRoot, "MYRIGHTS": (*scanner).myRights,
	}
	numbered = map[string]func(*scanner, *Decoding, uint32) (Response, error){
		"EXISTS":  func(_ *scanner, _ *Decoding, n uint32) (Response, error) { return &Exists{n}, nil },
		"RECENT":  func(_ *scanner, _ *Decoding, n uint32) (Response, error) { return &Recent{n}, nil },
		"EXPUNGE": func(_ *scanner, _ *Decoding, n uint32) (Response, error) { return &Expunge{n}, nil },
		"FETCH":   (*scanner).fetch,
	}
}

// Decoding says how a server writes; the zero value is how it does before
// anything was enabled.
type Decoding struct {
	// UTF8 says that mailbox names come in UTF-8 (IMAP4rev2 or UTF8=ACCEPT
	// enabled), otherwise in modified UTF-7.
	UTF8 bool
}

// Parse reads one response as Next returned it. It never fails: see Unknown and
// Broken. The result shares no memory with the response.
func Parse(response []byte, decoding *Decoding) Response {
	s := &scanner{data: response}
	if s.take('+') {
		return &Continuation{s.rest()}
	}
	tag, ok := s.atom()
	if !ok {
		return &Broken{"", errSyntax}
	}
	s.space()
	if len(tag) != 1 || tag[0] != '*' {
		return s.status(string(tag))
	}
	start := s.pos
	if s.peek() >= '0' && s.peek() <= '9' {
		number, err := s.number32()
		s.space()
		word, _ := s.atom()
		name := upper(word)
		parse := numbered[name]
		switch {
		case err != nil:
			return &Broken{name, err}
		case parse == nil:
			return &Unknown{clip(name)}
		case number == 0 && (name == "FETCH" || name == "EXPUNGE"):
			return &Broken{name, errSyntax} // there is no such message
		}
		s.space()
		return orBroken(name)(parse(s, decoding, number))
	}
	word, _ := s.atom()
	name := upper(word)
	if statusTypes[name] != "" {
		s.pos = start
		return s.status("")
	}
	parse := parsers[name]
	if parse == nil {
		return &Unknown{clip(name)}
	}
	s.space()
	return orBroken(name)(parse(s, decoding))
}

func orBroken(name string) func(Response, error) Response {
	return func(response Response, err error) Response {
		if err != nil {
			return &Broken{name, err}
		}
		return response
	}
}

// clip bounds a name that goes into logs and counters.
func clip(name string) string { return name[:min(len(name), 20)] }

func (s *scanner) status(tag string) Response {
	word, _ := s.atom()
	kind := statusTypes[upper(word)]
	if kind == "" {
		return &Broken{clip(upper(word)), fmt.Errorf("no status response: %w", errSyntax)}
	}
	s.space()
	status := &Status{Tag: tag, Type: kind}
	if s.peek() == '[' {
		status.Code = s.code()
	}
	status.Text = strings.ToValidUTF8(s.rest(), "\uFFFD")
	return status
}

func (s *scanner) capability(*Decoding) (Response, error) {
	return &Capability{s.caps()}, nil
}

// maxCaps bounds the capabilities of a server; some have a hundred.
const maxCaps = 1000

// mixedCaps are the capabilities that are not written in capitals.
var mixedCaps = map[imap.Cap]imap.Cap{"IMAP4REV1": imap.CapIMAP4rev1, "IMAP4REV2": imap.CapIMAP4rev2}

// caps reads capabilities up to a bracket or the end.
func (s *scanner) caps() imap.CapSet {
	caps := imap.CapSet{}
	for {
		s.space()
		word, ok := s.atom()
		if !ok || len(caps) == maxCaps {
			return caps
		}
		name := imap.Cap(strings.ToUpper(string(word)))
		if canonical, ok := mixedCaps[name]; ok {
			name = canonical
		}
		caps[name] = struct{}{}
	}
}

func (s *scanner) enabled(*Decoding) (Response, error) {
	enabled := &Enabled{}
	for name := range s.caps() {
		enabled.Caps = append(enabled.Caps, name)
	}
	return enabled, nil
}

func (s *scanner) flagsResponse(*Decoding) (Response, error) {
	flags, err := s.flags()
	return &Flags{flags}, err
}

// flags reads a list of flags.
func (s *scanner) flags() ([]imap.Flag, error) {
	flags := []imap.Flag{} // not nil: an empty list was given
	err := s.list(func() error {
		word, err := s.text()
		if err == nil {
			flags = append(flags, knownFlag(word))
		}
		return err
	})
	return flags, err
}

// knownFlag returns a flag. Those of RFC 9051, which are the same in whatever
// letters, have one form.
func knownFlag(word []byte) imap.Flag {
	if flag, ok := systemFlags[upper(word)]; ok {
		return flag
	}
	return imap.Flag(word)
}

var systemFlags = func() map[string]imap.Flag {
	known := map[string]imap.Flag{}
	for _, flag := range []imap.Flag{
		imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft, imap.FlagForwarded,
		imap.FlagMDNSent, imap.FlagJunk, imap.FlagNotJunk, imap.FlagPhishing, imap.FlagImportant, "\\Recent",
	} {
		known[strings.ToUpper(string(flag))] = flag
	}
	return known
}()

func (s *scanner) id(*Decoding) (Response, error) {
	id := &ID{map[string]string{}}
	err := s.list(func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		s.space()
		value, null, err := s.textOrNull()
		if err == nil && !null {
			id.Fields[strings.ToLower(string(name))] = string(value)
		}
		return err
	})
	return id, err
}

func (s *scanner) vanished(*Decoding) (Response, error) {
	gone := &Vanished{}
	if s.peek() == '(' {
		if err := s.list(func() error { return s.value() }); err != nil {
			return nil, err
		}
		gone.Earlier = true // the only modifier there is
		s.space()
	}
	set, err := s.uidSet()
	gone.UIDs = set
	return gone, err
}

// uidSet reads a set of UIDs without "*".
func (s *scanner) uidSet() (imap.UIDSet, error) {
	var set imap.UIDSet
	word, ok := s.atom()
	if !ok {
		return nil, errSyntax
	}
	ranges := &scanner{data: word}
	for {
		first, err := ranges.uid()
		if err != nil {
			return nil, err
		}
		last := first
		if ranges.take(':') {
			if last, err = ranges.uid(); err != nil {
				return nil, err
			}
		}
		set = append(set, imap.UIDRange{Start: min(first, last), Stop: max(first, last)})
		if ranges.atEnd() {
			return set, nil
		}
		if !ranges.take(',') {
			return nil, errSyntax
		}
	}
}

// uid reads the digits of a UID, which is not 0.
func (s *scanner) uid() (imap.UID, error) {
	value := uint64(0)
	from := s.pos
	for s.peek() >= '0' && s.peek() <= '9' && value < 1<<32 {
		value = value*10 + uint64(s.peek()-'0')
		s.pos++
	}
	if s.pos == from || value == 0 || value > 1<<32-1 {
		return 0, errSyntax
	}
	return imap.UID(value), nil
}
