package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Modes of a run.
const (
	Open   = "open"   // latencies count from the intended moment
	Closed = "closed" // latencies count from sending: of use for throughput only
)

// Result is what a run measured. Only clicks whose intended moment lies in the
// measured time count.
type Result struct {
	Mode    string    `json:"mode"`
	Started time.Time `json:"started"`

	// Measured is the length of the measured time; shorter than asked for if
	// the run was interrupted.
	Measured time.Duration `json:"measured"`

	// Clicks holds the clicks by name.
	Clicks map[string]*Clicks `json:"clicks"`

	// Before counts the clicks that failed before measuring began; logins of a
	// closed load always are.
	Before Failures `json:"before"`

	// Lag is how late this generator sent clicks that nothing else kept back.
	Lag Histogram `json:"send_lag"`

	Arrivals    int64 `json:"arrivals"`    // sessions begun
	Late        int64 `json:"late"`        // clicks sent later than the tolerated lag
	Dropped     int64 `json:"dropped"`     // clicks not made because too many were under way
	Unanswered  int64 `json:"unanswered"`  // clicks that could not be made before the run ended, because their users still waited for a page
	Interrupted int64 `json:"interrupted"` // clicks under way when the run was interrupted

	// Peak is the largest number of clicks that were under way at a time.
	Peak int64 `json:"peak_in_flight"`

	// Faults is why the run is not valid; empty if it is.
	Faults []string `json:"faults,omitempty"`

	Seconds []Interval `json:"seconds"`
}

// Clicks holds what happened to the clicks of one name.
type Clicks struct {
	// Latency is the time from the intended moment, Service that from sending,
	// of the clicks that succeeded.
	Latency Histogram `json:"latency"`
	Service Histogram `json:"service"`

	Failures
}

// Failures counts clicks that failed.
type Failures struct {
	Errors  int64            `json:"errors"`
	Reasons map[string]int64 `json:"reasons,omitempty"` // of the errors; about thirty at most
}

// Interval is one second of a run.
type Interval struct {
	At       time.Duration `json:"at"` // its end, from the start of the run
	Sessions int64         `json:"sessions"`
	InFlight int64         `json:"in_flight"`
	Clicks   int64         `json:"clicks"` // answered in this second
	Errors   int64         `json:"errors"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	LagP99   time.Duration `json:"lag_p99"`
}

const (
	maxReasons = 30
	otherwise  = "other reasons"
)

// tolerated is the share of the objective that the send lag may take, and
// droppedShare the share of clicks that a valid run may drop.
const (
	tolerated    = 0.05
	droppedShare = 0.001
)

func (f *Failures) fail(reason string) {
	f.Errors++
	if f.Reasons == nil {
		f.Reasons = map[string]int64{}
	}
	if _, known := f.Reasons[reason]; !known && len(f.Reasons) >= maxReasons {
		reason = otherwise
	}
	f.Reasons[reason]++
}

func (c *Clicks) merge(other *Clicks) {
	c.Latency.Merge(&other.Latency)
	c.Service.Merge(&other.Service)
	c.Failures.merge(&other.Failures)
}

func (f *Failures) merge(other *Failures) {
	f.Errors += other.Errors
	for reason, n := range other.Reasons {
		if f.Reasons == nil {
			f.Reasons = map[string]int64{}
		}
		f.Reasons[reason] += n
	}
	for len(f.Reasons) > maxReasons+1 { // the rarest ones go
		rarest := otherwise
		for reason, n := range f.Reasons {
			if reason != otherwise && (rarest == otherwise || n < f.Reasons[rarest]) {
				rarest = reason
			}
		}
		f.Reasons[otherwise] += f.Reasons[rarest]
		delete(f.Reasons, rarest)
	}
}

// Why returns the reasons for a line of a log, with a space before; empty if
// there are none.
func (f *Failures) Why() string {
	var why strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(f.Reasons)) {
		fmt.Fprintf(&why, " (%d: %s)", f.Reasons[reason], reason)
	}
	return why.String()
}

// Names returns the names of clicks, sorted.
func (r *Result) Names() []string { return slices.Sorted(maps.Keys(r.Clicks)) }

// Total returns the clicks of all names together, but for those left out.
func (r *Result) Total(leftOut ...string) *Clicks {
	total := &Clicks{}
	for name, clicks := range r.Clicks {
		if !slices.Contains(leftOut, name) {
			total.merge(clicks)
		}
	}
	return total
}

// PerSecond returns the rate of a number that was counted in the measured time.
func (r *Result) PerSecond(n int64) float64 {
	if r.Measured <= 0 {
		return 0
	}
	return float64(n) / r.Measured.Seconds()
}

// Merge adds the result of a part of the same run that another process made.
func (r *Result) Merge(other *Result) {
	for name, clicks := range other.Clicks {
		if r.Clicks[name] == nil {
			r.Clicks[name] = &Clicks{}
		}
		r.Clicks[name].merge(clicks)
	}
	r.Before.merge(&other.Before)
	r.Lag.Merge(&other.Lag)
	r.Measured = max(r.Measured, other.Measured)
	r.Arrivals += other.Arrivals
	r.Late += other.Late
	r.Dropped += other.Dropped
	r.Unanswered += other.Unanswered
	r.Interrupted += other.Interrupted
	r.Peak += other.Peak // an upper bound: the parts may have peaked at different times
	for i, second := range other.Seconds {
		if i == len(r.Seconds) {
			r.Seconds = append(r.Seconds, second)
			continue
		}
		sum := &r.Seconds[i]
		sum.Sessions += second.Sessions
		sum.InFlight += second.InFlight
		sum.Clicks += second.Clicks
		sum.Errors += second.Errors
		sum.P50, sum.P99 = max(sum.P50, second.P50), max(sum.P99, second.P99) // the worst part's
		sum.LagP99 = max(sum.LagP99, second.LagP99)
	}
}

// Judge sets Faults by the objective of the run.
func (r *Result) Judge(objective time.Duration) {
	r.Faults = nil
	total := r.Total()
	made := total.Latency.Count() + total.Errors
	if limit, lag := LagLimit(objective), r.Lag.Quantile(.99); r.Mode == Open && lag > limit {
		r.Faults = append(r.Faults, fmt.Sprintf("the generator was late: send lag p99 is %v, more than %v", lag, limit))
	}
	if float64(r.Dropped) > droppedShare*float64(made) {
		r.Faults = append(r.Faults, fmt.Sprintf("%d clicks were dropped, because too many were under way", r.Dropped))
	}
	if made == 0 {
		r.Faults = append(r.Faults, "no click was made")
	}
}

// Valid reports whether the run measured the server rather than the generator.
func (r *Result) Valid() bool { return len(r.Faults) == 0 }

// LagLimit returns the send lag, at the 99th percentile, up to which a run with
// an objective is valid.
func LagLimit(objective time.Duration) time.Duration {
	return time.Duration(tolerated * float64(objective))
}
