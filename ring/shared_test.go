package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"alphamail/ring"
)

// words is a Shared of words, one a line.
type words struct {
	mu      sync.Mutex // guards learned
	learned []lesson
}

type lesson struct {
	at   time.Time
	word string
}

func (w *words) Since(at time.Time) (data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.learned {
		if !one.at.Before(at) {
			data = append(data, one.word+"\n"...)
		}
	}
	return data
}

func (w *words) Merge(data []byte) (news []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range bytes.Lines(data) {
		word := string(bytes.TrimSuffix(line, []byte("\n")))
		if !slices.ContainsFunc(w.learned, func(one lesson) bool { return one.word == word }) {
			w.learned = append(w.learned, lesson{time.Now(), word})
			news = append(news, line...)
		}
	}
	return news
}

// learnedBefore makes a set that knows a word for an hour already: no exchange
// between members that know each other tells it.
func learnedBefore(word string) *words {
	return &words{learned: []lesson{{time.Now().Add(-time.Hour), word}}}
}

func (w *words) has(word string) bool {
	return bytes.Contains(append([]byte("\n"), w.Since(time.Time{})...), []byte("\n"+word+"\n"))
}

// knows waits until all sets have a word.
func knows(t *testing.T, word string, all ...*words) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for i, one := range all {
		for !one.has(word) {
			if time.Now().After(deadline) {
				t.Fatalf("set %d never learns of %s", i, word)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func sharing(set *words, seeds ...string) func(*ring.Config) {
	return func(c *ring.Config) { c.Shared, c.Join, c.Patience = set, seeds, time.Hour }
}

func TestNewsReachesAllNodes(t *testing.T) {
	var rings []*ring.Ring
	var sets []*words
	var names, seeds []string
	for i := range 5 {
		name, set := fmt.Sprint("n", i), &words{}
		r := start(t, name, sharing(set, seeds...))
		names, sets, rings, seeds = append(names, name), append(sets, set), append(rings, r), []string{r.Address()}
	}
	frontend := start(t, "frontend", func(c *ring.Config) { c.Self.Role, c.Join = ring.RoleFrontend, seeds })
	agree(t, names, append(rings, frontend)...)
	for i, r := range rings {
		r.Tell(sets[i].Merge(fmt.Appendf(nil, "from%d\n", i)))
	}
	frontend.Tell([]byte("from a frontend\n")) // it shares nothing
	for i := range rings {
		knows(t, fmt.Sprint("from", i), sets...)
	}
	if sets[0].has("from a frontend") {
		t.Error("a frontend told nodes something")
	}
}

// TestJoiningLearnsAll looks when a node that starts becomes active: not before it
// knows what others learned long ago.
func TestJoiningLearnsAll(t *testing.T) {
	old := learnedBefore("old")
	a := start(t, "a", sharing(old))
	agree(t, []string{"a"}, a)
	fresh := learnedBefore("elsewhere")
	b := start(t, "b", sharing(fresh, a.Address()))
	agree(t, []string{"a", "b"}, a, b)
	if !fresh.has("old") || !old.has("elsewhere") {
		t.Errorf("nodes that are active know %q and %q", old.Since(time.Time{}), fresh.Since(time.Time{}))
	}
}

// TestJoiningWaits lets a seed be away: a node that joins waits for it as long as
// it has patience, unless one that has been there for long tells it all.
func TestJoiningWaits(t *testing.T) {
	away := freeAddress(t)
	alone := start(t, "alone", sharing(&words{}, away))
	time.Sleep(300 * time.Millisecond)
	if state := alone.Self().State; state != ring.StateJoining {
		t.Errorf("without its seed it is %s", state)
	}
	helped := start(t, "helped", sharing(&words{}, away, start(t, "seed", sharing(&words{})).Address()))
	agree(t, []string{"helped", "seed"}, helped)

	impatient := start(t, "impatient", func(c *ring.Config) {
		c.Shared, c.Join, c.Patience = &words{}, []string{away}, 50*time.Millisecond
	})
	agree(t, []string{"impatient"}, impatient)

	late := learnedBefore("late")
	start(t, "late", func(c *ring.Config) {
		sharing(late, alone.Address())(c)
		c.Bind = away
	})
	deadline := time.Now().Add(30 * time.Second)
	for alone.Self().State != ring.StateActive {
		if time.Now().After(deadline) {
			t.Fatalf("its seed is there, and it is %s", alone.Self().State)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestJoiningByAFrontend has only a frontend for a seed, which shares nothing.
func TestJoiningByAFrontend(t *testing.T) {
	frontend := start(t, "frontend", func(c *ring.Config) { c.Self.Role = ring.RoleFrontend })
	old, fresh := learnedBefore("old"), &words{}
	a := start(t, "a", sharing(old, frontend.Address()))
	agree(t, []string{"a"}, a, frontend)
	b := start(t, "b", func(c *ring.Config) {
		sharing(fresh, frontend.Address())(c)
		c.Patience = 2 * time.Second // every tenth of it others are asked
	})
	knows(t, "old", fresh)
	agree(t, []string{"a", "b"}, a, b)
}

// TestDrainingWhileJoining asks a member to stop before it was active.
func TestDrainingWhileJoining(t *testing.T) {
	r := start(t, "a", sharing(&words{}, freeAddress(t)))
	if err := r.SetState(ring.StateDraining); err != nil {
		t.Fatal(err)
	}
	seed := start(t, "seed", sharing(&words{}))
	b := start(t, "b", sharing(&words{}, seed.Address(), r.Address()))
	agree(t, []string{"b", "seed"}, b, r)
	if state := r.Self().State; state != ring.StateDraining {
		t.Errorf("it is %s", state)
	}
	r.Close(context.Background())
}

// TestKeysOfTheGossipChange adds a key on two members, uses it, and removes the old
// one: they hear each other all the time, and a stranger with the old key nothing.
func TestKeysOfTheGossipChange(t *testing.T) {
	other := bytes.Repeat([]byte{8}, 32)
	sets := []*words{{}, {}}
	a := start(t, "a", sharing(sets[0]))
	b := start(t, "b", sharing(sets[1], a.Address()))
	agree(t, []string{"a", "b"}, a, b)
	for i, keys := range [][][]byte{{gossipKey, other}, {other, gossipKey}, {other}} {
		for _, r := range []*ring.Ring{a, b} {
			if err := r.SetKeys(keys); err != nil {
				t.Fatal(err)
			}
			word := fmt.Sprint(r.Self().Name, i) // told while the keys of the two differ
			r.Tell([]byte(word + "\n"))
			knows(t, word, sets[map[string]int{"a": 1, "b": 0}[r.Self().Name]])
		}
	}
	stranger := start(t, "stranger", sharing(&words{}, a.Address()))
	time.Sleep(500 * time.Millisecond)
	if len(stranger.Members()) != 1 || len(a.Members()) != 2 {
		t.Errorf("a member with a key that was removed knows %v", stranger.Members())
	}
	if err := a.SetKeys(nil); err == nil {
		t.Error("a gossip without a key")
	}
}
