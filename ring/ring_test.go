package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"alphamail/bench/testbed/port"
	"alphamail/ring"
)

func TestMain(m *testing.M) {
	// A probe of memberlist ends with its timeout, not with its member.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

func nodes(names ...string) []ring.Member {
	var members []ring.Member
	for _, name := range names {
		members = append(members, ring.Member{Name: name, Role: ring.RoleNode, State: ring.StateActive})
	}
	return members
}

func numbered(count int) []string {
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("node-%d", i))
	}
	return names
}

const keys = 2000

func key(i int) string { return fmt.Sprintf("user%d@example.edu", i) }

func TestTableDependsOnMembersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := numbered(rapid.IntRange(1, 8).Draw(t, "count"))
		table, shuffled := ring.NewTable(nodes(names...), ring.Rules{}), ring.NewTable(nodes(rapid.Permutation(names).Draw(t, "order")...), ring.Rules{})
		if table.Digest() != shuffled.Digest() {
			t.Fatal("the digest depends on the order of the members")
		}
		for i := range keys {
			a, _ := table.Owner(key(i))
			if b, _ := shuffled.Owner(key(i)); a != b {
				t.Fatalf("%s belongs to %s or %s", key(i), a.Name, b.Name)
			}
		}
	})
}

func TestTableSpreadsKeys(t *testing.T) {
	table := ring.NewTable(nodes(numbered(5)...), ring.Rules{})
	counts := map[string]int{}
	for i := range keys {
		owner, _ := table.Owner(key(i))
		counts[owner.Name]++
	}
	for name, count := range counts {
		if count < keys/10 || count > keys*2/5 {
			t.Errorf("%s owns %d of %d keys", name, count, keys)
		}
	}
	if len(counts) != 5 {
		t.Errorf("only %d nodes own keys", len(counts))
	}
}

func TestSuccessorIsTheNextOwner(t *testing.T) {
	all := nodes(numbered(5)...)
	table := ring.NewTable(all, ring.Rules{})
	for gone, member := range all {
		rest := ring.NewTable(slices.Delete(slices.Clone(all), gone, gone+1), ring.Rules{})
		for i := range keys {
			successor, ok := table.Successor(key(i), member.Name)
			if next, _ := rest.Owner(key(i)); !ok || successor != next {
				t.Fatalf("%s goes from %s to %s, not to %s", key(i), member.Name, next.Name, successor.Name)
			}
		}
	}
}

func TestOddTables(t *testing.T) {
	empty := ring.NewTable(nil, ring.Rules{})
	if _, ok := empty.Owner("ana"); ok {
		t.Error("somebody owns a key of nobody")
	}
	one := ring.NewTable(nodes("only"), ring.Rules{})
	if owner, ok := one.Owner("ana"); !ok || owner.Name != "only" {
		t.Error("the only node does not own a key")
	}
	if _, ok := one.Successor("ana", "only"); ok {
		t.Error("the only node has a successor")
	}
	if successor, ok := one.Successor("ana", "stranger"); !ok || successor.Name != "only" {
		t.Error("a suspect that is no member changes the owner")
	}
	if one.Digest() == empty.Digest() || one.Digest() == ring.NewTable(nodes("other"), ring.Rules{}).Digest() {
		t.Error("digests of different tables are equal")
	}
	if twice := ring.NewTable(append(nodes("only"), nodes("only")...), ring.Rules{}); twice.Digest() != one.Digest() {
		t.Error("a member that is named twice changes the table")
	}
}

var gossipKey = bytes.Repeat([]byte{7}, 32)

