package ring

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"github.com/buraksezer/consistent"
	"github.com/cespare/xxhash/v2"
)

// Parameters of the placement. They are part of the digest: members that differ
// in one of them disagree about owners.
const (
	placementLibrary = "buraksezer/consistent v1.0.0, xxhash64"
	partitions       = 4093
	replication      = 100
	load             = 1.25 // bounds how many partitions a member gets, not its traffic
)

// Table says who owns a key. It is immutable, and a function of its members
// alone: not of the order in which they joined.
type Table struct {
	members []Member // sorted by name
	digest  uint64
	owners  []uint16 // partition → index in members

	mu      sync.Mutex // guards without
	without map[string]*Table
}

type hasher struct{}

func (hasher) Sum64(data []byte) uint64 { return xxhash.Sum64(data) }

// String makes Member a member of the consistent-hash ring.
func (m Member) String() string { return m.Name }

// NewTable computes the table of these members.
func NewTable(members []Member) *Table {
	sorted := slices.SortedFunc(slices.Values(members), func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	sorted = slices.CompactFunc(sorted, func(a, b Member) bool { return a.Name == b.Name })
	t := &Table{members: sorted, digest: digest(sorted), without: map[string]*Table{}}
	if len(sorted) == 0 {
		return t
	}
	index := make(map[string]uint16, len(sorted))
	list := make([]consistent.Member, len(sorted))
	for i, member := range sorted {
		index[member.Name], list[i] = uint16(i), member
	}
	placed := consistent.New(list, consistent.Config{Hasher: hasher{}, PartitionCount: partitions, ReplicationFactor: replication, Load: load})
	t.owners = make([]uint16, partitions)
	for partition := range t.owners {
		t.owners[partition] = index[placed.GetPartitionOwner(partition).String()]
	}
	return t
}

func digest(members []Member) uint64 {
	var text []byte
	text = append(text, placementLibrary...)
	text = binary.BigEndian.AppendUint32(text, partitions)
	text = binary.BigEndian.AppendUint32(text, replication)
	text = binary.BigEndian.AppendUint32(text, uint32(load*100))
	for _, member := range members {
		text = append(append(text, 0), member.Name...)
	}
	return xxhash.Sum64(text)
}

// Owner returns the member that owns a key; false when there is no member.
func (t *Table) Owner(key string) (Member, bool) {
	if len(t.owners) == 0 {
		return Member{}, false
	}
	return t.members[t.owners[xxhash.Sum64String(key)%partitions]], true
}

// Successor returns who owns a key once the suspects are gone.
func (t *Table) Successor(key string, suspects ...string) (Member, bool) {
	for _, suspect := range slices.Sorted(slices.Values(suspects)) { // one order, so that few tables are kept
		t = t.Without(suspect)
	}
	return t.Owner(key)
}

// Without returns the table of all members but one. It is computed once a
// member and kept; a name that is no member gives the table itself.
func (t *Table) Without(name string) *Table {
	i := slices.IndexFunc(t.members, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return t
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.without[name] == nil {
		t.without[name] = NewTable(slices.Delete(slices.Clone(t.members), i, i+1))
	}
	return t.without[name]
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
