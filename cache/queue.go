package cache

// queue holds entries in an order, linked through one of their pairs of links.
type queue struct {
	by             int
	oldest, newest *entry
}

// The queues that an entry stands in.
const (
	byArrival = iota
	byOwner
)

// push adds an entry as the newest.
func (q *queue) push(e *entry) {
	e.links[q.by].older = q.newest
	if q.newest != nil {
		q.newest.links[q.by].newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
}

func (q *queue) remove(e *entry) {
	link := &e.links[q.by]
	if link.older != nil {
		link.older.links[q.by].newer = link.newer
	} else {
		q.oldest = link.newer
	}
	if link.newer != nil {
		link.newer.links[q.by].older = link.older
	} else {
		q.newest = link.older
	}
	link.older, link.newer = nil, nil
}
