package submit_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"alphamail/node/submit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// turn is what a scripted server waits for and what it says then.
type turn struct {
	want   string // beginning of the client's line; "" waits for nothing, "." for the end of a body
	answer string // "" says nothing
}

// scripted is a server that follows a script and may end the connection at any
// byte.
type scripted struct {
	script          []turn
	cutUp, cutDown  int // bytes after which it hangs up; -1: never
	listener        net.Listener
	done            chan struct{} // closed when the connection has ended
	mu              sync.Mutex    // guards the fields below
	heard           strings.Builder
	up, down        int
	dotAt, answered int // bytes before the final dot, and down to the end of its answer
	complaint       string
	onTurn          func(i int) // called when what a turn wants was heard
}

// serve starts a server for one connection.
func serve(t *testing.T, script []turn, cutUp, cutDown int) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{script: script, cutUp: cutUp, cutDown: cutDown, listener: listener, done: make(chan struct{})}
	go s.run()
	t.Cleanup(func() {
		listener.Close()
		<-s.done
	})
	return s
}

// atEnd runs f when what the last turn of the script wants was heard.
func (s *scripted) atEnd(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onTurn = func(i int) {
		if i == len(s.script)-1 {
			f()
		}
	}
}

func (s *scripted) server() submit.Server {
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	number, _ := strconv.Atoi(port)
	return submit.Server{Host: host, Port: number, Security: submit.Plain, Hello: "client.example"}
}

func (s *scripted) run() {
	defer close(s.done)
	conn, err := s.listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	reader := bufio.NewReader(reading{s, conn})
	for i, turn := range s.script {
		if !s.hear(reader, turn.want) {
			return
		}
		s.mu.Lock()
		onTurn := s.onTurn
		s.mu.Unlock()
		if onTurn != nil {
			onTurn(i)
		}
		if !s.say(conn, turn.answer) {
			return
		}
		if turn.want == "." {
			s.mu.Lock()
			s.answered = s.down
			s.mu.Unlock()
		}
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return // the client has hung up
		}
		if line == "QUIT\r\n" {
			s.say(conn, "221 2.0.0 Bye\r\n")
			return
		}
	}
}

var errCut = errors.New("cut")

// reading counts what comes from the client, byte by byte, and ends at the cut.
type reading struct {
	s    *scripted
	conn net.Conn
}

func (r reading) Read(b []byte) (int, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.up == r.s.cutUp {
		return 0, errCut
	}
	r.s.mu.Unlock()
	n, err := r.conn.Read(b[:1])
	r.s.mu.Lock()
	r.s.up += n
	r.s.heard.Write(b[:n])
	return n, err
}

// hear reads a line, or a body to its final dot.
func (s *scripted) hear(r *bufio.Reader, want string) bool {
	for want != "" {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		switch {
		case want == "." && line == ".\r\n":
			s.mu.Lock()
			s.dotAt = s.up - len(line)
			s.mu.Unlock()
			return true
		case want == ".":
			continue
		case !strings.HasPrefix(line, want):
			s.mu.Lock()
			s.complaint = "heard " + line + " instead of " + want
			s.mu.Unlock()
			return false
		}
		return true
	}
	return s.cutUp != 0
}

// say writes an answer as far as the cut allows.
func (s *scripted) say(conn net.Conn, answer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cutUp == s.up && s.cutUp >= 0 {
		return false
	}
	if s.cutDown >= 0 && s.down+len(answer) >= s.cutDown {
		io.WriteString(conn, answer[:s.cutDown-s.down])
		s.down = s.cutDown
		return false
	}
	s.down += len(answer)
	_, err := io.WriteString(conn, answer)
	return err == nil
}

// said is all that the client has said, once the connection has ended.
func (s *scripted) said() string {
	<-s.done
	return s.heard.String()
}

const (
	greeting = "220 mx.example ESMTP\r\n"
	ehlo     = "250-mx.example\r\n250-SIZE 1000000\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
	ok       = "250 2.0.0 Ok\r\n"
	goOn     = "354 go on\r\n"
)

// opening is a script up to EHLO, and the turns that follow it.
func opening(more ...turn) []turn {
	return append([]turn{{"", greeting}, {"EHLO client.example\r\n", ehlo}}, more...)
}

// toDot is a script up to the body of a message to two recipients, and the turns
// that follow it.
func toDot(more ...turn) []turn {
	return opening(append([]turn{{"MAIL", ok}, {"RCPT", ok}, {"RCPT", ok}, {"DATA", goOn}}, more...)...)
}

const secretText = "Nobody but the two of us\r\n"

func message() submit.Message {
	return submit.Message{
		From: "ana@example.edu", Recipients: []string{"ben@example.edu", "eve@example.net"},
		Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "Subject: hello\r\n\r\n"+secretText)
			return err
		},
	}
}
