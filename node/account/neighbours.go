package account

import (
	"context"
	"errors"
	"slices"

	"alphamail/node/api"
)

// openedFrom is the list that a message was opened from, with what the settings
// say of it.
func (a *Account) openedFrom(list api.ListView) (*listing, error) {
	if list.Search != nil {
		asked, err := checkSearch(&api.SearchQuestion{Search: *list.Search})
		return &listing{size: a.usualPageSize(), search: &asked}, err
	}
	// Which mailbox it is of does not matter here.
	return newListing(a.asUsual(&api.MailboxQuestion{Mailbox: inbox, Page: 1, Order: list.Order, Reverse: list.Reverse, Filter: list.Filter}))
}

// orderFor makes the order of a list of the selected mailbox valid. If a few keys
// have to be fetched for it, and the caller would do that, it returns which. An
// order that cannot be had is no reason not to show a message.
func (a *Account) orderFor(ctx context.Context, from *listing, fetches bool) (*missingKeys, error) {
	missing, err := a.sort(ctx, from.order)
	switch {
	case isRefusal(err) || errors.Is(err, errUnsortable):
		return nil, nil
	case missing != nil && (!fetches || len(missing.uids) > keysAtOnce):
		return nil, nil
	}
	return missing, err
}

// neighbours returns the UIDs of the messages above and below the one at a position
// of the index, 0 where there is none, and the page that it stands on, or would if
// the filter did not leave it out. Without a valid order there is nothing to tell.
func (l *listing) neighbours(x *index, i int) (above, below uint32, page int) {
	if !x.isSorted(l.order) {
		return 0, 0, 1
	}
	uids, at := x.ordered(l.order), i
	if l.order != api.OrderArrival {
		at = slices.Index(uids, x.uids[i])
	}
	if l.filter == api.FilterNone {
		up, before := -1, at
		if descends(l.order, l.reverse) {
			up, before = 1, len(uids)-1-at
		}
		return uidAt(uids, at+up), uidAt(uids, at-up), before/l.size + 1
	}
	return l.filtered(x, uids, at)
}

// filtered is neighbours in a list with a filter.
func (l *listing) filtered(x *index, uids []uint32, at int) (above, below uint32, page int) {
	before, after := 0, 0 // listed messages at lower and at higher positions
	var lower, higher uint32
	for j, uid := range uids {
		i := j
		if l.order != api.OrderArrival {
			i, _ = x.find(uid)
		}
		if j == at || !matches(x.flags[i], l.filter) {
			continue
		}
		if j < at {
			before, lower = before+1, uid
			continue
		}
		if after++; after == 1 {
			higher = uid
		}
	}
	if descends(l.order, l.reverse) {
		return higher, lower, after/l.size + 1
	}
	return lower, higher, before/l.size + 1
}

// uidAt is a UID of a list; 0 outside of it.
func uidAt(uids []uint32, at int) uint32 {
	if at < 0 || at >= len(uids) {
		return 0
	}
	return uids[at]
}
