package imapconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Command is an IMAP command for Do. After Do its result fields are set.
type Command interface {
	name() string
	// write writes what stands behind the tag.
	write(*wire.Encoder)
	// take is offered the untagged responses that came while the command was the
	// oldest one without an answer; it reports whether one belongs to it.
	take(wire.Response) bool
	// end is told how the server answered.
	end(*wire.Status)
}

// choosy are commands that may stand behind each other and get the same kind of
// response. lacks reports whether one is what a command waits for: its own tag, if
// the response names one, and nothing that it has already.
type choosy interface {
	lacks(tag string, response wire.Response) bool
}

// flight is a command that was sent and not yet answered.
type flight struct {
	command   Command
	tag       string
	sent      time.Time
	status    *wire.Status // nil until it is answered
	abandoned bool         // whoever sent it does not wait any more
}

// Do writes the commands in order and then waits for all of them. It returns the
// first failure; a NO or BAD answer is an *imap.Error and leaves the connection
// usable. So does a context that is cancelled after everything was written: the
// answers are then dropped when they come. Anything else ends the connection, a
// deadline that passes included; see Usable.
func (c *Conn) Do(ctx context.Context, commands ...Command) (err error) {
	if c.broken != nil {
		return fmt.Errorf("%w: %w", ErrClosed, c.broken)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	defer c.guard(ctx)(&err)
	if err = c.do(commands...); err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.fail(err) // a server that is late once is not waited for again
	}
	return err
}

// do is Do without a context.
func (c *Conn) do(commands ...Command) error {
	c.responses, c.bytes = 0, 0
	own := make([]*flight, len(commands))
	written, err := c.write(commands, own)
	if err == nil {
		for _, one := range own {
			if err = c.await(one); err != nil {
				break
			}
		}
	}
	if err != nil {
		c.interrupted(own, written, err)
		return err
	}
	c.reader.Release()
	var first error
	for _, one := range own {
		if err := one.status.Error(); err != nil && first == nil {
			first = fmt.Errorf("%s: %w", one.command.name(), err)
		}
	}
	return first
}

// interrupted decides what is left of the connection after an exchange that did
// not come to its end.
func (c *Conn) interrupted(own []*flight, written bool, err error) {
	for _, one := range own {
		if one != nil && one.status == nil {
			c.options.Observe(one.command.name(), time.Since(one.sent), err)
			one.abandoned = true
		}
	}
	if !written || !isTimeout(err) || errors.Is(err, errCutBlock) {
		c.fail(err)
	}
}

// write sends commands, as much as possible at once; false if that ended in the
// middle. Where the server has to consent to a literal, it waits.
func (c *Conn) write(commands []Command, own []*flight) (bool, error) {
	encoder := encoders.Get().(*wire.Encoder)
	encoder.Encoding = c.encoding
	defer func() {
		encoder.Reset()
		encoders.Put(encoder)
	}()
	sent := 0 // bytes of what was encoded
	for i, command := range commands {
		own[i] = c.begin(command)
		encoder.Raw(own[i].tag + " ")
		command.write(encoder)
		encoder.Raw("\r\n")
		data, breaks := encoder.Bytes()
		refused := false
		for _, stop := range breaks {
			if err := c.send(data[sent:stop.At]); err != nil {
				return false, err
			}
			sent = stop.At
			if stop.Wait {
				if err := c.awaitGoAhead(own[i]); err != nil {
					return false, err
				}
			}
			if refused = own[i].status != nil; refused {
				break // the rest of the command is not wanted
			}
			if stop.Source != nil {
				if err := c.copyLiteral(stop); err != nil {
					return false, err
				}
			}
		}
		if refused || len(breaks) > 0 && i < len(commands)-1 {
			if !refused {
				if err := c.send(data[sent:]); err != nil {
					return false, err
				}
			}
			encoder.Reset()
			sent = 0
		}
	}
	data, _ := encoder.Bytes()
	if err := c.send(data[sent:]); err != nil {
		return false, err
	}
	return true, nil
}

func (c *Conn) begin(command Command) *flight {
	c.number++
	one := &flight{command: command, tag: "A" + strconv.FormatUint(c.number, 36), sent: time.Now()}
	c.flights = append(c.flights, one)
	return one
}

func (c *Conn) send(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	_, err := c.stream.Write(data)
	return err
}

