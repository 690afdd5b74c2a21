// Package sweeper removes what AlphaMail left behind on a machine and no living
// thing owns: files of processes that were killed. What lives looks after itself:
// a node bounds and sweeps its spool and the records of long jobs while it runs.
package sweeper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"alphamail/deploy/config"
)

// Found is something that no living thing owns.
type Found struct {
	Path string
	Size int64 // in bytes; 0 for a directory
	Why  string
}

// place is where processes of AlphaMail leave files.
type place struct {
	pattern string        // of the paths, below state_dir
	age     time.Duration // from which on nobody owns one
	why     string
}

// abandoned is how old a file has to be. Those of the spool have their name only
// between two system calls, so a minute is long; but clocks are changed, and
// machines sleep.
const abandoned = time.Hour

// unused is how long nobody wrote into the spool of a member of another name.
const unused = 24 * time.Hour

// places are where files are left.
var places = []place{
	{"spool/*/spooled-*", abandoned, "its process ended between making and opening it"},
}

// Find looks for what can be removed, as of a time. Errors name what could not be
// looked at; the rest is found all the same.
func Find(settings *config.Config, now time.Time) ([]Found, error) {
	var found []Found
	var problems []error
	for _, one := range places {
		paths, err := filepath.Glob(filepath.Join(settings.StateDir, one.pattern))
		problems = append(problems, err)
		for _, path := range paths {
			info, err := os.Lstat(path)
			switch {
			case errors.Is(err, fs.ErrNotExist): // its owner was faster
			case err != nil:
				problems = append(problems, err)
			case info.Mode().IsRegular() && now.Sub(info.ModTime()) > one.age:
				found = append(found, Found{path, info.Size(), one.why})
			}
		}
	}
	spools, err := emptySpools(settings, now)
	return append(found, spools...), errors.Join(append(problems, err)...)
}

// emptySpools finds the spools of members that had another name. One that is in use
// after all is made again by its owner.
func emptySpools(settings *config.Config, now time.Time) (found []Found, err error) {
	all := filepath.Join(settings.StateDir, "spool")
	entries, err := os.ReadDir(all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		info, failed := entry.Info()
		if failed != nil || !entry.IsDir() || entry.Name() == settings.Cluster.Name || now.Sub(info.ModTime()) < unused {
			continue
		}
		path := filepath.Join(all, entry.Name())
		if held, failed := os.ReadDir(path); failed == nil && len(held) == 0 {
			found = append(found, Found{path, 0, "an empty spool that nobody used for a day"})
		}
	}
	return found, err
}

// Remove removes what was found. What is gone already is no error; a directory that
// is not empty any more stays.
func Remove(found []Found) (removed int, err error) {
	var problems []error
	for _, one := range found {
		switch err := os.Remove(one.Path); {
		case err == nil:
			removed++
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, fmt.Errorf("removing: %w", err))
		}
	}
	return removed, errors.Join(problems...)
}
