package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/hashicorp/memberlist"
)

// Ring is this member's part in a cluster. Its methods are safe for concurrent
// use.
type Ring struct {
	config  Config
	log     *slog.Logger
	table   atomic.Pointer[Table]
	members atomic.Pointer[[]Member] // everybody alive, sorted by name
	builds  *metrics.Counter

	self    atomic.Pointer[Member]
	list    *memberlist.Memberlist // nil for a Single
	address string                 // where list gossips
	keyring *memberlist.Keyring    // of list
	sharing *sharing               // nil for a frontend and a Single
	joined  chan struct{}          // receives when all seeds are known

	changing sync.Mutex // guards changes of self

	mu       sync.Mutex // guards heard and vanished
	heard    map[string]heard
	vanished map[string]vanished // by name; forgotten after Config.Hold

	doorbell chan struct{} // buffered by one: something changed
	stop     chan struct{} // closed by Close
	stopOnce sync.Once
	running  sync.WaitGroup
}

// heard is what gossip says of a member. It is copied out of memberlist's
// callbacks: what Members returns changes under the reader's hands.
type heard struct {
	address  string
	metadata []byte
}

// vanished is a node that owned keys when gossip took it for dead.
type vanished struct {
	Member
	at time.Time
}

// Single is the ring of a machine alone: one node that owns everything, without
// gossip.
func Single(self Member, set *metrics.Set) *Ring {
	r := &Ring{config: Config{}.withDefaults(), stop: make(chan struct{}), doorbell: make(chan struct{}, 1)}
	r.self.Store(&self)
	r.meter(set)
	r.publish([]Member{self}, nil)
	return r
}

// Start begins to gossip. It succeeds when no seed answers: the others may
// start later.
func Start(config Config, log *slog.Logger, set *metrics.Set) (*Ring, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	r := &Ring{
		config: config.withDefaults(), log: log, heard: map[string]heard{}, vanished: map[string]vanished{},
		doorbell: make(chan struct{}, 1), stop: make(chan struct{}), joined: make(chan struct{}, 1),
	}
	self := config.Self
	self.Generation = len(r.config.generations)
	if config.Shared != nil {
		r.sharing = newSharing(config.Shared, func() int { return len(r.Members()) })
		self.State = StateJoining
	}
	r.self.Store(&self)
	r.meter(set)
	r.publish([]Member{self}, nil)
	settings, err := r.settings()
	if err != nil {
		return nil, err
	}
	if r.list, err = memberlist.Create(settings); err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	r.address = r.list.LocalNode().Address() // once: its fields change under a reader's hands
	r.refresh()
	r.running.Go(r.rebuild) // ended by Close
	r.running.Go(r.rejoin)  // ended by Close
	if r.sharing != nil {
		r.running.Go(r.spread)   // ended by Close
		r.running.Go(r.settleIn) // ended by itself or by Close
	}
	return r, nil
}

