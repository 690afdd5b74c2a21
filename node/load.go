package node

import (
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
	"time"
)

// load is how much a node has to do.
type load struct {
	questions atomic.Int64 // under way
	busy      atomic.Bool  // the processors were, when measured last
	crowded   atomic.Bool  // more memory is held than may be

	// What was measured last; used by the goroutine that measures.
	at        time.Time
	used      time.Duration // processor time of this process
	collected time.Time     // when garbage was collected for it
}

func (l *load) begin() { l.questions.Add(1) }
func (l *load) end()   { l.questions.Add(-1) }

// quietShare is the share of all processors up to which a node counts as quiet.
const quietShare = .25

// quiet tells whether there is room for work that nobody waits for: processors
// are idle, and there are no more questions under way than processors.
func (l *load) quiet() bool {
	return !l.busy.Load() && l.questions.Load() <= int64(runtime.GOMAXPROCS(0))
}

// full tells whether there is no memory for another account.
func (l *load) full() bool { return l.crowded.Load() }

// measure finds out what quiet and full tell.
func (l *load) measure(maxMemory int64) {
	var usage syscall.Rusage
	now := time.Now()
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		used := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		if !l.at.IsZero() {
			share := float64(used-l.used) / float64(now.Sub(l.at)) / float64(runtime.GOMAXPROCS(0))
			l.busy.Store(share > quietShare)
		}
		l.at, l.used = now, used
	}
	if maxMemory == 0 {
		return
	}
	crowded := memory() > maxMemory
	if crowded && time.Since(l.collected) > collectEvery {
		runtime.GC() // it may be garbage only
		l.collected = time.Now()
		crowded = memory() > maxMemory
	}
	l.crowded.Store(crowded)
}

// collectEvery bounds how often garbage is collected to find out how much memory
// is in use.
const collectEvery = 5 * time.Second

// memory is what the process holds, in bytes: of what the runtime took from the
// system, all but what it gave back.
func memory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64() - samples[2].Value.Uint64())
}