func start(t *testing.T, name string, edit func(*ring.Config)) *ring.Ring {
	t.Helper()
	config := ring.Config{
		Self: ring.Member{Name: name, Role: ring.RoleNode, State: ring.StateActive, API: "127.0.0.1:1", Incarnation: time.Now().UnixNano()},
		Bind: "127.0.0.1:0", Keys: [][]byte{gossipKey}, Rejoin: 200 * time.Millisecond,
	}
	if edit != nil {
		edit(&config)
	}
	r, err := ring.Start(config, slog.New(slog.DiscardHandler), metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func join(others ...*ring.Ring) func(*ring.Config) {
	return func(c *ring.Config) {
		for _, other := range others {
			c.Join = append(c.Join, other.Address())
		}
	}
}

// agree waits until each ring has a table of exactly these nodes.
func agree(t *testing.T, names []string, rings ...*ring.Ring) {
	t.Helper()
	want := ring.NewTable(nodes(names...), ring.Rules{}).Digest()
	deadline := time.Now().Add(30 * time.Second)
	for _, r := range rings {
		for r.Table().Digest() != want {
			if time.Now().After(deadline) {
				t.Fatalf("%s knows %v, not %v", r.Self().Name, r.Table().Members(), names)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func TestClusterComesAndGoes(t *testing.T) {
	a := start(t, "a", nil)
	b := start(t, "b", join(a))
	c := start(t, "c", join(a))
	front := start(t, "front", func(config *ring.Config) {
		join(b)(config)
		config.Self.Role = ring.RoleFrontend
	})
	agree(t, []string{"a", "b", "c"}, a, b, c, front)
	if got := len(front.Members()); got != 4 {
		t.Errorf("the frontend knows %d members", got)
	}
	if member, ok := front.Table().Member("b"); !ok || member.API != "127.0.0.1:1" {
		t.Errorf("the frontend knows of b: %+v", member)
	}

	if err := b.SetState(ring.StateDraining); err != nil {
		t.Fatal(err)
	}
	agree(t, []string{"a", "c"}, a, b, c, front)
	if err := b.SetState(ring.StateActive); err != nil {
		t.Fatal(err)
	}
	agree(t, []string{"a", "b", "c"}, a, b, c, front)

	c.Close(t.Context())
	agree(t, []string{"a", "b"}, a, b, front)
}

func TestSeedThatStartsLater(t *testing.T) {
	address := freeAddress(t)
	early := start(t, "early", func(c *ring.Config) { c.Join = []string{address} })
	late := start(t, "late", func(c *ring.Config) { c.Bind = address })
	agree(t, []string{"early", "late"}, early, late)
}

// TestSplitHeals makes two groups that know nothing of each other, as after a
// partition that lasted long enough, and lets one member name the other group.
func TestSplitHeals(t *testing.T) {
	seed := freeAddress(t)
	a := start(t, "a", func(c *ring.Config) { c.Join = []string{seed} })
	b := start(t, "b", join(a))
	agree(t, []string{"a", "b"}, a, b)
	c := start(t, "c", nil)
	d := start(t, "d", func(config *ring.Config) { join(c)(config); config.Bind = seed })
	agree(t, []string{"a", "b", "c", "d"}, a, b, c, d)
}

func TestWrongKeyStaysOut(t *testing.T) {
	a := start(t, "a", nil)
	stranger := start(t, "stranger", func(c *ring.Config) {
		join(a)(c)
		c.Keys = [][]byte{bytes.Repeat([]byte{8}, 32)}
	})
	friend := start(t, "friend", func(c *ring.Config) {
		join(a)(c)
		c.Keys = [][]byte{gossipKey, bytes.Repeat([]byte{8}, 32)}
	})
	agree(t, []string{"a", "friend"}, a, friend)
	agree(t, []string{"stranger"}, stranger)
}

func TestSingle(t *testing.T) {
	r := ring.Single(ring.Member{Name: "only", Role: ring.RoleNode, State: ring.StateDraining}, metrics.NewSet())
	if _, ok := r.Table().Owner("ana"); ok {
		t.Error("a node that is draining owns keys")
	}
	if err := r.SetState(ring.StateActive); err != nil {
		t.Fatal(err)
	}
	if owner, ok := r.Table().Owner("ana"); !ok || owner.Name != "only" {
		t.Error("the only node owns nothing")
	}
	r.Close(t.Context())
}

func TestConfigValidate(t *testing.T) {
	good := ring.Config{Self: ring.Member{Name: "a", Role: ring.RoleNode}, Bind: "127.0.0.1:0", Keys: [][]byte{gossipKey}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*ring.Config){
		"no name":      func(c *ring.Config) { c.Self.Name = "" },
		"no role":      func(c *ring.Config) { c.Self.Role = "" },
		"no port":      func(c *ring.Config) { c.Bind = "127.0.0.1" },
		"bad seed":     func(c *ring.Config) { c.Join = []string{"x"} },
		"no key":       func(c *ring.Config) { c.Keys = nil },
		"long address": func(c *ring.Config) { c.Self.API = string(make([]byte, 600)) },
	} {
		bad := good
		edit(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	held, err := port.Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Release)
	return held.Address()
}

func BenchmarkOwner(b *testing.B) {
	for _, count := range []int{3, 10, 100, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			table := ring.NewTable(nodes(numbered(count)...), ring.Rules{})
			for b.Loop() {
				table.Owner("maria@example.edu")
			}
		})
	}
}

func BenchmarkNewTable(b *testing.B) {
	for _, count := range []int{3, 10, 100, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			members := nodes(numbered(count)...)
			for b.Loop() {
				ring.NewTable(members, ring.Rules{})
			}
		})
	}
}

// BenchmarkOneMore adds a node to a table, and prints which share of keys moves
// against the share that has to, and how many times the mean the largest node has.
func BenchmarkOneMore(b *testing.B) {
	for _, count := range []int{3, 10, 100, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			before := ring.NewTable(nodes(numbered(count)...), ring.Rules{})
			var after *ring.Table
			for b.Loop() {
				after = ring.NewTable(nodes(numbered(count+1)...), ring.Rules{})
			}
			const sample = 100_000
			moved, owned := 0, map[string]int{}
			for i := range sample {
				old, _ := before.Owner(key(i))
				now, _ := after.Owner(key(i))
				if old.Name != now.Name {
					moved++
				}
				owned[now.Name]++
			}
			most := slices.Max(slices.Collect(maps.Values(owned)))
			b.ReportMetric(float64(moved)/sample*float64(count+1), "moved/ideal")
			b.ReportMetric(float64(most)/sample*float64(count+1), "largest/mean")
		})
	}
}

// TestStateChangeWhileJoining changes the state at the moment at which the
// others hear of the member for the first time.
func TestStateChangeWhileJoining(t *testing.T) {
	a := start(t, "a", nil)
	var rings []*ring.Ring
	names := []string{"a"}
	for i := range 8 {
		name := fmt.Sprintf("late-%d", i)
		r := start(t, name, func(c *ring.Config) {
			join(a)(c)
			c.Self.State = ring.StateDraining
		})
		if err := r.SetState(ring.StateActive); err != nil {
			t.Fatal(err)
		}
		rings, names = append(rings, r), append(names, name)
	}
	agree(t, names, append(rings, a)...)
}
