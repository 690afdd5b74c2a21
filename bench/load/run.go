package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// run is one run under way.
type run struct {
	config     Config
	population Population
	start      time.Time
	measured   time.Time // when measuring begins
	end        time.Time // no click is intended at or after it
	lagLimit   time.Duration

	// clicking ends when the run is interrupted, or its grace is over.
	clicking context.Context

	shards  []*shard
	clicks  sync.WaitGroup // goroutines of clicks; they end with their clicks
	counter counters
}

// shard is a part of the sessions. Its goroutine, serving the schedule, ends
// with the run.
type shard struct {
	*schedule
	*recorder
}

type counters struct {
	arrivals, sessions, inFlight, peak atomic.Int64
	dropped, unanswered, interrupted   atomic.Int64
}

// Run drives a population until the configured time is over or the context
// ends; the result then holds what was measured so far. The error says what is
// wrong with the configuration.
func Run(ctx context.Context, config Config, population Population) (*Result, error) {
	config, err := config.complete()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	r := &run{config: config, population: population, lagLimit: LagLimit(config.Objective)}
	for range runtime.GOMAXPROCS(0) {
		r.shards = append(r.shards, &shard{newSchedule(), newRecorder()})
	}
	if config.Clients > 0 {
		return r.closed(ctx), nil
	}
	return r.open(ctx), nil
}

// open is the open mode.
func (r *run) open(ctx context.Context) *Result {
	r.start = time.Now()
	r.measured = r.start.Add(r.config.WarmUp)
	r.end = r.measured.Add(r.config.Duration)
	var stopClicking context.CancelFunc
	r.clicking, stopClicking = context.WithCancel(ctx)
	defer stopClicking()

	scheduling, stopScheduling := context.WithDeadline(ctx, r.end)
	defer stopScheduling()
	var scheduled sync.WaitGroup
	for _, shard := range r.shards {
		scheduled.Go(func() { shard.serve(scheduling, func(s *session) { r.begin(shard, s) }) })
	}
	scheduled.Go(func() { r.arrive(scheduling) })
	progress := r.report()
	stopAnnouncing := r.announce()
	scheduled.Wait()
	stopAnnouncing()
	ended := time.Now()

	// What was clicked in time is waited for, or the slowest would be missing.
	grace := time.AfterFunc(r.config.Timeout, stopClicking)
	r.clicks.Wait()
	grace.Stop()
	seconds := progress()
	for _, shard := range r.shards {
		for _, s := range shard.rest() {
			if s.user != nil {
				r.abandon(s)
				r.leave(s)
			}
		}
	}
	return r.result(Open, ended, seconds)
}

// announce tells the caller when the warm-up is over, unless it is stopped
// before.
func (r *run) announce() (stop func() bool) {
	if r.config.Measuring == nil {
		return func() bool { return true }
	}
	return time.AfterFunc(time.Until(r.measured), r.config.Measuring).Stop
}

// arrive lets sessions begin: those of the population spread over the warm-up,
// then others at random, a Poisson process.
func (r *run) arrive(ctx context.Context) {
	// Sessions are handed over this much ahead, so that their moments do not
	// depend on when this goroutine runs.
	const ahead = time.Second
	for number, after := range r.planned() {
		at := r.start.Add(after)
		if !sleep(ctx, time.Until(at)-ahead) {
			return
		}
		r.shards[number%len(r.shards)].add(newSession(&r.config, uint64(number), at))
	}
}

// planned returns the moments of all arrivals, from the start, in order.
func (r *run) planned() []time.Duration {
	var moments []time.Duration
	first := int(float64(r.config.Users) * r.config.scale(r.config.WarmUp))
	for i := range first {
		moments = append(moments, r.config.WarmUp*time.Duration(i)/time.Duration(first))
	}
	// The curve thins out a Poisson process of its highest rate.
	highest := slices.Max(append([]float64{1}, r.config.Curve...))
	rate := r.config.rate() * highest
	rng := rand.New(rand.NewPCG(r.config.Seed, arrivalStream))
	gap := func() time.Duration { return time.Duration(rng.ExpFloat64() / rate * float64(time.Second)) }
	if rate > 0 {
		for at := gap(); at < r.config.WarmUp+r.config.Duration; at += gap() {
			if rng.Float64()*highest < r.config.scale(at) {
				moments = append(moments, at)
			}
		}
	}
	slices.Sort(moments)
	return moments
}

// arrivalStream keeps the chance of arrivals apart from that of any session.
const arrivalStream = math.MaxUint64

