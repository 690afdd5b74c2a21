package page

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"alphamail/node/api"
)

// errList is the error of ParseList.
var errList = errors.New("not the query of a list page")

// ListURL is the path of the list page that answers a question. What is as usual
// is left out and the parameters have one order, so that a list has one address.
func ListURL(q api.MailboxQuestion) string {
	return string(appendListURL(make([]byte, 0, 128), &q))
}

func appendListURL(to []byte, q *api.MailboxQuestion) []byte {
	to = append(to, "/mail/"...)
	to = appendSegment(to, q.Mailbox)
	path := len(to)
	to = appendListView(to, path, viewIn(q))
	if q.Page > 1 {
		to = appendParameter(to, path, "page", strconv.Itoa(q.Page))
	}
	return to
}

// viewIn says which list a page is of.
func viewIn(q *api.MailboxQuestion) api.ListView {
	return api.ListView{Order: q.Order, Reverse: q.Reverse, Filter: q.Filter}
}

// appendListView adds which list is meant to a query that begins after path.
func appendListView(to []byte, path int, list api.ListView) []byte {
	if list.Search != nil {
		return appendSearch(to, path, list.Search)
	}
	to = appendParameter(to, path, "order", url.QueryEscape(string(list.Order)))
	if list.Reverse {
		to = appendParameter(to, path, "reverse", "1")
	}
	return appendParameter(to, path, "filter", url.QueryEscape(string(list.Filter)))
}

// MessageInURL is the path of a message as one of a list; options are further
// parameters, name=value.
func MessageInURL(id api.MessageID, list api.ListView, options ...string) string {
	return inList(MessageURL(id), list, options...)
}

// inList adds to the path of a page of a message which list it was opened from, so
// that the way leads back there.
func inList(path string, list api.ListView, options ...string) string {
	to := appendListView([]byte(path), len(path), list)
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		to = appendParameter(to, len(path), name, value)
	}
	return string(to)
}

// ListViewURL is the path of a page of the list that a message of a mailbox was
// opened from.
func ListViewURL(mailbox string, list api.ListView, number int) string {
	if list.Search != nil {
		return SearchURL(*list.Search, number)
	}
	return ListURL(api.MailboxQuestion{Mailbox: mailbox, Page: number, Order: list.Order, Reverse: list.Reverse, Filter: list.Filter})
}

// ParseListView reads which list a message was opened from. It returns an error
// where ParseList or ParseSearch does.
func ParseListView(query url.Values) (api.ListView, error) {
	if query.Get("q") != "" {
		search, err := ParseSearch(query)
		return api.ListView{Search: &search}, err
	}
	q, err := ParseList("", query)
	if err != nil {
		return api.ListView{}, err
	}
	return viewIn(q), nil
}

// appendParameter adds to a query that begins after path, unless value is empty.
func appendParameter(to []byte, path int, name, value string) []byte {
	if value == "" {
		return to
	}
	mark := byte('&')
	if len(to) == path {
		mark = '?'
	}
	to = append(append(to, mark), name...)
	return append(append(to, '='), value...)
}

// ParseList reads the query of a list page in any order of its parameters. It
// returns an error for a value that ListURL does not write and for a parameter
// that stands twice; parameters that it does not know are passed over.
func ParseList(mailbox string, query url.Values) (*api.MailboxQuestion, error) {
	q := &api.MailboxQuestion{
		Mailbox: mailbox, Page: 1,
		Order:   api.Order(query.Get("order")),
		Reverse: query.Get("reverse") == "1",
		Filter:  api.Filter(query.Get("filter")),
	}
	for _, name := range [...]string{"order", "reverse", "filter", "page"} {
		if len(query[name]) > 1 {
			return nil, errList
		}
	}
	switch q.Order {
	case api.OrderArrival, api.OrderNewest, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize:
	default:
		return nil, errList
	}
	switch q.Filter {
	case api.FilterNone, api.FilterUnread, api.FilterFlagged:
	default:
		return nil, errList
	}
	if !q.Reverse && query.Get("reverse") != "" {
		return nil, errList
	}
	if text := query.Get("page"); text != "" {
		var err error
		if q.Page, err = strconv.Atoi(text); err != nil || q.Page < 1 {
			return nil, errList
		}
	}
	return q, nil
}

// listOf is the question that a list page answers.
func listOf(p *api.MailboxAnswer) api.MailboxQuestion {
	return api.MailboxQuestion{Mailbox: p.Folder.Mailbox, Page: p.Page, Order: p.Order, Reverse: p.Reverse, Filter: p.Filter}
}

// listAddress is the address of a list with an order that a page names. The one
// that the reader's settings say is left out.
func (v view) listAddress(q api.MailboxQuestion) string {
	v.leaveOutUsual(&q)
	return ListURL(q)
}

func (v view) leaveOutUsual(q *api.MailboxQuestion) {
	switch {
	case v.isUsualOrder(q.Order, q.Reverse):
		q.Order, q.Reverse = "", false
	case q.Order == api.OrderArrival && !q.Reverse:
		q.Order = api.OrderNewest
	}
}

// pageOf is the address of another page of a list.
func (v view) pageOf(p *api.MailboxAnswer, number int) templ.SafeURL {
	q := listOf(p)
	q.Page = number
	return templ.SafeURL(v.listAddress(q))
}

// isUsualOrder tells that an order is the one that the reader's settings say.
func (v view) isUsualOrder(order api.Order, reverse bool) bool {
	return order == v.Settings.Sort && reverse == v.Settings.SortReverse
}

// isUsual tells that a list shows all messages in the usual order.
func (v view) isUsual(p *api.MailboxAnswer) bool {
	return v.isUsualOrder(p.Order, p.Reverse) && p.Filter == api.FilterNone
}

// matching is the number of messages that all pages of a list show together. A
// node of an earlier version does not tell it, and has no filters.
func matching(p *api.MailboxAnswer) int {
	if p.Filter == api.FilterNone {
		return p.Total
	}
	return p.Matching
}
