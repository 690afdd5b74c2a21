package main

import (
	"fmt"
	"runtime"
)

type versionCommand struct{}

// Run prints version and platform.
func (versionCommand) Run(terminal console) error {
	_, err := fmt.Fprintf(terminal.out, "alphamail %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
