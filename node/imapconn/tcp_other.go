//go:build !linux

package imapconn

import "net"

// Promptly is for Linux; elsewhere it changes nothing.
func Promptly(conn net.Conn) net.Conn { return conn }

// notForLong makes a connection notice that the network is cut, on Linux.
func notForLong(net.Conn) {}
