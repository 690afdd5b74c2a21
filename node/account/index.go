package account

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// index is what an account knows of the messages of one mailbox: their UIDs and
// flags, ascending by UID, which is the order of arrival and of sequence
// numbers. The connection tells it everything that the server says of the
// mailbox, in order. It is plain data; the account's turn guards it.
//
// Nothing else in an account grows with a mailbox: 5 bytes a message, 4 more for
// each order and filter in use.
type index struct {
	mailbox     string
	uidValidity uint32
	keywords    bool // messages may be given keywords that they have not had
	// uids and flags are of the messages that are known; those behind them, up to
	// exists, are not yet.
	uids   []uint32
	flags  []flagSet
	exists uint32
	// How many of them are unread, flagged, and marked as deleted.
	unread, flagged, deleted int
	// changes counts what changed in uids and flags, removals the messages that
	// went: for the lists that are made of them.
	changes, removals uint64
	moved             int // see maxMoved
	lists             lists

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
	// asOf is when the server was last asked for changes, and had told all.
	asOf time.Time
}

var _ imapconn.Mailbox = (*index)(nil)

// Exists implements imapconn.Mailbox.
func (x *index) Exists(count uint32) {
	x.exists = count
	x.lost = x.lost || !x.resuming && count < uint32(len(x.uids))
}

// Expunged implements imapconn.Mailbox.
func (x *index) Expunged(seqNum uint32) {
	if x.resuming || seqNum == 0 || seqNum > x.exists {
		x.lost = true // while resuming, a sequence number means nothing here
	}
	if x.lost {
		return
	}
	x.exists--
	if i := int(seqNum) - 1; i < len(x.uids) {
		x.remove(i)
	}
}

// maxMoved bounds how many messages may be moved, one by one, for those between
// them that are removed in one exchange. Reading the mailbox anew is cheaper then.
const maxMoved = 20_000_000

// remove removes the message at a position: those before it or those behind it move,
// whichever are fewer.
func (x *index) remove(i int) {
	if x.moved += min(i, len(x.uids)-i); x.moved > maxMoved {
		x.lost = true
		return
	}
	x.count(x.flags[i], -1)
	if i < len(x.uids)/2 {
		copy(x.uids[1:], x.uids[:i])
		copy(x.flags[1:], x.flags[:i])
		x.uids, x.flags = x.uids[1:], x.flags[1:]
	} else {
		x.uids = slices.Delete(x.uids, i, i+1)
		x.flags = slices.Delete(x.flags, i, i+1)
	}
	x.changes++
	x.removals++
}

// Vanished implements imapconn.Mailbox. UIDs that are not known are of messages
// that came and went unseen, if they were told of at all.
func (x *index) Vanished(uids imap.UIDSet, earlier bool) {
	before, last := len(x.uids), x.lastUID()
	slices.SortFunc(uids, compareRanges) // a server may name them in any order
	if len(uids) == 1 && uids[0].Start == uids[0].Stop {
		if i, found := x.find(uint32(uids[0].Start)); found {
			x.remove(i)
		}
	} else {
		x.keep(func(uid uint32) bool { return !uids.Contains(imap.UID(uid)) })
	}
	if earlier {
		return
	}
	gone := uint64(before - len(x.uids))
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
	x.lost = x.lost || !x.resuming && x.unknown() < 0
}

func compareRanges(a, b imap.UIDRange) int { return cmp.Compare(a.Start, b.Start) }

// Flagged implements imapconn.Mailbox.
func (x *index) Flagged(seqNum uint32, uid imap.UID, flags []imap.Flag, modSeq uint64) {
	x.seen = max(x.seen, modSeq)
	i := int(seqNum) - 1
	if x.resuming {
		// Sequence numbers are those of the mailbox as it is now.
		x.lost = x.lost || uid == 0
		if at, found := x.find(uint32(uid)); found {
			x.set(at, newFlagSet(flags))
		}
		return
	}
	switch {
	case seqNum == 0:
		x.lost = true
	case i < len(x.uids) && (uid == 0 || uint32(uid) == x.uids[i]):
		x.set(i, newFlagSet(flags))
	case i < len(x.uids):
		x.lost = true
	case uint32(uid) <= x.lastUID() || i > len(x.uids) && !x.reading:
		// Of a message that is not known yet; its flags come with its UID.
	default:
		x.standIn(uint32(i))
		if x.lost = x.lost || uint32(uid) <= x.lastUID(); x.lost {
			return
		}
		x.add(uint32(uid), newFlagSet(flags))
		x.exists = max(x.exists, seqNum)
	}
}

