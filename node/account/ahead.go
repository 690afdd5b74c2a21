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
	rows := func() (uids []uint32, records []*record, complete bool) {
		uids, _, _ = next.window(a.selected)
		records, complete = a.recall(a.selected, uids)
		return uids, records, complete
	}
	if _, _, complete := rows(); complete {
		return
	}
	a.ahead(l.mailbox, func(ctx context.Context) error {
		if !a.selected.isSorted(next.order) {
			return nil
		}
		uids, records, complete := rows()
		if complete {
			return nil
		}
		_, err := a.fetchRows(ctx, uids, records)
		return err
	})
}

// afterMessage fetches the neighbours of a message in advance, the older one
// first. The caller has the turn.
func (a *Account) afterMessage(i int) {
	if !a.quiet() {
		return
	}
	var neighbours []api.MessageID
	for _, at := range []int{i - 1, i + 1} {
		if at < 0 || at >= len(a.selected.uids) {
			continue
		}
		id := a.selected.id(a.selected.uids[at])
		_, known := recallView[api.MessageAnswer](a, kindView, id)
		held := a.block(a.selected, blockNumber(id.UID))
		if !known && held != nil && held[id.UID%blockSize] != nil && held[id.UID%blockSize].size <= maxAhead {
			neighbours = append(neighbours, id)
		}
	}
	if len(neighbours) == 0 {
		return
	}
	a.ahead(a.selected.mailbox, func(ctx context.Context) error {
		for _, id := range neighbours {
			if _, known := recallView[api.MessageAnswer](a, kindView, id); known {
				continue
			}
			if _, err := a.view(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ahead runs work that nobody waits for, a little later: if the mailbox is still
// selected, nobody has the turn, and the node is quiet. Otherwise it is dropped.
// The caller has the turn.
func (a *Account) ahead(mailbox string, work func(context.Context) error) {
	if a.prefetching || a.closed || !a.quiet() {
		return
	}
	a.prefetching = true
	a.background.Go(func() { // ends by itself, or when the account is closed
		timer := time.NewTimer(aheadDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-a.closing.Done():
		}
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		a.prefetching = false
		if a.closed || !a.quiet() || !a.connected() || a.selected == nil || a.selected.mailbox != mailbox || a.selected.lost {
			return
		}
		if err := work(a.closing); err != nil {
			a.log.Debug("fetching in advance failed", "error", err)
		}
	})
}

func (a *Account) quiet() bool { return a.config.Quiet != nil && a.config.Quiet() }
