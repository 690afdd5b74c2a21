package transport

import (
	"net"
	"sync"
	"time"
)

// conns are the open connections of a client or a server, so that it can end
// them all.
type conns struct {
	mu     sync.Mutex // guards what follows
	open   map[*conn]struct{}
	closed bool
}

// conn is a TCP connection, below TLS. Go sets TCP_NODELAY on each.
//
// Its timeouts are for one Read or Write, unlike deadlines that cover a whole
// request: a large stream may take as long as it moves. Zero leaves deadlines to
// whoever sets them.
type conn struct {
	net.Conn
	set                       *conns
	readTimeout, writeTimeout time.Duration
}

// add takes charge of a connection. It fails when closeAll was called.
func (s *conns) add(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Conn.Close()
		return net.ErrClosed
	}
	if s.open == nil {
		s.open = map[*conn]struct{}{}
	}
	c.set = s
	s.open[c] = struct{}{}
	return nil
}

// closeAll closes all connections, and those that come later at once.
func (s *conns) closeAll() {
	s.mu.Lock()
	open := s.open
	s.open, s.closed = nil, true
	s.mu.Unlock()
	for c := range open {
		c.Conn.Close()
	}
}

func (c *conn) Read(p []byte) (int, error) {
	if c.readTimeout > 0 {
		if err := c.SetReadDeadline(time.Now().Add(c.readTimeout)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if c.writeTimeout > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	c.set.mu.Lock()
	delete(c.set.open, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}

// listener puts accepted connections under conns.
type listener struct {
	net.Listener
	conns        *conns
	writeTimeout time.Duration
}

func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, writeTimeout: l.writeTimeout}
	if err := l.conns.add(c); err != nil {
		return nil, err
	}
	return c, nil
}
