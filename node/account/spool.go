package account

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"alphamail/node/api"
)

// SpoolConfig bounds a Spool. Zero values stand for the defaults.
type SpoolConfig struct {
	// Dir is where the files are; it is made if missing. Required.
	Dir string
	// MaxBytes bounds all files together, default 4 GiB; MaxAccount those of one
	// account, default 256 MiB.
	MaxBytes, MaxAccount int64
	// MaxUploads bounds the files that wait to be attached, of one account.
	// Default 100.
	MaxUploads int
	// MaxAge is how long a file waits to be attached after it was last touched.
	// Default 1 h.
	MaxAge time.Duration
}

// Spool keeps what is too large for memory, in files: those that wait to be
// attached, and messages whose size has to be known before they are sent. A file
// has no name as soon as it is open, so none outlives the process; what a crash
// left between the two moments is removed by the next NewSpool of the directory.
type Spool struct {
	config SpoolConfig

	mu      sync.Mutex // guards what follows; no I/O while it is held
	total   int64
	owned   map[string]int64
	uploads map[uploadKey]*spooled
	closed  bool
}

type uploadKey struct{ account, upload string }

// spooledPattern are the names that files have for a moment.
const spooledPattern = "spooled-*"

// NewSpool opens a spool, whose directory nobody else uses.
func NewSpool(config SpoolConfig) (*Spool, error) {
	setDefault(&config.MaxBytes, 4<<30)
	setDefault(&config.MaxAccount, 256<<20)
	setDefault(&config.MaxUploads, 100)
	setDefault(&config.MaxAge, time.Hour)
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(config.Dir, spooledPattern))
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
	return &Spool{config: config, owned: map[string]int64{}, uploads: map[uploadKey]*spooled{}}, nil
}

// Close removes the files that wait. Those in use end with their users.
func (s *Spool) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Sweep(time.Now().Add(s.config.MaxAge + time.Second))
}

// Sweep removes the files that have waited too long.
func (s *Spool) Sweep(now time.Time) {
	var old []*spooled
	s.mu.Lock()
	for key, file := range s.uploads {
		if now.Sub(file.touched) > s.config.MaxAge {
			old = append(old, file)
			delete(s.uploads, key)
		}
	}
	s.mu.Unlock()
	for _, file := range old {
		file.Close()
	}
}

// Bytes is how much the spool holds.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

var errSpoolFull = errors.New("account: the spool is full")

// take makes room for bytes of an account.
func (s *Spool) take(account string, bytes int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.total+bytes > s.config.MaxBytes:
		return &api.Error{Code: api.CodeBusy, Message: "Very many files are being attached at this moment.", RetryAfter: time.Minute, Cause: errSpoolFull}
	case s.owned[account]+bytes > s.config.MaxAccount:
		return api.NewError(api.CodeTooLarge, "These files are too large together.", errSpoolFull)
	}
	s.total += bytes
	s.owned[account] += bytes
	return nil
}

func (s *Spool) giveBack(account string, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total -= bytes
	if s.owned[account] -= bytes; s.owned[account] <= 0 {
		delete(s.owned, account)
	}
}

// spooled is a file of the spool. It is written by one goroutine at a time, then
// read by any number.
type spooled struct {
	spool   *Spool
	account string
	inside  int      // how much of it may be in memory
	head    []byte   // its beginning
	file    *os.File // the rest; nil as long as head is all

	writing         sync.Mutex // held while a piece of an upload is written
	size            int64
	name, mediaType string
	touched         time.Time // guarded by Spool.mu
	closing         sync.Once
}

// smallLetter is how much of a message that is being saved or sent is kept in memory,
// for as long as that takes: what somebody has written is safe although the disk of
// the node is full.
const smallLetter = 128 << 10

// create makes an empty file, the beginning of which may be in memory.
func (s *Spool) create(account string, inside int) *spooled {
	return &spooled{spool: s, account: account, inside: inside, touched: time.Now()}
}

// Write implements io.Writer.
func (f *spooled) Write(data []byte) (int, error) {
	if err := f.spool.take(f.account, int64(len(data))); err != nil {
		return 0, err
	}
	n, err := f.write(data)
	f.spool.giveBack(f.account, int64(len(data)-n))
	f.size += int64(n)
	return n, err
}

