package main

import "syscall"

// endWithParent makes the kernel end a process when the test that started it is
// gone, however it went.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
