package ring

import (
	"bytes"
	"time"

	"github.com/hashicorp/memberlist"
)

// Shared is a set that all nodes hold alike. What one of them learns spreads in
// three ways: at once as news, every few seconds by comparing what was learned of
// late with another member, and all of it when a member joins. So merging must
// give the same in any order and any number of times. Methods may be called at
// the same time.
type Shared interface {
	// Since returns, encoded, what was learned at a time or later; all for the
	// zero time.
	Since(time.Time) []byte
	// Merge adds what another member has encoded, and returns what of it was new.
	Merge([]byte) []byte
}

const (
	// recent is how far back an exchange goes between members that know each
	// other. Whoever was cut off for longer joins again, and exchanges all.
	recent = 10 * time.Minute
	// maxNews bounds what is queued in either direction. What falls out is
	// learned in the next exchange.
	maxNews = 10_000
	// newsEffort times the logarithm of the number of members is how many of them
	// are told each piece of news by each member that learns of it.
	newsEffort = 3
)

// sharing spreads the Shared of a node. A frontend has none.
type sharing struct {
	set   Shared
	queue *memberlist.TransmitLimitedQueue
	heard chan []byte // news that spread has not merged yet

	received chan struct{} // receives when a node has told all that it knows
	synced   chan struct{} // receives when that node was not joining itself
}

func newSharing(set Shared, members func() int) *sharing {
	return &sharing{
		set:      set,
		queue:    &memberlist.TransmitLimitedQueue{NumNodes: members, RetransmitMult: newsEffort},
		heard:    make(chan []byte, maxNews),
		received: make(chan struct{}, 1), synced: make(chan struct{}, 1),
	}
}

// news is a message that no later one replaces.
type news []byte

var _ memberlist.UniqueBroadcast = news{}

func (n news) Message() []byte                       { return n }
func (n news) Invalidates(memberlist.Broadcast) bool { return false }
func (n news) Finished()                             {}
func (n news) UniqueBroadcast()                      {}

// tell queues news for the others.
func (s *sharing) tell(data []byte) {
	s.queue.QueueBroadcast(news(data))
	s.queue.Prune(maxNews)
}

// Tell tells all nodes news of what they share, at most 500 bytes. Those that miss
// it learn it in an exchange.
func (r *Ring) Tell(data []byte) {
	if r.sharing != nil && len(data) > 0 {
		r.sharing.tell(data)
	}
}

// spread merges news and tells it on, until Close. It is a goroutine of its own
// since merging may write to a disk.
func (r *Ring) spread() {
	for {
		select {
		case <-r.stop:
			return
		case data := <-r.sharing.heard:
			if fresh := r.sharing.set.Merge(data); len(fresh) > 0 {
				r.sharing.tell(fresh)
			}
		}
	}
}

// NotifyMsg receives news. The bytes are memberlist's again when it returns.
func (d delegate) NotifyMsg(data []byte) {
	if d.sharing == nil {
		return
	}
	select {
	case d.sharing.heard <- bytes.Clone(data):
	default:
	}
}

// GetBroadcasts returns the news that fit into a packet.
func (d delegate) GetBroadcasts(overhead, limit int) [][]byte {
	if d.sharing == nil {
		return nil
	}
	return d.sharing.queue.GetBroadcasts(overhead, limit)
}

// The first byte of what members exchange tells whether the sender is joining
// itself, and so perhaps has not heard of everything.
const (
	fromJoining byte = 'j'
	fromOther   byte = 'o'
)

// LocalState is what this member tells in an exchange.
func (d delegate) LocalState(join bool) []byte {
	if d.sharing == nil {
		return nil
	}
	state := []byte{fromOther}
	if d.Self().State == StateJoining {
		state[0] = fromJoining
	}
	var since time.Time
	if !join {
		since = time.Now().Add(-recent)
	}
	return append(state, d.sharing.set.Since(since)...)
}

// MergeRemoteState receives what another member tells. It runs in a goroutine of
// that exchange alone, so it may write to a disk.
func (d delegate) MergeRemoteState(data []byte, join bool) {
	if d.sharing == nil || len(data) == 0 {
		return
	}
	d.sharing.set.Merge(data[1:])
	if !join {
		return
	}
	offer(d.sharing.received)
	if data[0] == fromOther {
		offer(d.sharing.synced)
	}
}

// offer sends without waiting.
func offer(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// settleIn makes a joining member active as soon as it knows what the nodes share:
// when one that is not joining has told it all, when all seeds are known, or when
// Patience is over, since there may be no other node. It ends then, or by Close.
func (r *Ring) settleIn() {
	patience := time.NewTimer(r.config.Patience)
	defer patience.Stop()
	again := time.NewTicker(r.config.Patience / 10)
	defer again.Stop()
	received := false
	for known := false; !known; {
		select {
		case <-r.stop:
			return
		case <-r.sharing.synced:
			known = true
		case <-r.sharing.received:
			received = true
			known = len(r.missingSeeds()) == 0
		case <-r.joined:
			known = received || len(r.otherNodes()) == 0
		case <-again.C:
			if !received { // the seeds may be frontends, which share nothing
				r.join(r.otherNodes())
			}
		case <-patience.C:
			r.log.Warn("no other node has told what it knows; this one goes on alone")
			known = true
		}
	}
	if err := r.change(StateJoining, StateActive); err != nil {
		r.log.Warn("telling the others that this member is active", "error", err)
	}
}

// otherNodes are the addresses of at most three nodes that gossip knows of.
func (r *Ring) otherNodes() (addresses []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, one := range r.heard {
		member, err := decodeMember(name, one.metadata)
		if err == nil && member.Role == RoleNode && name != r.config.Self.Name && len(addresses) < 3 {
			addresses = append(addresses, one.address)
		}
	}
	return addresses
}
