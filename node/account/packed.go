package account

import (
	"encoding/binary"
	"slices"
	"time"
)

// packedIndex is an index that is not in use. Messages that follow each other
// and have the same flags take a few bytes together.
type packedIndex struct {
	mailbox     string
	uidValidity uint32
	modSeq      uint64
	asOf        time.Time
	messages    int
	runs        []byte // of each run: UIDs left out before it, its length, its flags
}

func (x *index) pack() *packedIndex {
	p := &packedIndex{mailbox: x.mailbox, uidValidity: x.uidValidity, modSeq: x.modSeq, asOf: x.asOf, messages: len(x.uids)}
	var runs []byte
	next := uint32(1) // the UID that would go on without a gap
	for i := 0; i < len(x.uids); {
		end := i + 1
		for end < len(x.uids) && x.uids[end] == x.uids[end-1]+1 && x.flags[end] == x.flags[i] {
			end++
		}
		runs = binary.AppendUvarint(runs, uint64(x.uids[i]-next))
		runs = binary.AppendUvarint(runs, uint64(end-i))
		runs = append(runs, byte(x.flags[i]))
		next = x.uids[end-1] + 1
		i = end
	}
	p.runs = slices.Clone(runs) // without room to grow
	return p
}

func (p *packedIndex) unpack() *index {
	x := &index{
		mailbox: p.mailbox, uidValidity: p.uidValidity, modSeq: p.modSeq, seen: p.modSeq, asOf: p.asOf, exists: uint32(p.messages),
		uids: make([]uint32, 0, p.messages), flags: make([]flagSet, 0, p.messages),
	}
	next := uint32(1)
	for runs := p.runs; len(runs) > 0; {
		gap, n := binary.Uvarint(runs)
		length, m := binary.Uvarint(runs[n:])
		flags := flagSet(runs[n+m])
		runs = runs[n+m+1:]
		next += uint32(gap)
		for range length {
			x.add(next, flags)
			next++
		}
	}
	return x
}

// Bounds on what an account remembers of mailboxes that are not selected.
const (
	maxIndexes      = 16
	maxIndexedBytes = 1 << 20 // all of them together
)

// indexes are those of mailboxes that are not selected, the last used at the
// end.
type indexes []*packedIndex

// get returns the index of a mailbox; nil if there is none.
func (s indexes) get(mailbox string) *index {
	if i := s.position(mailbox); i >= 0 {
		return s[i].unpack()
	}
	return nil
}

// drop forgets the index of a mailbox.
func (s *indexes) drop(mailbox string) {
	if i := s.position(mailbox); i >= 0 {
		*s = slices.Delete(*s, i, i+1)
	}
}

func (s indexes) position(mailbox string) int {
	return slices.IndexFunc(s, func(p *packedIndex) bool { return p.mailbox == mailbox })
}

// put remembers an index, and forgets others that were not used for longest.
func (s *indexes) put(x *index) {
	s.drop(x.mailbox)
	*s = append(*s, x.pack())
	bytes := 0
	for i := len(*s) - 1; i >= 0; i-- {
		if bytes += len((*s)[i].runs); bytes > maxIndexedBytes && i < len(*s)-1 || len(*s)-i > maxIndexes {
			*s = slices.Delete(*s, 0, i+1)
			return
		}
	}
}

// leave forgets which mailbox is selected, but not what is known of it.
func (a *Account) leave() {
	if a.selected != nil && !a.selected.lost {
		a.indexes.put(a.selected)
	}
	a.selected = nil
}

// known returns what is known of a mailbox without asking the mail server; nil if
// nothing is. It is not to be changed.
func (a *Account) known(mailbox string) *index {
	if a.selected != nil && a.selected.mailbox == mailbox && !a.selected.lost {
		return a.selected
	}
	return a.indexes.get(mailbox)
}
