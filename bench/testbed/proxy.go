package testbed

import (
	"fmt"
	"io"
	"maps"
	"net"
	"sync"

	"alphamail/bench/testbed/port"
	"alphamail/node/imapconn"
)

// Counts is the IMAP work that a proxy saw.
type Counts struct {
	Connections int            `json:"connections"` // accepted from clients
	Logins      int            `json:"logins"`      // LOGIN and AUTHENTICATE
	Selects     int            `json:"selects"`     // SELECT and EXAMINE
	Exchanges   int            `json:"exchanges"`   // client batches that the server answered
	Commands    map[string]int `json:"commands"`    // by name, "UID FETCH" for UID commands
	BytesUp     int64          `json:"bytes_up"`    // client to server
	BytesDown   int64          `json:"bytes_down"`  // server to client
}

// Total returns the number of commands.
func (c Counts) Total() int {
	n := 0
	for _, count := range c.Commands {
		n += count
	}
	return n
}

// Sub returns what was counted after an earlier snapshot.
func (c Counts) Sub(earlier Counts) Counts {
	c.Connections -= earlier.Connections
	c.Logins -= earlier.Logins
	c.Selects -= earlier.Selects
	c.Exchanges -= earlier.Exchanges
	c.BytesUp -= earlier.BytesUp
	c.BytesDown -= earlier.BytesDown
	commands := map[string]int{}
	for name, n := range c.Commands {
		if n -= earlier.Commands[name]; n != 0 {
			commands[name] = n
		}
	}
	c.Commands = commands
	return c
}

func (c Counts) clone() Counts {
	c.Commands = maps.Clone(c.Commands)
	return c
}

// Proxy forwards connections to one plain-text IMAP server, unchanged, and
// counts what passes. After STARTTLS or COMPRESS only bytes are counted.
type Proxy struct {
	target string
	port   *port.Held
	pumps  sync.WaitGroup // accept loop and connections; Close ends them

	// mu guards the fields below and the parsers of all connections, so that
	// what one direction learnt counts before the other goes on.
	mu       sync.Mutex
	changed  sync.Cond // hanging has changed, or a connection is gone
	listener net.Listener
	conns    map[*proxied]struct{}
	hanging  bool
	closed   bool
	total    Counts
	clicks   map[string]*Counts
	click    *Counts // of the current click; nil before the first
}

// StartProxy listens on a free loopback port in front of target, host:port.
func StartProxy(target string) (*Proxy, error) {
	p := &Proxy{
		target: target,
		conns:  map[*proxied]struct{}{},
		total:  Counts{Commands: map[string]int{}},
		clicks: map[string]*Counts{},
	}
	p.changed.L = &p.mu
	p.mu.Lock()
	defer p.mu.Unlock()
	held, err := port.Hold()
	if err != nil {
		return nil, fmt.Errorf("IMAP proxy: %w", err)
	}
	p.port = held
	if err := p.listenLocked(held.Address()); err != nil {
		held.Release()
		return nil, fmt.Errorf("IMAP proxy: %w", err)
	}
	return p, nil
}

func (p *Proxy) listenLocked(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.listener = ln
	p.pumps.Go(func() { p.accept(ln) })
	return nil
}

// Addr returns host:port for clients.
func (p *Proxy) Addr() string { return p.port.Address() }

// Click attributes what follows to a name, on top of the total. Counting goes
// on where it was if the name was used before.
func (p *Proxy) Click(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clicks[name] == nil {
		p.clicks[name] = &Counts{Commands: map[string]int{}}
	}
	p.click = p.clicks[name]
}

// Snapshot returns all that was counted so far.
func (p *Proxy) Snapshot() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total.clone()
}

// Clicks returns the counts by click name.
func (p *Proxy) Clicks() map[string]Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]Counts{}
	for name, c := range p.clicks {
		out[name] = c.clone()
	}
	return out
}

// count applies an increment to the total and to the current click.
func (p *Proxy) count(add func(*Counts)) {
	add(&p.total)
	if p.click != nil {
		add(p.click)
	}
}

// Hang stops forwarding in both directions. Connections stay open and new ones
// are accepted, but nothing answers.
func (p *Proxy) Hang() { p.setHanging(true) }

// Unhang ends Hang; what was held back is forwarded.
func (p *Proxy) Unhang() { p.setHanging(false) }

func (p *Proxy) setHanging(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hanging = on
	p.changed.Broadcast()
}

// Cut drops all connections. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutLocked()
}

func (p *Proxy) cutLocked() {
	for c := range p.conns {
		c.close()
	}
}

// Refuse makes the port refuse new connections, or accept them again. Open
// connections are left alone.
func (p *Proxy) Refuse(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return net.ErrClosed
	case on && p.listener != nil:
		p.listener.Close()
		p.listener = nil
	case !on && p.listener == nil:
		return p.listenLocked(p.port.Address())
	}
	return nil
}

// Close ends the proxy and all connections, and waits for them.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		p.listener.Close()
	}
	p.cutLocked()
	p.mu.Unlock()
	p.pumps.Wait()
	p.port.Release()
	return nil
}

// accept serves one listener until it is closed.
func (p *Proxy) accept(ln net.Listener) {
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		c := &proxied{proxy: p, client: client.(*net.TCPConn)}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			client.Close()
			return
		}
		p.conns[c] = struct{}{}
		p.count(func(n *Counts) { n.Connections++ })
		p.pumps.Go(c.serve)
		p.mu.Unlock()
	}
}

// proxied is one connection through the proxy.
type proxied struct {
	proxy  *Proxy
	client *net.TCPConn

	// Guarded by proxy.mu.
	server *net.TCPConn // nil until dialled
	gone   bool
	dialog dialog
}

// close is called with proxy.mu held.
func (c *proxied) close() {
	c.gone = true
	c.proxy.changed.Broadcast()
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// serve forwards until either side ends or the proxy cuts the connection.
func (c *proxied) serve() {
	p := c.proxy
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		c.close()
		delete(p.conns, c)
	}()
	if !c.wait() {
		return
	}
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	p.mu.Lock()
	c.server = conn.(*net.TCPConn)
	gone := c.gone
	p.mu.Unlock()
	if gone {
		return // close has not seen the server; the deferred one does
	}
	c.client.SetNoDelay(true)
	c.server.SetNoDelay(true)
	var up sync.WaitGroup
	up.Go(func() {
		if c.pump(c.server, c.client, c.dialog.fromClient) == nil {
			c.server.CloseWrite() // the client may still read
			return
		}
		p.mu.Lock()
		c.close()
		p.mu.Unlock()
	})
	c.pump(c.client, c.server, c.dialog.fromServer)
	p.mu.Lock()
	c.close()
	p.mu.Unlock()
	up.Wait()
}

// wait returns when the proxy does not hang, false if the connection is gone.
func (c *proxied) wait() bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	for c.proxy.hanging && !c.gone {
		c.proxy.changed.Wait()
	}
	return !c.gone
}

// pump copies until the end of the source, which is no error. The dialog sees
// bytes before the other side can react to them.
func (c *proxied) pump(to, from *net.TCPConn, observe func(*Proxy, []byte)) error {
	buf := make([]byte, 32<<10)
	source := imapconn.Promptly(from)
	for {
		n, err := source.Read(buf)
		if n > 0 {
			if !c.wait() {
				return net.ErrClosed
			}
			c.proxy.mu.Lock()
			observe(c.proxy, buf[:n])
			c.proxy.mu.Unlock()
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
