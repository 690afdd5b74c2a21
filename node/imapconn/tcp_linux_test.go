package imapconn

import (
	"net"
	"syscall"
	"testing"
)

// TestACutIsNoticed reads the option back: that the kernel keeps it needs a network
// to cut, which the tests of a cluster have.
func TestACutIsNoticed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	notForLong(conn)
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if value, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout); err != nil || value != unacknowledged {
			t.Errorf("the option is %d, %v", value, err)
		}
	})
}
