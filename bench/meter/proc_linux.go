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

// tree returns the status of processes and all their descendants, but for the
// trees of some others.
func tree(roots, others []int) map[int]status {
	found := map[int]status{}
	if len(roots) == 0 {
		return found
	}
	all := map[int]status{}
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, ok := readStatus(pid); ok {
			all[pid] = s
			children[s.parent] = append(children[s.parent], pid)
		}
	}
	for waiting := append([]int(nil), roots...); len(waiting) > 0; {
		pid := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if s, alive := all[pid]; alive {
			if _, known := found[pid]; known {
				continue
			}
			found[pid] = s
			for _, child := range children[pid] {
				if !slices.Contains(others, child) {
					waiting = append(waiting, child)
				}
			}
		}
	}
	return found
}

func observe(roots, others []int) (seen observation) {
	for _, s := range tree(roots, others) {
		seen.processes++
		seen.cpu += s.cpu
		seen.resident += s.resident
	}
	return seen
}

func proportional(roots, others []int) (sum int64) {
	for pid := range tree(roots, others) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(data)) {
			if value, found := strings.CutPrefix(line, "Pss:"); found {
				kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
				sum += kib << 10
			}
		}
	}
	return sum
}

// Available reports whether processes can be measured here.
func Available() error { return nil }