// begin makes the click of a session whose moment has come.
func (r *run) begin(shard *shard, s *session) {
	switch {
	case s.left == 0: // the last page has been read
		r.leave(s)
		return
	case s.user == nil:
		s.user = r.population.Arrive(s.number)
		r.counter.arrivals.Add(1)
		r.counter.sessions.Add(1)
	}
	if r.counter.inFlight.Load() >= int64(r.config.InFlight) {
		if !s.intended.Before(r.measured) {
			r.counter.dropped.Add(1)
		}
		r.plan(s)
		shard.add(s)
		return
	}
	r.counter.enter()
	r.clicks.Go(func() {
		defer r.counter.inFlight.Add(-1)
		for ready := s.intended; ; ready = time.Now() {
			if !r.click(shard, s, ready) {
				r.leave(s)
				return
			}
			if r.plan(s); s.left == 0 || s.intended.After(time.Now()) {
				shard.add(s)
				return
			}
		}
	})
}

func (c *counters) enter() {
	now := c.inFlight.Add(1)
	for peak := c.peak.Load(); now > peak && !c.peak.CompareAndSwap(peak, now); peak = c.peak.Load() {
	}
}

// click makes one click, which could be made from the moment ready on. It
// reports whether the session goes on.
func (r *run) click(shard *shard, s *session, ready time.Time) bool {
	if r.clicking.Err() != nil {
		r.abandon(s)
		return false
	}
	ctx, cancel := context.WithTimeout(r.clicking, r.config.Timeout)
	sent := time.Now()
	name, err := s.user.Click(ctx)
	ended := time.Now()
	cancel()
	if err != nil && r.clicking.Err() != nil {
		r.counter.interrupted.Add(1)
		r.plan(s)
		r.abandon(s)
		return false
	}
	lag := sent.Sub(ready)
	shard.record(outcome{
		name: name, err: err, latency: ended.Sub(s.intended), service: ended.Sub(sent), lag: lag,
		tooLate: lag > r.lagLimit, measured: !s.intended.Before(r.measured),
	})
	return !errors.Is(err, ErrOver)
}

// plan moves a session to its next click.
func (r *run) plan(s *session) {
	if s.left != endless {
		s.left--
	}
	s.intended = s.intended.Add(r.config.Think.draw(s.rng))
}

// abandon counts the clicks of a session that were meant for a time that is
// over, and have not been made.
func (r *run) abandon(s *session) {
	over := r.end
	if now := time.Now(); now.Before(over) {
		over = now
	}
	for ; s.left > 0 && s.intended.Before(over); r.plan(s) {
		r.counter.unanswered.Add(1)
	}
}

func (r *run) leave(s *session) {
	s.user.Leave()
	r.counter.sessions.Add(-1)
}

// report collects an Interval a second until the function it returns is called,
// which returns them all.
func (r *run) report() func() []Interval {
	stop := make(chan struct{})
	done := make(chan []Interval)
	go func() {
		var seconds []Interval
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				second := r.second()
				seconds = append(seconds, second)
				if r.config.Progress != nil {
					r.config.Progress(second)
				}
			case <-stop:
				done <- append(seconds, r.second())
				return
			}
		}
	}()
	return func() []Interval {
		close(stop)
		return <-done
	}
}

func (r *run) second() Interval {
	var latency, lag Histogram
	second := Interval{At: time.Since(r.start), Sessions: r.counter.sessions.Load(), InFlight: r.counter.inFlight.Load()}
	for _, shard := range r.shards {
		second.Errors += shard.takeSecond(&latency, &lag)
	}
	second.Clicks = latency.Count()
	second.P50, second.P99, second.LagP99 = latency.Quantile(.5), latency.Quantile(.99), lag.Quantile(.99)
	return second
}

func (r *run) result(mode string, ended time.Time, seconds []Interval) *Result {
	result := &Result{
		Mode: mode, Started: r.start, Clicks: map[string]*Clicks{},
		Measured: max(0, ended.Sub(r.measured)),
		Arrivals: r.counter.arrivals.Load(), Dropped: r.counter.dropped.Load(), Peak: r.counter.peak.Load(),
		Unanswered: r.counter.unanswered.Load(), Interrupted: r.counter.interrupted.Load(),
		Seconds: seconds,
	}
	for _, shard := range r.shards {
		shard.into(result)
	}
	result.Judge(r.config.Objective)
	return result
}

// sleep waits; it reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
