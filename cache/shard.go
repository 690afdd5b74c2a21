package cache

import (
	"strings"
	"sync"
)

// shard is an independent part of the cache.
//
// Its eviction is SIEVE (Zhang et al., NSDI 2024) with a small counter in place
// of the single bit. All entries stand in one queue in the order of their
// arrival. A hand walks from the oldest towards the newest and then begins
// again; it takes a life from each entry that has one and evicts the first that
// has none. Each read gives a life, up to maxLives. So
//
//   - what is read often outlives what was read once, and what was never read
//     goes the first time the hand comes by: a walk through a large mailbox
//     does not wash out what people come back to;
//   - a read sets a counter and moves nothing, unlike LRU;
//   - it needs no table of keys that are gone, unlike S3-FIFO or ARC, which
//     would cost as much as the small records it serves.
//
// An owner that reaches its share of a full shard makes room among its own
// entries, oldest first by the same rule of lives. An owner that holds more than
// its share, because the shard was not full before, has no lives to offer: its
// entries go first as the hand comes by.
type shard struct {
	budget, ownerBudget int64

	// mu guards everything below. Nothing is compressed, copied or waited for
	// while it is held.
	mu       sync.Mutex
	owners   map[string]*owner
	entries  map[entryKey]*entry
	arrivals queue
	hand     *entry // the next candidate; nil means the oldest
	bytes    int64
	rawBytes int64
}

// owner is what one owner has in a shard. It is there while it has entries.
type owner struct {
	name    string
	entries queue
	bytes   int64
}

type entryKey struct {
	owner *owner
	key   string
}

// entry is linked into two queues: all of the shard, and those of its owner.
type entry struct {
	entryKey
	packed
	lives int8
	links [2]struct{ older, newer *entry }
}

const (
	// maxLives is how many rounds of the hand a popular entry survives unread.
	maxLives = 3
	// handReach bounds how many entries the hand looks at for one eviction, so
	// that nobody waits long for the lock when everything is popular.
	handReach = 1000

	// entryCost is the memory of an entry besides data and key: the struct of 96
	// bytes, and a slot of a table that may just have doubled. ownerCost is the
	// same for an owner. A test holds both against the heap.
	entryCost = 96 + 104
	ownerCost = 64 + 96
)

func newShard(budget, ownerBudget int64) *shard {
	return &shard{
		budget: budget, ownerBudget: ownerBudget,
		owners: map[string]*owner{}, entries: map[entryKey]*entry{}, arrivals: queue{by: byArrival},
	}
}

func (e *entry) cost() int64 {
	return int64(cap(e.data)+len(e.key)) + entryCost
}

func (o *owner) cost() int64 {
	return int64(len(o.name)) + ownerCost
}

func (s *shard) find(ownerName, key string) *entry {
	owner := s.owners[ownerName]
	if owner == nil {
		return nil
	}
	return s.entries[entryKey{owner, key}]
}

func (s *shard) get(ownerName, key string) (packed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(ownerName, key)
	if found == nil {
		return packed{}, false
	}
	found.lives = min(found.lives+1, maxLives)
	return found.packed, true
}

// put adds or replaces an entry and returns how many were evicted for it.
func (s *shard) put(ownerName, key string, value packed) (evicted int) {
	// A clone keeps no larger string alive than the one that is counted.
	added := &entry{entryKey: entryKey{key: strings.Clone(key)}, packed: value}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.find(ownerName, key); old != nil {
		added.lives = old.lives
		s.remove(old)
	}
	room := added.cost() + (&owner{name: ownerName}).cost()
	if room > s.budget/2 {
		return 0
	}
	for ; s.bytes+room > s.budget; evicted++ {
		if holder := s.owners[ownerName]; holder != nil && holder.bytes+added.cost() > s.ownerBudget {
			s.remove(holder.victim())
		} else {
			s.remove(s.victim())
		}
	}
	s.add(ownerName, added)
	return evicted
}

func (s *shard) add(ownerName string, e *entry) {
	if e.owner = s.owners[ownerName]; e.owner == nil {
		e.owner = &owner{name: strings.Clone(ownerName), entries: queue{by: byOwner}}
		s.owners[e.owner.name] = e.owner
		s.bytes += e.owner.cost()
	}
	s.entries[e.entryKey] = e
	s.arrivals.push(e)
	e.owner.entries.push(e)
	e.owner.bytes += e.cost()
	s.bytes += e.cost()
	s.rawBytes += int64(e.rawSize)
}

func (s *shard) remove(e *entry) {
	if s.hand == e {
		s.hand = e.links[byArrival].newer
	}
	delete(s.entries, e.entryKey)
	s.arrivals.remove(e)
	e.owner.entries.remove(e)
	e.owner.bytes -= e.cost()
	s.bytes -= e.cost()
	s.rawBytes -= int64(e.rawSize)
	if e.owner.entries.oldest == nil {
		delete(s.owners, e.owner.name)
		s.bytes -= e.owner.cost()
	}
}

// victim moves the hand to the next entry to evict. There is at least one.
func (s *shard) victim() *entry {
	candidate := s.hand
	for range handReach {
		if candidate == nil {
			candidate = s.arrivals.oldest
		}
		if candidate.lives == 0 || candidate.owner.bytes > s.ownerBudget {
			break
		}
		candidate.lives--
		candidate = candidate.links[byArrival].newer
	}
	if candidate == nil {
		candidate = s.arrivals.oldest
	}
	s.hand = candidate
	return candidate
}

// victim is the owner's own entry to evict. There is at least one.
func (o *owner) victim() *entry {
	candidate := o.entries.oldest
	for range handReach {
		if candidate.lives == 0 {
			break
		}
		candidate.lives--
		o.entries.remove(candidate)
		o.entries.push(candidate)
		candidate = o.entries.oldest
	}
	return candidate
}

func (s *shard) drop(ownerName, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.find(ownerName, key); found != nil {
		s.remove(found)
	}
}

func (s *shard) dropOwner(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner := s.owners[name]; owner != nil {
		for owner.entries.oldest != nil {
			s.remove(owner.entries.oldest)
		}
	}
}

func (s *shard) addTo(stats *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Entries += len(s.entries)
	stats.Bytes += s.bytes
	stats.RawBytes += s.rawBytes
}
