package cache_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"alphamail/cache"
)

// form is a decoded form in the tests: the text, and what it was made of.
type form struct{ text string }

func decodeForm(data []byte) (any, int64, error) {
	return &form{string(data)}, int64(len(data)) + 16, nil
}

func neverDecode([]byte) (any, int64, error) {
	return nil, 0, errors.New("decoded again")
}

func TestDecodedIsMadeOnceAndShared(t *testing.T) {
	c := newCache(t, cache.Config{})
	text := strings.Repeat("a page of a list ", 100)
	if value, ok := c.Decoded("ana", "page", decodeForm); ok || value != nil {
		t.Errorf("an empty cache has %v", value)
	}
	c.Put("ana", "page", []byte(text))
	first, ok := c.Decoded("ana", "page", decodeForm)
	if !ok || first.(*form).text != text {
		t.Fatalf("decoded as %v, %v", first, ok)
	}
	if second, ok := c.Decoded("ana", "page", neverDecode); !ok || second != first {
		t.Errorf("the second reader got %v, %v", second, ok)
	}
	if data, ok := c.Get("ana", "page"); !ok || string(data) != text {
		t.Error("the packed form is gone")
	}
	if stats := c.Stats(); stats.Decodings != 1 || stats.Hits != 3 || stats.Misses != 1 || stats.DecodedBytes != int64(len(text))+16 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestPutDecodedNeedsNoDecoding(t *testing.T) {
	c := newCache(t, cache.Config{})
	want := &form{"by hand"}
	c.PutDecoded("ana", "page", []byte("by hand"), want, 20)
	if value, ok := c.Decoded("ana", "page", neverDecode); !ok || value != any(want) {
		t.Errorf("got %v, %v", value, ok)
	}
	if data, ok := c.Get("ana", "page"); !ok || string(data) != "by hand" {
		t.Errorf("the packed form is %q", data)
	}
}

func TestPutDropsTheDecodedForm(t *testing.T) {
	c := newCache(t, cache.Config{})
	c.PutDecoded("ana", "page", []byte("old"), &form{"old"}, 20)
	c.Put("ana", "page", []byte("new"))
	if value, ok := c.Decoded("ana", "page", decodeForm); !ok || value.(*form).text != "new" {
		t.Errorf("got %v, %v", value, ok)
	}
}

func TestDelete(t *testing.T) {
	c := newCache(t, cache.Config{})
	c.PutDecoded("ana", "page", []byte("text"), &form{"text"}, 20)
	c.Put("ana", "other", []byte("text"))
	c.Delete("ana", "page")
	c.Delete("ana", "nothing")
	c.Delete("nobody", "page")
	if _, ok := c.Decoded("ana", "page", decodeForm); ok {
		t.Error("the value is still there")
	}
	if _, ok := c.Get("ana", "other"); !ok {
		t.Error("another value is gone")
	}
	c.Delete("ana", "other")
	if stats := c.Stats(); stats.Entries != 0 || stats.Bytes != 0 || stats.DecodedBytes != 0 {
		t.Errorf("an empty cache counts %+v", stats)
	}
}

func TestWhatDoesNotDecodeIsNotThere(t *testing.T) {
	c := newCache(t, cache.Config{})
	c.Put("ana", "page", []byte("text"))
	if value, ok := c.Decoded("ana", "page", neverDecode); ok || value != nil {
		t.Errorf("got %v, %v", value, ok)
	}
	if _, ok := c.Decoded("ana", "page", decodeForm); !ok {
		t.Error("the packed form went with the failure")
	}
}

// TestDecodeOwnsItsBytes: a decoder may keep or change what it is given, of
// values that are compressed and of those that are not.
func TestDecodeOwnsItsBytes(t *testing.T) {
	c := newCache(t, cache.Config{})
	for _, text := range []string{"short", strings.Repeat("long ", 1000)} {
		c.Put("ana", text, []byte(text))
		c.Decoded("ana", text, func(data []byte) (any, int64, error) {
			clear(data)
			return nil, 0, errors.New("only here to spoil")
		})
		if data, _ := c.Get("ana", text); string(data) != text {
			t.Errorf("a decoder changed what is stored: %d bytes", len(data))
		}
	}
}

func TestADecodedHitAllocatesNothing(t *testing.T) {
	c := newCache(t, cache.Config{})
	c.PutDecoded("ana", "page", noise(10_000, 1), &form{}, 50_000)
	if allocs := testing.AllocsPerRun(100, func() { c.Decoded("ana", "page", neverDecode) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestDecodedFormsKeepToTheirShare: they push out each other, those in use
// last, and no entry while there is room.
func TestDecodedFormsKeepToTheirShare(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1, DecodedShare: 0.25})
	for i := range 500 {
		c.PutDecoded("ana", fmt.Sprint(i), noise(1000, uint64(i)), &form{}, 10_000)
		for popular := range min(i, 20) {
			if _, ok := c.Decoded("ana", fmt.Sprint(popular), neverDecode); !ok {
				t.Fatalf("after %d, the decoded form of %d is gone, which is read all the time", i, popular)
			}
		}
		if stats := c.Stats(); stats.DecodedBytes > stats.Budget/4 {
			t.Fatalf("%d bytes of decoded forms in %d", stats.DecodedBytes, stats.Budget/4)
		}
	}
	if stats := c.Stats(); stats.Entries != 500 || stats.DecodedBytes < stats.Budget/5 {
		t.Errorf("%+v", stats)
	}
	c.PutDecoded("ana", "large", []byte("small when packed"), &form{"large"}, 600_000)
	if value, ok := c.Decoded("ana", "large", decodeForm); !ok || value.(*form).text != "small when packed" {
		t.Errorf("a form of over half the share: %v, %v", value, ok)
	}
}

// TestDecodedFormsGoBeforeEntries: what is wanted is room, and a decoded form
// is cheap to make again.
func TestDecodedFormsGoBeforeEntries(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1, OwnerShare: 1})
	for i := range 100 {
		c.PutDecoded("ana", fmt.Sprint(i), noise(1000, uint64(i)), &form{}, 20_000)
	}
	for i := 0; c.Stats().DecodedBytes > 0; i++ {
		c.Put("ben", fmt.Sprint(i), noise(4000, uint64(i)))
		c.Get("ben", fmt.Sprint(i))
		if stats := c.Stats(); stats.Evictions > 0 {
			t.Fatalf("an entry went while there were %d bytes of decoded forms", stats.DecodedBytes)
		}
	}
	for i := range 100 {
		if _, ok := c.Get("ana", fmt.Sprint(i)); !ok {
			t.Fatalf("entry %d is gone", i)
		}
	}
}

