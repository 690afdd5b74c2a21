package frontend

import (
	"errors"
	"hash/maphash"
	"io"

	"alphamail/node/api"
)

// maxResumes bounds how often a download goes on at another node.
const maxResumes = 3

var errOtherContent = errors.New("frontend: another node has other bytes for what was sent already")

// resuming is a download that outlives the node that sends it: what comes next is
// read from another node, which begins anew and has to repeat what the browser got
// already, byte for byte. Nothing is kept but a hash of it.
//
// Its methods are called by one goroutine at a time.
type resuming struct {
	content io.ReadCloser
	again   func() (io.ReadCloser, error)
	sent    int64
	hash    maphash.Hash
	resumes int
}

func (s *resuming) Read(p []byte) (int, error) {
	n, err := s.content.Read(p)
	for n == 0 && lost(err) && s.resumes < maxResumes {
		s.resumes++
		if s.resume() != nil {
			return 0, err
		}
		n, err = s.content.Read(p)
	}
	s.sent += int64(n)
	s.hash.Write(p[:n])
	if n > 0 && lost(err) {
		err = nil // it is told again
	}
	return n, err
}

// resume goes on at another node.
func (s *resuming) resume() error {
	content, err := s.again()
	if err != nil {
		return err
	}
	var hash maphash.Hash
	hash.SetSeed(s.hash.Seed())
	if _, err = io.CopyN(&hash, content, s.sent); err == nil && hash.Sum64() != s.hash.Sum64() {
		err = errOtherContent
	}
	if err != nil {
		content.Close()
		return err
	}
	s.content.Close()
	s.content = content
	return nil
}

func (s *resuming) Close() error { return s.content.Close() }

// lost tells whether a stream ended because its node is gone: its connection
// broke, or it fell silent, which ends its context.
func lost(err error) bool {
	if err == nil || err == io.EOF {
		return false
	}
	code := api.AsError(err).Code
	return code == api.CodeNodeDown || code == api.CodeCanceled
}
