package cache_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"pgregory.net/rapid"

	"alphamail/cache"
)

func newCache(t testing.TB, config cache.Config) *cache.Cache {
	t.Helper()
	c, err := cache.New(config, metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// noise is n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	value := make([]byte, n)
	source.Read(value)
	return value
}

func TestRoundTrip(t *testing.T) {
	c := newCache(t, cache.Config{})
	for name, value := range map[string][]byte{
		"empty": {}, "short": []byte("x"), "text": []byte(strings.Repeat("the quick brown fox ", 500)), "noise": noise(5000, 1),
	} {
		c.Put("ana", name, value)
		if got, ok := c.Get("ana", name); !ok || !bytes.Equal(got, value) {
			t.Errorf("%s: came back as %d bytes, %v", name, len(got), ok)
		}
		if _, ok := c.Get("ben", name); ok {
			t.Errorf("%s: another owner sees it", name)
		}
	}
	c.Put("ana", "text", []byte("new"))
	if got, _ := c.Get("ana", "text"); string(got) != "new" {
		t.Errorf("a value that was replaced is %q", got)
	}
	if stats := c.Stats(); stats.Hits != 5 || stats.Misses != 4 || stats.Entries != 4 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestValuesBelongToTheCaller(t *testing.T) {
	c := newCache(t, cache.Config{})
	value := []byte("original")
	c.Put("ana", "k", value)
	copy(value, "changed!")
	first, _ := c.Get("ana", "k")
	copy(first, "changed!")
	if second, _ := c.Get("ana", "k"); string(second) != "original" {
		t.Errorf("a stored value became %q", second)
	}
}

func TestTextIsCompressed(t *testing.T) {
	c := newCache(t, cache.Config{})
	for i := range 100 {
		c.Put("ana", fmt.Sprint(i), []byte(strings.Repeat(fmt.Sprintf("message %d of the thread\r\n", i), 200)))
	}
	if stats := c.Stats(); stats.Bytes*3 > stats.RawBytes {
		t.Errorf("%d bytes for %d", stats.Bytes, stats.RawBytes)
	}
}

func TestNeverOverBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := cache.New(cache.Config{Budget: 1 << 20, Shards: rapid.IntRange(1, 4).Draw(t, "shards")}, metrics.NewSet())
		if err != nil {
			t.Fatal(err)
		}
		last := map[string][]byte{}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			owner := rapid.SampledFrom([]string{"ana", "ben"}).Draw(t, "owner")
			key := fmt.Sprint(rapid.IntRange(0, 50).Draw(t, "key"))
			if rapid.Bool().Draw(t, "read") {
				got, ok := c.Get(owner, key)
				if ok && !bytes.Equal(got, last[owner+key]) {
					t.Fatal("a value came back changed")
				}
				continue
			}
			value := noise(rapid.IntRange(0, 60_000).Draw(t, "size"), uint64(i))
			last[owner+key] = value
			c.Put(owner, key, value)
			if stats := c.Stats(); stats.Bytes > stats.Budget {
				t.Fatalf("%d bytes in a budget of %d", stats.Bytes, stats.Budget)
			}
		}
	})
}

func TestPopularEntriesSurviveAScan(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1, OwnerShare: 1})
	for i := range 100 {
		c.Put("ana", fmt.Sprint("popular", i), noise(1000, uint64(i)))
		c.Get("ana", fmt.Sprint("popular", i))
	}
	for i := range 20_000 {
		c.Put("ana", fmt.Sprint("scan", i), noise(1000, uint64(i)))
		if i%100 == 0 {
			for j := range 100 {
				c.Get("ana", fmt.Sprint("popular", j))
			}
		}
	}
	for i := range 100 {
		if _, ok := c.Get("ana", fmt.Sprint("popular", i)); !ok {
			t.Fatalf("popular entry %d was pushed out by a scan", i)
		}
	}
	if c.Stats().Evictions == 0 {
		t.Error("nothing was evicted: the test shows nothing")
	}
}

func TestOneOwnerDoesNotPushOutOthers(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1})
	for i := range 200 {
		c.Put("modest", fmt.Sprint(i), noise(1000, uint64(i)))
		c.Get("modest", fmt.Sprint(i))
	}
	for i := range 20_000 {
		c.Put("greedy", fmt.Sprint(i), noise(1000, uint64(i)))
		c.Get("greedy", fmt.Sprint(i))
		c.Get("modest", fmt.Sprint(i%200))
	}
	kept := 0
	for i := range 200 {
		if _, ok := c.Get("modest", fmt.Sprint(i)); ok {
			kept++
		}
	}
	if kept < 200 {
		t.Errorf("a modest owner kept %d of 200 entries that it used", kept)
	}
}

func TestTooLargeIsNotKept(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 1 << 20, Shards: 1})
	c.Put("ana", "small", noise(1000, 1))
	c.Put("ana", "large", noise(900_000, 2))
	if _, ok := c.Get("ana", "large"); ok {
		t.Error("one value fills the cache")
	}
	if _, ok := c.Get("ana", "small"); !ok {
		t.Error("a value that is not kept pushed out another")
	}
}

func TestConcurrentUse(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 1 << 20, Shards: 2})
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint(i % 300)
				want := []byte(strings.Repeat(key+" ", 100))
				c.Put("ana", key, want)
				if got, ok := c.Get("ana", key); ok && !bytes.Equal(got, want) {
					t.Errorf("user %d read %d wrong bytes", user, len(got))
					return
				}
			}
		})
	}
	users.Wait()
}

func TestConfigValidate(t *testing.T) {
	for _, bad := range []cache.Config{{Budget: -1}, {Budget: 10}, {Shards: -1}, {Shards: 2000}, {OwnerShare: 2}} {
		if _, err := cache.New(bad, metrics.NewSet()); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

var record = []byte(strings.Repeat("From: Ana Ruiz <ana@example.edu>, Subject: Field trip ", 10))

func BenchmarkGetRecord(b *testing.B) {
	c := newCache(b, cache.Config{})
	c.Put("ana", "key", record)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Get("ana", "key")
		}
	})
}

func BenchmarkPutRecord(b *testing.B) {
	c := newCache(b, cache.Config{Budget: 8 << 20})
	i := 0
	for b.Loop() {
		c.Put("ana", fmt.Sprint(i%100_000), record)
		i++
	}
}

// BenchmarkMap is the floor: a map with a lock, without compression or bound.
func BenchmarkMap(b *testing.B) {
	var mu sync.Mutex
	values := map[string][]byte{"key": record}
	for b.Loop() {
		mu.Lock()
		value := values["key"]
		mu.Unlock()
		_ = bytes.Clone(value)
	}
}
