package load

import (
	"container/heap"
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// session is one user's plan: it exists as an entry of a schedule while the
// user thinks, and in a goroutine while a click is under way.
type session struct {
	number   uint64
	user     User       // nil before the session begins
	rng      *rand.Rand // of this session's plan alone, so that plans do not depend on timing
	intended time.Time  // of the next click
	left     int        // clicks to come; 0 while the last page is read
}

// endless is left of sessions that do not end.
const endless = math.MaxInt

func newSession(config *Config, number uint64, at time.Time) *session {
	s := &session{
		number: number, intended: at, left: endless,
		rng: rand.New(rand.NewPCG(config.Seed, number)),
	}
	if config.Clicks > 0 {
		s.left = 1
		if config.Clicks > 1 {
			s.left += int(math.Log(1-s.rng.Float64()) / math.Log(1-1/config.Clicks))
		}
	}
	return s
}

// schedule holds the sessions whose next click lies ahead.
type schedule struct {
	mu   sync.Mutex // guards due
	due  sessionHeap
	wake chan struct{} // has room for one: an earlier moment than all others was added
}

func newSchedule() *schedule { return &schedule{wake: make(chan struct{}, 1)} }

func (s *schedule) add(one *session) {
	s.mu.Lock()
	heap.Push(&s.due, one)
	first := s.due[0] == one
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default: // it wakes up anyway, and looks for the earliest then
		}
	}
}

// next removes the earliest session if its moment has come; otherwise it
// returns how long that takes, at most idle.
func (s *schedule) next(now time.Time) (*session, time.Duration) {
	const idle = time.Minute
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return nil, idle
	}
	if wait := s.due[0].intended.Sub(now); wait > 0 {
		return nil, min(wait, idle)
	}
	return heap.Pop(&s.due).(*session), 0
}

// serve hands every session over at its moment, until the context ends.
func (s *schedule) serve(ctx context.Context, begin func(*session)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		one, wait := s.next(time.Now())
		if one != nil {
			begin(one)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// rest removes and returns all sessions.
func (s *schedule) rest() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.due
	s.due = nil
	return rest
}

// sessionHeap implements heap.Interface by intended moments.
type sessionHeap []*session

func (h sessionHeap) Len() int           { return len(h) }
func (h sessionHeap) Less(i, j int) bool { return h[i].intended.Before(h[j].intended) }
func (h sessionHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sessionHeap) Push(one any)      { *h = append(*h, one.(*session)) }
func (h *sessionHeap) Pop() any {
	last := len(*h) - 1
	one := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return one
}
