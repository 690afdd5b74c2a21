//go:build !linux

package imapconn

import "net"

// Promptly is for Linux; elsewhere it changes nothing.
func Promptly(conn net.Conn) net.Conn { return conn }
