package seal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// journal keeps revocations in a file, to which it appends. A process that is
// killed while it writes leaves at most one line that is cut, which nobody reads.
type journal struct {
	path string

	mu     sync.Mutex // guards what follows, and the file itself
	closed bool
	file   *os.File // nil once it could not be written anew
	lines  int      // in the file
	limit  int      // so many lines make it worth writing the file anew
}

const (
	// maxJournal bounds what is read of a file, in bytes. What a node writes is
	// never longer.
	maxJournal = 3 * maxRevocations * (maxSessionID + 24)
	// spareLines is how many lines more than twice those needed a file may have.
	spareLines = 1000
)

// readJournal reads what a journal holds; nothing when there is none.
func readJournal(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxJournal))
}

// createJournal makes a journal that holds exactly content, in the place of an
// older one.
func createJournal(path string, content []byte) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	j := &journal{path: path}
	return j, j.replace(content)
}

// add appends lines and returns when they are on disk. The file is written anew
// from all when much of it is no longer needed, or when that failed before.
func (j *journal) add(lines []byte, all func() []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return os.ErrClosed
	}
	count := bytes.Count(lines, []byte("\n"))
	if j.file == nil || j.lines+count > j.limit || !j.inPlace() {
		return j.replace(all())
	}
	j.lines += count
	if _, err := j.file.Write(lines); err != nil {
		j.limit = 0 // perhaps a line was cut: the next one must not be glued to it
		return err
	}
	return j.file.Sync()
}

// replace writes the file anew: completely, or the old one stays. The caller
// holds mu, or is alone.
func (j *journal) replace(content []byte) error {
	temporary := j.path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if j.file != nil {
		j.file.Close() // some systems replace no file that is open
		j.file = nil
	}
	if err := os.Rename(temporary, j.path); err != nil {
		return err
	}
	if j.file, err = os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0); err != nil {
		return err
	}
	j.lines = bytes.Count(content, []byte("\n"))
	j.limit = 2*j.lines + spareLines
	return nil
}

// inPlace tells whether the open file is the one that the next start will read: a
// second process that was started by mistake puts its own there.
func (j *journal) inPlace() bool {
	here, err := j.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(j.path)
	return err == nil && os.SameFile(here, there)
}

// close closes the file. Nothing is added later.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.file == nil {
		j.closed = true
		return nil
	}
	j.closed = true
	return j.file.Close()
}
