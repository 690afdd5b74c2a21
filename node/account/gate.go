package account

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"alphamail/node/api"
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
	// MaxConnections is how many connections there may be at a time; from four
	// fifths of it on, none are made that nobody waits for. Default 20,000.
	MaxConnections int
	// Restart is how long after the first failure those who need the server wait for
	// it, since it may be starting anew; as long, it is tried five times a second.
	// Default 3 s; negative for not at all.
	Restart time.Duration
	// MaxPause is the longest time between two tries while it is away. After Restart
	// the first pause is a second, each further one twice the one before, all of them
	// shortened by up to a half, by chance. Default 30 s.
	MaxPause time.Duration
}

// restartPause is the time between two tries while the server may be starting anew.
const restartPause = 200 * time.Millisecond

// WithDefaults fills in what is zero.
func (c GateConfig) WithDefaults() GateConfig {
	setDefault(&c.LoginsPerSecond, 500)
	setDefault(&c.Burst, 1000)
	setDefault(&c.MaxWait, 5*time.Second)
	setDefault(&c.Failures, 5)
	setDefault(&c.MaxConnections, 20_000)
	setDefault(&c.Restart, 3*time.Second)
	setDefault(&c.MaxPause, 30*time.Second)
	return c
}

// Gate stands before one mail server. When all users of a node come at once, as
// after a restart, it spreads their logins; it bounds how many connections there
// are; and when the server is away, it lets one try at a time find out whether it
// is back, and everybody else know at once. It is safe for concurrent use.
type Gate struct {
	config GateConfig

	mu       sync.Mutex // guards the fields below; no I/O while it is held
	tokens   float64    // logins that may begin now; negative: how many wait
	filled   time.Time  // when tokens was right
	open     int        // connections
	failures int        // connections that failed in a row
	down     time.Time  // when the first of them failed
	late     int        // failures after the time for starting anew
	failed   string     // whose login failed last, although the server was there
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
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away()
}

// Restarting tells whether a server that fails may be starting anew: it was there a
// moment ago.
func (g *Gate) Restarting() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures > 0 && g.restarting()
}

// restarting is Restarting for those who hold mu and know of a failure.
func (g *Gate) restarting() bool { return time.Since(g.down) < g.config.Restart }

// away is Away for those who hold mu.
func (g *Gate) away() bool { return g.failures >= g.config.Failures }

// Open returns how many connections there are, and how many there may be.
func (g *Gate) Open() (open, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.config.MaxConnections
}

// urgency says whether anybody waits for a connection.
type urgency int

const (
	urgent    urgency = iota // a user waits
	whenQuiet                // nobody waits: only while there is room for others
)

// pass is the permission to have one connection. A nil pass is one without a
// gate.
type pass struct {
	gate    *Gate
	account string
	trial   bool // the one by which a server that is away is tried

	ended bool // guarded by the gate's mu
}

// enter waits until a connection may be made. Whoever makes it calls connected
// with what came of it, and end when it is over. Errors: backend_down, busy, and
// the context's.
func (g *Gate) enter(ctx context.Context, account string, how urgency) (*pass, error) {
	if g == nil {
		return nil, nil
	}
	p, wait, err := g.reserve(account, how)
	if err != nil || wait == 0 {
		return p, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return p, nil
	case <-ctx.Done():
		p.end()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.tokens++
		return nil, ctx.Err()
	}
}

// errAway, errFull and errCrowded are why somebody may not enter.
var (
	errAway    = errors.New("account: the mail server is away")
	errFull    = errors.New("account: too many connections")
	errCrowded = errors.New("account: too many logins")
)

// reserve takes a turn.
func (g *Gate) reserve(account string, how urgency) (p *pass, wait time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.open >= g.config.MaxConnections || how == whenQuiet && !g.away() && g.open >= g.config.MaxConnections*4/5 {
		return nil, 0, busy(errFull, 10*time.Second)
	}
	if g.away() {
		if g.trying || now.Before(g.retry) {
			return nil, 0, notNow()
		}
		g.trying = true
		g.open++
		return &pass{gate: g, account: account, trial: true}, 0, nil
	}
	g.tokens = min(float64(g.config.Burst), g.tokens+now.Sub(g.filled).Seconds()*g.config.LoginsPerSecond)
	g.filled = now
	wait = time.Duration((1 - g.tokens) / g.config.LoginsPerSecond * float64(time.Second))
	if wait > g.config.MaxWait || how == whenQuiet && g.tokens < float64(g.config.Burst)/2 {
		return nil, 0, busy(errCrowded, wait)
	}
	g.tokens--
	g.open++
	return &pass{gate: g, account: account}, max(0, wait), nil
}

// notNow is what those are told who need a mail server that is away.
func notNow() error {
	return api.NewError(api.CodeBackendDown, "The mail server cannot be reached. It is tried again every few seconds.", errAway)
}

func busy(cause error, retryAfter time.Duration) error {
	err := api.NewError(api.CodeBusy, "Very many people are logging in at this moment. Please try again in a few seconds.", cause)
	err.RetryAfter = retryAfter
	return err
}

// connected notes how a connection went; greeted tells whether the server was
// there at all. A refused login is an answer. If a server cannot log one user in,
// that may be that user's mailbox: it counts again only when the next one fares no
// better. That somebody did not wait says nothing; nor does the failure of a
// connection that was begun before the server counted as away.
func (p *pass) connected(greeted bool, err error) {
	if p == nil {
		return
	}
	if err != nil {
		defer p.end()
	}
	var answer *api.Error
	refused := errors.As(err, &answer) && answer.Code == api.CodeAuthFailed
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.trial {
		g.trying = false
	}
	switch {
	case err == nil || refused:
		g.failures, g.failed, g.late = 0, "", 0
	case errors.Is(err, context.Canceled) || !p.trial && g.away() || greeted && g.failed == p.account:
	default:
		g.failed = ""
		if greeted {
			g.failed = p.account
		}
		g.fail(err)
	}
}

// fail counts a failure. The caller holds mu.
func (g *Gate) fail(err error) {
	switch {
	case errors.Is(err, errSilent):
		g.down = time.Time{} // who starts anew refuses connections
	case g.failures == 0:
		g.down = time.Now()
	}
	if g.failures++; !g.away() {
		return
	}
	pause := restartPause
	if !g.restarting() {
		pause = min(g.config.MaxPause, time.Second<<min(g.late, 10))
		g.late++
	}
	g.retry = time.Now().Add(pause - rand.N(pause/2))
}

// end gives the place of a connection back. It may be called again.
func (p *pass) end() {
	if p == nil {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if !p.ended {
		p.ended = true
		p.gate.open--
	}
}