func (r *Ring) settings() (*memberlist.Config, error) {
	settings := memberlist.DefaultLANConfig()
	settings.Name = r.config.Self.Name
	settings.ProbeInterval, settings.ProbeTimeout = probeInterval, probeTimeout
	settings.SuspicionMult, settings.GossipInterval = suspicionMultiplier, gossipInterval
	settings.TCPTimeout = exchangeTimeout
	settings.PushPullInterval, settings.DeadNodeReclaimTime = exchangeInterval, reclaimAfter
	settings.Delegate, settings.Events = delegate{r}, delegate{r}
	settings.Logger = slog.NewLogLogger(r.log.With("part", "gossip").Handler(), slog.LevelDebug)
	var err error
	if settings.BindAddr, settings.BindPort, err = splitAddress(r.config.Bind); err != nil {
		return nil, err
	}
	settings.AdvertisePort = settings.BindPort
	if r.config.Advertise != "" {
		if settings.AdvertiseAddr, settings.AdvertisePort, err = splitAddress(r.config.Advertise); err != nil {
			return nil, err
		}
	}
	settings.Transport = r.config.transport
	r.keyring, err = memberlist.NewKeyring(r.config.Keys, r.config.Keys[0])
	settings.Keyring = r.keyring
	return settings, err
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

func (r *Ring) meter(set *metrics.Set) {
	r.builds = set.NewCounter("alphamail_ring_tables_total")
	set.NewGauge("alphamail_ring_members", func() float64 { return float64(len(r.Members())) })
	set.NewGauge("alphamail_ring_nodes", func() float64 { return float64(len(r.Table().Members())) })
	// A float holds 53 bits exactly: enough to see whether members agree.
	set.NewGauge("alphamail_ring_digest", func() float64 { return float64(r.Table().Digest() >> 11) })
}

// Table is the placement in force: one atomic load.
func (r *Ring) Table() *Table { return r.table.Load() }

// Members are all members that are alive, frontends too, sorted by name. The
// caller must not change them.
func (r *Ring) Members() []Member { return *r.members.Load() }

// Self is this member as it describes itself now.
func (r *Ring) Self() Member { return *r.self.Load() }

// Address is where this member gossips; empty for a Single.
func (r *Ring) Address() string { return r.address }

// SetState tells everybody that this member's state changed, and returns when
// the news is on its way.
func (r *Ring) SetState(state State) error { return r.change("", state) }

// change changes the state, if it still is from; from any state if that is empty.
func (r *Ring) change(from, to State) error {
	r.changing.Lock()
	self := r.Self()
	if from != "" && self.State != from {
		r.changing.Unlock()
		return nil
	}
	self.State = to
	r.self.Store(&self)
	r.changing.Unlock()
	if r.list == nil {
		r.publish([]Member{self}, nil)
		return nil
	}
	defer r.ring()
	return r.list.UpdateNode(time.Second)
}

// SetKeys makes other keys those of the gossip: the first one encrypts, all decrypt.
// Members that do not know the first one hear nothing more.
func (r *Ring) SetKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return errors.New("ring: gossip needs a key")
	}
	if r.keyring == nil {
		return nil
	}
	for _, key := range keys {
		if err := r.keyring.AddKey(key); err != nil {
			return fmt.Errorf("ring: %w", err)
		}
	}
	if err := r.keyring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	for _, old := range r.keyring.GetKeys() {
		if !slices.ContainsFunc(keys, func(key []byte) bool { return bytes.Equal(key, old) }) {
			if err := r.keyring.RemoveKey(old); err != nil {
				return fmt.Errorf("ring: %w", err)
			}
		}
	}
	return nil
}

// Close leaves the cluster, so that others need not find out, and ends all
// goroutines. The context bounds the leaving.
func (r *Ring) Close(ctx context.Context) {
	r.stopOnce.Do(func() {
		close(r.stop)
		r.running.Wait()
		if r.list == nil {
			return
		}
		if err := r.change(StateActive, StateDraining); err != nil {
			r.log.Warn("telling the others that this member leaves", "error", err)
		}
		patience := time.Second
		if deadline, ok := ctx.Deadline(); ok {
			patience = min(patience, max(0, time.Until(deadline)))
		}
		if err := r.list.Leave(patience); err != nil {
			r.log.Warn("leaving the cluster", "error", err)
		}
		if err := r.list.Shutdown(); err != nil {
			r.log.Warn("ending the gossip", "error", err)
		}
	})
}

// ring rings the doorbell of rebuild, without waiting.
func (r *Ring) ring() {
	select {
	case r.doorbell <- struct{}{}:
	default:
	}
}

// rebuild makes a new table some time after the doorbell rang, and when a table is
// held no longer.
func (r *Ring) rebuild() {
	var held <-chan time.Time
	for {
		select {
		case <-r.stop:
			return
		case <-r.doorbell:
		case <-held:
		}
		select {
		case <-r.stop:
			return
		case <-time.After(r.config.Settle):
		}
		held = nil
		if wait := r.refresh(); wait > 0 {
			held = time.After(wait)
		}
	}
}

// refresh publishes what gossip knows. It returns when to do so again at the latest;
// zero: when something changes.
func (r *Ring) refresh() time.Duration {
	r.mu.Lock()
	known := maps.Clone(r.heard)
	missing, again := r.missing(time.Now())
	r.mu.Unlock()
	members := []Member{r.Self()}
	for name, one := range known {
		if name == r.config.Self.Name {
			continue
		}
		member, err := decodeMember(name, one.metadata)
		if err != nil {
			r.log.Warn("a member is ignored", "member", name, "error", err)
			continue
		}
		members = append(members, member)
	}
	r.publish(members, missing)
	return again
}

