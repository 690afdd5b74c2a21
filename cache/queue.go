package cache

// queue holds entries in the order in which they joined, linked through one of
// their pairs of links, and has a hand that picks whom to relieve next.
type queue struct {
	by             int
	oldest, newest *entry
	hand           *entry // the next candidate; nil means the oldest
}

// The queues that an entry stands in.
const (
	byArrival  = iota // all of a shard
	byOwner           // all of an owner in a shard
	byDecoding        // those of a shard that have a decoded form
	queues
)

// handReach bounds how many entries the hand looks at for one victim, so that
// nobody waits long for the lock when everything is popular.
const handReach = 1000

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
	if q.hand == e {
		q.hand = link.newer
	}
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

// victim moves the hand over entries that are spared, each of which pays for
// that with a life, to the first that is not, and past it. The queue must not
// be empty.
func (q *queue) victim(spare func(*entry) bool) *entry {
	candidate := q.hand
	for range handReach {
		if candidate == nil {
			candidate = q.oldest
		}
		if !spare(candidate) {
			break
		}
		candidate = candidate.links[q.by].newer
	}
	if candidate == nil {
		candidate = q.oldest
	}
	q.hand = candidate.links[q.by].newer
	return candidate
}
