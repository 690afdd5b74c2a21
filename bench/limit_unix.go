//go:build unix

package bench

import (
	"fmt"
	"syscall"
)

// wantedFiles is what the limit of open files is raised to where that is
// allowed.
const wantedFiles = 200_000

// raiseFileLimit raises the limit of open files as far as it goes.
func raiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Cur >= wantedFiles {
		return nil
	}
	higher := limit
	higher.Cur, higher.Max = wantedFiles, max(limit.Max, wantedFiles)
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) == nil { // root may
		return nil
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// fileLimit returns the number of files that this process may open.
func fileLimit() int {
	raiseFileLimit()
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 1 << 30
	}
	return int(limit.Cur)
}
