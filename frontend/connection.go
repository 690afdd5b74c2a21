package frontend

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// browserListener accepts connections of browsers.
type browserListener struct {
	net.Listener
	tls   *tls.Config // nil for plain HTTP
	stall time.Duration
	// proxied tells which peers begin with a PROXY header; nil if none does.
	proxied func(net.Addr) bool
}

func (l *browserListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	browser := &browserConn{Conn: conn, stream: conn, tls: l.tls, stall: l.stall, settled: l.tls == nil}
	if l.proxied != nil && l.proxied(conn.RemoteAddr()) {
		// It is read by whoever serves the connection, so nobody waits here.
		browser.proxy = proxyproto.NewConn(conn, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.stall))
		browser.Conn, browser.stream = browser.proxy, browser.proxy
	}
	return browser, nil
}

// browserConn is the connection of a browser. Where HTTPS is spoken it looks at
// the first byte: a browser that speaks plain HTTP to the HTTPS port is let in
// far enough to be redirected. Each write has a deadline of its own, so that a
// large download to a slow browser may take its time and a browser that takes
// nothing is let go.
//
// Reads and writes come from the one goroutine that serves the connection.
type browserConn struct {
	net.Conn // the connection itself: closed by others at any time
	// stream is what is read and written: Conn, or TLS over it.
	stream  net.Conn
	proxy   *proxyproto.Conn // Conn, when a proxy tells by a PROXY header who the browser is
	tls     *tls.Config
	stall   time.Duration
	settled bool // the first byte was looked at
	secure  bool // TLS is spoken
	linger  bool // something is left unread; see Close
	patient bool // a read may wait anew each time, because a long body arrives
}

// handshakeRecord is the first byte of a TLS connection (RFC 8446 section 5.1).
const handshakeRecord = 0x16

func (c *browserConn) Read(p []byte) (int, error) {
	if !c.settled {
		var first [1]byte
		if _, err := c.Conn.Read(first[:]); err != nil {
			return 0, err
		}
		c.settled = true
		c.stream = &replayedConn{c.Conn, first[:]}
		if c.secure = first[0] == handshakeRecord; c.secure {
			c.stream = tls.Server(c.stream, c.tls)
		}
	}
	if c.patient {
		if err := c.SetReadDeadline(time.Now().Add(c.stall)); err != nil {
			return 0, err
		}
	}
	return c.stream.Read(p)
}

func (c *browserConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.stream.Write(p)
}

// lingering bounds how long, and lingeringBytes how much, is read of a request
// that was refused before it was read.
const (
	lingering      = 500 * time.Millisecond
	lingeringBytes = 1 << 20
)

// Close ends the connection. Closing with something unread resets it, and the
// browser may then lose the page that says why: so what is left of a refused
// request is read first.
func (c *browserConn) Close() error {
	conn := c.Conn
	if c.proxy != nil {
		conn = c.proxy.Raw()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && c.linger && tcp.CloseWrite() == nil {
		if tcp.SetReadDeadline(time.Now().Add(lingering)) == nil {
			io.CopyN(io.Discard, tcp, lingeringBytes)
		}
	}
	return c.Conn.Close()
}

// proxyTold is what a proxy has said in its PROXY header of how the browser speaks to
// it; false when it said nothing of that.
func (c *browserConn) proxyTold() (https, told bool) {
	if c.proxy == nil || c.proxy.ProxyHeader() == nil {
		return false, false
	}
	extensions, err := c.proxy.ProxyHeader().TLVs()
	if err != nil {
		return false, false
	}
	ssl, told := tlvparse.FindSSL(extensions)
	return told && ssl.ClientSSL(), told
}

// replayedConn gives back bytes that were read already.
type replayedConn struct {
	net.Conn
	pending []byte
}

func (c *replayedConn) Read(p []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
