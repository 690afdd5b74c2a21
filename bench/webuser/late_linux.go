package webuser

import "syscall"

// ipBindAddressNoPort is IP_BIND_ADDRESS_NO_PORT of linux/in.h: the port of a
// connection with a chosen source address is found when it connects, so that
// every destination has all ports to itself.
const ipBindAddressNoPort = 24

func chooseLate(_, _ string, raw syscall.RawConn) error {
	var err error
	controlErr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
	})
	if controlErr != nil {
		return controlErr
	}
	return err
}
