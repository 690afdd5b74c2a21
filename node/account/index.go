package account

import (
	"slices"

	"alphamail/node/api"
	"github.com/emersion/go-imap/v2"
)

// index is what an account knows of the messages of one mailbox: their UIDs and
// flags, ascending by UID, which is the order of arrival. It is plain data; the
// account's connection lock guards it.
type index struct {
	mailbox     string
	uidValidity uint32
	entries     []entry
}

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

// put adds or updates messages. Most arrive in ascending order at the end.
func (x *index) put(entries ...entry) {
	for _, e := range entries {
		if n := len(x.entries); n == 0 || x.entries[n-1].uid < e.uid {
			x.entries = append(x.entries, e)
			continue
		}
		i, found := x.find(e.uid)
		if found {
			x.entries[i] = e
		} else {
			x.entries = slices.Insert(x.entries, i, e)
		}
	}
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
