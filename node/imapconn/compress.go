package imapconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// CapCompress is the capability that Compress needs.
const CapCompress = "COMPRESS=DEFLATE"

// Compress makes both sides compress what they say from now on (RFC 4978); the
// server must offer CapCompress. A refusal leaves the connection as it was.
//
// It pays on slow lines alone, because it has its price: some 40 KiB for as long
// as the connection is open, for what the server may refer back to. The other
// direction keeps nothing. A context that ends while half of what the server
// compressed together is there ends the connection.
func (c *Conn) Compress(ctx context.Context) error {
	if err := c.Do(ctx, &command{label: "COMPRESS DEFLATE"}); err != nil {
		return err
	}
	c.use(newCompressed(c.stream, c.reader.Rest()))
	return nil
}

// errCutBlock is returned when reading ends in the middle of a compressed block:
// what was inflated of it is lost.
var errCutBlock = errors.New("compressed data that are not all there")

// window is how far back compressed data may refer, and so the most that
// inflating returns at a time.
const window = 32 << 10

// compressed is a stream of DEFLATE blocks (RFC 1951) over another stream. While
// nothing is under way it holds the inflater's state alone.
//
// An inflater cannot go on after an error, and a deadline that passes is one. So
// what a connection waits for most of its life, the beginning of a block, is
// waited for outside of it; and because all that it has is taken out, it never
// waits while it could return something.
type compressed struct {
	below    io.ReadWriter
	inflater io.Reader
	raw      []byte // read and not yet inflated
	piece    *[]byte
	inflated []byte // not yet handed out
	room     *[]byte
	broken   error // of the inflater
}

// Buffers are held while there is something in them.
var (
	rawPieces = sync.Pool{New: func() any { piece := make([]byte, 4<<10); return &piece }}
	windows   = sync.Pool{New: func() any { room := make([]byte, window); return &room }}
	deflated  = sync.Pool{New: func() any { return &bytes.Buffer{} }}
)

// newCompressed returns a stream whose first bytes were read already.
func newCompressed(below io.ReadWriter, begun []byte) *compressed {
	c := &compressed{below: below, raw: begun}
	c.inflater = flate.NewReader((*rawReader)(c))
	return c
}

// Read implements io.Reader.
func (c *compressed) Read(into []byte) (int, error) {
	if len(c.inflated) == 0 && c.broken == nil {
		if err := c.inflate(); err != nil {
			return 0, err
		}
	}
	n := copy(into, c.inflated)
	if c.inflated = c.inflated[n:]; len(c.inflated) == 0 && c.room != nil {
		windows.Put(c.room)
		c.room, c.inflated = nil, nil
	}
	if n == 0 && len(into) > 0 {
		return 0, c.broken
	}
	return n, nil
}

// inflate takes out what can be had of one block, or what ended it.
func (c *compressed) inflate() error {
	if err := c.fill(); err != nil {
		return err
	}
	c.room = windows.Get().(*[]byte)
	n, err := c.inflater.Read(*c.room)
	c.inflated = (*c.room)[:n]
	if err != nil {
		c.broken = fmt.Errorf("%w: %w", errCutBlock, err)
	}
	return nil
}

// fill reads from below unless there is something.
func (c *compressed) fill() error {
	if len(c.raw) > 0 {
		return nil
	}
	piece := rawPieces.Get().(*[]byte)
	n, err := c.below.Read(*piece)
	if n == 0 {
		rawPieces.Put(piece)
		return err
	}
	c.raw, c.piece = (*piece)[:n], piece
	return nil
}

// took moves past bytes that the inflater has.
func (c *compressed) took(n int) {
	if c.raw = c.raw[n:]; len(c.raw) > 0 {
		return
	}
	if c.piece != nil {
		rawPieces.Put(c.piece)
	}
	c.raw, c.piece = nil, nil
}

// rawReader is what the inflater reads from. Being an io.ByteReader, it is never
// read further than needed.
type rawReader compressed

func (r *rawReader) Read(into []byte) (int, error) {
	c := (*compressed)(r)
	if err := c.fill(); err != nil {
		return 0, err
	}
	n := copy(into, c.raw)
	c.took(n)
	return n, nil
}

func (r *rawReader) ReadByte() (byte, error) {
	c := (*compressed)(r)
	if err := c.fill(); err != nil {
		return 0, err
	}
	char := c.raw[0]
	c.took(1)
	return char, nil
}

// Write implements io.Writer: everything given is one segment again, and can be
// inflated as soon as it has arrived.
func (c *compressed) Write(data []byte) (int, error) {
	buffer := deflated.Get().(*bytes.Buffer)
	defer func() {
		buffer.Reset()
		deflated.Put(buffer)
	}()
	if err := flate.StatelessDeflate(buffer, data, false, nil); err != nil {
		return 0, err
	}
	if _, err := c.below.Write(buffer.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}
