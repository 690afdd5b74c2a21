package imapconn

import (
	"bytes"
	"net"
	"sync"
)

// batchConn sends what is written between begin and end in one piece, so that a
// batch of commands is one segment and one exchange.
type batchConn struct {
	net.Conn
	mu      sync.Mutex // guards what follows, and the order of writes
	holding bool
	held    []byte
}

// synchronising ends a command that goes on only after the server's consent
// (RFC 9051 section 4.3); holding it back would wait for ever.
var synchronising = []byte("}\r\n")

func (b *batchConn) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.holding {
		return b.Conn.Write(p)
	}
	b.held = append(b.held, p...)
	if bytes.HasSuffix(b.held, synchronising) {
		return len(p), b.flush()
	}
	return len(p), nil
}

func (b *batchConn) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = true
}

func (b *batchConn) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = false
	return b.flush()
}

// flush sends what is held. The caller holds mu.
func (b *batchConn) flush() error {
	if len(b.held) == 0 {
		return nil
	}
	_, err := b.Conn.Write(b.held)
	b.held = b.held[:0]
	return err
}
