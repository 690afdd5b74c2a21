package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// unpackedRoot holds servers that Debian's packages do not let be installed side
// by side, each unpacked into a directory of its own; deploy/test-deps.sh fills
// it.
const unpackedRoot = "/var/cache/alphamail-testbed"

// unpacked returns the directory of a server's packages, if a file that marks
// them as complete is there.
func unpacked(server, file string) (string, error) {
	root := filepath.Join(unpackedRoot, server)
	if _, err := os.Stat(filepath.Join(root, file)); err != nil {
		return "", fmt.Errorf("%s is not unpacked: %w", server, err)
	}
	return root, nil
}

// libraries returns the environment in which a server finds the libraries that
// were unpacked with it.
func libraries(root string, more ...string) []string {
	path := root + "/usr/lib/x86_64-linux-gnu:" + root + "/lib/x86_64-linux-gnu"
	for _, dir := range more {
		path += ":" + dir
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+path)
}

// owned makes directories below a directory, open to all, for a user.
func owned(dir string, uid int, names ...string) error {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := os.Chown(path, uid, uid); err != nil {
			return err
		}
	}
	return nil
}

// run runs a program to its end; what it printed is in the error.
func run(command *exec.Cmd) error {
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err, out)
	}
	return nil
}
