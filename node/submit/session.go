package submit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"alphamail/mime/compose"
)

// Session is a connection to a server that is ready for messages. Use it for one
// after the other; after an error whose Kind is not Refused or Busy it has ended.
type Session struct {
	server     Server
	network    net.Conn // below TLS
	reader     *bufio.Reader
	writer     *bufio.Writer
	extensions map[string][]string // what EHLO told, in upper case
	ended      bool
}

// Features is what the server can do for compose.
func (s *Session) Features() compose.Server {
	_, eight := s.extensions["8BITMIME"]
	_, unicode := s.extensions["SMTPUTF8"]
	return compose.Server{SMTPUTF8: unicode && eight, EightBitMIME: eight}
}

// Size is the largest message that the server takes, in bytes (RFC 1870); 0 when it
// does not tell.
func (s *Session) Size() int64 {
	for _, parameter := range s.extensions["SIZE"] {
		if size, err := strconv.ParseInt(parameter, 10, 64); err == nil && size > 0 {
			return size
		}
	}
	return 0
}

// quitTimeout bounds saying goodbye.
const quitTimeout = 2 * time.Second

// Close says goodbye and ends the connection.
func (s *Session) Close() error {
	if s.ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), quitTimeout)
	defer cancel()
	_, err := s.await(ctx, "QUIT", "QUIT", 221)
	s.end()
	return err
}

// end closes the connection, without TLS's own farewell, which may block.
func (s *Session) end() {
	s.ended = true
	s.network.Close()
}

// await sends a line, if it is not empty, and reads the answer, which has to have
// one of some codes. Errors: *Error; without an answer that has its place here, the
// session has ended.
func (s *Session) await(ctx context.Context, step, line string, want ...int) (answer, error) {
	if s.ended {
		return answer{}, failed(step, ErrNotUsable)
	}
	a, err := s.exchange(ctx, line)
	if err != nil {
		s.end()
		return answer{}, failed(step, err)
	}
	if slices.Contains(want, a.code) {
		return a, nil
	}
	problem := refused(step, a)
	if a.code == 421 || problem.Kind == NotSent { // RFC 5321 section 3.8
		s.end()
	}
	if problem.Kind == NotSent {
		problem.Cause = ErrOutOfStep
	}
	return a, problem
}

// exchange sends a line and reads the answer, both within the time of one step.
func (s *Session) exchange(ctx context.Context, line string) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	if line != "" && s.reader.Buffered() > 0 {
		return answer{}, ErrOutOfStep
	}
	stop := context.AfterFunc(ctx, func() { s.network.Close() })
	defer stop()
	s.network.SetDeadline(time.Now().Add(s.server.Timeout))
	a, err := func() (answer, error) {
		if line != "" {
			s.writer.WriteString(line)
			s.writer.WriteString("\r\n")
			if err := s.writer.Flush(); err != nil {
				return answer{}, err
			}
		}
		return readAnswer(s.reader)
	}()
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	return a, err
}

// reset takes back a transaction. When that fails, the session has ended and
// nothing is left to take back.
func (s *Session) reset(ctx context.Context) {
	if s.ended {
		return
	}
	if _, err := s.await(ctx, "RSET", "RSET", 250); err != nil {
		s.end()
	}
}

// mailCommand opens a transaction.
func (s *Session) mailCommand(from string, m Message, smtputf8 bool) string {
	var line strings.Builder
	line.WriteString("MAIL FROM:<" + from + ">")
	if _, offered := s.extensions["SIZE"]; offered && m.Size > 0 {
		line.WriteString(" SIZE=" + strconv.FormatInt(m.Size, 10))
	}
	if m.Needs.EightBitMIME {
		line.WriteString(" BODY=8BITMIME")
	}
	if smtputf8 {
		line.WriteString(" SMTPUTF8")
	}
	return line.String()
}

// The times around the final dot.
const (
	// glance is how long the server is listened to before the dot: long enough to
	// notice that it has hung up or refused already.
	glance = time.Millisecond
	// lastWords is how long a server that broke off is listened to for its reason.
	lastWords = 200 * time.Millisecond
)

// quiet makes sure, before the final dot, that the server is still there and waits
// for it.
func (s *Session) quiet() error {
	if err := s.network.SetReadDeadline(time.Now().Add(glance)); err != nil {
		return err
	}
	_, err := s.reader.Peek(1)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		return err
	}
	return s.early(ErrOutOfStep)
}

// early is why a body was not sent to its end: what the server said in the middle
// of it, if that is a refusal, otherwise the cause.
func (s *Session) early(cause error) error {
	s.network.SetReadDeadline(time.Now().Add(lastWords))
	a, err := readAnswer(s.reader)
	if err != nil || a.code < 400 {
		return cause
	}
	return refused("body", a)
}

// finish sends the final dot and reads the answer. Its errors are those of the
// connection: all of them leave it unclear what became of the message.
func (s *Session) finish(ctx context.Context) (answer, error) {
	s.network.SetDeadline(time.Now().Add(s.server.FinalTimeout))
	stop := context.AfterFunc(ctx, func() { s.network.SetDeadline(time.Now().Add(s.server.Grace)) })
	defer stop()
	if _, err := io.WriteString(s.writer, ".\r\n"); err != nil {
		return answer{}, err
	}
	if err := s.writer.Flush(); err != nil {
		return answer{}, err
	}
	return readAnswer(s.reader)
}
