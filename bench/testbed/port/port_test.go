package port_test

import (
	"net"
	"runtime"
	"testing"

	"alphamail/bench/testbed/port"
)

func TestAHeldPortIsRefusedUntilItsServerListensAndAgainAfterwards(t *testing.T) {
	held := hold(t)
	for range 2 {
		if conn, err := net.Dial("tcp", held.Address()); err == nil {
			conn.Close()
			t.Fatal("somebody answers on a port that is only held")
		}
		listener, err := net.Listen("tcp", held.Address())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", held.Address())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		listener.Close()
	}
}

func TestAHeldPortIsGivenToNobodyElse(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ports are held on Linux only")
	}
	held := hold(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	own := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: held.Number}
	if conn, err := net.DialTCP("tcp", own, taken.Addr().(*net.TCPAddr)); err == nil {
		// A dialer sets no SO_REUSEADDR, as the kernel's own choice does not.
		conn.Close()
		t.Error("a connection may leave from a held port")
	}
	numbers := map[int]bool{held.Number: true}
	for range 200 {
		other := hold(t)
		if numbers[other.Number] {
			t.Fatalf("port %d is held twice", other.Number)
		}
		numbers[other.Number] = true
	}
}

func hold(t *testing.T) *port.Held {
	t.Helper()
	held, err := port.Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Release)
	return held
}
