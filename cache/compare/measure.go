package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"alphamail/bench/testbed/mailgen"
)

// result is what one store showed. Memory is what the process uses beyond what
// it used before there was a store, in bytes. Times are nanoseconds of processor
// time, which other work on the machine hardly changes.
type result struct {
	Settled, Highest           int64
	HitRatio                   float64
	OperationTime, DecodedTime float64
	ModestHits                 float64
}

const (
	owners       = 400
	keysAnOwner  = 2000
	askers       = 8
	smallest     = 512
	median       = 3 << 10
	largest      = 30 << 10
	greedyValues = 50_000
)

func measure(name string, budget int64, operations int, all bool) (r result) {
	values := newCorpus()
	values.of("", "") // nothing is made lazily once memory is measured
	before := resident()
	s := newStore(name, budget)
	r.HitRatio, r.OperationTime = ask(s, values, operations)
	r.Highest = highest() - before
	r.Settled = resident() - before
	runtime.KeepAlive(s)
	if !all {
		return r
	}
	r.DecodedTime = readDecoded(newStore(name, budget), values)
	r.ModestHits = crowd(newStore(name, budget), values)
	return r
}

// ask reads nine times of ten, by owners who come equally often and each want
// some of their values far more often than others, and writes what is missing.
func ask(s store, values corpus, operations int) (hitRatio, nanoseconds float64) {
	var hits, reads atomic.Int64
	begin := processorTime()
	each(askers, func(asker int) {
		source := rand.New(rand.NewPCG(1, uint64(asker)))
		popular := rand.NewZipf(source, 1.2, 8, keysAnOwner-1)
		var hit, read int64
		for range operations / askers {
			owner, key := name(source.IntN(owners)), name(int(popular.Uint64()))
			want := values.of(owner, key)
			if source.IntN(10) == 0 {
				s.Put(owner, key, want)
				continue
			}
			read++
			if got, ok := s.Get(owner, key); !ok {
				s.Put(owner, key, want)
			} else if hit++; !bytes.Equal(got, want) {
				log.Fatal("a wrong value")
			}
		}
		hits.Add(hit)
		reads.Add(read)
	})
	return float64(hits.Load()) / float64(reads.Load()), float64(processorTime()-begin) / float64(operations)
}

// readDecoded reads a thousand values that are all there, in the form that needs
// no work.
func readDecoded(s store, values corpus) (nanoseconds float64) {
	const present, reads = 1000, 400_000
	var keys []string
	for i := range present {
		keys = append(keys, name(i))
		s.PutDecoded(name(0), keys[i], values.of(name(0), keys[i]))
	}
	begin := processorTime()
	each(askers, func(asker int) {
		owner := name(0)
		for i := range reads / askers {
			if !s.Decoded(owner, keys[(i+asker*100)%present]) {
				log.Fatal("a value is missing")
			}
		}
	})
	return float64(processorTime()-begin) / reads
}

// crowd lets one owner walk through a mailbox far larger than the store, each
// value read twice, and tells how often a hundred others find their twenty.
func crowd(s store, values corpus) (hitRatio float64) {
	const modest, each = 100, 20
	for i := range modest * each {
		owner, key := name(1+i%modest), name(i/modest)
		s.Put(owner, key, values.of(owner, key))
	}
	hits := 0
	for i := range greedyValues {
		s.Put(name(0), name(i), values.of(name(0), name(i)))
		for range 2 {
			s.Get(name(0), name(i))
		}
		owner, key := name(1+i%modest), name(i/modest%each)
		if _, ok := s.Get(owner, key); ok {
			hits++
		} else {
			s.Put(owner, key, values.of(owner, key))
		}
	}
	return float64(hits) / greedyValues
}

func each(n int, work func(int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

// processorTime is what this process has used, in nanoseconds.
func processorTime() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func name(i int) string { return fmt.Sprintf("message-%07d@example.edu", i) }

// corpus is text of which every value is a piece.
type corpus []byte

func newCorpus() (text corpus) {
	for message := range mailgen.New(1, time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)).Inbox(1000) {
		if len(message.Raw) < 2*largest {
			text = append(text, message.Raw...)
		}
	}
	return text
}

// of is the value under a key, always the same. Its size is log-normal.
func (c corpus) of(owner, key string) []byte {
	hash := fnv.New64a()
	hash.Write([]byte(owner))
	hash.Write([]byte(key))
	source := rand.New(rand.NewPCG(hash.Sum64(), 1))
	size := int(median * math.Exp(source.NormFloat64()))
	size = min(max(size, smallest), largest)
	begin := source.IntN(len(c) - size)
	return c[begin : begin+size : begin+size]
}

// resident is the resident set once what is free has been given back.
func resident() int64 {
	debug.FreeOSMemory()
	return status("VmRSS:")
}

func highest() int64 { return status("VmHWM:") }

func status(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := strings.Cut(string(text), field)
	var kibibytes int64
	_, err = fmt.Sscan(rest, &kibibytes)
	check(err)
	return kibibytes << 10
}
