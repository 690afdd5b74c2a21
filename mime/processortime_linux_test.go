package mime

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime is the time that work takes of a processor: what else the machine
// does makes no difference.
func ProcessorTime(work func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var clock unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &clock); err != nil {
			panic(err)
		}
		return time.Duration(clock.Nano())
	}
	before := used()
	work()
	return used() - before
}
