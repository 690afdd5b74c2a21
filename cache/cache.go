// Package cache is a byte-bounded, compressed, sharded store of values that can
// be made again. It knows no mail.
//
// Values are compressed with zstd where that helps. What an entry costs (its
// stored bytes, its key, and the store's own bookkeeping) is counted against
// the budget, which is never exceeded.
//
// Eviction is SIEVE with a small counter: new entries enter at the head of one
// queue per shard; a hand moves from the tail towards the head, takes a life
// from each entry that was read since, and evicts the first one without any. So
// what is read often survives a scan over what is read once, and a read only
// sets a counter. An owner that holds more than its share of a full shard is
// given no lives, so that one large mailbox does not push out everybody else.
package cache

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// Config bounds a cache.
type Config struct {
	// Budget is the bytes that all entries may cost together. Default 256 MiB.
	Budget int64
	// Shards is the number of independent parts, each with a lock and an equal
	// share of the budget. Default 16.
	Shards int
	// OwnerShare is the largest part of a full cache that one owner's entries
	// may claim against others, 0 to 1. Default 0.25.
	OwnerShare float64
}

const (
	defaultBudget     = 256 << 20
	defaultShards     = 16
	defaultOwnerShare = 0.25

	// entryCost is the bookkeeping of an entry: its struct, map slot, headers.
	entryCost = 176
	// compressFrom is the size from which compression is tried.
	compressFrom = 128
	// maxValue bounds a decompressed value, against damaged memory as much as
	// against a value that would fill the cache alone.
	maxValue = 64 << 20
	// maxLives is how many rounds of the hand a popular entry survives unread.
	maxLives = 3
)

// Validate tells what is out of range. Zero values are replaced by defaults.
func (c Config) Validate() error {
	var problems []error
	if c.Budget < 0 || c.Budget > 0 && c.Budget < 1<<20 {
		problems = append(problems, fmt.Errorf("cache: a budget of %d bytes is below 1 MiB", c.Budget))
	}
	if c.Shards < 0 || c.Shards > 1024 {
		problems = append(problems, fmt.Errorf("cache: %d shards", c.Shards))
	}
	if c.OwnerShare < 0 || c.OwnerShare > 1 {
		problems = append(problems, fmt.Errorf("cache: an owner's share of %v", c.OwnerShare))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if c.Budget == 0 {
		c.Budget = defaultBudget
	}
	if c.Shards == 0 {
		c.Shards = defaultShards
	}
	if c.OwnerShare == 0 {
		c.OwnerShare = defaultOwnerShare
	}
	return c
}

// Cache is the store. Its methods are safe for concurrent use.
type Cache struct {
	budget  int64
	shards  []*shard
	encoder *zstd.Encoder
	decoder *zstd.Decoder

	hits, misses, evictions atomic.Int64
}

// Stats are the figures of a cache at one moment.
type Stats struct {
	Hits, Misses, Evictions int64
	Entries                 int
	// Bytes is what all entries cost; RawBytes what the values would be
	// without compression; Budget the limit of Bytes.
	Bytes, RawBytes, Budget int64
}

// New makes an empty cache and registers its metrics.
func New(config Config, set *metrics.Set) (*Cache, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	c := &Cache{budget: config.Budget}
	var err error
	// One encoder and one decoder serve everybody: each keeps as many states as
	// there are processors, not as there are users.
	if c.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithEncoderCRC(true)); err != nil {
		return nil, err
	}
	if c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxValue)); err != nil {
		return nil, err
	}
	for range config.Shards {
		share := config.Budget / int64(config.Shards)
		c.shards = append(c.shards, newShard(share, int64(float64(share)*config.OwnerShare)))
	}
	c.register(set)
	return c, nil
}

func (c *Cache) register(set *metrics.Set) {
	gauge := func(name string, value func(Stats) float64) {
		set.NewGauge(name, func() float64 { return value(c.Stats()) })
	}
	gauge("alphamail_cache_hits_total", func(s Stats) float64 { return float64(s.Hits) })
	gauge("alphamail_cache_misses_total", func(s Stats) float64 { return float64(s.Misses) })
	gauge("alphamail_cache_evictions_total", func(s Stats) float64 { return float64(s.Evictions) })
	gauge("alphamail_cache_entries", func(s Stats) float64 { return float64(s.Entries) })
	gauge("alphamail_cache_bytes", func(s Stats) float64 { return float64(s.Bytes) })
	gauge("alphamail_cache_raw_bytes", func(s Stats) float64 { return float64(s.RawBytes) })
	gauge("alphamail_cache_budget_bytes", func(s Stats) float64 { return float64(s.Budget) })
}

