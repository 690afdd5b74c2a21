// Package port chooses loopback ports for servers that are started later, or
// again and again, on the same one. Asking the kernel for a port and closing it
// again is not enough: until the server has bound it, and whenever the server is
// down, any connection that leaves this machine may be given it.
//
// So a port is taken from below the range that the kernel gives away, and held
// by a socket that is bound but never listens. Servers set SO_REUSEADDR, which
// lets them listen beside such a socket; a connection to it is refused as if
// nobody were there.
package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// The ports handed out; Linux gives away those from 32768 on.
const (
	lowest  = 10_000
	highest = 29_999
)

// Held is a TCP port of 127.0.0.1 that no other process is given. Whoever holds
// it ends it with Release.
type Held struct {
	// Number is the port.
	Number int

	socket int
}

// Hold returns a port on which nobody listens.
func Hold() (*Held, error) {
	var err error
	for range 100 {
		number := lowest + rand.IntN(highest-lowest+1)
		var socket int
		if socket, err = hold(number); err == nil {
			return &Held{Number: number, socket: socket}, nil
		}
	}
	return nil, errors.Join(errors.New("no port is free"), err)
}

// Address returns host:port.
func (h *Held) Address() string { return fmt.Sprintf("127.0.0.1:%d", h.Number) }
