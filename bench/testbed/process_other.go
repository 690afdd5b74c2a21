//go:build !linux

package testbed

import (
	"errors"
	"os/exec"
	"syscall"
)

var errNotLinux = errors.New("daemons are isolated by means that only Linux has")

type process struct {
	pid  int
	done chan struct{}
}

func canIsolate() error                         { return errNotLinux }
func startUnshared(*exec.Cmd) (*process, error) { return nil, errNotLinux }
func start(*exec.Cmd) (*process, error)         { return nil, errNotLinux }
func (*process) signal(syscall.Signal)          {}
func (*process) signalGroup(syscall.Signal)     {}
func (*process) members() []int                 { return nil }
func (*process) end() error                     { return nil }
