package account

import (
	"slices"

	"alphamail/node/api"
)

// selector says which list of a mailbox is meant.
type selector struct {
	order  api.Order
	filter api.Filter
}

// lists are the messages of a mailbox in the order and with the filter asked for
// last. Arrival and its filters follow from the index; another order comes from
// the mail server, or is worked out of what it says (see sorting).
type lists struct {
	sorted struct {
		order api.Order
		uids  []uint32 // ascending
		// What of the index it was made of.
		lastUID  uint32
		removals uint64
	}
	filtered struct {
		selector
		uids    []uint32
		changes uint64 // of the index it was made of
	}
}

// isSorted tells whether the index has a valid order.
func (x *index) isSorted(order api.Order) bool {
	sorted := &x.lists.sorted
	return order == api.OrderArrival || len(x.uids) == 0 || sorted.order == order && sorted.lastUID == x.lastUID()
}

// sort gives the index an order: the UIDs of its messages, ascending. It reports
// false if some are missing, unless those may be put first.
func (x *index) sort(order api.Order, uids []uint32, missingFirst bool) bool {
	placed := make([]bool, len(x.uids))
	uids = slices.DeleteFunc(uids, func(uid uint32) bool {
		i, found := x.find(uid)
		if !found || placed[i] {
			return true
		}
		placed[i] = true
		return false
	})
	if len(uids) != len(x.uids) {
		if !missingFirst {
			return false
		}
		var missing []uint32
		for i, uid := range x.uids {
			if !placed[i] {
				missing = append(missing, uid)
			}
		}
		uids = append(missing, uids...)
	}
	sorted := &x.lists.sorted
	sorted.order, sorted.uids, sorted.lastUID, sorted.removals = order, uids, x.lastUID(), x.removals
	x.lists.filtered.uids = nil
	return true
}

// list returns the UIDs of a list, ascending. They are not to be changed. Its
// order must be valid.
func (x *index) list(s selector) []uint32 {
	if s.filter == api.FilterNone {
		return x.ordered(s.order)
	}
	filtered := &x.lists.filtered
	if filtered.uids != nil && filtered.selector == s && filtered.changes == x.changes {
		return filtered.uids
	}
	left := make([]uint32, 0, x.matching(s.filter))
	for i, uid := range x.ordered(s.order) {
		if s.order != api.OrderArrival {
			i, _ = x.find(uid)
		}
		if matches(x.flags[i], s.filter) {
			left = append(left, uid)
		}
	}
	filtered.selector, filtered.uids, filtered.changes = s, left, x.changes
	return left
}

// ordered returns all UIDs in a valid order.
func (x *index) ordered(order api.Order) []uint32 {
	if order == api.OrderArrival {
		return x.uids
	}
	sorted := &x.lists.sorted
	if sorted.removals != x.removals {
		sorted.uids = slices.DeleteFunc(sorted.uids, func(uid uint32) bool { _, found := x.find(uid); return !found })
		sorted.removals = x.removals
	}
	return sorted.uids
}

func matches(flags flagSet, filter api.Filter) bool {
	switch filter {
	case api.FilterUnread:
		return flags&flagSeen == 0
	case api.FilterFlagged:
		return flags&flagFlagged != 0
	}
	return true
}

// matching counts the messages that a filter leaves.
func (x *index) matching(filter api.Filter) int {
	switch filter {
	case api.FilterUnread:
		return x.unread
	case api.FilterFlagged:
		return x.flagged
	}
	return len(x.uids)
}

// descends tells whether the rows of an order go from the end of the list.
func descends(order api.Order, reverse bool) bool {
	switch order {
	case api.OrderSender, api.OrderSubject:
		return reverse
	}
	return !reverse
}

// window returns a page of a list, the first row first, and which page of how
// many it is. A page past the end is the last one.
func window(list []uint32, descending bool, number, size int) (rows []uint32, page, pages int) {
	pages = max(1, (len(list)+size-1)/size)
	page = min(max(1, number), pages)
	from, to := (page-1)*size, min(page*size, len(list))
	if !descending {
		return slices.Clone(list[from:to]), page, pages
	}
	rows = slices.Clone(list[len(list)-to : len(list)-from])
	slices.Reverse(rows)
	return rows, page, pages
}
