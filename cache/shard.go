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
// An entry that has a decoded form loses only that when its turn comes, and
// itself in a later round: the decoded form is large and cheap to make again.
// Decoded forms have a part of the budget, and within it a queue, lives and a
// hand of their own, so that new ones push out old ones and no entry.
//
// An owner that reaches its share of a full shard makes room among its own
// entries by the same rules. An owner that holds more than its share, because
// the shard was not full before, has no lives to offer: its entries go first as
// the hand comes by.
type shard struct {
	budget, ownerBudget, decodedBudget int64

	// mu guards everything below. Nothing is compressed, decoded, copied or
	// waited for while it is held.
	mu       sync.Mutex
	owners   map[string]*owner
	entries  map[uint64]*entry // by hash of owner and key
	arrivals queue
	decoded  queue
	figures  Stats // of this shard, but for Entries, Decodings and Budget
}

// owner is what one owner has in a shard. It is there while it has entries.
type owner struct {
	name    string
	entries queue
	bytes   int64
}

// entry is a value in a shard. Only lives, links and the decoded form change.
type entry struct {
	packed
	owner *owner
	key   string
	hash  uint64

	value        any // the decoded form, or nil
	decodedSize  int64
	lives        int8
	decodedLives int8

	links [queues]struct{ older, newer *entry }
}

const (
	// maxLives is how many rounds of the hand a popular entry survives unread.
	maxLives = 3

	// entryCost is the memory of an entry besides data and key: the struct of
	// 144 bytes, and a slot of a table that may just have doubled. ownerCost is
	// the same for an owner. A test holds both against the heap.
	entryCost = 144 + 56
	ownerCost = 64 + 96
)

func newShard(budget int64, config Config) *shard {
	return &shard{
		budget:        budget,
		ownerBudget:   int64(float64(budget) * config.OwnerShare),
		decodedBudget: int64(float64(budget) * config.DecodedShare),
		owners:        map[string]*owner{},
		entries:       map[uint64]*entry{},
		arrivals:      queue{by: byArrival},
		decoded:       queue{by: byDecoding},
	}
}

// cost is what an entry costs without its decoded form.
func (e *entry) cost() int64 {
	return int64(cap(e.data)+len(e.key)) + entryCost
}

func (o *owner) cost() int64 {
	return int64(len(o.name)) + ownerCost
}

// find compares names, so that two names with one hash cost a miss and never
// give a wrong value.
func (s *shard) find(name name) *entry {
	found := s.entries[name.hash]
	if found == nil || found.key != name.key || found.owner.name != name.owner {
		return nil
	}
	return found
}

// get returns an entry that was read and its decoded form, if it has one.
func (s *shard) get(name name) (found *entry, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found = s.find(name)
	if found == nil {
		s.figures.Misses++
		return nil, nil
	}
	s.figures.Hits++
	found.lives = min(found.lives+1, maxLives)
	if found.value != nil {
		found.decodedLives = min(found.decodedLives+1, maxLives)
	}
	return found, found.value
}

// put adds or replaces an entry. It returns nil when the entry is too large and
// was not kept, the earlier one neither.
func (s *shard) put(name name, data packed) *entry {
	// Clones keep no larger strings alive than those that are counted.
	added := &entry{packed: data, key: strings.Clone(name.key), hash: name.hash}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[name.hash]; old != nil {
		added.lives = old.lives
		s.remove(old)
	}
	room := added.cost() + (&owner{name: name.owner}).cost()
	if room > s.budget/2 {
		return nil
	}
	s.makeRoom(name.owner, room)
	s.add(name.owner, added)
	return added
}

// makeRoom gives up decoded forms and entries until there is room for what an
// owner adds: at most half of the shard.
func (s *shard) makeRoom(ownerName string, room int64) {
	for s.figures.Bytes+room > s.budget {
		var victim *entry
		if holder := s.owners[ownerName]; holder != nil && holder.bytes+room > s.ownerBudget {
			victim = holder.entries.victim(func(e *entry) bool { return spendLife(&e.lives) })
		} else {
			victim = s.arrivals.victim(func(e *entry) bool { return e.owner.bytes <= s.ownerBudget && spendLife(&e.lives) })
		}
		if victim.value != nil {
			s.forgetDecoded(victim)
			continue
		}
		s.remove(victim)
		s.figures.Evictions++
	}
}

// spendLife tells whether there was a life to spend.
func spendLife(lives *int8) bool {
	if *lives == 0 {
		return false
	}
	*lives--
	return true
}

// keepDecoded stores the decoded form of an entry beside it, unless it is too
// large or the entry is no longer there, and returns the form that is shared
// from now on: another reader may have been faster.
func (s *shard) keepDecoded(e *entry, value any, size int64) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.value != nil {
		return e.value
	}
	if value == nil || s.entries[e.hash] != e || size > s.decodedBudget/2 {
		return value
	}
	adder := e.owner
	for s.figures.DecodedBytes+size > s.decodedBudget {
		s.forgetDecoded(s.decoded.victim(func(e *entry) bool {
			return (e.owner == adder || e.owner.bytes <= s.ownerBudget) && spendLife(&e.decodedLives)
		}))
	}
	s.makeRoom(e.owner.name, size)
	if s.entries[e.hash] != e { // it was itself what had to go
		return value
	}
	e.value, e.decodedSize, e.decodedLives = value, size, 0
	s.decoded.push(e)
	s.addDecodedBytes(e, size)
	return value
}

func (s *shard) forgetDecoded(e *entry) {
	s.decoded.remove(e)
	s.addDecodedBytes(e, -e.decodedSize)
	e.value, e.decodedSize = nil, 0
}

func (s *shard) addDecodedBytes(e *entry, size int64) {
	e.owner.bytes += size
	s.figures.Bytes += size
	s.figures.DecodedBytes += size
}

func (s *shard) add(ownerName string, e *entry) {
	if e.owner = s.owners[ownerName]; e.owner == nil {
		e.owner = &owner{name: strings.Clone(ownerName), entries: queue{by: byOwner}}
		s.owners[e.owner.name] = e.owner
		s.figures.Bytes += e.owner.cost()
	}
	s.entries[e.hash] = e
	s.arrivals.push(e)
	e.owner.entries.push(e)
	e.owner.bytes += e.cost()
	s.figures.Bytes += e.cost()
	s.figures.RawBytes += int64(e.rawSize)
}

func (s *shard) remove(e *entry) {
	if e.value != nil {
		s.forgetDecoded(e)
	}
	delete(s.entries, e.hash)
	s.arrivals.remove(e)
	e.owner.entries.remove(e)
	e.owner.bytes -= e.cost()
	s.figures.Bytes -= e.cost()
	s.figures.RawBytes -= int64(e.rawSize)
	if e.owner.entries.oldest == nil {
		delete(s.owners, e.owner.name)
		s.figures.Bytes -= e.owner.cost()
	}
}

func (s *shard) drop(name name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.find(name); found != nil {
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
	stats.Hits += s.figures.Hits
	stats.Misses += s.figures.Misses
	stats.Evictions += s.figures.Evictions
	stats.Entries += len(s.entries)
	stats.Bytes += s.figures.Bytes
	stats.DecodedBytes += s.figures.DecodedBytes
	stats.RawBytes += s.figures.RawBytes
}
