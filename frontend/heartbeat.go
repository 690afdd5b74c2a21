package frontend

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

const (
	// beatEvery is how often a node is asked whether it is there.
	beatEvery = 250 * time.Millisecond
	// silenceAfter is how long a node may say nothing before its successors are
	// asked instead. Slow answers to questions are no silence: a heartbeat has a
	// connection of its own, and is answered without looking at any account.
	silenceAfter = time.Second
	// listensOn is how long a node is listened to that is no longer in the table:
	// questions may be under way there, and it may have vanished because it hangs.
	listensOn = 30 * time.Second
)

// errSilent ends the questions at a node that has fallen silent.
var errSilent = errors.New("frontend: the node has fallen silent")

// pinger is a node on another machine. A node in this process is none: it cannot
// be away.
type pinger interface {
	Ping(context.Context) error
}

// heartbeats tell which nodes have fallen silent: they refuse connections, or do
// not say that they are alive. A node that hangs, or is cut off, is found out by
// this long before a question at it reaches its deadline.
type heartbeats struct {
	placement Placement
	nodes     Nodes
	log       *slog.Logger
	meter     *meter

	known    atomic.Pointer[map[string]*heartbeat] // by node; replaced, never changed
	changing sync.Mutex                            // guards the replacing of known, and its end

	begin   sync.Once
	stop    context.CancelFunc // ends all goroutines
	ctx     context.Context
	running sync.WaitGroup
}

// heartbeat is what is known of one node.
type heartbeat struct {
	end  context.CancelFunc // of the goroutine that listens
	left atomic.Int64       // when the node left the table, in nanoseconds since 1970; 0 while it is in it

	mu    sync.Mutex // guards what follows
	alive context.Context
	fall  context.CancelCauseFunc // ends alive
}

func newHeartbeats(placement Placement, nodes Nodes, log *slog.Logger, meter *meter) *heartbeats {
	h := &heartbeats{placement: placement, nodes: nodes, log: log, meter: meter}
	h.known.Store(&map[string]*heartbeat{})
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// start begins to listen to all nodes; again, it does nothing. close ends it.
func (h *heartbeats) start() {
	h.begin.Do(func() {
		h.renew()
		h.running.Go(h.follow)
	})
}

func (h *heartbeats) close() {
	h.begin.Do(func() {})
	h.changing.Lock()
	h.stop()
	h.changing.Unlock()
	h.running.Wait()
}

// follow listens to the nodes that the table names, whichever they are.
func (h *heartbeats) follow() {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			h.renew()
		}
	}
}

// renew begins to listen to nodes that are new in the table, and ends it for those that
// left it long ago.
func (h *heartbeats) renew() {
	h.changing.Lock()
	defer h.changing.Unlock()
	if h.ctx.Err() != nil {
		return
	}
	known := map[string]*heartbeat{}
	for _, node := range h.placement.Members() {
		if known[node] = (*h.known.Load())[node]; known[node] == nil {
			known[node] = h.listen(node)
		}
		known[node].left.Store(0)
	}
	for node, one := range *h.known.Load() {
		switch now := time.Now(); {
		case known[node] != nil:
		case one.left.CompareAndSwap(0, now.UnixNano()) || now.Sub(time.Unix(0, one.left.Load())) < listensOn:
			known[node] = one
		default:
			one.end()
		}
	}
	h.known.Store(&known)
}

// listen begins to listen to a node, until its end is called or all are closed.
func (h *heartbeats) listen(node string) *heartbeat {
	one := &heartbeat{}
	var ctx context.Context
	ctx, one.end = context.WithCancel(h.ctx)
	one.alive, one.fall = context.WithCancelCause(context.Background())
	h.running.Go(func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		heard := time.Now()
		var remote pinger // as it was known last
		for ctx.Err() == nil {
			if service, ok := h.nodes.Service(node); ok {
				remote, _ = service.(pinger)
			}
			if remote == nil {
				heard = time.Now() // nobody knows yet where it is
			} else {
				heard = h.beat(ctx, node, remote, one, heard)
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	})
	return one
}

// beat asks a node whether it is there, and returns when it was last heard.
func (h *heartbeats) beat(ctx context.Context, node string, remote pinger, one *heartbeat, heard time.Time) time.Time {
	began := time.Now()
	patience := max(silenceAfter-began.Sub(heard), beatEvery)
	within, cancel := context.WithTimeout(ctx, patience)
	err := remote.Ping(within)
	cancel()
	now := time.Now()
	switch {
	case ctx.Err() != nil:
	case err == nil || api.AsError(err).Code == api.CodeUnsupported: // it is there, of another version
		heard = now
		if one.rise() {
			h.log.Info("a node is back", "node", node)
		}
	case now.Sub(began) > patience+beatEvery:
		// This process did not run for a while: it knows nothing of others.
		heard = now
	case transport.IsUnreachable(err) || now.Sub(heard) >= silenceAfter:
		h.suspect(node, err)
	}
	return heard
}

// suspect takes a node for silent, until it is heard again.
func (h *heartbeats) suspect(node string, why error) {
	if one := (*h.known.Load())[node]; one != nil && one.silence() && one.left.Load() == 0 {
		h.meter.silences.Inc()
		h.log.Warn("a node is silent; its successors are asked", "node", node, "error", why)
	}
}

// silent tells whether a node has fallen silent.
func (h *heartbeats) silent(node string) bool {
	one := (*h.known.Load())[node]
	return one != nil && one.life().Err() != nil
}

// watch returns a context for a question to a node, which ends when the node
// falls silent, with errSilent as its cause.
func (h *heartbeats) watch(ctx context.Context, node string) context.Context {
	known := *h.known.Load()
	if known[node] == nil && len(known) > 0 { // new in the table
		h.renew()
		known = *h.known.Load()
	}
	one := known[node]
	if one == nil {
		return ctx
	}
	watched, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(one.life(), func() { cancel(errSilent) })
	context.AfterFunc(ctx, func() { forget() })
	return watched
}

func (b *heartbeat) life() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alive
}

// silence ends the questions at the node. It tells whether the node was not silent.
func (b *heartbeat) silence() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.alive.Err() == nil
	b.fall(errSilent)
	return first
}

// rise takes the node for alive. It tells whether it was silent.
func (b *heartbeat) rise() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive.Err() == nil {
		return false
	}
	b.alive, b.fall = context.WithCancelCause(context.Background())
	return true
}
