// Package meter reads from /proc what components of a system under load use:
// processor time, memory, processes. A component is one or more trees of
// processes, such as a mail server with all that it forks.
package meter

import (
	"context"
	"sync"
	"time"
)

// Component is what is measured together.
type Component struct {
	Name string

	// Roots returns the ids of processes; their descendants count too, but for
	// those that are roots of other components.
	Roots func() []int
}

// Usage is what a component used between two moments.
type Usage struct {
	Name string `json:"name"`

	// CPU is user and system time, that of processes that ended meanwhile
	// included as far as a living ancestor has waited for them.
	CPU time.Duration `json:"cpu"`

	Processes int   `json:"processes"` // the most that were seen
	Resident  int64 `json:"resident"`  // bytes; the most that was seen; pages shared by processes count once per process
	// Proportional is memory in bytes at the end, shared pages divided among
	// those who share them.
	Proportional int64 `json:"proportional"`
}

// Meter watches components from Start to Stop.
type Meter struct {
	components []Component
	stop       context.CancelFunc
	done       sync.WaitGroup // the goroutine that looks once a second; stop ends it

	mu     sync.Mutex // guards usages and begins
	usages []Usage
	begins []time.Duration
}

// Start begins to watch. Whoever starts a meter stops it.
func Start(components ...Component) *Meter {
	ctx, stop := context.WithCancel(context.Background())
	m := &Meter{components: components, stop: stop, usages: make([]Usage, len(components)), begins: make([]time.Duration, len(components))}
	m.Restart()
	m.done.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				m.look()
			case <-ctx.Done():
				return
			}
		}
	})
	return m
}

// Restart forgets what was used so far.
func (m *Meter) Restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, seen := range m.observe() {
		m.begins[i] = seen.cpu
		m.usages[i] = Usage{Name: m.components[i].Name, Processes: len(seen.pids), Resident: seen.resident}
	}
}

// Now returns what was used since the start.
func (m *Meter) Now() []Usage {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, seen := range m.observe() {
		m.usages[i].Proportional = 0
		for _, pid := range seen.pids {
			m.usages[i].Proportional += proportional(pid)
		}
	}
	return append([]Usage(nil), m.usages...)
}

// Stop ends the meter and returns what was used.
func (m *Meter) Stop() []Usage {
	m.stop()
	m.done.Wait()
	return m.Now()
}

func (m *Meter) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, seen := range m.observe() {
		usage := &m.usages[i]
		usage.CPU = max(usage.CPU, seen.cpu-m.begins[i]) // processes that end take their time along until it is handed up
		usage.Processes = max(usage.Processes, len(seen.pids))
		usage.Resident = max(usage.Resident, seen.resident)
	}
}

// observation is a component at one moment.
type observation struct {
	cpu      time.Duration
	resident int64
	pids     []int
}

// observe looks at all components at the same moment.
func (m *Meter) observe() []observation {
	roots := make([][]int, len(m.components))
	isRoot := map[int]bool{}
	for i, component := range m.components {
		roots[i] = component.Roots()
		for _, pid := range roots[i] {
			isRoot[pid] = true
		}
	}
	all := readProcesses()
	seen := make([]observation, len(m.components))
	for i := range seen {
		seen[i] = all.below(roots[i], isRoot)
	}
	return seen
}
