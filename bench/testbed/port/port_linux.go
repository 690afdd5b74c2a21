package port

import (
	"fmt"
	"os"
	"syscall"
)

// hold binds before it allows others to share the port: so two holders never
// get the same one.
func hold(number int) (int, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err != nil {
		syscall.Close(socket)
		return 0, fmt.Errorf("port %d: %w", number, err)
	}
	return socket, nil
}

// Release lets others have the port. It may be called again.
func (h *Held) Release() {
	if h.socket >= 0 {
		syscall.Close(h.socket)
		h.socket = -1
	}
}
