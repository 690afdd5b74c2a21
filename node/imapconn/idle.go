package imapconn

import (
	"context"
	"fmt"
	"time"

	"alphamail/node/imapconn/wire"
)

// idle is the command IDLE (RFC 9051 section 6.3.13).
type idle struct {
	plain
	accepted bool // the server's continuation request came
}

func (*idle) name() string          { return "IDLE" }
func (*idle) write(e *wire.Encoder) { e.Raw("IDLE") }

func (i *idle) take(response wire.Response) bool {
	_, ok := response.(*wire.Continuation)
	i.accepted = i.accepted || ok
	return ok
}

// goodbye is how long a server may take to end IDLE.
const goodbye = 10 * time.Second

// Idle waits until the server says something of the selected mailbox or, after
// Notify, of another one, which is told as ever, or the context ends, which is no
// error. The server must offer IDLE. Servers may end a connection that idles for half an hour; the context
// should end before.
func (c *Conn) Idle(ctx context.Context) error {
	if c.broken != nil {
		return fmt.Errorf("%w: %w", ErrClosed, c.broken)
	}
	err := c.idleUntilNews(ctx)
	if _, refused := IsRefusal(err); err != nil && !refused {
		c.fail(err)
	}
	c.reader.Release()
	return err
}

func (c *Conn) idleUntilNews(ctx context.Context) error {
	c.responses, c.bytes = 0, 0
	waiting, own, before := &idle{}, []*flight{nil}, c.news
	if _, err := c.write([]Command{waiting}, own); err != nil {
		return err
	}
	if err := c.listen(ctx, own[0], before); err != nil {
		return err
	}
	c.network.SetDeadline(time.Now().Add(goodbye))
	defer c.network.SetDeadline(time.Time{})
	for !waiting.accepted && own[0].status == nil {
		if err := c.read(); err != nil {
			return err
		}
	}
	if own[0].status == nil {
		if err := c.send([]byte("DONE\r\n")); err != nil {
			return err
		}
	}
	if err := c.await(own[0]); err != nil {
		return err
	}
	return own[0].status.Error()
}

// listen reads until there are more news than before, the server ended IDLE by itself, or the
// context ended.
func (c *Conn) listen(ctx context.Context, one *flight, before uint64) (err error) {
	lift := c.guard(ctx)
	for err == nil && c.news == before && one.status == nil {
		if err = c.reader.Await(); err == nil {
			err = c.read()
		}
	}
	lift(&err)
	if ctx.Err() != nil && err == ctx.Err() {
		return nil
	}
	return err
}
