package account

import (
	"context"
	"time"

	"alphamail/node/api"
)

const (
	// aheadDelay is how long nothing is fetched in advance after an answer: the
	// page asks for more itself, such as the HTML of a message.
	aheadDelay = 150 * time.Millisecond
	// maxAhead is the size of the largest message fetched in advance, in bytes.
	maxAhead = 128 << 10
)

// afterPage fetches the rows of the next page in advance. The caller has the
// turn.
func (a *Account) afterPage(l *listing, page, pages int) {
	if page == pages || !a.quiet() {
		return
	}
	next := *l
	next.page = page + 1
	uids, _, _ := next.window(a.selected)
	// Three rows tell well enough whether the page is known; all would cost as much
	// as the answer.
	probe := []uint32{uids[0], uids[len(uids)/2], uids[len(uids)-1]}
	if _, complete := a.recall(a.selected, probe); complete {
		return
	}
	a.ahead(a.selected, func(ctx context.Context) error {
		if !a.selected.isSorted(next.order) {
			return nil
		}
		uids, _, _ := next.window(a.selected)
		records, complete := a.recall(a.selected, uids)
		if complete {
			return nil
		}
		_, err := a.foregroundRows().complete(ctx, uids, records)
		return err
	})
}

// afterMessage fetches the neighbours of a message in advance, the older one
// first. The caller has the turn.
func (a *Account) afterMessage(i int) {
	if !a.quiet() {
		return
	}
	x := a.selected
	var work []func(context.Context) error
	for _, at := range []int{i - 1, i + 1} {
		if at < 0 || at >= len(x.uids) {
			continue
		}
		id := x.id(x.uids[at])
		_, known := recallView[api.MessageAnswer](a, kindView, id)
		held := a.block(x, blockNumber(id.UID))
		if !known && held != nil && held[id.UID%blockSize] != nil && held[id.UID%blockSize].size <= maxAhead {
			work = append(work, func(ctx context.Context) error {
				_, err := a.view(ctx, id)
				return err
			})
		}
	}
	a.ahead(x, work...)
}

// ahead runs work that nobody waits for, a little later, one piece after the
// other: as long as the mailbox is still selected, nobody has the turn, and the
// node is quiet. Otherwise it is dropped. The caller has the turn.
func (a *Account) ahead(x *index, work ...func(context.Context) error) {
	if len(work) == 0 || a.closed || !a.quiet() || !a.prefetching.CompareAndSwap(false, true) {
		return
	}
	a.inBackground(func() { // ends by itself, or when the account is closed
		defer a.prefetching.Store(false)
		timer := time.NewTimer(aheadDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-a.closing.Done():
		}
		for _, piece := range work {
			if !a.tryTurn(func() bool {
				return !a.closed && a.quiet() && a.connected() && a.selected == x && !x.lost && a.unasked(piece)
			}) {
				return
			}
		}
	})
}

// tryTurn runs work with the turn if nobody has it, and reports what it returns.
func (a *Account) tryTurn(work func() bool) bool {
	select {
	case a.turn <- struct{}{}:
	default:
		return false
	}
	defer func() { <-a.turn }()
	return work()
}

// unasked runs work that nobody has asked for; false if it failed.
func (a *Account) unasked(work func(context.Context) error) bool {
	err := work(a.closing)
	if err != nil {
		a.log.Debug("what nobody has asked for failed", "error", err)
	}
	return err == nil
}

func (a *Account) quiet() bool { return a.config.Quiet != nil && a.config.Quiet() }
