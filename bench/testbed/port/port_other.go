//go:build !linux

package port

import (
	"fmt"
	"net"
)

// hold only looks: that servers may listen beside a bound socket is known of
// Linux alone.
func hold(number int) (int, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", number))
	if err != nil {
		return 0, err
	}
	return 0, listener.Close()
}

// Release lets others have the port.
func (h *Held) Release() {}
