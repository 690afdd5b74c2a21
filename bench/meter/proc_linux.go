package meter

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, 100 a second on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// status is what /proc/PID/stat says, see proc_pid_stat(5).
type status struct {
	parent   int
	cpu      time.Duration // its own and that of children it has waited for
	resident int64
}

func readStatus(pid int) (status, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return status{}, false
	}
	// The name, in parentheses, may hold anything.
	_, rest, found := bytes.Cut(data[bytes.LastIndexByte(data, ')'):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 22 {
		return status{}, false
	}
	number := func(i int) int64 { // as numbered in the manual, where state is 3
		n, _ := strconv.ParseInt(fields[i-3], 10, 64)
		return n
	}
	return status{
		parent:   int(number(4)),
		cpu:      time.Duration(number(14)+number(15)+number(16)+number(17)) * tick,
		resident: number(24) * int64(os.Getpagesize()),
	}, true
}

// processes are all that run at a moment.
type processes struct {
	status   map[int]status
	children map[int][]int
}

func readProcesses() processes {
	all := processes{map[int]status{}, map[int][]int{}}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := readStatus(pid); ok {
			all.status[pid] = s
			all.children[s.parent] = append(all.children[s.parent], pid)
		}
	}
	return all
}

// below sums up processes and all their descendants, but for the trees of those
// that somebody else's tree begins with.
func (all processes) below(roots []int, isRoot map[int]bool) (sum observation) {
	known := map[int]bool{}
	for waiting := slices.Clone(roots); len(waiting) > 0; {
		pid := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		s, alive := all.status[pid]
		if !alive || known[pid] {
			continue
		}
		known[pid] = true
		sum.pids = append(sum.pids, pid)
		sum.cpu += s.cpu
		sum.resident += s.resident
		for _, child := range all.children[pid] {
			if !isRoot[child] {
				waiting = append(waiting, child)
			}
		}
	}
	return sum
}

// proportional returns a process's memory in bytes, pages shared with others
// divided among them; 0 if it has ended.
func proportional(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, "Pss:"); found {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// Available reports whether processes can be measured here.
func Available() error { return nil }
