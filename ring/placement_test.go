package ring

import (
	"fmt"
	"testing"
)

func someMembers(count int) (members []Member) {
	for i := range count {
		members = append(members, Member{Name: fmt.Sprintf("node-%d", i), Role: RoleNode, State: StateActive, Generation: 1})
	}
	return members
}

func TestPins(t *testing.T) {
	all := someMembers(5)
	plain := NewTable(all, Rules{})
	natural, _ := plain.Owner("desk@example.edu")
	other := "node-0"
	if natural.Name == other {
		other = "node-1"
	}
	table := NewTable(all, Rules{Pins: map[string]string{"desk@example.edu": other, "lost@example.edu": "node-9"}})
	if table.Digest() == plain.Digest() {
		t.Error("members with other pins have the same digest")
	}
	if owner, _ := table.Owner("desk@example.edu"); owner.Name != other {
		t.Errorf("a pinned account belongs to %s, not to %s", owner.Name, other)
	}
	if successor, _ := table.Successor("desk@example.edu", other); successor.Name == other {
		t.Error("a pinned account stays with a suspect")
	}
	if after, _ := table.Without(other).Owner("desk@example.edu"); after != must(NewTable(table.Without(other).Members(), Rules{}).Owner("desk@example.edu")) {
		t.Errorf("without the pinned node, %s owns the account", after.Name)
	}
	for i := range 2000 {
		key := fmt.Sprintf("user%d@example.edu", i)
		if must(plain.Owner(key)) != must(table.Owner(key)) {
			t.Fatalf("a pin of somebody else moves %s", key)
		}
	}
	if must(plain.Owner("lost@example.edu")) != must(table.Owner("lost@example.edu")) {
		t.Error("a pin to a node that is not there has an effect")
	}
}

func must(member Member, ok bool) Member {
	if !ok {
		panic("nobody owns it")
	}
	return member
}

func TestManySuspects(t *testing.T) {
	table := NewTable(someMembers(9), Rules{})
	suspects := []string{"node-8", "node-1", "node-2", "node-4", "node-5"}
	rest := NewTable([]Member{table.Members()[0], table.Members()[3], table.Members()[6], table.Members()[7]}, Rules{})
	for i := range 2000 {
		key := fmt.Sprintf("user%d@example.edu", i)
		if got, want := must(table.Successor(key, suspects...)), must(rest.Owner(key)); got != want {
			t.Fatalf("%s goes to %s, not to %s", key, got.Name, want.Name)
		}
	}
	for i := range 3 * maxWithout { // more than are kept
		if _, ok := table.Successor("ana", suspects[:1+i%3]...); !ok {
			t.Fatal("nobody is left")
		}
	}
}

// A cluster in which one member knows less uses what that one knows.
func TestGenerations(t *testing.T) {
	known := []Parameters{generations[0], {Partitions: 8191, Replication: 150, Load: 1.1}}
	r := &Ring{config: Config{generations: known}.withDefaults()}
	for _, test := range []struct {
		generations []int
		want        Parameters
	}{
		{[]int{2, 2, 2}, known[1]},
		{[]int{2, 1, 2}, known[0]},
		{[]int{2, 0, 2}, known[0]}, // of before there were generations
		{[]int{3, 2, 3}, known[1]},
		{[]int{3, 3, 3}, known[1]}, // of which this member knows nothing yet
	} {
		members := someMembers(3)
		for i, generation := range test.generations {
			members[i].Generation = generation
		}
		if got := r.parameters(members); got != test.want {
			t.Errorf("members that know %v use %v, want %v", test.generations, got, test.want)
		}
	}
	if NewTable(someMembers(3), Rules{Parameters: known[0]}).Digest() == NewTable(someMembers(3), Rules{Parameters: known[1]}).Digest() {
		t.Error("tables with other parameters have the same digest")
	}
}
