package main

import (
	"fmt"
	"time"

	"alphamail/deploy/sweeper"
)

type sweepCommand struct {
	Config string `required:"" type:"existingfile" help:"Configuration file of a member of this machine."`
	DryRun bool   `help:"Only say what would be removed."`
}

// Run removes what no living process owns below state_dir, and says what it did.
func (s sweepCommand) Run(terminal console) error {
	settings, err := loadConfig(s.Config)
	if err != nil {
		return err
	}
	found, err := sweeper.Find(settings, time.Now())
	if err != nil {
		return err
	}
	verb, total := "removing", int64(0)
	if s.DryRun {
		verb = "would remove"
	}
	for _, one := range found {
		fmt.Fprintf(terminal.out, "%s %s (%d bytes): %s\n", verb, one.Path, one.Size, one.Why)
		total += one.Size
	}
	if s.DryRun {
		fmt.Fprintf(terminal.out, "%d found, %d bytes, below %s; nothing was removed\n", len(found), total, settings.StateDir)
		return nil
	}
	removed, err := sweeper.Remove(found)
	fmt.Fprintf(terminal.out, "%d removed of %d found, %d bytes, below %s\n", removed, len(found), total, settings.StateDir)
	return err
}
