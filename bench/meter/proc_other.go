//go:build !linux

package meter

import "errors"

func observe(_, _ []int) observation { return observation{} }

func proportional(_, _ []int) int64 { return 0 }

// Available reports whether processes can be measured here.
func Available() error {
	return errors.New("processes can be measured on Linux only")
}
