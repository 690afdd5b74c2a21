package throttle

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var config = Config{Free: 3, First: time.Second, Most: 10 * time.Second, Forget: time.Minute}

// admitted counts the attempts of a guesser who tries as soon as he may.
func admitted(throttle *Throttle, key string, during time.Duration) (count int) {
	for end := time.Now().Add(during); ; {
		wait := throttle.Try(key)
		if wait == 0 {
			count++
			continue
		}
		if time.Now().Add(wait).After(end) {
			return count
		}
		time.Sleep(wait)
	}
}

func TestWaitsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := New(config)
		var waits []time.Duration
		for len(waits) < 7 {
			if wait := throttle.Try("ana"); wait > 0 {
				waits = append(waits, wait)
				time.Sleep(wait)
			}
		}
		if got, want := fmt.Sprint(waits), "[1s 2s 4s 8s 10s 10s 10s]"; got != want {
			t.Errorf("waits %s, not %s", got, want)
		}
		if wait := throttle.Try("ben"); wait != 0 {
			t.Errorf("somebody else waits %v", wait)
		}
	})
}

func TestADayOfGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if count := admitted(New(config), "ana", 24*time.Hour); count > 24*360+10 {
			t.Errorf("%d guesses in a day, one in ten seconds and a few are allowed", count)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	throttle := New(config)
	var mu sync.Mutex
	passed := 0
	var tries sync.WaitGroup
	for range 100 {
		tries.Go(func() {
			if throttle.Try("ana") == 0 {
				mu.Lock()
				passed++
				mu.Unlock()
			}
		})
	}
	tries.Wait()
	if passed != config.Free+1 {
		t.Errorf("%d of 100 attempts at once were admitted", passed)
	}
}

func TestWhatEndsAWait(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(*Throttle)
		wait bool
	}{
		"nothing":                      {func(*Throttle) {}, true},
		"time, as long as it takes":    {func(*Throttle) { time.Sleep(2 * time.Second) }, false},
		"a success":                    {func(t *Throttle) { t.Succeeded("ana") }, false},
		"one attempt that is forgiven": {func(t *Throttle) { t.Forgive("ana") }, true},
		"all of them":                  {func(t *Throttle) { t.Forgive("ana"); t.Forgive("ana"); t.Forgive("ana") }, false},
		"more than all": {func(t *Throttle) {
			for range 9 {
				t.Forgive("ana")
			}
		}, false},
		"somebody else's success": {func(t *Throttle) { t.Succeeded("ben") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				throttle := New(config)
				for range config.Free + 2 {
					for wait := throttle.Try("ana"); wait > 0; wait = throttle.Try("ana") {
						time.Sleep(wait)
					}
				}
				test.do(throttle)
				if wait := throttle.Try("ana"); wait > 0 != test.wait {
					t.Errorf("then one waits %v", wait)
				}
			})
		})
	}
}

// TestMayTryAtOnce is about a key that many people share: only what failed counts.
func TestMayTryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := New(config)
		for range 10 * config.Free {
			if wait := throttle.Wait("campus"); wait != 0 {
				t.Fatalf("an attempt that has not failed costs %v", wait)
			}
		}
		for range config.Free + 3 {
			throttle.Failed("campus")
		}
		if wait := throttle.Wait("campus"); wait != 4*time.Second {
			t.Errorf("after %d failures one waits %v", config.Free+3, wait)
		}
	})
}

func TestFailuresFade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := New(config)
		admitted(throttle, "ana", time.Minute)
		time.Sleep(10 * config.Forget)
		count := 0
		for throttle.Try("ana") == 0 {
			count++
		}
		if count != config.Free+1 {
			t.Errorf("after a long time %d attempts are free, not %d", count, config.Free+1)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	throttle := New(Config{Free: 0, First: time.Hour, Most: time.Hour, Forget: time.Hour})
	for i := range maxKeys + maxKeys/2 {
		throttle.Try(fmt.Sprint(i))
	}
	if len(throttle.keys) > maxKeys {
		t.Errorf("%d keys are kept", len(throttle.keys))
	}
	last := fmt.Sprint(maxKeys + maxKeys/2 - 1)
	if throttle.Try(last) == 0 {
		t.Error("the last key is not held up")
	}
}