// missing are the nodes that vanished of late, and how long it is until the first of
// them is forgotten. r.mu must be held.
func (r *Ring) missing(now time.Time) (missing []Member, again time.Duration) {
	for name, one := range r.vanished {
		left := r.config.Hold - now.Sub(one.at)
		if _, back := r.heard[name]; back || left <= 0 {
			delete(r.vanished, name)
			continue
		}
		missing = append(missing, one.Member)
		if again == 0 || left < again {
			again = left
		}
	}
	return missing, again
}

// publish makes members the ones in force. When more than half of the nodes are
// missing it is rather the network that broke, or us: then those stay in the table.
// Whoever asks finds out that they are silent, and asks their successors, so nothing
// is served later for that; and when they come back, accounts are where they were.
func (r *Ring) publish(members, missing []Member) {
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	r.members.Store(&members)
	placed := slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return !m.placed() })
	held := len(missing) > len(placed)
	if held {
		placed = append(placed, missing...)
		slices.SortFunc(placed, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	}
	rules := Rules{Parameters: r.parameters(members), Pins: r.config.Pins}
	if old := r.table.Load(); old != nil && slices.Equal(old.members, placed) && old.rules.Parameters == rules.Parameters {
		return
	}
	if held {
		r.log.Warn("more than half of the nodes vanished; the table still names them", "nodes", len(placed), "vanished", len(missing))
	}
	r.builds.Inc()
	r.table.Store(NewTable(placed, rules))
}

// parameters are the newest ones that all members know.
func (r *Ring) parameters(members []Member) Parameters {
	newest := len(r.config.generations)
	for _, member := range members {
		newest = min(newest, max(1, member.Generation))
	}
	return r.config.generations[newest-1]
}

// rejoin tries seeds that are missing from the view, at once and then every
// Rejoin: they may not have been up yet, or a partition may have healed.
func (r *Ring) rejoin() {
	ticker := time.NewTicker(r.config.Rejoin)
	defer ticker.Stop()
	for {
		if r.join(r.missingSeeds()) {
			offer(r.joined)
		}
		select {
		case <-r.stop:
			return
		case <-ticker.C:
		}
	}
}

// join exchanges all with members, and reports whether that succeeded with each.
func (r *Ring) join(addresses []string) bool {
	if len(addresses) == 0 {
		return true
	}
	_, err := r.list.Join(addresses)
	if err != nil {
		r.log.Debug("members that cannot be joined", "error", err)
	}
	return err == nil
}

func (r *Ring) missingSeeds() []string {
	known := map[string]bool{r.config.Bind: true, r.config.Advertise: true}
	r.mu.Lock()
	for _, one := range r.heard {
		known[one.address] = true
	}
	r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.config.Join), func(seed string) bool { return known[seed] })
}

// delegate is what memberlist calls, for members and for what they share. Its methods run in memberlist's goroutines
// and must neither block nor ask memberlist anything.
type delegate struct{ *Ring }

var (
	_ memberlist.Delegate      = delegate{}
	_ memberlist.EventDelegate = delegate{}
)

// NodeMeta describes this member; limit is at least maxMetadata.
func (d delegate) NodeMeta(int) []byte {
	data, _ := d.Self().encode() // Validate has checked that it encodes
	return data
}

func (d delegate) NotifyJoin(node *memberlist.Node) {
	d.mu.Lock()
	d.heard[node.Name] = heard{node.Address(), slices.Clone(node.Meta)}
	d.mu.Unlock()
	d.ring()
}

func (d delegate) NotifyUpdate(node *memberlist.Node) { d.NotifyJoin(node) }

func (d delegate) NotifyLeave(node *memberlist.Node) {
	d.mu.Lock()
	delete(d.heard, node.Name)
	if member, err := decodeMember(node.Name, node.Meta); err == nil && member.placed() { // whoever leaves has told that it is draining
		d.vanished[node.Name] = vanished{member, time.Now()}
	}
	d.mu.Unlock()
	d.ring()
}
