//go:build !linux

package meter

import "errors"

type processes struct{}

func readProcesses() processes { return processes{} }

func (processes) below([]int, map[int]bool) observation { return observation{} }

func proportional(int) int64 { return 0 }

// Available reports whether processes can be measured here.
func Available() error {
	return errors.New("processes can be measured on Linux only")
}
