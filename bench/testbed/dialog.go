package testbed

import (
	"bytes"
	"strconv"
	"strings"
)

// dialog follows one IMAP connection closely enough to know which bytes are
// commands (RFC 9051 section 2.2): it steps over literals, SASL responses and
// the DONE of IDLE. It is called in the order in which bytes pass, never from
// two goroutines at once.
type dialog struct {
	up, down lines
	spoke    bool // the client has sent something since the server last did
	opaque   bool // encrypted or compressed from here on

	tag          string // of the command that is being sent, or was sent last
	continued    bool   // the next client line belongs to that command
	pending      int64  // size of a literal that waits for the server's "+"
	awaiting     bool   // pending is valid
	sasl         string // tag of an AUTHENTICATE in progress
	idle         bool   // the next client line may be DONE
	transforming string // tag of a STARTTLS or COMPRESS in progress
}

func (d *dialog) fromClient(p *Proxy, b []byte) {
	p.count(func(c *Counts) { c.BytesUp += int64(len(b)) })
	d.spoke = true
	if d.opaque {
		return
	}
	d.up.feed(b, func(line string) int64 { return d.clientLine(p, line) })
}

func (d *dialog) fromServer(p *Proxy, b []byte) {
	p.count(func(c *Counts) {
		c.BytesDown += int64(len(b))
		if d.spoke {
			c.Exchanges++
		}
	})
	d.spoke = false
	if d.opaque {
		return
	}
	d.down.feed(b, d.serverLine)
}

// clientLine takes a line and returns the size of a literal that follows it
// at once.
func (d *dialog) clientLine(p *Proxy, line string) int64 {
	switch {
	case d.sasl != "":
		return 0
	case d.idle && strings.EqualFold(strings.TrimSpace(line), "DONE"):
		d.idle = false
		return 0
	case d.awaiting && !d.continued:
		d.awaiting = false // the server refused the literal; this is a new command
	}
	if !d.continued {
		d.command(p, line)
	}
	size, sync, ok := literal(line)
	d.continued = ok && !sync
	if ok && sync {
		d.pending, d.awaiting = size, true
		return 0
	}
	if ok {
		return size
	}
	return 0
}

// command counts a command by its first line.
func (d *dialog) command(p *Proxy, line string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return
	}
	name := strings.ToUpper(words[1])
	if name == "UID" && len(words) > 2 {
		name += " " + strings.ToUpper(words[2])
	}
	d.tag = words[0]
	d.idle = name == "IDLE"
	switch name {
	case "AUTHENTICATE":
		d.sasl = d.tag
	case "STARTTLS", "COMPRESS":
		d.transforming = d.tag
	}
	p.count(func(c *Counts) {
		c.Commands[name]++
		switch name {
		case "LOGIN", "AUTHENTICATE":
			c.Logins++
		case "SELECT", "EXAMINE":
			c.Selects++
		}
	})
}

// serverLine takes a line and returns the size of a literal that follows it.
func (d *dialog) serverLine(line string) int64 {
	first, rest, _ := strings.Cut(line, " ")
	switch {
	case first == "+":
		if d.awaiting {
			d.awaiting, d.continued = false, true
			d.up.skip = d.pending
		}
		return 0
	case first != "*":
		if first == d.sasl {
			d.sasl = ""
		}
		if first == d.transforming {
			d.transforming = ""
			d.opaque = strings.HasPrefix(strings.ToUpper(rest), "OK")
		}
		return 0
	}
	kind, _, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(kind) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return 0 // free text may end like a literal
	}
	size, _, _ := literal(line)
	return size
}

// literal reads the announcement of a literal at the end of a line (RFC 9051
// section 4.3, RFC 7888); sync says that the sender waits for a "+".
func literal(line string) (size int64, sync, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return 0, false, false
	}
	digits, nonSync := strings.CutSuffix(line[i+1:len(line)-1], "+")
	size, err := strconv.ParseInt(digits, 10, 63)
	return size, !nonSync, err == nil && size >= 0
}

// lines cuts a stream into lines and steps over literals.
type lines struct {
	line []byte // the beginning of the line so far
	tail []byte // and its end, if the line is longer than maxKept
	skip int64  // bytes of a literal still to come
}

// maxKept is how much of the beginning of a line is kept; a command name is
// within it. maxTail is how much of the end is; the announcement of a literal
// is within that.
const (
	maxKept = 512
	maxTail = 64
)

// feed hands over the lines that b completes, without CRLF. The callback
// returns the size of the literal that follows.
func (l *lines) feed(b []byte, line func(string) int64) {
	for len(b) > 0 {
		if l.skip > 0 {
			n := min(l.skip, int64(len(b)))
			l.skip -= n
			b = b[n:]
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.keep(b)
			return
		}
		l.keep(b[:i])
		b = b[i+1:]
		whole := strings.TrimSuffix(string(l.line)+string(l.tail), "\r")
		l.line, l.tail = l.line[:0], l.tail[:0]
		if n := line(whole); n > 0 {
			l.skip = n
		}
	}
}

func (l *lines) keep(b []byte) {
	n := min(maxKept-len(l.line), len(b))
	l.line = append(l.line, b[:n]...)
	l.tail = append(l.tail, b[n:]...)
	if extra := len(l.tail) - maxTail; extra > 0 {
		l.tail = append(l.tail[:0], l.tail[extra:]...)
	}
}
