package cache_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"

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

// TestAnOwnerAtItsShareMakesRoomItself: entries that nobody has read yet, and so
// have nothing that protects them from the hand, stay when it is another owner
// that wants more.
func TestAnOwnerAtItsShareMakesRoomItself(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1})
	for i := range 1000 {
		c.Put("modest", fmt.Sprint(i), noise(1000, uint64(i)))
	}
	for i := range 20_000 {
		c.Put("greedy", fmt.Sprint(i), noise(1000, uint64(i)))
		c.Get("greedy", fmt.Sprint(i))
	}
	for i := range 1000 {
		if _, ok := c.Get("modest", fmt.Sprint(i)); !ok {
			t.Fatalf("entry %d of a modest owner was pushed out", i)
		}
	}
	if c.Stats().Evictions == 0 {
		t.Error("nothing was evicted: the test shows nothing")
	}
}

// TestALoneOwnerMayFillTheCache: the share counts only against others, and is
// given back when they come.
func TestALoneOwnerMayFillTheCache(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1})
	for i := range 10_000 {
		c.Put("lone", fmt.Sprint(i), noise(1000, uint64(i)))
		c.Get("lone", fmt.Sprint(i))
	}
	full := c.Stats()
	if full.Bytes < full.Budget*9/10 {
		t.Errorf("a lone owner holds %d of %d bytes", full.Bytes, full.Budget)
	}
	for i := range 500 {
		c.Put("late", fmt.Sprint(i), noise(1000, uint64(i)))
	}
	for i := range 500 {
		if _, ok := c.Get("late", fmt.Sprint(i)); !ok {
			t.Fatalf("entry %d of an owner that came late was not kept", i)
		}
	}
}

func TestDropOwner(t *testing.T) {
	c := newCache(t, cache.Config{})
	for i := range 1000 {
		c.Put("ana", fmt.Sprint(i), noise(100, uint64(i)))
		c.Put("ben", fmt.Sprint(i), noise(100, uint64(i)))
	}
	before := c.Stats()
	c.DropOwner("ana")
	c.DropOwner("nobody")
	for i := range 1000 {
		if _, ok := c.Get("ana", fmt.Sprint(i)); ok {
			t.Fatalf("entry %d is still there", i)
		}
		if _, ok := c.Get("ben", fmt.Sprint(i)); !ok {
			t.Fatalf("entry %d of another owner is gone", i)
		}
	}
	if after := c.Stats(); after.Entries != 1000 || after.RawBytes != before.RawBytes/2 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	c.DropOwner("ben")
	if empty := c.Stats(); empty.Entries != 0 || empty.Bytes != 0 || empty.RawBytes != 0 {
		t.Errorf("an empty cache counts %+v", empty)
	}
}

func TestTooLargeIsNotKept(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 1 << 20, Shards: 1, MaxEntry: 950_000})
	c.Put("ana", "small", noise(1000, 1))
	for _, size := range []int{900_000, 960_000} {
		c.Put("ana", "large", []byte("an earlier value"))
		c.Put("ana", "large", noise(size, 2))
		if got, ok := c.Get("ana", "large"); ok {
			t.Errorf("after a value of %d bytes, %d are there", size, len(got))
		}
	}
	if _, ok := c.Get("ana", "small"); !ok {
		t.Error("a value that is not kept pushed out another")
	}
}

// TestBytesAreHonest holds what the cache says it costs against the heap.
func TestBytesAreHonest(t *testing.T) {
	for name, test := range map[string]struct{ owners, size int }{
		"records of a few owners": {20, 400}, "records of many owners": {50_000, 400}, "bodies": {100, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			c := newCache(t, cache.Config{Budget: 32 << 20})
			for i := range 150_000 * 400 / test.size {
				c.Put(fmt.Sprintf("owner-%d@example.edu", i%test.owners), fmt.Sprintf("record/INBOX/1234567890/%d", i), noise(test.size, uint64(i)))
			}
			used := heap() - before
			stats := c.Stats()
			if stats.Evictions == 0 {
				t.Fatal("the cache is not full")
			}
			t.Logf("the heap grew by %.2f of what the cache says", float64(used)/float64(stats.Bytes))
			if float64(used) > 1.15*float64(stats.Bytes) {
				t.Errorf("%d bytes on the heap, %d in the figures", used, stats.Bytes)
			}
			runtime.KeepAlive(c)
		})
	}
}

