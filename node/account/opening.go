package account

import (
	"slices"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// opening is a SELECT, and with it what makes the index of the mailbox complete:
// the flags of all messages, or of those that changed since the index was used
// last, where the server counts changes (RFC 7162).
type opening struct {
	index    *index
	resumed  bool // the index was known before
	choose   *imapconn.Select
	left     *imapconn.Search // which of the known messages are left; nil if the server tells by itself
	commands []imapconn.Command
}

// open decides how to open a mailbox. The account is connected.
func (a *Account) open(mailbox string) *opening {
	known := a.indexes.get(mailbox)
	if known == nil || known.modSeq == 0 || !a.conn.Enabled(imap.CapCondStore) && !a.conn.Enabled(imap.CapQResync) {
		o := &opening{index: &index{mailbox: mailbox, reading: true}}
		o.choose = &imapconn.Select{Name: mailbox, Mailbox: o.index}
		o.commands = []imapconn.Command{o.choose, &imapconn.Fetch{UIDs: rangeSet(1, 0), Items: flagItems, Told: true}}
		return o
	}
	known.resuming = true
	o := &opening{index: known, resumed: true, choose: &imapconn.Select{Name: mailbox, Mailbox: known}}
	o.commands = []imapconn.Command{o.choose}
	if a.conn.Enabled(imap.CapQResync) {
		o.choose.Since = &imapconn.Since{UIDValidity: known.uidValidity, ModSeq: known.modSeq}
		return o
	}
	changed := &imapconn.Fetch{UIDs: rangeSet(1, 0), Items: &imap.FetchOptions{Flags: true, ChangedSince: known.modSeq}, Told: true}
	o.left = &imapconn.Search{Criteria: &imap.SearchCriteria{UID: []imap.UIDSet{rangeSet(1, max(1, known.lastUID()))}}, Extended: a.conn.Has(imap.CapESearch)}
	o.commands = append(o.commands, changed, o.left)
	return o
}

// complete finishes the index after the commands succeeded. It reports false if
// what was known of the mailbox is of no use: it has to be opened again.
func (o *opening) complete() bool {
	x := o.index
	data := o.choose.Data
	x.reading, x.resuming = false, false
	x.lost = x.lost || o.choose.Mixed
	if o.resumed {
		if x.lost || data.UIDValidity != x.uidValidity || data.HighestModSeq < x.modSeq {
			return false
		}
		if o.left != nil {
			x.keepOnly(o.left.UIDs)
		}
		if x.unknown() < 0 {
			return false
		}
	}
	x.uidValidity, x.modSeq, x.seen = data.UIDValidity, data.HighestModSeq, data.HighestModSeq
	x.keywords = slices.Contains(data.PermanentFlags, imap.FlagWildcard)
	x.settled()
	return true
}
