// Package cache is a byte-bounded, compressed, sharded store of values that can
// be made again. It knows no mail.
//
// Values belong to owners. An owner's values can be dropped together, and an
// owner that wants more than its share of a full cache makes room among its own
// values, so that one large mailbox does not push out everybody else.
//
// A value is compressed with zstd where that helps. Compression and
// decompression happen outside every lock; the locks guard bookkeeping only.
// What an entry costs (its bytes as the allocator rounds them, its key, its
// place in the tables) counts against the budget, which is never exceeded.
// Working memory comes on top of it: that of the compressor, and what the
// garbage collector leaves lying about, which GOGC and GOMEMLIMIT bound.
//
// Eviction looks at recency and frequency; see shard for how and why.
package cache

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// Config bounds a cache.
type Config struct {
	// Budget is the bytes that all entries may cost together, at least 1 MiB.
	// Default 256 MiB.
	Budget int64
	// Shards is the number of independent parts, each with a lock and an equal
	// part of the budget, 1 to 1024. Default 16.
	Shards int
	// MaxEntry is the size of the largest value kept, in bytes before
	// compression, at most 1 GiB. An entry that costs over half of a shard is
	// not kept either. Default 4 MiB.
	MaxEntry int64
	// OwnerShare is the part of the budget, above 0 and up to 1, that one
	// owner may hold once the cache is full. Default 0.25.
	OwnerShare float64
}

const (
	minBudget         = 1 << 20
	defaultBudget     = 256 << 20
	maxShards         = 1024
	defaultShards     = 16
	maxMaxEntry       = 1 << 30
	defaultMaxEntry   = 4 << 20
	defaultOwnerShare = 0.25

	// compressFrom is the size from which compression is tried: below it, the
	// frame around the compressed bytes eats what they save.
	compressFrom = 128
	// windowSize bounds how far back compression looks. The memory that an
	// encoder keeps grows with it.
	windowSize = 1 << 20
)

// Validate tells what is out of range. Zero values stand for the defaults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	if c.Budget < minBudget {
		problems = append(problems, fmt.Errorf("cache: a budget of %d bytes is below %d", c.Budget, minBudget))
	}
	if c.Shards < 1 || c.Shards > maxShards {
		problems = append(problems, fmt.Errorf("cache: %d shards, not 1 to %d", c.Shards, maxShards))
	}
	if c.MaxEntry < 1 || c.MaxEntry > maxMaxEntry {
		problems = append(problems, fmt.Errorf("cache: a largest entry of %d bytes, not 1 to %d", c.MaxEntry, maxMaxEntry))
	}
	if !(c.OwnerShare > 0 && c.OwnerShare <= 1) {
		problems = append(problems, fmt.Errorf("cache: an owner's share of %v, not above 0 and up to 1", c.OwnerShare))
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
	if c.MaxEntry == 0 {
		c.MaxEntry = defaultMaxEntry
	}
	if c.OwnerShare == 0 {
		c.OwnerShare = defaultOwnerShare
	}
	return c
}

// Cache is the store. Its methods are safe for concurrent use.
type Cache struct {
	config  Config
	shards  []*shard
	encoder *zstd.Encoder
	decoder *zstd.Decoder

	hits, misses, evictions *metrics.Counter
}

// Stats are the figures of a cache at one moment.
type Stats struct {
	// Hits, Misses and Evictions count since the start.
	Hits, Misses, Evictions int64
	Entries                 int
	// Bytes is what all entries cost; RawBytes the sum of their values before
	// compression; Budget the limit of Bytes.
	Bytes, RawBytes, Budget int64
}

