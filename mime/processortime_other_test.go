//go:build !linux

package mime

import "time"

// ProcessorTime is the time that work takes.
func ProcessorTime(work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}