// TestHeapUnderChurn lets values of mixed sizes come and go, ten times as much
// as the budget, a third of them with a decoded form.
func TestHeapUnderChurn(t *testing.T) {
	const budget = 16 << 20
	before := heap()
	c := newCache(t, cache.Config{Budget: budget})
	sizes := rand.New(rand.NewPCG(1, 1))
	for i, put := 0, 0; put < 10*budget; i++ {
		owner, key := fmt.Sprintf("owner-%d@example.edu", i%500), fmt.Sprintf("body/INBOX/1234567890/%d", i)
		value := noise(min(500+int(3000*sizes.ExpFloat64()), 30_000), uint64(i))
		put += len(value)
		if i%3 > 0 {
			c.Put(owner, key, value)
		} else {
			c.PutDecoded(owner, key, value, &value, int64(cap(value))+24)
		}
		if i%7 == 0 {
			c.Get(owner, key)
		}
	}
	used := heap() - before
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("heap %.2f of the budget, with the gaps between values %.2f", float64(used)/budget, float64(int64(memory.HeapInuse)-before)/budget)
	if stats := c.Stats(); float64(used) > 1.15*budget || stats.Bytes < budget*9/10 || stats.DecodedBytes == 0 {
		t.Errorf("%d bytes on the heap for a budget of %d: %+v", used, budget, stats)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}

func TestMetrics(t *testing.T) {
	set := metrics.NewSet()
	c, err := cache.New(cache.Config{Budget: 2 << 20}, set)
	if err != nil {
		t.Fatal(err)
	}
	c.Put("ana", "k", []byte("value"))
	c.Get("ana", "k")
	c.Get("ana", "other")
	c.Get("ana", "another")
	var text bytes.Buffer
	set.WritePrometheus(&text)
	for _, line := range []string{
		"alphamail_cache_hits_total 1", "alphamail_cache_misses_total 2", "alphamail_cache_evictions_total 0",
		"alphamail_cache_entries 1", "alphamail_cache_raw_bytes 5", "alphamail_cache_budget_bytes 2097152",
		fmt.Sprint("alphamail_cache_bytes ", c.Stats().Bytes),
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("%q is missing in\n%s", line, text.String())
		}
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
				if got, ok := c.Decoded("ana", key, decodeForm); ok && got.(*form).text != string(want) {
					t.Errorf("user %d read a wrong decoded form", user)
					return
				}
				switch {
				case i%500 == 499:
					c.DropOwner("ana")
				case i%50 == 49:
					c.Delete("ana", key)
				case i%3 == 0:
					c.PutDecoded("ana", key, want, &form{string(want)}, int64(len(want)))
				}
			}
		})
	}
	users.Wait()
}

func TestConfigValidate(t *testing.T) {
	for _, bad := range []cache.Config{{Budget: -1}, {Budget: 10}, {Shards: -1}, {Shards: 2000}, {OwnerShare: 2}, {OwnerShare: -1}, {MaxEntry: -1}, {MaxEntry: 2 << 30}} {
		if _, err := cache.New(bad, metrics.NewSet()); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// record is a list row as a node keeps it, body a message in plain text.
var (
	record = []byte(`{"from":"Ana Ruiz <ana@example.edu>","subject":"Field trip to the botanical garden","snippet":"Dear all, on Thursday we meet at the north gate at nine; please bring the signed form, good shoes and something to drink. The bus is back by five.","date":"2026-03-05T09:12:44Z","size":48213,"to":"biology-2@example.edu","id":"<20260305091244.7f3a@mail.example.edu>"}`)
	body   = bytes.Repeat(append(slices.Clone(record), '\n'), 80)
)

func BenchmarkGet(b *testing.B) {
	for name, value := range map[string][]byte{"record": record, "body": body} {
		b.Run(name, func(b *testing.B) {
			c := newCache(b, cache.Config{})
			c.Put("ana", "key", value)
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for b.Loop() {
				c.Get("ana", "key")
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	for name, value := range map[string][]byte{"record": record, "body": body} {
		b.Run(name, func(b *testing.B) {
			c := newCache(b, cache.Config{Budget: 8 << 20})
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Put("ana", strconv.Itoa(i%100_000), value)
			}
		})
	}
}

// BenchmarkDecoded is a click on a page that is known, at many places at once.
func BenchmarkDecoded(b *testing.B) {
	c := newCache(b, cache.Config{})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("block 1 1234567890 %d INBOX", i)
		c.PutDecoded("ana@example.edu", keys[i], record, &form{}, 50_000)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(len(keys)); pb.Next(); i++ {
			c.Decoded("ana@example.edu", keys[i%len(keys)], neverDecode)
		}
	})
}

// BenchmarkMap is the floor: a map with a lock, without compression or bound.
func BenchmarkMap(b *testing.B) {
	var mu sync.Mutex
	values := map[string][]byte{}
	b.Run("get", func(b *testing.B) {
		values["key"] = record
		for b.Loop() {
			mu.Lock()
			value := values["key"]
			mu.Unlock()
			bytes.Clone(value)
		}
	})
	b.Run("put", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			value := bytes.Clone(record)
			mu.Lock()
			values[strconv.Itoa(i%100_000)] = value
			mu.Unlock()
		}
	})
}