// TestOneOwnerDoesNotPushOutDecodedForms: a walk through a huge mailbox leaves
// the pages that others come back to decoded.
func TestOneOwnerDoesNotPushOutDecodedForms(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1})
	const modest = 50
	for i := range modest {
		c.PutDecoded("modest", fmt.Sprint(i), noise(2000, uint64(i)), &form{}, 10_000)
	}
	for i := range 5000 {
		c.PutDecoded("greedy", fmt.Sprint(i), noise(2000, uint64(i)), &form{}, 10_000)
		c.Decoded("greedy", fmt.Sprint(i), decodeForm)
		if _, ok := c.Decoded("modest", fmt.Sprint(i%modest), neverDecode); !ok {
			t.Fatalf("after %d pages of another owner, page %d is gone or must be decoded again", i, i%modest)
		}
	}
	if stats := c.Stats(); stats.Evictions == 0 || stats.DecodedBytes < stats.Budget/3 {
		t.Errorf("the cache is not under pressure: %+v", stats)
	}
}

// TestDecodedFormsCountForTheirOwner: an owner with little more than decoded
// forms is over its share, and makes room for more among its own.
func TestDecodedFormsCountForTheirOwner(t *testing.T) {
	c := newCache(t, cache.Config{Budget: 4 << 20, Shards: 1, DecodedShare: 1})
	for i := range 300 {
		c.Put("modest", fmt.Sprint(i), noise(2000, uint64(i)))
	}
	for i := range 1000 {
		c.PutDecoded("greedy", fmt.Sprint(i), []byte("little"), &form{"little"}, 30_000)
		c.Decoded("greedy", fmt.Sprint(i), decodeForm)
	}
	for i := range 300 {
		if _, ok := c.Get("modest", fmt.Sprint(i)); !ok {
			t.Fatalf("entry %d of a modest owner was pushed out", i)
		}
	}
	if stats := c.Stats(); stats.Bytes < stats.Budget*9/10 {
		t.Errorf("the cache is not full: %+v", stats)
	}
}
