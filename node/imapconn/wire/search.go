package wire

import (
	"bytes"

	"github.com/emersion/go-imap/v2"
)

// Search is the response to SEARCH and SORT of RFC 3501 and RFC 5256: numbers in
// the order given, UIDs for the UID commands.
type Search struct {
	Numbers []uint32
	ModSeq  uint64 // RFC 7162
}

// ESearch is the response of RFC 9051 section 7.3.4.
type ESearch struct {
	Tag   string // of the command, if the server says
	UID   bool
	Min   uint32
	Max   uint32
	Count *uint32 // nil if it was not asked for
	// All are the messages found, as ranges in the order given.
	All    []imap.UIDRange
	ModSeq uint64
}

// Thread is the response of RFC 5256.
type Thread struct{ Threads []ThreadNode }

// ThreadNode is a message with the answers to it. Number is 0 for a message that
// is missing.
type ThreadNode struct {
	Number  uint32
	Answers []ThreadNode
}

func (s *scanner) search(*Decoding) (Response, error) {
	found := &Search{}
	for {
		s.space()
		if s.atEnd() {
			return found, nil
		}
		if s.peek() == '(' { // (MODSEQ 917162500)
			err := s.list(func() error {
				name, err := s.text()
				if err != nil {
					return err
				}
				s.space()
				if !bytes.EqualFold(name, []byte("MODSEQ")) {
					return s.value()
				}
				found.ModSeq, err = s.number()
				return err
			})
			if err != nil {
				return nil, err
			}
			continue
		}
		number, err := s.number32()
		if err != nil || number == 0 {
			return nil, errSyntax
		}
		found.Numbers = append(found.Numbers, number)
	}
}

func (s *scanner) esearch(*Decoding) (Response, error) {
	found := &ESearch{}
	if s.peek() == '(' {
		fields, err := s.words()
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if upper([]byte(fields[i])) == "TAG" {
				found.Tag = fields[i+1]
			}
		}
	}
	for {
		s.space()
		if s.atEnd() {
			return found, nil
		}
		word, err := s.text()
		if err != nil {
			return nil, err
		}
		name := upper(word)
		s.space()
		switch name {
		case "UID":
			found.UID = true
		case "MIN":
			found.Min, err = s.number32()
		case "MAX":
			found.Max, err = s.number32()
		case "COUNT":
			var count uint32
			count, err = s.number32()
			found.Count = &count
		case "ALL":
			var set imap.UIDSet
			set, err = s.uidSet()
			found.All = set
		case "MODSEQ":
			found.ModSeq, err = s.number()
		default:
			err = s.value()
		}
		if err != nil {
			return nil, err
		}
	}
}

// thread reads (2)(3 6 (4 23)(44 7 96)). A chain of single messages is not
// nested in the syntax, so it needs no recursion here; forks do.
func (s *scanner) thread(*Decoding) (Response, error) {
	found := &Thread{}
	for {
		s.space()
		if s.atEnd() {
			return found, nil
		}
		nodes, err := s.threadNodes(0)
		if err != nil {
			return nil, err
		}
		found.Threads = append(found.Threads, nodes...)
	}
}

// maxChain bounds how many answers stand below each other in one pair of
// parentheses: whoever walks through a thread does so in steps into each other.
// What comes behind stands beside the last.
const maxChain = 500

// threadNodes reads one pair of parentheses. A thread without a first message,
// as in ((3)(5)), has a node with number 0.
func (s *scanner) threadNodes(depth int) ([]ThreadNode, error) {
	if depth > maxNesting || !s.take('(') {
		return nil, errSyntax
	}
	var root []ThreadNode
	into := &root // where the next message goes
	for chain := 0; ; chain++ {
		s.space()
		switch {
		case s.take(')'):
			return root, nil
		case s.peek() == '(':
			if into == &root {
				root = append(root, ThreadNode{})
				into = &root[0].Answers
			}
			for s.space(); s.peek() == '('; s.space() {
				answers, err := s.threadNodes(depth + 1)
				if err != nil {
					return nil, err
				}
				*into = append(*into, answers...)
			}
			if !s.take(')') {
				return nil, errSyntax
			}
			return root, nil
		}
		from := s.pos
		number, err := s.number32()
		if err != nil || s.pos == from {
			return nil, errSyntax
		}
		*into = append(*into, ThreadNode{Number: number})
		if chain < maxChain {
			into = &(*into)[len(*into)-1].Answers
		}
	}
}
