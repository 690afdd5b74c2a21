package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Clone gives other users the mail of one, with equal UIDs. The messages
// themselves are on disk once; indexes are copied, so that they are as warm as
// those of the first. Nobody may be logged in as any of them, and the others
// must have no mail yet. It is the quick way to hundreds of large mailboxes.
func (d *Dovecot) Clone(from string, to ...string) error {
	source := filepath.Join(d.dir, "mail", from)
	next := make(chan string)
	errs := make(chan error, len(to))
	var cloning sync.WaitGroup
	for range 2 {
		cloning.Go(func() {
			for user := range next {
				if err := clone(source, filepath.Join(d.dir, "mail", user)); err != nil {
					errs <- fmt.Errorf("cloning the mail of %s for %s: %w", from, user, err)
				}
			}
		})
	}
	for _, user := range to {
		next <- user
	}
	close(next)
	cloning.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func clone(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		switch {
		case entry.IsDir():
			if err := os.Mkdir(target, 0o700); err != nil {
				return err
			}
			return os.Chown(target, mailUID, mailUID)
		case !entry.Type().IsRegular():
			return nil
		case filepath.Base(filepath.Dir(path)) == "cur":
			return os.Link(path, target) // a message is never written again
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o600); err != nil {
			return err
		}
		return os.Chown(target, mailUID, mailUID)
	})
}
