// Package cache is a byte-bounded, compressed, sharded store of values that can
// be made again. It knows no mail.
//
// Values belong to owners. An owner's values can be dropped together, and an
// owner that wants more than its share of a full cache makes room among its own
// values, so that one large mailbox does not push out everybody else.
//
// A value is compressed with zstd where that helps. Beside it, an entry may keep
// a decoded form, whatever the owner makes of the bytes: reading that costs no
// decompression, no decoding and no copy, so what is read often is cheap to
// read, and what is not is small.
//
// Compression, decompression and decoding happen outside every lock; the locks
// guard bookkeeping only. What an entry costs (its bytes as the allocator rounds
// them, its decoded form, its key, its place in the tables) counts against the
// budget, which is never exceeded.
//
// Working memory comes on top of the budget: about 2 MiB a processor for the
// coders, whoever uses them, and what the garbage collector leaves lying about.
// As values come and go, a process uses 2.4 times the budget with GOGC=100, 1.5
// times with GOGC=25; GOMEMLIMIT holds it below a limit (measured, see compare).
//
// Eviction looks at recency and frequency; see shard for how and why.
package cache

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
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
	// DecodedShare is the part of the budget, above 0 and up to 1, that decoded
	// forms may hold. A form that needs over half of that part of a shard is
	// not kept. Default 0.5.
	DecodedShare float64
	// Dictionary is what values have in common, in the format of zstd
	// dictionaries, as TrainDictionary makes it; it halves small values. It
	// stays in use, and must not be changed. None by default.
	Dictionary []byte
}

const (
	minBudget         = 1 << 20
	defaultBudget     = 256 << 20
	maxShards         = 1024
	defaultShards     = 16
	maxMaxEntry       = 1 << 30
	defaultMaxEntry   = 4 << 20
	defaultOwnerShare = 0.25

	defaultDecodedShare = 0.5

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
	if !(c.DecodedShare > 0 && c.DecodedShare <= 1) {
		problems = append(problems, fmt.Errorf("cache: a share of %v for decoded forms, not above 0 and up to 1", c.DecodedShare))
	}
	if c.Dictionary != nil {
		if _, err := zstd.InspectDictionary(c.Dictionary); err != nil {
			problems = append(problems, fmt.Errorf("cache: the dictionary: %w", err))
		}
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
	if c.DecodedShare == 0 {
		c.DecodedShare = defaultDecodedShare
	}
	return c
}

// Cache is the store. Its methods are safe for concurrent use.
type Cache struct {
	config    Config
	seed      maphash.Seed
	shards    []*shard
	encoder   *zstd.Encoder
	decoder   *zstd.Decoder
	decodings atomic.Int64
}

// Stats are the figures of a cache at one moment.
type Stats struct {
	// Hits, Misses and Evictions count since the start; so does Decodings, how
	// often Decoded had to make a decoded form.
	Hits, Misses, Evictions, Decodings int64
	Entries                            int
	// Bytes is what all entries cost, of which DecodedBytes are their decoded
	// forms; RawBytes is the sum of their values before compression; Budget the
	// limit of Bytes.
	Bytes, DecodedBytes, RawBytes, Budget int64
}

// New makes an empty cache and registers its metrics in the set, which holds
// those of one cache only.
func New(config Config, set *metrics.Set) (*Cache, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	c := &Cache{config: config, seed: maphash.MakeSeed()}
	if err := c.openCoders(); err != nil {
		return nil, err
	}
	for range config.Shards {
		c.shards = append(c.shards, newShard(config.Budget/int64(config.Shards), config))
	}
	set.RegisterMetricsWriter(c.writeMetrics)
	return c, nil
}

// openCoders makes one encoder and one decoder that serve everybody: each keeps
// as many states as there are processors, not as there are users.
func (c *Cache) openCoders() error {
	encoding := []zstd.EOption{
		zstd.WithEncoderLevel(level), zstd.WithWindowSize(windowSize), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true),
	}
	decoding := []zstd.DOption{
		zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true),
		// The bound cannot be below the window that frames announce.
		zstd.WithDecoderMaxMemory(uint64(max(c.config.MaxEntry, windowSize))),
	}
	if c.config.Dictionary != nil {
		encoding = append(encoding, zstd.WithEncoderDict(c.config.Dictionary))
		decoding = append(decoding, zstd.WithDecoderDicts(c.config.Dictionary))
	}
	var err error
	if c.encoder, err = zstd.NewWriter(nil, encoding...); err != nil {
		return err
	}
	c.decoder, err = zstd.NewReader(nil, decoding...)
	return err
}

