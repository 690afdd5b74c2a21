package account_test

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
)

// kinds keeps each kind of cached data in a cache of its own, to measure them
// apart.
type kinds struct {
	t          *testing.T
	dictionary []byte

	mu     sync.Mutex // guards the fields below
	caches map[string]*cache.Cache
	values map[string][][]byte // of kinds, before compression
}

// of returns the cache for a key: its first word is the kind.
func (k *kinds) of(key string, value []byte) *cache.Cache {
	kind, _, _ := strings.Cut(key, " ")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.caches[kind] == nil {
		made, err := cache.New(cache.Config{Budget: 1 << 30, Dictionary: k.dictionary}, metrics.NewSet())
		if err != nil {
			k.t.Fatal(err)
		}
		k.caches[kind] = made
	}
	if value != nil {
		k.values[kind] = append(k.values[kind], slices.Clone(value))
	}
	return k.caches[kind]
}

func (k *kinds) Get(owner, key string) ([]byte, bool) { return k.of(key, nil).Get(owner, key) }

func (k *kinds) Put(owner, key string, value []byte) { k.of(key, value).Put(owner, key, value) }

func (k *kinds) Decoded(owner, key string, decode func([]byte) (any, int64, error)) (any, bool) {
	return k.of(key, nil).Decoded(owner, key, decode)
}

func (k *kinds) PutDecoded(owner, key string, data []byte, value any, size int64) {
	k.of(key, data).PutDecoded(owner, key, data, value, size)
}

// TestWhatIsKeptIsCompressed looks at every list page and opens every message of a
// generated mailbox, and prints how much smaller the cache keeps each kind of
// what the account gives it: without a dictionary, and with one that was made of
// another mailbox. The goal of the product is three times for records and bodies;
// the dictionary knows the generator's phrases, so real mail compresses less.
func TestWhatIsKeptIsCompressed(t *testing.T) {
	learnt := walkThrough(t, 1, nil)
	var samples [][]byte
	for _, kind := range slices.Sorted(maps.Keys(learnt.values)) {
		values := learnt.values[kind]
		samples = append(samples, values[:min(len(values), 300)]...)
	}
	dictionary, err := cache.TrainDictionary(samples, 96<<10)
	if err != nil {
		t.Fatal(err)
	}
	without, with := walkThrough(t, 2, nil), walkThrough(t, 2, dictionary)
	var text strings.Builder
	fmt.Fprintf(&text, "%-10s %8s %11s %14s %9s %14s %9s %12s\n", "kind", "entries", "raw KiB", "kept KiB", "times", "dictionary KiB", "times", "decoded KiB")
	for _, kind := range slices.Sorted(maps.Keys(without.caches)) {
		plain, trained := without.caches[kind].Stats(), with.caches[kind].Stats()
		kept, keptTrained := plain.Bytes-plain.DecodedBytes, trained.Bytes-trained.DecodedBytes
		times, timesTrained := float64(plain.RawBytes)/float64(kept), float64(trained.RawBytes)/float64(keptTrained)
		fmt.Fprintf(&text, "%-10s %8d %11d %14d %9.2f %14d %9.2f %12d\n", kind, plain.Entries, plain.RawBytes>>10,
			kept>>10, times, keptTrained>>10, timesTrained, plain.DecodedBytes>>10)
		if goal := kind == "records" || kind == "raw"; goal && timesTrained < 3 {
			t.Errorf("%s are kept only %.2f times smaller", kind, timesTrained)
		}
	}
	t.Logf("%d messages:\n%s", walked, &text)
}

// walked is how many messages walkThrough looks at.
const walked = 500

// walkThrough looks at all list pages of a mailbox, and then at all messages.
func walkThrough(t *testing.T, seed uint64, dictionary []byte) *kinds {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.Fill(mailgen.New(seed, time.Now()).Folder("INBOX", walked), user); err != nil {
		t.Fatal(err)
	}
	k := &kinds{t: t, dictionary: dictionary, caches: map[string]*cache.Cache{}, values: map[string][][]byte{}}
	w := newWorld(t, server.IMAPAddr())
	w.account = account.New(user+"@example.edu", user, password, w.backend(), account.Config{Watch: -1}, k, slog.New(slog.DiscardHandler))
	defer w.account.Close()
	var ids []api.MessageID
	for number := 1; number <= walked/api.DefaultPageSize; number++ {
		for _, row := range w.page("INBOX", number).Rows {
			ids = append(ids, row.ID)
		}
	}
	w.list(api.MailboxQuestion{Mailbox: "INBOX", Order: api.OrderSubject})
	for _, id := range ids {
		w.message(id, false)
	}
	return k
}

func (w *world) list(question api.MailboxQuestion) {
	w.t.Helper()
	if _, err := w.account.Mailbox(w.t.Context(), &question); err != nil {
		w.t.Fatal(err)
	}
}
