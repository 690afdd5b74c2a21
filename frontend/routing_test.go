package frontend

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

// opinion is what one member takes the ring for.
type opinion struct {
	mu    sync.Mutex // guards nodes
	nodes []string
}

func (o *opinion) set(nodes []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.nodes = slices.Clone(nodes)
}

func (o *opinion) Members() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.nodes
}

func (o *opinion) Digest() uint64 { return uint64(len(o.Members())) }

func (o *opinion) Owner(account string) (string, bool) { return o.Successor(account) }

// Successor is the node with the largest hash together with the account.
func (o *opinion) Successor(account string, suspects ...string) (owner string, ok bool) {
	var largest uint64
	for _, node := range o.Members() {
		hash := fnv.New64a()
		fmt.Fprint(hash, account, node)
		if sum := hash.Sum64(); !slices.Contains(suspects, node) && (!ok || sum > largest) {
			owner, largest, ok = node, sum, true
		}
	}
	return owner, ok
}

// ailment is what is wrong with a node.
type ailment string

const (
	well ailment = ""
	dead ailment = "dead" // refuses connections; what was under way breaks
	hung ailment = "hung" // takes questions, and answers when it is well again
)

// routedNode answers as a node does, by its own opinion of the ring.
type routedNode struct {
	api.Service
	name    string
	world   *routedWorld
	opinion *opinion

	mu    sync.Mutex // guards what follows
	ill   ailment
	ended context.CancelFunc // breaks what is under way
	life  context.Context
}

func (n *routedNode) become(ill ailment) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ill = ill; ill == dead {
		n.ended()
		n.life, n.ended = context.WithCancel(context.Background())
	}
}

func (n *routedNode) health() (ailment, context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ill, n.life
}

// asked is a node as one frontend reaches it.
type asked struct {
	*routedNode
	from string
}

// reach waits until something has got to the node and it took a time to answer.
func (a asked) reach(ctx context.Context, takes time.Duration, received func()) error {
	ill, life := a.health()
	switch {
	case ill == dead && !a.world.isCut(a.from, a.name):
		return transport.Unreachable(errors.New("refused"))
	case !a.world.isCut(a.from, a.name):
		received()
	}
	done := time.After(takes)
	for {
		select {
		case <-ctx.Done():
			return api.AsError(ctx.Err())
		case <-life.Done():
			return api.NewError(api.CodeNodeDown, "", errors.New("broke off"))
		case <-done:
		}
		if ill, _ := a.health(); ill == well && !a.world.isCut(a.from, a.name) {
			return nil
		}
		done = time.After(10 * time.Millisecond)
	}
}

func (a asked) Ping(ctx context.Context) error { return a.reach(ctx, time.Millisecond, func() {}) }

// do answers a question; the operation tells which one of all.
func (a asked) do(ctx context.Context, call *api.Call, account string, takes time.Duration) error {
	owner, ok := a.opinion.Owner(account)
	if ok && slices.Contains(call.Suspects, owner) {
		owner, ok = a.opinion.Successor(account, call.Suspects...)
	}
	if ok && owner != a.name && call.Hops == 0 {
		if err := a.reach(ctx, time.Millisecond, func() {}); err != nil {
			return err
		}
		return &api.Error{Code: api.CodeNotOwner, Owner: owner}
	}
	return a.reach(ctx, takes, func() { a.world.received(call) })
}

// routedWorld is some nodes and frontends, and what is wrong between them.
type routedWorld struct {
	t     *testing.T
	nodes map[string]*routedNode
	names []string

	mu    sync.Mutex // guards what follows
	rng   *rand.Rand
	cut   map[[2]string]bool // frontend, node
	asked map[string]int     // by operation: how often a node got it
	trace []string
}

func (w *routedWorld) isCut(frontend, node string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[[2]string{frontend, node}]
}

// received checks that whoever may be the second to get a question is told so.
func (w *routedWorld) received(call *api.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked[call.OperationID]++; w.asked[call.OperationID] > 1 && !call.Repeated {
		w.t.Errorf("%s came a second time as if it were the first\n%v", call.OperationID, w.trace)
	}
}

func (w *routedWorld) chance(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// fromHere are the nodes as a frontend knows them.
type fromHere struct {
	*routedWorld
	name string
}

func (f fromHere) Service(node string) (api.Service, bool) {
	one, ok := f.nodes[node]
	return asked{one, f.name}, ok
}

// How much a history has of everything.
const (
	routedNodes, routedFrontends = 5, 2
	routedClickers               = 20 // at each frontend
	routedFaults                 = 6
)

// TestRoutingWhateverHappens plays histories in which nodes die, hang and are cut off
// from one frontend or both, up to two at a time, and every member learns of it when
// gossip gets there. Every question has to be answered, soon, and whoever may get it for
// the second time is told so. When all is well again nothing is out of the ordinary.
func TestRoutingWhateverHappens(t *testing.T) {
	histories := uint64(20)
	if testing.Short() {
		histories = 5
	}
	for seed := range histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playRouting(t, seed) })
		})
	}
}