func (c *Cache) writeMetrics(w io.Writer) {
	stats := c.Stats()
	metrics.WriteCounterUint64(w, "alphamail_cache_hits_total", uint64(stats.Hits))
	metrics.WriteCounterUint64(w, "alphamail_cache_misses_total", uint64(stats.Misses))
	metrics.WriteCounterUint64(w, "alphamail_cache_evictions_total", uint64(stats.Evictions))
	metrics.WriteCounterUint64(w, "alphamail_cache_decodings_total", uint64(stats.Decodings))
	metrics.WriteGaugeUint64(w, "alphamail_cache_entries", uint64(stats.Entries))
	metrics.WriteGaugeUint64(w, "alphamail_cache_bytes", uint64(stats.Bytes))
	metrics.WriteGaugeUint64(w, "alphamail_cache_decoded_bytes", uint64(stats.DecodedBytes))
	metrics.WriteGaugeUint64(w, "alphamail_cache_raw_bytes", uint64(stats.RawBytes))
	metrics.WriteGaugeUint64(w, "alphamail_cache_budget_bytes", uint64(stats.Budget))
}

// Get returns a value of an owner, in memory that the caller owns; false when
// it is not there.
func (c *Cache) Get(owner, key string) ([]byte, bool) {
	shard, name := c.locate(owner, key)
	found, _ := shard.get(name)
	if found == nil {
		return nil, false
	}
	data, err := c.unpack(found.packed)
	// Only damaged memory makes an error.
	return data, err == nil
}

// Decoded returns the decoded form of an owner's value, which is shared by all
// who ask and never to be changed; false when the value is not there or does
// not decode. A form that is not there is made by decode and kept, as far as
// the budget allows.
//
// decode gets bytes that it owns. It returns what it made of them, which must
// not be nil, and how many bytes of memory that keeps in use.
func (c *Cache) Decoded(owner, key string, decode func([]byte) (value any, size int64, err error)) (any, bool) {
	shard, name := c.locate(owner, key)
	found, value := shard.get(name)
	if found == nil || value != nil {
		return value, found != nil
	}
	data, err := c.unpack(found.packed)
	if err != nil {
		return nil, false
	}
	value, size, err := decode(data)
	if err != nil {
		return nil, false
	}
	c.decodings.Add(1)
	return shard.keepDecoded(found, value, max(size, 0)), true
}

// Put keeps a copy of a value for an owner, in place of an earlier one under
// the same key and its decoded form. A value that is too large is not kept, the
// earlier one neither.
func (c *Cache) Put(owner, key string, data []byte) {
	c.put(owner, key, data)
}

// PutDecoded is Put for a value whose decoded form is at hand, which is kept as
// Decoded would keep it: value is what decode makes of data, and uses size bytes
// of memory. It belongs to the cache from now on and is never to be changed.
func (c *Cache) PutDecoded(owner, key string, data []byte, value any, size int64) {
	if shard, added := c.put(owner, key, data); added != nil {
		shard.keepDecoded(added, value, max(size, 0))
	}
}

func (c *Cache) put(owner, key string, data []byte) (*shard, *entry) {
	shard, name := c.locate(owner, key)
	if int64(len(data)) > c.config.MaxEntry {
		shard.drop(name)
		return shard, nil
	}
	return shard, shard.put(name, c.pack(data))
}

// Delete forgets a value of an owner.
func (c *Cache) Delete(owner, key string) {
	shard, name := c.locate(owner, key)
	shard.drop(name)
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
	stats := Stats{Decodings: c.decodings.Load(), Budget: c.config.Budget}
	for _, shard := range c.shards {
		shard.addTo(&stats)
	}
	return stats
}

// name is how a value is found.
type name struct {
	owner, key string
	hash       uint64
}

// locate spreads the values of every owner over all shards, so that a single
// user can fill the whole cache while nobody else wants it. The hash has a
// secret seed: nobody can choose names that meet.
func (c *Cache) locate(owner, key string) (*shard, name) {
	const odd = 0x9e3779b97f4a7c15 // so that an owner and a key do not change places
	hash := maphash.String(c.seed, owner)*odd + maphash.String(c.seed, key)
	return c.shards[hash%uint64(len(c.shards))], name{owner, key, hash}
}

// packed is a value as it is stored. Its data is never changed.
type packed struct {
	data       []byte
	rawSize    int32
	compressed bool
}

func (c *Cache) pack(value []byte) packed {
	rawSize := int32(len(value))
	if len(value) < compressFrom {
		return packed{snug(value), rawSize, false}
	}
	scratch := scratchPool.Get().(*[]byte)
	defer scratchPool.Put(scratch)
	*scratch = c.encoder.EncodeAll(value, (*scratch)[:0])
	if len(*scratch) >= len(value)-len(value)/8 {
		return packed{snug(value), rawSize, false}
	}
	return packed{snug(*scratch), rawSize, true}
}

// scratchPool holds buffers for what is compressed, before its size is known.
var scratchPool = sync.Pool{New: func() any { return new([]byte) }}

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
