package submit

import (
	"fmt"
	"sync"
	"time"
)

// Limits are what one account may send in an hour. 0 does not limit.
type Limits struct {
	Messages   int
	Recipients int // of all messages together
}

// Limiter holds accounts to their limits, so that one with a stolen password
// cannot flood the world. An account may use up an hour's worth at once; it comes
// back evenly over the hour. What is left is in memory alone, of the node that owns
// the account. It is safe for concurrent use; a nil Limiter limits nothing.
type Limiter struct {
	limits Limits

	mu    sync.Mutex            // guards the fields below
	left  map[string]*allowance // of the accounts that have not everything left
	swept time.Time
}

// allowance is what an account may still send, as it was at a time.
type allowance struct {
	messages, recipients float64
	at                   time.Time
}

// NewLimiter makes a limiter under which nobody has sent anything yet.
func NewLimiter(limits Limits) *Limiter {
	return &Limiter{limits: limits, left: map[string]*allowance{}, swept: time.Now()}
}

// LimitError says that an account has sent too much.
type LimitError struct {
	// After is how long it takes until the message may be sent; 0 when it has more
	// recipients than may ever be.
	After time.Duration
	// Limits are those in force.
	Limits Limits
}

// Error implements error.
func (e *LimitError) Error() string {
	if e.After == 0 {
		return fmt.Sprintf("submit: more than %d recipients", e.Limits.Recipients)
	}
	return fmt.Sprintf("submit: the limits of %d messages and %d recipients in an hour are reached for %v", e.Limits.Messages, e.Limits.Recipients, e.After)
}

// Take takes a message with so many recipients off what an account may send. Who
// then cannot send it gives it back. Errors: *LimitError.
func (l *Limiter) Take(account string, recipients int) (giveBack func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.sweep(now)
	a := l.current(account, now)
	if l.limits.Recipients > 0 && recipients > l.limits.Recipients {
		return nil, &LimitError{Limits: l.limits}
	}
	wait := max(until(a.messages, 1, l.limits.Messages), until(a.recipients, recipients, l.limits.Recipients))
	if wait > 0 {
		return nil, &LimitError{After: wait, Limits: l.limits}
	}
	a.messages--
	a.recipients -= float64(recipients)
	l.left[account] = a
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		a := l.current(account, time.Now())
		a.messages = min(a.messages+1, float64(l.limits.Messages))
		a.recipients = min(a.recipients+float64(recipients), float64(l.limits.Recipients))
	}, nil
}

// current is what an account may send now. The caller has mu.
func (l *Limiter) current(account string, now time.Time) *allowance {
	messages, recipients := float64(l.limits.Messages), float64(l.limits.Recipients)
	a := l.left[account]
	if a == nil {
		return &allowance{messages, recipients, now}
	}
	hours := now.Sub(a.at).Hours()
	a.messages = min(messages, a.messages+hours*messages)
	a.recipients = min(recipients, a.recipients+hours*recipients)
	a.at = now
	return a
}

// until is how long it takes until so many are left, when a limit comes back in an
// hour.
func until(left float64, want, limit int) time.Duration {
	missing := float64(want) - left
	if limit == 0 || missing <= 1e-9 {
		return 0
	}
	return time.Duration(missing/float64(limit)*float64(time.Hour)).Round(time.Second) + time.Second
}

// sweep forgets, once an hour, the accounts that have everything left again. The
// caller has mu.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Hour {
		return
	}
	l.swept = now
	for account, a := range l.left {
		if now.Sub(a.at) >= time.Hour {
			delete(l.left, account)
		}
	}
}

// Accounts is how many accounts are remembered because they have sent.
func (l *Limiter) Accounts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.left)
}
