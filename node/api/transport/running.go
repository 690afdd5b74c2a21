package transport

import (
	"context"
	"errors"
	"sync"
	"time"

	"alphamail/node/api"
)

// running are the questions that a server works on, by their ids.
type running struct {
	mu      sync.Mutex // guards what follows
	cancels map[string]context.CancelFunc
	// early are cancellations that came before their question, which travels on
	// another connection, or after its answer. Only the last ones are kept, in
	// a ring.
	early map[string]struct{}
	ring  [1024]string
	next  int
}

func newRunning() *running {
	return &running{cancels: map[string]context.CancelFunc{}, early: map[string]struct{}{}}
}

// begin makes the context of a question. The caller calls end when the question
// is answered.
func (r *running) begin(parent context.Context, id string, limit time.Duration) (ctx context.Context, end func(), err error) {
	if id == "" {
		ctx, end = context.WithTimeout(parent, limit)
		return ctx, end, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, canceled := r.early[id]; canceled {
		delete(r.early, id)
		return nil, nil, api.AsError(context.Canceled)
	}
	if _, twice := r.cancels[id]; twice {
		return nil, nil, errMalformed(errors.New("an id that is in use"))
	}
	ctx, cancel := context.WithTimeout(parent, limit)
	r.cancels[id] = cancel
	return ctx, func() {
		cancel()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.cancels, id)
	}, nil
}

// cancel ends the context of a question, now or when it arrives.
func (r *running) cancel(id string) {
	if id == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel := r.cancels[id]; cancel != nil {
		cancel()
		return
	}
	delete(r.early, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % len(r.ring)
	r.early[id] = struct{}{}
}