func playRouting(t *testing.T, seed uint64) {
	w := &routedWorld{t: t, nodes: map[string]*routedNode{}, rng: rand.New(rand.NewPCG(seed, 0)), cut: map[[2]string]bool{}, asked: map[string]int{}}
	for i := range routedNodes {
		one := &routedNode{name: fmt.Sprintf("node-%d", i), world: w, opinion: &opinion{}}
		one.life, one.ended = context.WithCancel(context.Background())
		w.nodes[one.name] = one
		w.names = append(w.names, one.name)
	}
	opinions := []*opinion{}
	for _, node := range w.nodes {
		node.opinion.set(w.names)
		opinions = append(opinions, node.opinion)
	}
	ctx, stop := context.WithCancel(t.Context())
	var clicking sync.WaitGroup
	for f := range routedFrontends {
		own := &opinion{nodes: slices.Clone(w.names)}
		opinions = append(opinions, own)
		here := fromHere{w, fmt.Sprintf("front-%d", f)}
		r := newRouter(own, here, newHeartbeats(own, here, slog.New(slog.DiscardHandler), newMeter(metrics.NewSet())))
		r.heartbeats.start()
		defer r.heartbeats.close()
		for user := range routedClickers {
			clicking.Go(func() { w.clicks(ctx, r, fmt.Sprintf("%s-user-%d@example.edu", here.name, user)) })
		}
	}
	for range routedFaults {
		w.breakSomething(opinions)
	}
	time.Sleep(20 * time.Second)
	stop()
	clicking.Wait()
}

// breakSomething breaks one or two nodes for a while, and mends them.
func (w *routedWorld) breakSomething(opinions []*opinion) {
	broken := slices.Clone(w.names)
	w.mu.Lock()
	w.rng.Shuffle(len(broken), func(i, j int) { broken[i], broken[j] = broken[j], broken[i] })
	w.mu.Unlock()
	broken = broken[:1+w.chance(2)]
	for _, name := range broken {
		kind := []string{"dead", "hung", "cut from all", "cut from one"}[w.chance(4)]
		w.mu.Lock()
		w.trace = append(w.trace, name+" "+kind)
		w.mu.Unlock()
		switch kind {
		case "dead", "hung":
			w.nodes[name].become(ailment(kind))
		case "cut from all":
			w.cuts(name, "front-0", "front-1")
		default:
			w.cuts(name, "front-0")
		}
	}
	rest := slices.DeleteFunc(slices.Clone(w.names), func(name string) bool { return slices.Contains(broken, name) })
	lasts := time.Duration(500+w.chance(12_000)) * time.Millisecond
	w.gossips(opinions, rest, lasts)
	time.Sleep(lasts)
	w.mu.Lock()
	clear(w.cut)
	w.mu.Unlock()
	for _, name := range broken {
		w.nodes[name].become(well)
	}
	w.gossips(opinions, w.names, time.Minute)
	time.Sleep(time.Duration(w.chance(10_000)) * time.Millisecond)
}

func (w *routedWorld) cuts(node string, frontends ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, frontend := range frontends {
		w.cut[[2]string{frontend, node}] = true
	}
}

// gossips tells each member of the ring at a time of its own, if it takes less than it
// lasts.
func (w *routedWorld) gossips(opinions []*opinion, nodes []string, lasts time.Duration) {
	for _, one := range opinions {
		if takes := time.Duration(1000+w.chance(4000)) * time.Millisecond; takes < lasts {
			time.AfterFunc(takes, func() { one.set(nodes) })
		}
	}
}

// clicks asks one question after the other. All have to be answered, by the third node
// at the latest, and with a second of silence before each but the first.
func (w *routedWorld) clicks(ctx context.Context, r router, account string) {
	for n := 0; ctx.Err() == nil; n++ {
		takes := time.Duration(5+w.chance(300)) * time.Millisecond
		if w.chance(50) == 0 {
			takes = 3 * time.Second // slow is not silent
		}
		call := &api.Call{OperationID: fmt.Sprintf("%s-%d", account, n)}
		within, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		began := time.Now()
		node, err := r.do(within, call, account, func(ctx context.Context, node api.Service, call *api.Call) error {
			return node.(asked).do(ctx, call, account, takes)
		})
		cancel()
		if took := time.Since(began); err != nil || took > 3*takes+2*(silenceAfter+beatEvery) {
			w.mu.Lock()
			w.t.Errorf("%s was answered by %s after %v instead of %v: %v\n%v", call.OperationID, node, took, takes, err, w.trace)
			w.mu.Unlock()
		}
		time.Sleep(time.Duration(200+w.chance(2000)) * time.Millisecond)
	}
	call := &api.Call{OperationID: account + "-last"}
	var asking []string
	node, err := r.do(context.Background(), call, account, func(ctx context.Context, node api.Service, call *api.Call) error {
		asking = append(asking, node.(asked).name)
		return node.(asked).do(ctx, call, account, time.Millisecond)
	})
	if owner, _ := r.placement.Owner(account); err != nil || node != owner || len(asking) != 1 || len(call.Suspects) > 0 {
		w.t.Errorf("when all is well, %s is answered by %s after %v, %v", account, node, asking, err)
	}
}
