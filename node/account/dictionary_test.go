package account_test

import (
	"flag"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
)

var trainDictionary = flag.Bool("dictionary", false, "make the dictionary anew")

const dictionaryFile = "dictionary.zstd"

// TestDictionary holds that the dictionary makes smaller what accounts cache of
// mailboxes that it was not made of.
func TestDictionary(t *testing.T) {
	if *trainDictionary {
		var samples [][]byte
		for seed := range uint64(16) {
			for _, values := range cached(t, 100+seed, 300) {
				samples = append(samples, values[:min(len(values), 25)]...)
			}
		}
		made, err := cache.TrainDictionary(samples, 96<<10)
		if err == nil {
			err = os.WriteFile(dictionaryFile, made, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for kind, values := range cached(t, 1, 600) {
		ratio := func(dictionary []byte) float64 {
			store, err := cache.New(cache.Config{Dictionary: dictionary}, metrics.NewSet())
			if err != nil {
				t.Fatal(err)
			}
			for i, value := range values {
				store.Put("x", string(rune(i)), value)
			}
			stats := store.Stats()
			return float64(stats.RawBytes) / float64(stats.Bytes)
		}
		without, with := ratio(nil), ratio(account.Dictionary)
		t.Logf("%-14s %4d values: %.2f times smaller, without a dictionary %.2f times", kind, len(values), with, without)
		if with < without {
			t.Errorf("%s: larger with a dictionary than without", kind)
		}
	}
}

// cached returns what an account caches of a mailbox that was read from end to
// end, by kind.
func cached(t *testing.T, seed uint64, messages int) map[string][][]byte {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.CreateFolders(user); err != nil {
		t.Fatal(err)
	}
	if err := server.Fill(mailgen.New(seed, time.Now()).Inbox(messages), user); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, server.IMAPAddr())
	kept := keeper{}
	a := account.New("x@example.edu", user, password, w.backend(), account.Config{}, kept, slog.New(slog.DiscardHandler))
	defer a.Close()
	for number := 1; ; number++ {
		page, err := a.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: number})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			message, err := a.Message(t.Context(), &api.MessageQuestion{ID: row.ID})
			if err == nil && message.HasHTML {
				_, err = a.Body(t.Context(), &api.BodyQuestion{ID: row.ID})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if number == page.Pages {
			break
		}
	}
	values := map[string][][]byte{}
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		kind, _, _ := strings.Cut(key, " ")
		values[kind] = append(values[kind], kept[key])
	}
	return values
}

// keeper is a cache that forgets nothing.
type keeper map[string][]byte

func (k keeper) Get(_, key string) ([]byte, bool) {
	value, ok := k[key]
	return value, ok
}

func (k keeper) Put(_, key string, value []byte) { k[key] = slices.Clone(value) }

func (k keeper) Decoded(_, key string, decode func([]byte) (any, int64, error)) (any, bool) {
	data, ok := k[key]
	if !ok {
		return nil, false
	}
	value, _, err := decode(slices.Clone(data))
	return value, err == nil
}

func (k keeper) PutDecoded(owner, key string, data []byte, _ any, _ int64) { k.Put(owner, key, data) }
