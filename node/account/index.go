package account

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// index is what an account knows of the messages of one mailbox: their UIDs and
// flags, ascending by UID, which is the order of arrival and of sequence
// numbers. The connection tells it everything that the server says of the
// mailbox, in order. It is plain data; the account's turn guards it.
type index struct {
	mailbox     string
	uidValidity uint32
	// entries are the messages that are known; those behind them, up to exists,
	// are not yet.
	entries []entry
	exists  uint32
	// lost tells that what the server said does not fit together, so that the
	// mailbox has to be read anew.
	lost bool
	// reading tells that the flags of all messages, or of those at the end, are
	// on their way, in order.
	reading bool
	// resuming tells that what changed since the index was used last is on its
	// way, by UID.
	resuming bool
	// modSeq is the state that the index has all changes up to (RFC 7162), seen
	// the highest of a single change; both 0 without mod-sequences.
	modSeq, seen uint64
}

var _ imapconn.Mailbox = (*index)(nil)

// Exists implements imapconn.Mailbox.
func (x *index) Exists(count uint32) {
	x.exists = count
	x.lost = x.lost || !x.resuming && count < uint32(len(x.entries))
}

// Expunged implements imapconn.Mailbox.
func (x *index) Expunged(seqNum uint32) {
	if seqNum == 0 || seqNum > x.exists {
		x.lost = true
		return
	}
	x.exists--
	if i := int(seqNum) - 1; i < len(x.entries) {
		x.entries = slices.Delete(x.entries, i, i+1)
	}
}

// Vanished implements imapconn.Mailbox. UIDs that are not known are of messages
// that came and went unseen, if they were told of at all.
func (x *index) Vanished(uids imap.UIDSet, earlier bool) {
	before, last := len(x.entries), x.lastUID()
	x.entries = slices.DeleteFunc(x.entries, func(e entry) bool { return uids.Contains(imap.UID(e.uid)) })
	if earlier {
		return
	}
	gone := uint64(before - len(x.entries))
	for _, r := range uids {
		if r.Stop > imap.UID(last) {
			gone += uint64(r.Stop-max(r.Start, imap.UID(last)+1)) + 1
		}
	}
	if gone > uint64(x.exists) {
		x.lost = true
		return
	}
	x.exists -= uint32(gone)
}

// Flagged implements imapconn.Mailbox.
func (x *index) Flagged(seqNum uint32, uid imap.UID, flags []imap.Flag, modSeq uint64) {
	x.seen = max(x.seen, modSeq)
	i := int(seqNum) - 1
	if x.resuming {
		// Sequence numbers are those of the mailbox as it is now.
		if at, found := x.find(uint32(uid)); found {
			x.entries[at].flags = newFlagSet(flags)
		}
		return
	}
	switch {
	case seqNum == 0:
		x.lost = true
	case i < len(x.entries) && (uid == 0 || uint32(uid) == x.entries[i].uid):
		x.entries[i].flags = newFlagSet(flags)
	case i < len(x.entries):
		x.lost = true
	case uint32(uid) <= x.lastUID() || i > len(x.entries) && !x.reading:
		// Of a message that is not known yet; its flags come with its UID.
	default:
		x.standIn(uint32(i))
		x.entries = append(x.entries, entry{uint32(uid), newFlagSet(flags)})
		x.exists = max(x.exists, seqNum)
	}
}

// maxStandIns bounds the messages that the server does not show, and whose
// places are kept all the same.
const maxStandIns = 1000

// standIn puts entries in the places, up to a number of messages, of those that
// the server announced and sent nothing readable of. So those behind them keep
// theirs. Opened, they are not found.
func (x *index) standIn(count uint32) {
	if int(count)-len(x.entries) > maxStandIns {
		x.lost = true
		return
	}
	for uint32(len(x.entries)) < count {
		x.entries = append(x.entries, entry{uid: x.lastUID() + 1})
	}
}

// unknown counts the messages of which no UID is known.
func (x *index) unknown() int { return int(x.exists) - len(x.entries) }

type entry struct {
	uid   uint32
	flags flagSet
}

// flagSet holds the flags that pages show, a bit each.
type flagSet uint8

const (
	flagSeen flagSet = 1 << iota
	flagFlagged
	flagAnswered
	flagForwarded
	flagDraft
	flagDeleted
)

// flagBits maps the flags of RFC 9051 section 2.3.2, compared without case.
var flagBits = map[imap.Flag]flagSet{
	"\\seen":     flagSeen,
	"\\flagged":  flagFlagged,
	"\\answered": flagAnswered,
	"$forwarded": flagForwarded,
	"\\draft":    flagDraft,
	"\\deleted":  flagDeleted,
}

func newFlagSet(flags []imap.Flag) flagSet {
	var set flagSet
	for _, flag := range flags {
		set |= flagBits[lowerFlag(flag)]
	}
	return set
}

func (s flagSet) api() api.Flags {
	return api.Flags{
		Seen: s&flagSeen != 0, Flagged: s&flagFlagged != 0, Answered: s&flagAnswered != 0,
		Forwarded: s&flagForwarded != 0, Draft: s&flagDraft != 0, Deleted: s&flagDeleted != 0,
	}
}

// settled tells that everything which the server had to say was said: the index
// has all changes up to the highest mod-sequence that came.
func (x *index) settled() {
	if x.modSeq > 0 && !x.lost {
		x.modSeq = max(x.modSeq, x.seen)
	}
}

// keep removes the messages that are not in a set.
func (x *index) keep(uids imap.UIDSet) {
	slices.SortFunc(uids, func(a, b imap.UIDRange) int { return cmp.Compare(a.Start, b.Start) })
	at := 0
	x.entries = slices.DeleteFunc(x.entries, func(e entry) bool {
		for at < len(uids) && uint32(uids[at].Stop) < e.uid {
			at++
		}
		return at == len(uids) || uint32(uids[at].Start) > e.uid
	})
}

// find returns the position of a UID, or where it would stand.
func (x *index) find(uid uint32) (int, bool) {
	return slices.BinarySearchFunc(x.entries, uid, func(e entry, uid uint32) int {
		switch {
		case e.uid < uid:
			return -1
		case e.uid > uid:
			return 1
		default:
			return 0
		}
	})
}

// lastUID is the highest UID, 0 when the mailbox is empty.
func (x *index) lastUID() uint32 {
	if len(x.entries) == 0 {
		return 0
	}
	return x.entries[len(x.entries)-1].uid
}

// unread counts the messages without \Seen.
func (x *index) unread() int {
	count := 0
	for _, e := range x.entries {
		if e.flags&flagSeen == 0 {
			count++
		}
	}
	return count
}

// page returns the entries of a page, newest first, and which page of how many
// it is. A page past the end is the last one.
func (x *index) page(number, size int) (entries []entry, page, pages int) {
	total := len(x.entries)
	pages = max(1, (total+size-1)/size)
	page = min(max(1, number), pages)
	end := total - (page-1)*size
	entries = slices.Clone(x.entries[max(0, end-size):end])
	slices.Reverse(entries)
	return entries, page, pages
}

// pageOf returns the number of the page that lists the message at position i.
func (x *index) pageOf(i, size int) int {
	return (len(x.entries)-1-i)/size + 1
}

// id names a message of this mailbox.
func (x *index) id(uid uint32) api.MessageID {
	return api.MessageID{Mailbox: x.mailbox, UIDValidity: x.uidValidity, UID: uid}
}
