package testbed

import (
	"net"
	"sync"
)

// listener remembers its connections, so that closing a server ends every one
// of them, those too that the server's own goroutines have not seen yet.
type listener struct {
	net.Listener

	mu     sync.Mutex
	conns  map[*tracked]struct{} // guarded by mu
	closed bool                  // guarded by mu
	open   sync.WaitGroup        // connections not closed yet
}

// listen opens a TCP port; the empty address means a free one on loopback.
func listen(address string) (*listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: ln, conns: map[*tracked]struct{}{}}, nil
}

type tracked struct {
	net.Conn
	owner *listener
	once  sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	t := &tracked{Conn: c, owner: l}
	l.conns[t] = struct{}{}
	l.open.Add(1)
	return t, nil
}

// Close implements net.Conn.
func (t *tracked) Close() error {
	err := t.Conn.Close()
	t.once.Do(func() {
		t.owner.mu.Lock()
		delete(t.owner.conns, t)
		t.owner.mu.Unlock()
		t.owner.open.Done()
	})
	return err
}

// shutdown closes the port and cuts every connection, then waits until their
// servers have let go of them.
func (l *listener) shutdown() {
	l.mu.Lock()
	l.closed = true
	l.Listener.Close()
	for t := range l.conns {
		t.Conn.Close() // the server's read fails, and it closes t
	}
	l.mu.Unlock()
	l.open.Wait()
}
