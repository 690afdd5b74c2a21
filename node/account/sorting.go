package account

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// sortKeys are the orders by the names of RFC 5256, and of RFC 5957 where the
// server knows names to show.
var sortKeys = map[api.Order]string{
	api.OrderDate: "DATE", api.OrderSender: "FROM", api.OrderSubject: "SUBJECT", api.OrderSize: "SIZE",
}

// capSortDisplay is the capability of RFC 5957.
const capSortDisplay imap.Cap = "SORT=DISPLAY"

// sort makes an order of the selected mailbox valid: by SORT, or by keys of all
// messages. Those that are not known are returned, to be fetched.
func (a *Account) sort(ctx context.Context, order api.Order) (*missingKeys, error) {
	for try := range maxSettle {
		x := a.selected
		if x.isSorted(order) {
			return nil, nil
		}
		if !a.conn.Has(imap.CapSort) {
			return a.sortByKeys(order), nil
		}
		by := sortKeys[order]
		if order == api.OrderSender && a.conn.Has(capSortDisplay) {
			by = "DISPLAYFROM"
		}
		sort := &imapconn.Sort{By: by, Criteria: &imap.SearchCriteria{}}
		if err := a.do(ctx, sort); err != nil {
			return nil, err
		}
		uids := make([]uint32, len(sort.UIDs))
		for i, uid := range sort.UIDs {
			uids[i] = uint32(uid)
		}
		if x.sort(order, uids, try == maxSettle-1) {
			return nil, nil
		}
		// Messages came or went meanwhile; or the index is wrong, because the server
		// did not say so.
		x.lost = try == 1
		if _, err := a.ensure(ctx, x.mailbox, true); err != nil {
			return nil, err
		}
	}
	return nil, errUnsortable
}

var errUnsortable = api.NewError(api.CodeBusy, "This folder changes too quickly to be sorted. Please try again.", nil)

// sortByKeys is sort for servers without SORT.
func (a *Account) sortByKeys(order api.Order) *missingKeys {
	x := a.selected
	all, missing := a.keys(x)
	if missing != nil {
		return missing
	}
	slices.SortFunc(all, func(p, q sortable) int { return cmp.Or(compareBy(order, &p, &q), cmp.Compare(p.uid, q.uid)) })
	uids := make([]uint32, len(all))
	for i := range all {
		uids[i] = all[i].uid
	}
	x.sort(order, uids, false)
	return nil
}

func compareBy(order api.Order, p, q *sortable) int {
	switch order {
	case api.OrderDate:
		return cmp.Compare(p.sent, q.sent)
	case api.OrderSize:
		return cmp.Compare(p.size, q.size)
	case api.OrderSender:
		return strings.Compare(p.sender, q.sender)
	case api.OrderSubject:
		return strings.Compare(p.subject, q.subject)
	}
	return 0
}
