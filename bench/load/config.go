package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Population is where users come from.
type Population interface {
	// Arrive returns the user of session n, counted from 0. It must not block:
	// what a login takes is the user's first click.
	Arrive(n uint64) User
}

// User is somebody who clicks. Its methods are called one at a time, by
// changing goroutines.
type User interface {
	// Click does what this user does next and returns once the page is there
	// and is what it must be. The name says what it was, failed or not; a
	// population has a few dozen names at most. An error that wraps ErrOver
	// ends the session.
	Click(ctx context.Context) (name string, err error)

	// Leave ends the session without a word to the server, as people do who
	// close the window.
	Leave()
}

// ErrOver is wrapped by errors after which a session cannot go on, such as a
// refused login.
var ErrOver = errors.New("the session is over")

// Config says how many users do what, and when. Either Users or Sessions is
// required.
type Config struct {
	// Users is how many sessions are under way at a time, on average. They
	// arrive during WarmUp; afterwards others arrive as they leave.
	Users int `json:"users,omitempty"`

	// Sessions is how many sessions begin per second, instead of Users.
	Sessions float64 `json:"sessions_per_second,omitempty"`

	// Clients, if not 0, chooses the closed mode: so many clicks are under way
	// at any time, made in turn by Users users who neither think nor leave.
	Clients int `json:"clients,omitempty"`

	// Clicks is the mean number of clicks in a session, which is distributed
	// geometrically; 0 means that sessions do not end.
	Clicks float64 `json:"clicks_per_session,omitempty"`

	// Think is the time between the intended moments of two clicks.
	Think Think `json:"think"`

	// WarmUp is the time before measuring begins, Duration that of measuring.
	WarmUp   time.Duration `json:"warm_up"`
	Duration time.Duration `json:"duration"`

	// Curve scales arrivals over Duration: points at equal distances, joined by
	// lines, where 1 is what Users or Sessions say. Default: 1 throughout.
	Curve []float64 `json:"curve,omitempty"`

	// Timeout is how long a user waits for a page. Default 30 s.
	Timeout time.Duration `json:"timeout"`

	// Objective is the latency that the 99th percentile should keep; the send
	// lag is judged against it. Default 300 ms.
	Objective time.Duration `json:"objective"`

	// InFlight bounds the clicks under way; those beyond are dropped and
	// counted. Default 20,000.
	InFlight int `json:"in_flight"`

	// Seed makes arrivals and think times reproducible.
	Seed uint64 `json:"seed"`

	// Measuring, if set, is called when the warm-up is over.
	Measuring func() `json:"-"`

	// Progress, if set, is told once a second how it goes.
	Progress func(Interval) `json:"-"`
}

// Think distributes think times.
type Think struct {
	Mean time.Duration `json:"mean"`

	// Sigma is the standard deviation of the logarithm; 0 makes the time
	// constant, and Exponential replaces the log-normal distribution.
	Sigma       float64 `json:"sigma,omitempty"`
	Exponential bool    `json:"exponential,omitempty"`
}

func (t Think) draw(rng *rand.Rand) time.Duration {
	mean := float64(t.Mean)
	switch {
	case t.Exponential:
		return time.Duration(mean * rng.ExpFloat64())
	case t.Sigma > 0: // the mean of a log-normal distribution is exp(mu + sigma²/2)
		return time.Duration(mean * math.Exp(t.Sigma*rng.NormFloat64()-t.Sigma*t.Sigma/2))
	}
	return t.Mean
}

// complete sets defaults and reports what is wrong.
func (c Config) complete() (Config, error) {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Objective == 0 {
		c.Objective = 300 * time.Millisecond
	}
	if c.InFlight == 0 {
		c.InFlight = 20_000
	}
	var problem string
	switch {
	case c.Users < 0 || c.Sessions < 0 || c.Clients < 0 || c.InFlight < 0 || c.Timeout < 0 || c.Objective < 0 || c.WarmUp < 0 || c.Think.Mean < 0 || c.Think.Sigma < 0:
		problem = "a number is negative"
	case (c.Users > 0) == (c.Sessions > 0):
		problem = "either users or sessions per second are needed"
	case c.Clients > 0 && c.Users < c.Clients:
		problem = fmt.Sprintf("%d clients need as many users, not %d", c.Clients, c.Users)
	case c.Duration <= 0:
		problem = "the duration is not positive"
	case c.Clicks != 0 && c.Clicks < 1:
		problem = "a session has less than one click"
	case c.Clients == 0 && c.Think.Mean == 0 && c.Clicks != 1:
		problem = "without think time a session would click without end at one moment; the closed mode is made for that"
	}
	for _, point := range c.Curve {
		if point < 0 || math.IsNaN(point) || math.IsInf(point, 0) {
			problem = "the curve has a point that is not a share"
		}
	}
	if problem != "" {
		return c, errors.New(problem)
	}
	return c, nil
}

// scale returns the share of full arrivals at a moment of the run.
func (c Config) scale(sinceStart time.Duration) float64 {
	level := func(at float64) float64 {
		if len(c.Curve) == 0 {
			return 1
		}
		at = min(max(at, 0), 1) * float64(len(c.Curve)-1)
		left := int(at)
		right := min(left+1, len(c.Curve)-1)
		return c.Curve[left] + (c.Curve[right]-c.Curve[left])*(at-float64(left))
	}
	if sinceStart < c.WarmUp {
		// While the first users arrive, those who leave are a growing number.
		share := 1.0
		if c.Users > 0 {
			share = float64(sinceStart) / float64(c.WarmUp)
		}
		return share * level(0)
	}
	return level(float64(sinceStart-c.WarmUp) / float64(c.Duration))
}

// rate returns the full number of arrivals per second; in a population, those
// who leave are replaced.
func (c Config) rate() float64 {
	if c.Sessions > 0 {
		return c.Sessions
	}
	if c.Clicks == 0 {
		return 0
	}
	return float64(c.Users) / (c.Clicks * c.Think.Mean.Seconds())
}