// copyLiteral sends a literal from its source, which must give what was
// announced.
func (c *Conn) copyLiteral(stop wire.Break) error {
	n, err := io.Copy(c.stream, io.LimitReader(stop.Source, stop.Size))
	if err == nil && n != stop.Size {
		err = fmt.Errorf("a literal of %d bytes ends after %d", stop.Size, n)
	}
	return err
}

// awaitGoAhead reads until the server asks for the rest of a command, or has
// answered it.
func (c *Conn) awaitGoAhead(one *flight) error {
	c.goAhead = false
	for !c.goAhead && one.status == nil {
		if err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

// await reads until a command is answered.
func (c *Conn) await(one *flight) error {
	for one.status == nil {
		if err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

var errFlood = errors.New("the server says more than anybody can have asked for")

// next reads a response.
func (c *Conn) next() (wire.Response, error) {
	data, err := c.reader.Next()
	if err != nil {
		return nil, err
	}
	c.responses++
	c.bytes += int64(len(data))
	if c.responses > c.options.Limits.Responses || c.bytes > c.options.Limits.Bytes {
		return nil, errFlood
	}
	return wire.Parse(data, &c.decoding), nil
}

// read reads a response and gives it to whom it belongs.
func (c *Conn) read() error {
	response, err := c.next()
	if err != nil {
		return err
	}
	switch response := response.(type) {
	case *wire.Continuation:
		c.goAhead = true
		if len(c.flights) > 0 {
			c.offer(response)
		}
	case *wire.Status:
		if response.Tag != "" {
			return c.answered(response)
		}
		return c.said(response)
	case *wire.Capability:
		c.caps, c.fresh = response.Caps, true
	case *wire.Unknown:
		c.options.Strange("unknown response", response.Name)
	case *wire.Broken:
		c.options.Strange("broken response", response.Name)
	default:
		c.tellMailbox(response)
		if !c.offer(response) {
			c.tellObserver(response)
		}
	}
	return nil
}

// answered ends the command that a tagged response is about.
func (c *Conn) answered(status *wire.Status) error {
	for i, one := range c.flights {
		if one.tag != status.Tag {
			continue
		}
		c.flights = slices.Delete(c.flights, i, i+1) // which forgets it, and what it fetched
		c.takeCode(status.Code)
		one.status = status
		switch command := one.command.(type) {
		case *Select:
			c.mailbox = nil
			if status.Error() == nil && !one.abandoned {
				c.mailbox = command.Mailbox
			}
		case *Notify:
			if status.Error() == nil {
				c.observer = nil
				if !one.abandoned {
					c.observer = command.Observer
				}
			}
		}
		if !one.abandoned {
			one.command.end(status)
			c.options.Observe(one.command.name(), time.Since(one.sent), status.Error())
		}
		return nil
	}
	c.options.Strange("answer to no command", status.Tag)
	return nil
}

// said handles a status response without a tag.
func (c *Conn) said(status *wire.Status) error {
	if status.Type == imap.StatusResponseTypeBye && !c.loggingOut() {
		return fmt.Errorf("the server ends the connection: %w", status.Error())
	}
	if status.Code != nil {
		if status.Code.Name == "CLOSED" && len(c.flights) > 0 {
			if selecting, ok := c.flights[0].command.(*Select); ok {
				selecting.Mixed, selecting.begun = selecting.begun, false
			}
		}
		c.takeCode(status.Code)
		if !c.offer(status) {
			c.tellObserver(status)
		}
	}
	return nil
}

func (c *Conn) loggingOut() bool {
	return len(c.flights) > 0 && c.flights[len(c.flights)-1].command.name() == "LOGOUT"
}

func (c *Conn) takeCode(code *wire.Code) {
	if code != nil && code.Name == "CAPABILITY" {
		c.caps, c.fresh = code.Caps, true
	}
}

// offer gives a response to the oldest command that it belongs to, false if there
// is none. Servers answer pipelined commands one after the other, but Dovecot ends
// them later, several at once: so one that still lacks just this goes first.
func (c *Conn) offer(response wire.Response) bool {
	for _, one := range c.flights {
		if command, ok := one.command.(choosy); ok && command.lacks(one.tag, response) {
			return one.command.take(response)
		}
	}
	for _, one := range c.flights {
		if one.command.take(response) {
			return true
		}
	}
	return false
}
