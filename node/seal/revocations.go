package seal

import (
	"sync"
	"time"
)

// Revocations is the set of sessions that ended before their seal expires. An
// entry is forgotten once the seal would have expired anyway.
type Revocations struct {
	mu    sync.Mutex           // guards until and sweep
	until map[string]time.Time // session id → expiry of its seal
	sweep time.Time            // when expired entries are next dropped
}

// sweepInterval spreads the cost of dropping expired entries over many calls.
const sweepInterval = time.Minute

// NewRevocations makes an empty set.
func NewRevocations() *Revocations {
	return &Revocations{until: make(map[string]time.Time)}
}

// Add revokes a session whose seal expires at until.
func (r *Revocations) Add(sessionID string, until, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[sessionID] = until
	if now.Before(r.sweep) {
		return
	}
	r.sweep = now.Add(sweepInterval)
	for id, expiry := range r.until {
		if !now.Before(expiry) {
			delete(r.until, id)
		}
	}
}

// Has reports whether a session was revoked.
func (r *Revocations) Has(sessionID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, revoked := r.until[sessionID]
	return revoked
}