func (f *spooled) write(data []byte) (int, error) {
	if f.file == nil && len(f.head)+len(data) <= f.inside {
		f.head = append(f.head, data...)
		return len(data), nil
	}
	if f.file == nil {
		var err error
		if f.file, err = f.spool.open(); err != nil {
			return 0, spoolError(err)
		}
	}
	n, err := f.file.WriteAt(data, f.size-int64(len(f.head)))
	return n, spoolError(err)
}

// open makes a file without a name.
func (s *Spool) open() (*os.File, error) {
	file, err := os.CreateTemp(s.config.Dir, spooledPattern) // mode 0600
	if errors.Is(err, fs.ErrNotExist) {                      // somebody tidied up
		if err = os.MkdirAll(s.config.Dir, 0o700); err == nil {
			file, err = os.CreateTemp(s.config.Dir, spooledPattern)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// spoolError tells the user when the disk is the reason.
func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return &api.Error{Code: api.CodeBusy, Message: "There is no room for files at this moment.", RetryAfter: time.Minute, Cause: fmt.Errorf("spool: %w", err)}
}

// ReadAt implements io.ReaderAt.
func (f *spooled) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < int64(len(f.head)) {
		if n = copy(p, f.head[offset:]); n == len(p) {
			return n, nil
		}
	}
	if f.file == nil {
		return n, io.EOF
	}
	more, err := f.file.ReadAt(p[n:], offset+int64(n-len(f.head)))
	return n + more, err
}

// reader reads what was written.
func (f *spooled) reader() io.Reader { return f.section(0, f.size) }

func (f *spooled) section(from, to int64) io.Reader {
	return io.NewSectionReader(f, from, to-from)
}

// Close removes the file.
func (f *spooled) Close() {
	f.closing.Do(func() {
		if f.file != nil {
			f.file.Close()
		}
		f.spool.giveBack(f.account, f.size)
	})
}

// upload adds a piece to a file that waits to be attached, which the first piece
// begins, and returns its size.
func (s *Spool) upload(account string, piece *api.UploadQuestion) (int64, error) {
	file, err := s.waiting(account, piece)
	if err != nil {
		return 0, err
	}
	file.writing.Lock()
	defer file.writing.Unlock()
	end := piece.Offset + int64(len(piece.Data))
	switch {
	case piece.Offset == file.size:
		_, err = file.Write(piece.Data)
	case piece.Offset < 0 || end > file.size: // otherwise it came twice
		err = errUploadLost
	}
	return file.size, err
}

var errUploadLost = api.NewError(api.CodeNotFound, "The beginning of this file is not here any more. Please attach it again.", nil)

// waiting finds the file that a piece belongs to.
func (s *Spool) waiting(account string, piece *api.UploadQuestion) (*spooled, error) {
	if file := s.uploaded(account, piece.Upload); file != nil {
		return file, nil
	}
	if piece.Offset != 0 {
		return nil, errUploadLost
	}
	s.mu.Lock()
	count := 0
	for key := range s.uploads {
		if key.account == account {
			count++
		}
	}
	s.mu.Unlock()
	if count >= s.config.MaxUploads {
		return nil, api.NewError(api.CodeTooLarge, "These are too many files.", nil)
	}
	file := s.create(account, 0) // it waits, and there may be many
	file.name, file.mediaType = piece.Name, piece.MediaType
	key := uploadKey{account, piece.Upload}
	s.mu.Lock()
	other := s.uploads[key]
	if other == nil && !s.closed {
		s.uploads[key] = file
	}
	s.mu.Unlock()
	if other != nil {
		file.Close()
		return other, nil
	}
	return file, nil
}

// uploaded returns a file that waits, nil if there is none.
func (s *Spool) uploaded(account, upload string) *spooled {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.uploads[uploadKey{account, upload}]
	if file != nil {
		file.touched = time.Now()
	}
	return file
}

// drop removes a file that does not wait any more.
func (s *Spool) drop(account, upload string) {
	s.mu.Lock()
	key := uploadKey{account, upload}
	file := s.uploads[key]
	delete(s.uploads, key)
	s.mu.Unlock()
	if file != nil {
		file.Close()
	}
}
