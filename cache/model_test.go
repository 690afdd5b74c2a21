package cache_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"pgregory.net/rapid"

	"alphamail/cache"
)

// model is a cache that never forgets, beside one that does.
type model struct {
	cache *cache.Cache
	kept  map[[2]string][]byte
	turn  uint64
}

// TestModel: over any history, what is in the cache is what was put there last,
// its decoded form is what decoding gives, and no bound is exceeded.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := cache.Config{
			Budget: 1 << 20, Shards: rapid.IntRange(1, 4).Draw(t, "shards"),
			OwnerShare:   rapid.Float64Range(0.01, 1).Draw(t, "owner's share"),
			DecodedShare: rapid.Float64Range(0.01, 1).Draw(t, "decoded share"),
		}
		c, err := cache.New(config, metrics.NewSet())
		if err != nil {
			t.Fatal(err)
		}
		m := &model{cache: c, kept: map[[2]string][]byte{}}
		owner := rapid.SampledFrom([]string{"ana", "ben", "cleo"})
		key := rapid.Map(rapid.IntRange(0, 50), func(i int) string { return fmt.Sprint(i) })
		size := rapid.OneOf(rapid.IntRange(0, 60_000), rapid.IntRange(0, 300_000))
		put := func(t *rapid.T) { m.put(owner.Draw(t, "owner"), key.Draw(t, "key"), size.Draw(t, "size")) }
		putDecoded := func(t *rapid.T) {
			m.putDecoded(owner.Draw(t, "owner"), key.Draw(t, "key"), size.Draw(t, "size"), size.Draw(t, "decoded size"))
		}
		fill := func(t *rapid.T) {
			owner, size := owner.Draw(t, "owner"), rapid.IntRange(0, 60_000).Draw(t, "size")
			for i := range 30 {
				m.putDecoded(owner, fmt.Sprint(i), size, size*(i%4))
			}
		}
		decoded := func(t *rapid.T) {
			m.decoded(t, owner.Draw(t, "owner"), key.Draw(t, "key"), size.Draw(t, "decoded size"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": put, "put decoded": putDecoded, "fill": fill, "decoded": decoded, "decoded again": decoded,
			"put while decoding": func(t *rapid.T) {
				m.putWhileDecoding(t, owner.Draw(t, "owner"), key.Draw(t, "key"), size.Draw(t, "size"))
			},
			"get":    func(t *rapid.T) { m.get(t, owner.Draw(t, "owner"), key.Draw(t, "key")) },
			"delete": func(t *rapid.T) { m.delete(t, owner.Draw(t, "owner"), key.Draw(t, "key")) },
			"drop":   func(t *rapid.T) { m.drop(owner.Draw(t, "owner")) },
			"": func(t *rapid.T) {
				stats := c.Stats()
				if stats.Bytes > stats.Budget || float64(stats.DecodedBytes) > config.DecodedShare*float64(stats.Budget) {
					t.Fatalf("over a bound: %+v of %+v", stats, config)
				}
				if stats.Entries > len(m.kept) {
					t.Fatalf("%d entries where at most %d are right", stats.Entries, len(m.kept))
				}
			},
		})
		for _, owner := range []string{"ana", "ben", "cleo"} {
			m.drop(owner)
		}
		if stats := c.Stats(); stats.Entries != 0 || stats.Bytes != 0 || stats.DecodedBytes != 0 || stats.RawBytes != 0 {
			t.Fatalf("an empty cache counts %+v", stats)
		}
	})
}

// value makes a new value: half of them compress.
func (m *model) value(size int) []byte {
	m.turn++
	if m.turn%2 == 0 {
		return bytes.Repeat(noise(1+size/10, m.turn), 10)
	}
	return noise(size, m.turn)
}

func (m *model) put(owner, key string, size int) {
	value := m.value(size)
	m.kept[[2]string{owner, key}] = value
	m.cache.Put(owner, key, value)
}

func (m *model) putDecoded(owner, key string, size, decodedSize int) {
	value := m.value(size)
	m.kept[[2]string{owner, key}] = value
	m.cache.PutDecoded(owner, key, value, &form{string(value)}, int64(decodedSize))
}

func (m *model) get(t *rapid.T, owner, key string) {
	got, ok := m.cache.Get(owner, key)
	m.check(t, owner, key, got, ok)
}

func (m *model) decoded(t *rapid.T, owner, key string, size int) {
	got, ok := m.cache.Decoded(owner, key, func(data []byte) (any, int64, error) {
		return &form{string(data)}, int64(size), nil
	})
	if !ok {
		m.check(t, owner, key, nil, false)
		return
	}
	m.check(t, owner, key, []byte(got.(*form).text), true)
}

// putWhileDecoding replaces a value at the moment at which it is decoded.
func (m *model) putWhileDecoding(t *rapid.T, owner, key string, size int) {
	m.cache.Decoded(owner, key, func(data []byte) (any, int64, error) {
		m.put(owner, key, size)
		return &form{string(data)}, int64(size), nil
	})
	m.decoded(t, owner, key, size)
}

func (m *model) check(t *rapid.T, owner, key string, got []byte, ok bool) {
	want, known := m.kept[[2]string{owner, key}]
	const fits = 100_000 // in half of the smallest shard
	switch {
	case ok && (!known || !bytes.Equal(got, want)):
		t.Fatalf("%s %s: %d bytes that are not what was put there", owner, key, len(got))
	case !ok && known && len(want) < fits && m.cache.Stats().Evictions == 0:
		t.Fatalf("%s %s: a value is gone though nothing was evicted", owner, key)
	}
}

func (m *model) delete(t *rapid.T, owner, key string) {
	m.cache.Delete(owner, key)
	delete(m.kept, [2]string{owner, key})
	m.get(t, owner, key)
}

func (m *model) drop(owner string) {
	m.cache.DropOwner(owner)
	for name := range m.kept {
		if name[0] == owner {
			delete(m.kept, name)
		}
	}
}
