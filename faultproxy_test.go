package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// faultProxy stands between the nodes and a server, and does something before or
// after one command that it sees. It is not the counting proxy of the testbed,
// because it acts within what passes: a command, or its answer, is held back while
// something happens. Everything is in plain text.
type faultProxy struct {
	protocol string // "IMAP" or "SMTP"
	listener net.Listener
	dial     func() (net.Conn, error)
	pumps    sync.WaitGroup // the accept loop and connections; the test's end ends them

	acting sync.Mutex // held while something happens

	mu     sync.Mutex // guards what follows, and what connections know of their commands
	conns  []net.Conn
	seen   []string // names of commands since armed
	moment *moment  // what is to happen; nil for nothing
	struck string   // name of the command at which it happened
}

// moment is when a proxy acts.
type moment struct {
	number int  // of the command, from 0
	after  bool // the server has done it, and its answer has not passed
	act    func()
	cut    bool // then both sides lose the connection; otherwise all goes on
}

func startFaultProxy(t testing.TB, protocol string, dial func() (net.Conn, error)) *faultProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultProxy{protocol: protocol, listener: listener, dial: dial}
	p.pumps.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		for _, conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		p.pumps.Wait()
	})
	return p
}

// arm begins to count, and sets what is to happen; nil only counts.
func (p *faultProxy) arm(m *moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.moment, p.struck = nil, m, ""
}

// disarm ends that, and tells what commands there were and at which one it happened.
func (p *faultProxy) disarm() (seen []string, struck string) {
	p.acting.Lock()
	defer p.acting.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moment = nil
	return slices.Clone(p.seen), p.struck
}

func (p *faultProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := p.dial()
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		c := &faultConn{proxy: p, client: client, server: server}
		p.pumps.Go(func() { c.up(); c.close() })
		p.pumps.Go(func() { c.down(); c.close() })
	}
}

// faultConn is one connection.
type faultConn struct {
	proxy          *faultProxy
	client, server net.Conn

	// Guarded by proxy.mu.
	awaited *moment // what happens when the answer is there
	tag     string  // of that command; empty for SMTP
	inBody  bool    // of a message, by SMTP
}

func (c *faultConn) close() {
	c.client.Close()
	c.server.Close()
}

// up passes on what the client says: lines, and literals as they are.
func (c *faultConn) up() {
	source := bufio.NewReader(c.client)
	continued := false // the line goes on with a command
	for {
		line, err := source.ReadBytes('\n')
		if err != nil {
			return
		}
		if name, tag := c.command(line, continued); name != "" && !c.begins(name, tag) {
			return
		}
		if _, err := c.server.Write(line); err != nil {
			return
		}
		size, literal := c.literal(line)
		if continued = literal; literal {
			if _, err := io.CopyN(c.server, source, size); err != nil {
				return
			}
		}
	}
}

// command is the name of the command that a line begins; empty for other lines.
func (c *faultConn) command(line []byte, continued bool) (name, tag string) {
	words := strings.Fields(string(line[:min(len(line), 200)]))
	if c.proxy.protocol == "SMTP" {
		c.proxy.mu.Lock()
		defer c.proxy.mu.Unlock()
		switch {
		case c.inBody && string(line) == ".\r\n":
			c.inBody = false
			return "final dot", ""
		case c.inBody || len(words) == 0:
			return "", ""
		}
		return strings.ToUpper(words[0]), ""
	}
	switch {
	case continued || len(words) < 2:
		return "", ""
	case words[1] == "UID" && len(words) > 2:
		return "UID " + words[2], words[0]
	}
	return words[1], words[0]
}

var literalEnd = regexp.MustCompile(`\{(\d+)\+?\}\r\n$`)

// literal is the size of the literal that a line announces (RFC 9051 section 4.3).
// The client sends it when it may.
func (c *faultConn) literal(line []byte) (size int64, ok bool) {
	if found := literalEnd.FindSubmatch(line); found != nil && c.proxy.protocol == "IMAP" {
		size, err := strconv.ParseInt(string(found[1]), 10, 64)
		return size, err == nil
	}
	return 0, false
}

// begins notes a command and does what is to happen before it; false when the
// connection is to end.
func (c *faultConn) begins(name, tag string) bool {
	p := c.proxy
	p.mu.Lock()
	p.seen = append(p.seen, name)
	m := p.moment
	if m == nil || len(p.seen) != m.number+1 {
		p.mu.Unlock()
		return true
	}
	p.struck = name
	if m.after {
		c.awaited, c.tag = m, tag
		p.mu.Unlock()
		return true
	}
	p.mu.Unlock()
	return p.happens(m)
}

// happens does what is to happen; false when the connection is to end.
func (p *faultProxy) happens(m *moment) bool {
	p.acting.Lock()
	defer p.acting.Unlock()
	p.mu.Lock()
	over := p.moment != m
	p.mu.Unlock()
	if over {
		return true
	}
	m.act()
	return !m.cut
}

// down passes on what the server says.
func (c *faultConn) down() {
	source := bufio.NewReader(c.server)
	for {
		line, err := source.ReadBytes('\n')
		if err != nil {
			return
		}
		if m := c.answers(line); m != nil && !c.proxy.happens(m) {
			return
		}
		if _, err := c.client.Write(line); err != nil {
			return
		}
		if size, literal := c.literal(line); literal {
			if _, err := io.CopyN(c.client, source, size); err != nil {
				return
			}
		}
	}
}

// answers returns what is to happen at a line of the server.
func (c *faultConn) answers(line []byte) *moment {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if c.proxy.protocol == "SMTP" {
		c.inBody = c.inBody || bytes.HasPrefix(line, []byte("354 "))
		if len(line) < 4 || line[3] == '-' { // RFC 5321 section 4.2.1
			return nil
		}
	} else if c.tag == "" || !bytes.HasPrefix(line, []byte(c.tag+" ")) {
		return nil
	}
	m := c.awaited
	c.awaited = nil
	return m
}
