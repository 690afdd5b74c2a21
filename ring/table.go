package ring

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/buraksezer/consistent"
	"github.com/cespare/xxhash/v2"
)

// placementLibrary is part of the digest, as the rules are: members that differ in
// one of them disagree about owners.
const placementLibrary = "buraksezer/consistent v1.0.0, xxhash64"

// Parameters are those of the placement.
type Parameters struct {
	// Partitions is how many shares keys fall into; each belongs to one member.
	Partitions int
	// Replication is how many places a member has on the ring.
	Replication int
	// Load bounds how many partitions a member gets, as a multiple of the mean.
	// It does not bound its traffic.
	Load float64
}

// generations are the parameters that this version of AlphaMail knows. A cluster
// uses the newest ones that all its members know: so new ones come into force when
// the last member has been upgraded, for all as soon as gossip tells them.
var generations = []Parameters{{Partitions: 4093, Replication: 100, Load: 1.25}}

// Rules are what a table follows from besides its members.
type Rules struct {
	// Parameters are the first generation's when they are zero.
	Parameters
	// Pins name the members that own keys whatever the placement says. One whose
	// member is not there has no effect.
	Pins map[string]string
}

// Table says who owns a key. It is immutable, and a function of its members
// and rules alone: not of the order in which members joined.
type Table struct {
	members []Member // sorted by name
	rules   Rules
	digest  uint64
	owners  []uint16          // partition → index in members
	pinned  map[string]uint16 // key → index in members

	mu      sync.Mutex // guards without
	without map[string]*Table
}

type hasher struct{}

func (hasher) Sum64(data []byte) uint64 { return xxhash.Sum64(data) }

// String makes Member a member of the consistent-hash ring.
func (m Member) String() string { return m.Name }

// NewTable computes the table of these members.
func NewTable(members []Member, rules Rules) *Table {
	sorted := slices.SortedFunc(slices.Values(members), func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	sorted = slices.CompactFunc(sorted, func(a, b Member) bool { return a.Name == b.Name })
	if rules.Parameters == (Parameters{}) {
		rules.Parameters = generations[0]
	}
	t := &Table{members: sorted, rules: rules, digest: digest(sorted, rules), pinned: map[string]uint16{}, without: map[string]*Table{}}
	if len(sorted) == 0 {
		return t
	}
	index := make(map[string]uint16, len(sorted))
	list := make([]consistent.Member, len(sorted))
	for i, member := range sorted {
		index[member.Name], list[i] = uint16(i), member
	}
	placed := consistent.New(list, consistent.Config{
		Hasher: hasher{}, PartitionCount: rules.Partitions, ReplicationFactor: rules.Replication, Load: rules.Load,
	})
	t.owners = make([]uint16, rules.Partitions)
	for partition := range t.owners {
		t.owners[partition] = index[placed.GetPartitionOwner(partition).String()]
	}
	for key, name := range rules.Pins {
		if i, member := index[name]; member {
			t.pinned[key] = i
		}
	}
	return t
}

func digest(members []Member, rules Rules) uint64 {
	var text []byte
	text = append(text, placementLibrary...)
	text = binary.BigEndian.AppendUint32(text, uint32(rules.Partitions))
	text = binary.BigEndian.AppendUint32(text, uint32(rules.Replication))
	text = binary.BigEndian.AppendUint32(text, uint32(rules.Load*100))
	for _, member := range members {
		text = append(append(text, 0), member.Name...)
	}
	for _, key := range slices.Sorted(maps.Keys(rules.Pins)) {
		text = append(append(append(append(text, 1), key...), 0), rules.Pins[key]...)
	}
	return xxhash.Sum64(text)
}

// Owner returns the member that owns a key; false when there is no member.
func (t *Table) Owner(key string) (Member, bool) {
	if len(t.owners) == 0 {
		return Member{}, false
	}
	if len(t.pinned) > 0 {
		if i, pinned := t.pinned[key]; pinned {
			return t.members[i], true
		}
	}
	return t.members[t.owners[xxhash.Sum64String(key)%uint64(len(t.owners))]], true
}

// Successor returns who owns a key once the suspects are gone.
func (t *Table) Successor(key string, suspects ...string) (Member, bool) {
	return t.Without(suspects...).Owner(key)
}

// maxWithout bounds how many tables without some of its members a table keeps.
const maxWithout = 32

// Without returns the table of all members but some. It is computed once and kept;
// without any member that it has, it is the table itself.
func (t *Table) Without(names ...string) *Table {
	rest := slices.DeleteFunc(slices.Clone(t.members), func(m Member) bool { return slices.Contains(names, m.Name) })
	if len(rest) == len(t.members) {
		return t
	}
	key := memberNames(rest)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.without[key] == nil {
		if len(t.without) == maxWithout {
			clear(t.without)
		}
		t.without[key] = NewTable(rest, t.rules)
	}
	return t.without[key]
}

func memberNames(members []Member) string {
	var names strings.Builder
	for _, member := range members {
		names.WriteString(member.Name)
		names.WriteByte(0)
	}
	return names.String()
}

// Members are the members that own keys, sorted by name. The caller must not
// change them.
func (t *Table) Members() []Member { return t.members }

// Member finds a member by name.
func (t *Table) Member(name string) (Member, bool) {
	for _, member := range t.members {
		if member.Name == name {
			return member, true
		}
	}
	return Member{}, false
}

// Digest identifies the table: equal digests mean equal owners.
func (t *Table) Digest() uint64 { return t.digest }