func (c *Cache) shard(owner, key string) *shard {
	var hash xxhash.Digest
	hash.Reset()
	hash.WriteString(owner)
	hash.Write([]byte{0})
	hash.WriteString(key)
	return c.shards[hash.Sum64()%uint64(len(c.shards))]
}

// Get returns a copy of a value; false when it is not there.
func (c *Cache) Get(owner, key string) ([]byte, bool) {
	found, ok := c.shard(owner, key).get(entryKey{owner, key})
	if !ok {
		c.misses.Add(1)
		return nil, false
	}
	value, err := c.unpack(found)
	if err != nil {
		c.misses.Add(1)
		return nil, false
	}
	c.hits.Add(1)
	return value, true
}

// Put keeps a value for an owner, unless it is too large to keep. The caller
// may use the value afterwards.
func (c *Cache) Put(owner, key string, value []byte) {
	if len(value) > maxValue {
		return
	}
	evicted := c.shard(owner, key).put(entryKey{owner, key}, c.pack(value))
	c.evictions.Add(int64(evicted))
}

// Stats adds up the figures of all shards.
func (c *Cache) Stats() Stats {
	stats := Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Evictions: c.evictions.Load(), Budget: c.budget}
	for _, s := range c.shards {
		s.mu.Lock()
		stats.Entries += len(s.entries)
		stats.Bytes += s.bytes
		stats.RawBytes += s.rawBytes
		s.mu.Unlock()
	}
	return stats
}

// packed is a value as it is stored. Its data is never changed.
type packed struct {
	data       []byte
	rawSize    int
	compressed bool
}

func (c *Cache) pack(value []byte) packed {
	if len(value) >= compressFrom {
		if small := c.encoder.EncodeAll(value, make([]byte, 0, len(value)/2)); len(small) < len(value)*9/10 {
			return packed{append(make([]byte, 0, len(small)), small...), len(value), true}
		}
	}
	return packed{append(make([]byte, 0, len(value)), value...), len(value), false}
}

func (c *Cache) unpack(p packed) ([]byte, error) {
	if !p.compressed {
		return append(make([]byte, 0, len(p.data)), p.data...), nil
	}
	return c.decoder.DecodeAll(p.data, make([]byte, 0, p.rawSize))
}

// shard is an independent part of the cache.
type shard struct {
	budget, ownerBudget int64

	mu              sync.Mutex // guards everything below; nothing slow happens while it is held
	entries         map[entryKey]*entry
	owners          map[string]int64 // owner → bytes of its entries
	head, tail      *entry
	hand            *entry // where eviction goes on; nil means at the tail
	bytes, rawBytes int64
}

type entryKey struct{ owner, key string }

type entry struct {
	entryKey
	packed
	lives      int8
	prev, next *entry // prev is nearer to the head
}

func (e *entry) cost() int64 {
	return int64(cap(e.data)+len(e.key)+len(e.owner)) + entryCost
}

func newShard(budget, ownerBudget int64) *shard {
	return &shard{budget: budget, ownerBudget: ownerBudget, entries: map[entryKey]*entry{}, owners: map[string]int64{}}
}

func (s *shard) get(key entryKey) (packed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.entries[key]
	if found == nil {
		return packed{}, false
	}
	found.lives = min(found.lives+1, maxLives)
	return found.packed, true
}

// put adds or replaces an entry and returns how many were evicted for it.
func (s *shard) put(key entryKey, value packed) (evicted int) {
	added := &entry{entryKey: key, packed: value}
	if added.cost() > s.budget/2 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[key]; old != nil {
		added.lives = old.lives
		s.remove(old)
	}
	for s.bytes+added.cost() > s.budget {
		s.evict()
		evicted++
	}
	s.entries[key] = added
	s.bytes += added.cost()
	s.rawBytes += int64(added.rawSize)
	s.owners[key.owner] += added.cost()
	if added.next = s.head; s.head != nil {
		s.head.prev = added
	} else {
		s.tail = added
	}
	s.head = added
	return evicted
}

// evict removes one entry. There is at least one.
func (s *shard) evict() {
	candidate := s.hand
	if candidate == nil {
		candidate = s.tail
	}
	for candidate.lives > 0 && s.owners[candidate.owner] <= s.ownerBudget {
		candidate.lives--
		if candidate = candidate.prev; candidate == nil {
			candidate = s.tail
		}
	}
	s.hand = candidate.prev
	s.remove(candidate)
}

func (s *shard) remove(e *entry) {
	delete(s.entries, e.entryKey)
	s.bytes -= e.cost()
	s.rawBytes -= int64(e.rawSize)
	if s.owners[e.owner] -= e.cost(); s.owners[e.owner] == 0 {
		delete(s.owners, e.owner)
	}
	if s.hand == e {
		s.hand = e.prev
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		s.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		s.tail = e.prev
	}
	e.prev, e.next = nil, nil
}