// add adds a message at the end.
func (x *index) add(uid uint32, flags flagSet) {
	x.uids = append(x.uids, uid)
	x.flags = append(x.flags, flags)
	x.count(flags, 1)
	x.changes++
}

// set changes the flags of the message at a position.
func (x *index) set(i int, flags flagSet) {
	if x.flags[i] == flags {
		return
	}
	x.count(x.flags[i], -1)
	x.count(flags, 1)
	x.flags[i] = flags
	x.changes++
}

// count adds a message with such flags to the counts, or takes it off.
func (x *index) count(flags flagSet, by int) {
	if flags&flagSeen == 0 {
		x.unread += by
	}
	if flags&flagFlagged != 0 {
		x.flagged += by
	}
	if flags&flagDeleted != 0 {
		x.deleted += by
	}
}

// keep removes the messages whose UIDs are not wanted. It asks for them in
// ascending order.
func (x *index) keep(wanted func(uid uint32) bool) {
	kept := 0
	for i, uid := range x.uids {
		if !wanted(uid) {
			x.count(x.flags[i], -1)
			continue
		}
		x.uids[kept], x.flags[kept] = uid, x.flags[i]
		kept++
	}
	if gone := len(x.uids) - kept; gone > 0 {
		x.uids, x.flags = x.uids[:kept], x.flags[:kept]
		x.changes++
		x.removals += uint64(gone)
	}
}

// keepOnly removes the messages that are not in a set.
func (x *index) keepOnly(uids imap.UIDSet) {
	slices.SortFunc(uids, compareRanges)
	at := 0
	x.keep(func(uid uint32) bool {
		for at < len(uids) && uint32(uids[at].Stop) < uid {
			at++
		}
		return at < len(uids) && uint32(uids[at].Start) <= uid
	})
}

// maxStandIns bounds the messages that the server does not show, and whose
// places are kept all the same.
const maxStandIns = 1000

// standIn puts entries in the places, up to a number of messages, of those that
// the server announced and sent nothing readable of. So those behind them keep
// theirs. Opened, they are not found.
func (x *index) standIn(count uint32) {
	if missing := int(count) - len(x.uids); missing > maxStandIns || uint64(x.lastUID())+uint64(max(0, missing)) > math.MaxUint32 {
		x.lost = true
		return
	}
	for uint32(len(x.uids)) < count {
		x.add(x.lastUID()+1, 0)
	}
}

// unknown counts the messages of which no UID is known.
func (x *index) unknown() int { return int(x.exists) - len(x.uids) }

// settled tells that everything which the server had to say was said: the index
// has all changes up to the highest mod-sequence that came.
func (x *index) settled() {
	if x.lost {
		return
	}
	x.asOf, x.moved = time.Now(), 0
	if x.modSeq > 0 {
		x.modSeq = max(x.modSeq, x.seen)
	}
}

// find returns the position of a UID, or where it would stand.
func (x *index) find(uid uint32) (int, bool) { return slices.BinarySearch(x.uids, uid) }

// lastUID is the highest UID, 0 when the mailbox is empty.
func (x *index) lastUID() uint32 {
	if len(x.uids) == 0 {
		return 0
	}
	return x.uids[len(x.uids)-1]
}

// id names a message of this mailbox.
func (x *index) id(uid uint32) api.MessageID {
	return api.MessageID{Mailbox: x.mailbox, UIDValidity: x.uidValidity, UID: uid}
}

// idOf is the same, nil for 0.
func (x *index) idOf(uid uint32) *api.MessageID {
	if uid == 0 {
		return nil
	}
	id := x.id(uid)
	return &id
}
