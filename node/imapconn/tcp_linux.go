package imapconn

import (
	"net"
	"syscall"
)

// Promptly makes reads from a connection acknowledge at once what they take.
// Courier and others write an answer in many small pieces, and their system
// holds each back until the one before is acknowledged (Nagle's algorithm); ours
// would wait 40 ms with that, in the hope of having something to send. Measured:
// a page of 50 messages from Courier in 4 ms instead of 44 ms, from Cyrus in 7 ms
// instead of 48 ms. Dial does it; it is for those, too, who stand in between.
func Promptly(conn net.Conn) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return &promptConn{tcp, raw}
		}
	}
	return conn
}

type promptConn struct {
	net.Conn
	raw syscall.RawConn
}

// NetConn is what is read from.
func (c *promptConn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn. The system forgets the option by itself.
func (c *promptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil {
		c.raw.Control(acknowledge)
	}
	return n, err
}

func acknowledge(fd uintptr) {
	syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}

// The option TCP_USER_TIMEOUT of linux/tcp.h, in milliseconds: how long what was sent
// may stay unacknowledged until the connection counts as broken. It is the system of
// the mail server that acknowledges, at once, however busy the server is. Without it
// a command that was sent while the network was cut holds up its account until the
// command's deadline: the pauses between the system's tries double, and may outlast
// the cut by far.
const (
	tcpUserTimeout = 18
	unacknowledged = 5000
)

// notForLong makes a connection notice that the network is cut.
func notForLong(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, unacknowledged)
			})
		}
	}
}
