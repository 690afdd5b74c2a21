package account

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// GateConfig bounds what a node asks of one mail server.
type GateConfig struct {
	// LoginsPerSecond and Burst bound connections with their logins, of all
	// accounts together. Defaults 500 and 1000: enough for a node to take over
	// the users of another within seconds.
	LoginsPerSecond float64
	Burst           int
	// MaxWait is how long a login may have to wait for its turn; who would wait
	// longer is told that the server is busy. Default 5 s.
	MaxWait time.Duration
	// Failures is how many connections in a row have to fail until the server
	// counts as away. Default 5.
	Failures int
	// MaxPause is the longest time between two tries while it is away. The first
	// pause is a second, each further one twice the one before, all of them
	// shortened by up to a half, by chance. Default 30 s.
	MaxPause time.Duration
}

// WithDefaults fills in what is zero.
func (c GateConfig) WithDefaults() GateConfig {
	setDefault(&c.LoginsPerSecond, 500)
	setDefault(&c.Burst, 1000)
	setDefault(&c.MaxWait, 5*time.Second)
	setDefault(&c.Failures, 5)
	setDefault(&c.MaxPause, 30*time.Second)
	return c
}

// Gate stands before one mail server. When all users of a node come at once, as
// after a restart, it spreads their logins; when the server is away, it lets one
// try at a time find out whether it is back, and everybody else know at once. It
// is safe for concurrent use.
type Gate struct {
	config GateConfig

	mu       sync.Mutex // guards the fields below; no I/O while it is held
	tokens   float64    // logins that may begin now; negative: how many wait
	filled   time.Time  // when tokens was right
	failures int        // connections that failed in a row
	retry    time.Time  // while the server is away: when it may be tried
	trying   bool       // somebody is trying
}

// NewGate returns an open gate.
func NewGate(config GateConfig) *Gate {
	config = config.WithDefaults()
	return &Gate{config: config, tokens: float64(config.Burst), filled: time.Now()}
}

// Away tells whether the server counts as away.
func (g *Gate) Away() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away()
}

// away is Away for those who hold mu.
func (g *Gate) away() bool { return g.failures >= g.config.Failures }

// enter waits until a connection may be made. Whoever makes it calls left with
// what came of it. Errors: backend_down, busy, and the context's.
func (g *Gate) enter(ctx context.Context) (left func(error), err error) {
	wait, trial, err := g.reserve()
	if err != nil {
		return nil, err
	}
	left = func(err error) { g.left(trial, err) }
	if wait == 0 {
		return left, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return left, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reserve takes a turn. trial says that it is the one by which a server that is
// away is tried.
func (g *Gate) reserve() (wait time.Duration, trial bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.away() {
		if g.trying || now.Before(g.retry) {
			return 0, false, api.NewError(api.CodeBackendDown, "The mail server cannot be reached. It is tried again every few seconds.", errors.New("account: the mail server is away"))
		}
		g.trying = true
		return 0, true, nil
	}
	g.tokens = min(float64(g.config.Burst), g.tokens+now.Sub(g.filled).Seconds()*g.config.LoginsPerSecond)
	g.filled = now
	wait = time.Duration((1 - g.tokens) / g.config.LoginsPerSecond * float64(time.Second))
	if wait > g.config.MaxWait {
		busy := api.NewError(api.CodeBusy, "Very many people are logging in at this moment. Please try again in a few seconds.", errors.New("account: too many logins"))
		busy.RetryAfter = wait
		return 0, false, busy
	}
	g.tokens--
	return max(0, wait), false, nil
}

// left notes how a connection went. A refused login is an answer: the server is
// there. That somebody did not wait for one says nothing; nor does the failure
// of a connection that was begun before the server counted as away.
func (g *Gate) left(trial bool, err error) {
	_, refused := imapconn.IsRefusal(err)
	var answer *api.Error
	answered := refused || errors.As(err, &answer)
	g.mu.Lock()
	defer g.mu.Unlock()
	if trial {
		g.trying = false
	}
	switch {
	case err == nil || answered:
		g.failures = 0
	case errors.Is(err, context.Canceled) || !trial && g.away():
	default:
		if g.failures++; g.away() {
			doublings := min(g.failures-g.config.Failures, 10)
			pause := min(g.config.MaxPause, time.Second<<doublings)
			g.retry = time.Now().Add(pause - rand.N(pause/2))
		}
	}
}
