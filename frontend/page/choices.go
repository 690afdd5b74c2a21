package page

import (
	"bytes"
	"context"
	"io"

	"alphamail/node/api"
)

// choices are the ways to show a list, as links to the same list shown so. They
// are shut until somebody wants them. They stand on the hottest page, and a
// template takes ten times as long for as many links, so they are written by
// hand; choices is a templ.Component.
type choices struct {
	view
	list *api.MailboxAnswer
}

// Render writes the choices. One keeps the others that were made and begins at
// the first page; another order begins in its own direction.
func (c choices) Render(_ context.Context, w io.Writer) error {
	now := listOf(c.list)
	now.Page = 1
	to := append(make([]byte, 0, 4096), `<details class="choices"><summary class="button plain">`...)
	to = append(to, iconChoose...)
	to = append(to, ` <span class="words">`...)
	to = appendEscaped(to, c.ChoicesLabel)
	to = append(to, `</span></summary><nav aria-label="`...)
	to = appendEscaped(to, c.ChoicesLabel)
	to = append(to, `">`...)

	to = appendGroup(to, "choose-filter", c.ShowLabel)
	for _, filter := range [...]api.Filter{api.FilterNone, api.FilterUnread, api.FilterFlagged} {
		q := now
		q.Filter = filter
		to = c.appendChoice(to, c.filterName(filter), &q, filter == now.Filter)
	}

	to = append(to, `</div>`...)
	to = appendGroup(to, "choose-order", c.SortLabel)
	for _, order := range [...]api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize} {
		if order == api.OrderSender && isOutgoing(&c.list.Folder) && order != now.Order {
			continue // one and the same sender
		}
		q := now
		if order != now.Order {
			q.Order, q.Reverse = order, false
		}
		name, _, _ := c.orderWords(order)
		to = c.appendChoice(to, name, &q, order == now.Order)
	}

	to = append(to, `</div>`...)
	to = appendGroup(to, "choose-direction", c.DirectionLabel)
	_, forth, back := c.orderWords(now.Order)
	straight, reverse := now, now
	straight.Reverse, reverse.Reverse = false, true
	to = c.appendChoice(to, forth, &straight, !now.Reverse)
	to = c.appendChoice(to, back, &reverse, now.Reverse)
	_, err := w.Write(append(to, `</div></nav></details>`...))
	return err
}

// appendGroup begins a group of choices of which one is always taken.
func appendGroup(to []byte, id, label string) []byte {
	to = append(to, `<div role="group" aria-labelledby="`...)
	to = append(to, id...)
	to = append(to, `"><span class="quiet" id="`...)
	to = append(to, id...)
	to = append(to, `">`...)
	to = appendEscaped(to, label)
	return append(to, `</span><span class="spoken" aria-hidden="true">:</span>`...)
}

// appendChoice writes a choice. The one that is taken has a sign, because text
// browsers know neither styles nor the state of a link; they also need to see
// where a link ends.
func (c choices) appendChoice(to []byte, label string, q *api.MailboxQuestion, taken bool) []byte {
	var scratch [256]byte
	if bytes.HasSuffix(to, []byte(`</a>`)) {
		to = append(to, `<span class="spoken" aria-hidden="true">`...)
		to = appendEscaped(to, c.ListSeparator)
		to = append(to, `</span>`...)
	}
	c.leaveOutUsual(q)
	to = append(to, ` <a href="`...)
	to = appendEscaped(to, appendListURL(scratch[:0], q))
	if taken {
		to = append(to, `" aria-current="true"><span aria-hidden="true">✓</span> `...)
	} else {
		to = append(to, `">`...)
	}
	to = appendEscaped(to, label)
	return append(to, `</a>`...)
}

func (l *locale) filterName(filter api.Filter) string {
	switch filter {
	case api.FilterUnread:
		return l.FilterUnread
	case api.FilterFlagged:
		return l.FilterFlagged
	}
	return l.FilterAll
}

// orderWords are the name of an order and what its two directions are called.
func (l *locale) orderWords(order api.Order) (name, forth, back string) {
	switch order {
	case api.OrderDate:
		return l.OrderDate, l.NewestFirst, l.OldestFirst
	case api.OrderSender:
		return l.OrderSender, l.AToZ, l.ZToA
	case api.OrderSubject:
		return l.OrderSubject, l.AToZ, l.ZToA
	case api.OrderSize:
		return l.OrderSize, l.LargestFirst, l.SmallestFirst
	}
	return l.OrderArrival, l.NewestFirst, l.OldestFirst
}

// chosen says in which way a list is not shown as usual.
func (v view) chosen(p *api.MailboxAnswer) []string {
	l := v.locale
	said := make([]string, 0, 2)
	switch p.Filter {
	case api.FilterUnread:
		said = append(said, l.OnlyUnread)
	case api.FilterFlagged:
		said = append(said, l.OnlyFlagged)
	}
	if !v.isUsualOrder(p.Order, p.Reverse) {
		said = append(said, l.sorted(p.Order, p.Reverse))
	}
	return said
}

func (l *locale) sorted(order api.Order, reverse bool) string {
	forth, back := l.NewestFirst, l.OldestFirst
	switch order {
	case api.OrderDate:
		forth, back = l.ByDate, l.ByDateReverse
	case api.OrderSender:
		forth, back = l.BySender, l.BySenderReverse
	case api.OrderSubject:
		forth, back = l.BySubject, l.BySubjectReverse
	case api.OrderSize:
		forth, back = l.BySize, l.BySizeReverse
	}
	if reverse {
		return back
	}
	return forth
}

// pagerWords name the links to other pages of a list.
type pagerWords struct{ first, previous, next, last string }

// pagerWords are of time only where the list is ordered by time.
func (l *locale) pagerWords(p *api.MailboxAnswer) pagerWords {
	switch {
	case p.Order != api.OrderArrival && p.Order != api.OrderDate:
		return pagerWords{l.First, l.Previous, l.Next, l.Last}
	case p.Reverse:
		return pagerWords{l.Oldest, l.Older, l.Newer, l.Newest}
	}
	return pagerWords{l.Newest, l.Newer, l.Older, l.Oldest}
}

// emptyList says that there is nothing to list.
func (l *locale) emptyList(p *api.MailboxAnswer) string {
	switch p.Filter {
	case api.FilterUnread:
		return l.NoUnread
	case api.FilterFlagged:
		return l.NoFlagged
	}
	return l.EmptyFolder
}
