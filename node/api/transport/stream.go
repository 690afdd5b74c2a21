package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/tinylib/msgp/msgp"
	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// The kinds of records in a stream. Their numbers are the protocol: append only.
const (
	recordHead    = 1 // api.StreamHead; the first record
	recordData    = 2 // at least one byte of content
	recordEnd     = 3 // empty; the content is complete
	recordFailure = 4 // failure; the content stops here
)

const (
	recordHeader = 1 + 4
	// maxRecord bounds head and failure records, which are read into memory.
	maxRecord = 64 << 10
)

var errLength = errors.New("a stream is not as long as it said")

// outgoing is the body of a stream answer, made of records. The HTTP server
// reads it until EOF or until the peer is gone, then closes it.
type outgoing struct {
	content io.ReadCloser
	pending []byte      // encoded records that are to be read next
	ended   bool        // no record follows those pending
	failed  func(error) // called when content ends in an error
	done    func()      // called once by Close
}

func newOutgoing(stream *api.Stream, failed func(error), done func()) (*outgoing, error) {
	head, err := encode(&stream.StreamHead)
	if err != nil {
		return nil, err
	}
	return &outgoing{content: stream.Content, pending: appendRecord(nil, recordHead, head), failed: failed, done: done}, nil
}

func appendRecord(to []byte, kind byte, payload []byte) []byte {
	to = append(to, kind)
	to = binary.BigEndian.AppendUint32(to, uint32(len(payload)))
	return append(to, payload...)
}

// Read gives the next bytes of the body. Content goes straight into p, behind
// the header of its record.
func (o *outgoing) Read(p []byte) (int, error) {
	if len(o.pending) == 0 && !o.ended && len(p) > recordHeader {
		n, err := o.content.Read(p[recordHeader:])
		switch {
		case err == io.EOF:
			o.ended, o.pending = true, appendRecord(nil, recordEnd, nil)
		case err != nil:
			o.failed(err)
			o.ended, o.pending = true, appendRecord(nil, recordFailure, encodeFailure(err))
		}
		if n > 0 {
			p[0] = recordData
			binary.BigEndian.PutUint32(p[1:], uint32(n))
			return recordHeader + n, nil
		}
	}
	if len(o.pending) == 0 && o.ended {
		return 0, io.EOF
	}
	n := copy(p, o.pending)
	o.pending = o.pending[n:]
	return n, nil
}

// Close ends the service's side of the stream.
func (o *outgoing) Close() error {
	defer o.done()
	return o.content.Close()
}

// incoming is the content of a stream answer on the client.
type incoming struct {
	body   io.Reader
	ctx    context.Context
	size   int64 // as the head says; -1 when unknown
	got    int64
	left   int   // of the data record that is being read
	err    error // what every later Read returns
	ended  atomic.Bool
	finish func(complete bool) // ends the exchange; called once
	once   sync.Once
}

// openStream reads the head of a stream answer. The stream ends early when ctx
// does; cancel then tells the server.
func openStream(ctx context.Context, response *fasthttp.Response, cancel func()) (*api.Stream, error) {
	in := &incoming{ctx: ctx, body: response.BodyStream()}
	var head api.StreamHead
	if err := in.head(response.StatusCode(), &head); err != nil {
		response.CloseBodyStream()
		return nil, err
	}
	in.size = head.Size
	stop := context.AfterFunc(ctx, func() { in.Close() })
	in.finish = func(complete bool) {
		stop()
		if !complete {
			cancel()
		}
		// This gives the connection back, or closes it when there is more to
		// read; a Read that waits then returns.
		response.CloseBodyStream()
	}
	return &api.Stream{StreamHead: head, Content: in}, nil
}

func (in *incoming) head(status int, head msgp.Unmarshaler) error {
	if status != fasthttp.StatusOK {
		body, err := io.ReadAll(io.LimitReader(in.body, maxRecord))
		if err != nil {
			return errBroken(err)
		}
		return decodeFailure(body)
	}
	kind, length, err := in.record()
	if err != nil {
		return in.broken(err)
	}
	if kind != recordHead {
		return errBroken(fmt.Errorf("a stream begins with a record of kind %d", kind))
	}
	payload, err := in.payload(length)
	if err != nil {
		return in.broken(err)
	}
	if _, err := decode(payload, head); err != nil {
		return errBroken(err)
	}
	return nil
}

// Read implements io.Reader. It returns io.EOF only when the content is
// complete, any other end as an *api.Error.
func (in *incoming) Read(p []byte) (int, error) {
	if in.err == nil && in.left == 0 && len(p) > 0 {
		in.err = in.nextData()
	}
	if in.err != nil || len(p) == 0 {
		return 0, in.err
	}
	n, err := in.body.Read(p[:min(len(p), in.left)])
	in.left -= n
	in.got += int64(n)
	if err != nil {
		in.err = in.broken(err)
	}
	return n, in.err
}

// nextData goes to the next data record. It returns io.EOF at the end, or what
// the server says went wrong.
func (in *incoming) nextData() error {
	kind, length, err := in.record()
	if err != nil {
		return in.broken(err)
	}
	switch {
	case kind == recordData && length > 0:
		in.left = length
		return nil
	case kind == recordEnd && in.size >= 0 && in.got != in.size:
		return errBroken(errLength)
	case kind == recordEnd:
		// The HTTP body ends here too; once that is seen the connection can
		// serve again.
		if n, err := in.body.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			return errBroken(errLength)
		}
		in.ended.Store(true)
		return io.EOF
	case kind == recordFailure:
		payload, err := in.payload(length)
		if err != nil {
			return in.broken(err)
		}
		return decodeFailure(payload)
	default:
		return errBroken(fmt.Errorf("a record of kind %d and %d bytes in a stream", kind, length))
	}
}

func (in *incoming) record() (kind byte, length int, err error) {
	var header [recordHeader]byte
	if _, err := io.ReadFull(in.body, header[:]); err != nil {
		return 0, 0, err
	}
	return header[0], int(binary.BigEndian.Uint32(header[1:])), nil
}

func (in *incoming) payload(length int) ([]byte, error) {
	if length > maxRecord {
		return nil, fmt.Errorf("a record of %d bytes", length)
	}
	payload := make([]byte, length)
	_, err := io.ReadFull(in.body, payload)
	return payload, err
}

// broken names why reading failed: because the caller left, or the server.
func (in *incoming) broken(err error) error {
	if ended := in.ctx.Err(); ended != nil {
		return api.AsError(ended)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return errBroken(err)
}

// Close implements io.Closer. It may be called while Read waits.
func (in *incoming) Close() error {
	in.once.Do(func() { in.finish(in.ended.Load()) })
	return nil
}
