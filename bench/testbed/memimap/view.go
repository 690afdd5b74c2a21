package memimap

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// view is a mailbox as one session has it selected: with the sequence numbers
// of the updates it was told so far.
type view struct {
	mailbox  *mailbox
	tracker  *imapserver.SessionTracker
	wake     chan struct{} // signalled when the tracker has updates
	readOnly bool
	saved    imap.UIDSet // the result that "$" names (RFC 5182)
}

func (v *view) close() {
	m := v.mailbox
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views = slices.DeleteFunc(m.views, func(other *view) bool { return other == v })
	v.tracker.Close()
}

// chosen is an entry that a number set names.
type chosen struct {
	entry
	index int    // in the mailbox, valid only under its lock
	seq   uint32 // as the client counts
}

// choose returns the entries of a set in ascending order. The mailbox is locked.
func (v *view) choose(set imap.NumSet) []chosen {
	if imap.IsSearchRes(set) {
		set = v.saved
	}
	entries := v.mailbox.entries
	var out []chosen
	add := func(i int) {
		// Zero: the client has not been told of this message yet.
		if seq := v.tracker.EncodeSeqNum(uint32(i) + 1); seq != 0 {
			out = append(out, chosen{entries[i], i, seq})
		}
	}
	switch set := set.(type) {
	case imap.UIDSet:
		if len(entries) == 0 {
			return nil
		}
		last := entries[len(entries)-1].uid
		next := 0 // sets may overlap; each message is named once
		ranges := make([][2]imap.UID, 0, len(set))
		for _, r := range set {
			ranges = append(ranges, span(r.Start, r.Stop, last))
		}
		slices.SortFunc(ranges, func(a, b [2]imap.UID) int { return int(int64(a[0]) - int64(b[0])) })
		for _, r := range ranges {
			i, _ := slices.BinarySearchFunc(entries, r[0], func(e entry, uid imap.UID) int { return int(int64(e.uid) - int64(uid)) })
			for i = max(i, next); i < len(entries) && entries[i].uid <= r[1]; i++ {
				add(i)
				next = i + 1
			}
		}
	case imap.SeqSet:
		for i := range entries {
			add(i)
		}
		if len(out) == 0 {
			return nil
		}
		last := out[len(out)-1].seq
		out = slices.DeleteFunc(out, func(c chosen) bool { return !containsSeq(set, c.seq, last) })
	}
	return out
}

// span orders the ends of a range; zero stands for "*".
func span[N ~uint32](start, stop, last N) [2]N {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return [2]N{min(start, stop), max(start, stop)}
}

func containsSeq(set imap.SeqSet, seq, last uint32) bool {
	for _, r := range set {
		if s := span(r.Start, r.Stop, last); seq >= s[0] && seq <= s[1] {
			return true
		}
	}
	return false
}

func containsUID(set imap.UIDSet, uid, last imap.UID) bool {
	for _, r := range set {
		if s := span(r.Start, r.Stop, last); uid >= s[0] && uid <= s[1] {
			return true
		}
	}
	return false
}
