package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/hashicorp/memberlist"
)

// faultyNetwork carries what members say to each other, in this process, unless a
// test has cut the way.
type faultyNetwork struct {
	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	loss    float64                     // share of packets
	cut     map[[2]string]bool          // from, to: by address
	members map[string]*faultyTransport // by address
}

func newFaultyNetwork(seed uint64) *faultyNetwork {
	return &faultyNetwork{rng: rand.New(rand.NewPCG(seed, seed)), cut: map[[2]string]bool{}, members: map[string]*faultyTransport{}}
}

// member makes the transport of one more member.
func (n *faultyNetwork) member() *faultyTransport {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := &faultyTransport{
		network: n, address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1).To4(), Port: 1 + len(n.members)},
		packets: make(chan *memberlist.Packet, 1000), streams: make(chan net.Conn), closed: make(chan struct{}),
	}
	n.members[one.address.String()] = one
	return one
}

// passes tells whether something gets from one member to another.
func (n *faultyNetwork) passes(from, to string, packet bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cut[[2]string{from, to}] && !(packet && n.rng.Float64() < n.loss)
}

// breaks cuts each way with a chance of its own, so that some are cut in one direction.
func (n *faultyNetwork) breaks(hosts []string, chance, loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	n.loss = loss
	for _, from := range hosts {
		for _, to := range hosts {
			n.cut[[2]string{from, to}] = from != to && n.rng.Float64() < chance
		}
	}
}

func (n *faultyNetwork) parts(one, two []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range one {
		for _, b := range two {
			n.cut[[2]string{a, b}], n.cut[[2]string{b, a}] = true, true
		}
	}
}

func (n *faultyNetwork) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	n.loss = 0
}

// faultyTransport is one member's way into the network.
type faultyTransport struct {
	network *faultyNetwork
	address *net.TCPAddr
	packets chan *memberlist.Packet
	streams chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (t *faultyTransport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.address.IP, t.address.Port, nil
}
func (t *faultyTransport) PacketCh() <-chan *memberlist.Packet { return t.packets }
func (t *faultyTransport) StreamCh() <-chan net.Conn           { return t.streams }

func (t *faultyTransport) Shutdown() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (t *faultyTransport) to(address string) *faultyTransport {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	return t.network.members[address]
}

func (t *faultyTransport) WriteTo(b []byte, address string) (time.Time, error) {
	now := time.Now()
	if to := t.to(address); to != nil && t.network.passes(t.address.String(), address, true) {
		select {
		case to.packets <- &memberlist.Packet{Buf: slices.Clone(b), From: t.address, Timestamp: now}:
		default: // as a full socket does
		}
	}
	return now, nil // nobody tells the sender
}

var errLost = errors.New("lost on the way")

func (t *faultyTransport) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	from, to := t.address.String(), t.to(address)
	if to == nil || !t.network.passes(from, address, false) || !t.network.passes(address, from, false) {
		time.Sleep(timeout)
		return nil, errLost
	}
	near, far := net.Pipe()
	select {
	case to.streams <- far:
		return &faultyConn{near, t.network, from, address}, nil
	case <-to.closed:
		return nil, errLost
	case <-time.After(timeout):
		return nil, errLost
	}
}

// faultyConn breaks when the way is cut while it is used.
type faultyConn struct {
	net.Conn
	network  *faultyNetwork
	from, to string
}

