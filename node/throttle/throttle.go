// Package throttle slows down who guesses passwords: after some failures each
// further attempt has to wait, longer every time. It knows keys, such as an account
// or an address, and attempts; not what they mean.
package throttle

import (
	"sync"
	"time"
)

// Config says how much is allowed.
type Config struct {
	// Free is how many failures in a row cost nothing.
	Free int
	// First is the wait after one failure more; each further one doubles it, up to
	// Most.
	First, Most time.Duration
	// Forget is after how long without an attempt half of the failures are forgotten.
	Forget time.Duration
}

// maxKeys bounds the memory: about 20 MB.
const maxKeys = 100_000

// Throttle counts the failures of keys. Its methods are safe for concurrent use.
type Throttle struct {
	config Config

	mu   sync.Mutex // guards keys
	keys map[string]*count
}

// count is what is known of a key.
type count struct {
	failures int       // attempts that have not succeeded, those under way included
	last     time.Time // when the last one was counted
	faded    time.Time // until when failures have been forgotten
}

// New makes a throttle that knows of no attempt.
func New(config Config) *Throttle {
	return &Throttle{config: config, keys: map[string]*count{}}
}

// Try admits an attempt and returns zero, or returns how long to wait before another
// one. An attempt that was admitted is a failure until Succeeded or Forgive is
// called: so many that are made at once do not slip through together.
func (t *Throttle) Try(key string) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if wait := t.wait(key, now); wait > 0 {
		return wait
	}
	t.failed(key, now)
	return 0
}

// Wait is how long to wait before another attempt; it counts none. For keys that many
// people share, who may all try at once.
func (t *Throttle) Wait(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wait(key, time.Now())
}

// Failed counts a failure.
func (t *Throttle) Failed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed(key, time.Now())
}

// wait is Wait. The caller holds mu.
func (t *Throttle) wait(key string, now time.Time) time.Duration {
	one := t.keys[key]
	if one == nil {
		return 0
	}
	t.fade(one, now)
	return max(0, one.last.Add(t.delay(one.failures)).Sub(now))
}

// failed is Failed. The caller holds mu.
func (t *Throttle) failed(key string, now time.Time) {
	one := t.keys[key]
	if one == nil {
		if len(t.keys) >= maxKeys {
			t.makeRoom(now)
		}
		one = &count{faded: now}
		t.keys[key] = one
	}
	t.fade(one, now)
	one.failures++
	one.last, one.faded = now, now
}

// Succeeded tells that an attempt succeeded: whoever made it knows the password, and
// all failures of the key are forgotten.
func (t *Throttle) Succeeded(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, key)
}

// Forgive takes one attempt back, which says nothing of the others.
func (t *Throttle) Forgive(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.keys[key]; one != nil && one.failures > 0 {
		one.failures--
	}
}

// delay is how long after the last attempt another one has to wait.
func (t *Throttle) delay(failures int) time.Duration {
	if failures <= t.config.Free {
		return 0
	}
	delay := t.config.First
	for range failures - t.config.Free - 1 {
		if delay *= 2; delay >= t.config.Most {
			return t.config.Most
		}
	}
	return delay
}

// fade forgets half of the failures for each time that went by. The caller holds mu.
func (t *Throttle) fade(one *count, now time.Time) {
	for one.failures > 0 && now.Sub(one.faded) >= t.config.Forget {
		one.failures /= 2
		one.faded = one.faded.Add(t.config.Forget)
	}
}

// makeRoom drops the keys whose failures cost nothing; when there are none, any
// tenth: somebody who has so many addresses is not held up by a table. The caller
// holds mu.
func (t *Throttle) makeRoom(now time.Time) {
	for key, one := range t.keys {
		if t.fade(one, now); one.failures <= t.config.Free {
			delete(t.keys, key)
		}
	}
	for key := range t.keys {
		if len(t.keys) <= maxKeys*9/10 {
			return
		}
		delete(t.keys, key)
	}
}