// New makes an empty cache and registers its metrics in the set, which holds
// those of one cache only.
func New(config Config, set *metrics.Set) (*Cache, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	c := &Cache{
		config:    config,
		hits:      set.NewCounter("alphamail_cache_hits_total"),
		misses:    set.NewCounter("alphamail_cache_misses_total"),
		evictions: set.NewCounter("alphamail_cache_evictions_total"),
	}
	var err error
	// One encoder and one decoder serve everybody: each keeps as many states as
	// there are processors, not as there are users.
	if c.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(windowSize),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true)); err != nil {
		return nil, err
	}
	// The decoder's bound cannot be below the window that frames announce.
	if c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(max(config.MaxEntry, windowSize)))); err != nil {
		return nil, err
	}
	for range config.Shards {
		part := config.Budget / int64(config.Shards)
		c.shards = append(c.shards, newShard(part, int64(float64(part)*config.OwnerShare)))
	}
	gauge := func(name string, value func(Stats) int64) {
		set.NewGauge(name, func() float64 { return float64(value(c.Stats())) })
	}
	gauge("alphamail_cache_entries", func(s Stats) int64 { return int64(s.Entries) })
	gauge("alphamail_cache_bytes", func(s Stats) int64 { return s.Bytes })
	gauge("alphamail_cache_raw_bytes", func(s Stats) int64 { return s.RawBytes })
	gauge("alphamail_cache_budget_bytes", func(s Stats) int64 { return s.Budget })
	return c, nil
}

// Get returns a value of an owner, in memory that the caller owns; false when
// it is not there.
func (c *Cache) Get(owner, key string) ([]byte, bool) {
	found, ok := c.shard(owner, key).get(owner, key)
	if !ok {
		c.misses.Inc()
		return nil, false
	}
	value, err := c.unpack(found)
	if err != nil { // only damaged memory gets here: zstd checks what it decodes
		c.misses.Inc()
		return nil, false
	}
	c.hits.Inc()
	return value, true
}

// Put keeps a copy of a value for an owner, in place of an earlier one under
// the same key. A value that is too large is not kept, the earlier one neither.
func (c *Cache) Put(owner, key string, value []byte) {
	shard := c.shard(owner, key)
	if int64(len(value)) > c.config.MaxEntry {
		shard.drop(owner, key)
		return
	}
	c.evictions.Add(shard.put(owner, key, c.pack(value)))
}

// DropOwner forgets all values of an owner. A Put that runs at the same time
// may come before or after it.
func (c *Cache) DropOwner(owner string) {
	for _, shard := range c.shards {
		shard.dropOwner(owner)
	}
}

// Stats adds up the figures of all shards.
func (c *Cache) Stats() Stats {
	stats := Stats{
		Hits: int64(c.hits.Get()), Misses: int64(c.misses.Get()), Evictions: int64(c.evictions.Get()),
		Budget: c.config.Budget,
	}
	for _, shard := range c.shards {
		shard.addTo(&stats)
	}
	return stats
}

// shard spreads the values of every owner over all shards, so that a single
// user can fill the whole cache while nobody else wants it.
func (c *Cache) shard(owner, key string) *shard {
	var hash xxhash.Digest
	hash.Reset()
	hash.WriteString(owner)
	hash.Write([]byte{0})
	hash.WriteString(key)
	return c.shards[hash.Sum64()%uint64(len(c.shards))]
}

// packed is a value as it is stored. Its data is never changed.
type packed struct {
	data       []byte
	rawSize    int32
	compressed bool
}

func (c *Cache) pack(value []byte) packed {
	rawSize := int32(len(value))
	if len(value) >= compressFrom {
		scratch := c.encoder.EncodeAll(value, make([]byte, 0, len(value)/2))
		if len(scratch) < len(value)-len(value)/8 {
			return packed{snug(scratch), rawSize, true}
		}
	}
	return packed{snug(value), rawSize, false}
}

func (c *Cache) unpack(p packed) ([]byte, error) {
	if !p.compressed {
		return append(make([]byte, 0, len(p.data)), p.data...), nil
	}
	return c.decoder.DecodeAll(p.data, make([]byte, 0, p.rawSize))
}

// snug copies bytes into a new allocation whose capacity is all that the
// allocator gave for it, so that what is counted is what is used.
func snug(value []byte) []byte {
	return append([]byte(nil), value...)
}