func (c *faultyConn) Write(p []byte) (int, error) {
	if !c.network.passes(c.from, c.to, false) {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) Read(p []byte) (int, error) {
	if !c.network.passes(c.to, c.from, false) {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return c.Conn.Read(p)
}

// faultyCluster is some nodes on a faulty network.
type faultyCluster struct {
	t       *testing.T
	network *faultyNetwork
	names   []string
	hosts   []string // their addresses
	rings   map[string]*Ring
}

func startFaulty(t *testing.T, seed uint64, count int) *faultyCluster {
	t.Helper()
	c := &faultyCluster{t: t, network: newFaultyNetwork(seed), rings: map[string]*Ring{}}
	for i := range count {
		name := fmt.Sprintf("node-%d", i)
		transport := c.network.member()
		address := transport.address.String()
		c.hosts = append(c.hosts, address)
		r, err := Start(Config{
			Self: Member{Name: name, Role: RoleNode, State: StateActive, API: address, Incarnation: int64(i)},
			Bind: address, Join: slices.Clone(c.hosts), Keys: [][]byte{make([]byte, 32)}, transport: transport,
		}, slog.New(slog.DiscardHandler), metrics.NewSet())
		if err != nil {
			t.Fatal(err)
		}
		c.names = append(c.names, name)
		c.rings[name] = r
	}
	return c
}

func (c *faultyCluster) close() {
	for _, r := range c.rings {
		r.Close(context.Background())
	}
	time.Sleep(time.Minute) // a probe of memberlist ends with its timeout
}

// agree returns after how long all see one ring of all nodes.
func (c *faultyCluster) agree(within time.Duration) time.Duration {
	c.t.Helper()
	began := time.Now()
	want := NewTable(someMembers(len(c.names)), Rules{}).Digest()
	for time.Since(began) < within {
		one := true
		for _, r := range c.rings {
			one = one && r.Table().Digest() == want && len(r.Members()) == len(c.names)
		}
		if one {
			return time.Since(began)
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, name := range c.names {
		c.t.Errorf("%s sees %d members", name, len(c.rings[name].Members()))
	}
	c.t.Fatalf("there is not one ring after %v", within)
	return 0
}

// Whatever broke, and in whichever direction, some seconds after it is whole again
// all members see one ring.
func TestOneRingAfterAnyFault(t *testing.T) {
	histories := uint64(6)
	if testing.Short() {
		histories = 3
	}
	for seed := range histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startFaulty(t, seed, 5)
				defer c.close()
				c.agree(20 * time.Second)
				rng := rand.New(rand.NewPCG(seed, 1))
				for range 4 {
					switch rng.IntN(3) {
					case 0:
						cut := 1 + rng.IntN(4)
						c.network.parts(c.hosts[:cut], c.hosts[cut:])
					case 1:
						c.network.breaks(c.hosts, 0.4, 0.1)
					case 2:
						c.network.breaks(c.hosts, 0, 0.3)
					}
					time.Sleep(time.Duration(rng.IntN(40_000)) * time.Millisecond)
					c.network.heal()
					t.Logf("one ring again after %v", c.agree(10*time.Second))
				}
			})
		})
	}
}

// When most nodes vanish at once the others hold the ring, and give it up when those
// do not come back.
func TestMostNodesVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFaulty(t, 1, 5)
		defer c.close()
		c.agree(20 * time.Second)
		whole := c.rings["node-0"].Table().Digest()
		nodesOf := func(name string) int { return len(c.rings[name].Table().Members()) }

		c.network.parts(c.hosts[:2], c.hosts[2:])
		time.Sleep(20 * time.Second)
		if members := len(c.rings["node-0"].Members()); members != 2 {
			t.Fatalf("%d members are seen of 2 that are left", members)
		}
		if nodesOf("node-0") != 5 || c.rings["node-0"].Table().Digest() != whole {
			t.Errorf("who lost 3 of 5 nodes sees a ring of %d", nodesOf("node-0"))
		}
		if nodesOf("node-4") != 3 {
			t.Errorf("who lost 2 of 5 nodes sees a ring of %d", nodesOf("node-4"))
		}
		time.Sleep(30 * time.Second)
		if nodesOf("node-0") != 2 {
			t.Errorf("after all that time a ring of %d is still held", nodesOf("node-0"))
		}
		c.network.heal()
		c.agree(10 * time.Second)
	})
}

// Nodes that leave one after the other, as an operator wishes, do not count as
// vanished.
func TestLeavingIsNotVanishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFaulty(t, 2, 5)
		defer c.close()
		c.agree(20 * time.Second)
		for _, name := range c.names[1:] {
			c.rings[name].Close(t.Context())
		}
		time.Sleep(5 * time.Second)
		if nodes := len(c.rings["node-0"].Table().Members()); nodes != 1 {
			t.Errorf("the last one sees a ring of %d", nodes)
		}
	})
}
