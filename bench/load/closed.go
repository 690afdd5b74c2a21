package load

import (
	"context"
	"errors"
	"sync"
	"time"
)

// closed is the closed mode: Clients goroutines take the users in turn. Every
// user's first click, which logs in, is made before the warm-up.
func (r *run) closed(ctx context.Context) *Result {
	r.start = time.Now()
	r.measured = r.start.Add(time.Hour * 24 * 365) // not yet known
	waiting := make(chan User, r.config.Users)
	progress := r.report()
	r.clicking = ctx
	r.logIn(waiting)

	now := time.Now()
	r.measured = now.Add(r.config.WarmUp)
	r.end = r.measured.Add(r.config.Duration)
	clicking, stop := context.WithDeadline(ctx, r.end)
	defer stop()
	stopAnnouncing := r.announce()
	var clients sync.WaitGroup
	for i := range r.config.Clients {
		shard := r.shards[i%len(r.shards)]
		clients.Go(func() { r.client(clicking, shard, waiting) })
	}
	clients.Wait()
	stopAnnouncing()
	ended := time.Now()
	if ended.After(r.end) {
		ended = r.end
	}
	seconds := progress()
	close(waiting)
	for user := range waiting {
		user.Leave()
	}
	return r.result(Closed, ended, seconds)
}

// logIn lets everybody arrive and make a first click.
func (r *run) logIn(waiting chan<- User) {
	arriving := make(chan uint64)
	var clients sync.WaitGroup
	for i := range r.config.Clients {
		shard := r.shards[i%len(r.shards)]
		clients.Go(func() {
			for number := range arriving {
				user := r.population.Arrive(number)
				r.counter.arrivals.Add(1)
				r.counter.sessions.Add(1)
				if r.once(r.clicking, shard, user) {
					waiting <- user
				}
			}
		})
	}
	for number := range uint64(r.config.Users) {
		arriving <- number
	}
	close(arriving)
	clients.Wait()
}

// client clicks with one user after another until the context ends.
func (r *run) client(ctx context.Context, shard *shard, waiting chan User) {
	for !over(ctx) {
		select {
		case user := <-waiting:
			if r.once(ctx, shard, user) {
				waiting <- user
			}
		default: // every user is gone or at another client
			if !sleep(ctx, time.Millisecond) || r.counter.sessions.Load() == 0 {
				return
			}
		}
	}
}

// over reports whether a context has ended, or would have if its timer had run:
// what users wait for may notice the deadline earlier.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(deadline)
}

// once makes one click; it reports whether the user stays. A click that the end
// of the run cut off does not count.
func (r *run) once(ctx context.Context, shard *shard, user User) bool {
	clicking, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	r.counter.enter()
	defer r.counter.inFlight.Add(-1)
	sent := time.Now()
	name, err := user.Click(clicking)
	ended := time.Now()
	if over(ctx) {
		r.counter.interrupted.Add(1)
		return true
	}
	took := ended.Sub(sent)
	shard.record(outcome{
		name: name, err: err, latency: took, service: took, lag: -1, measured: !sent.Before(r.measured),
	})
	if errors.Is(err, ErrOver) {
		user.Leave()
		r.counter.sessions.Add(-1)
		return false
	}
	return true
}
