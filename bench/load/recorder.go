package load

import (
	"context"
	"errors"
	"sync"
	"time"
)

// recorder collects what one shard's clicks took.
type recorder struct {
	mu     sync.Mutex // guards the fields below
	clicks map[string]*Clicks
	lag    Histogram
	late   int64
	before Failures

	// Of the second that is running, all clicks together.
	second    Histogram
	secondLag Histogram
	errors    int64
}

func newRecorder() *recorder { return &recorder{clicks: map[string]*Clicks{}} }

// outcome is one click, ended.
type outcome struct {
	name              string
	latency, service  time.Duration
	lag               time.Duration // negative if something else kept it back
	err               error
	measured, tooLate bool
}

func (r *recorder) record(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.err != nil {
		r.errors++
	} else {
		r.second.Record(o.latency)
	}
	if o.lag >= 0 {
		r.secondLag.Record(o.lag)
	}
	if !o.measured {
		if o.err != nil {
			r.before.fail(reason(o.err))
		}
		return
	}
	clicks := r.clicks[o.name]
	if clicks == nil {
		clicks = &Clicks{}
		r.clicks[o.name] = clicks
	}
	if o.lag >= 0 {
		r.lag.Record(o.lag)
	}
	if o.tooLate {
		r.late++
	}
	if o.err != nil {
		clicks.fail(reason(o.err))
		return
	}
	clicks.Latency.Record(o.latency)
	clicks.Service.Record(o.service)
}

// takeSecond moves what was counted of the running second.
func (r *recorder) takeSecond(latency, lag *Histogram) (errors int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	latency.Merge(&r.second)
	lag.Merge(&r.secondLag)
	errors = r.errors
	r.second.reset()
	r.secondLag.reset()
	r.errors = 0
	return errors
}

// into adds all to a result.
func (r *recorder) into(result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result.Merge(&Result{Clicks: r.clicks, Before: r.before, Lag: r.lag, Late: r.late})
}

// Reasoned is an error that counts under a few words; the error itself may
// hold details, which would make every one a reason of its own.
type Reasoned interface {
	error
	Reason() string
}

func reason(err error) string {
	var reasoned Reasoned
	switch {
	case errors.As(err, &reasoned):
		return reasoned.Reason()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return err.Error()
}
