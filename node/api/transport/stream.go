package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"alphamail/node/api"
)

// A stream is a sequence of chunks, each a 32-bit length and so many bytes. The
// first holds the StreamHead. A chunk of length 0 ends a complete stream; the
// length chunkFailure announces a failure in the next chunk. A stream that ends
// in any other way was cut off, so a broken one is never taken for a short one.
const (
	chunkSize    = 64 << 10
	maxChunk     = 1 << 20
	chunkFailure = 1<<32 - 1
)

// writeStream sends a stream and closes its content. It returns when the
// receiver is gone.
func writeStream(w *bufio.Writer, stream *api.Stream) {
	defer stream.Content.Close()
	head, err := stream.StreamHead.MarshalMsg(nil)
	if err != nil || writeChunk(w, head) != nil {
		return
	}
	buffer := make([]byte, chunkSize)
	for {
		n, err := stream.Content.Read(buffer)
		if n > 0 && writeChunk(w, buffer[:n]) != nil {
			return
		}
		switch {
		case err == io.EOF:
			writeChunk(w, nil)
			return
		case err != nil:
			data, _ := newFailure(api.AsError(err)).MarshalMsg(nil)
			binary.Write(w, binary.BigEndian, uint32(chunkFailure))
			writeChunk(w, data)
			return
		}
	}
}

func writeChunk(w *bufio.Writer, data []byte) error {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(data)))
	w.Write(length[:]) // bufio keeps the error for Flush
	w.Write(data)
	return w.Flush()
}

// streamReader reads the content of a stream.
type streamReader struct {
	source  *bufio.Reader
	release func(error)
	left    int   // bytes left of the current chunk
	err     error // sticky; io.EOF after a complete stream
}

// readStream reads the head of a stream.
func readStream(source io.Reader, release func(error)) (*api.Stream, error) {
	r := &streamReader{source: bufio.NewReaderSize(source, chunkSize), release: release}
	data, err := r.chunk()
	if err != nil {
		release(err)
		return nil, err
	}
	stream := &api.Stream{Content: r}
	if _, err := stream.StreamHead.UnmarshalMsg(data); err != nil {
		release(err)
		return nil, err
	}
	return stream, nil
}

// chunk reads a whole chunk.
func (r *streamReader) chunk() ([]byte, error) {
	length, err := r.length()
	if err != nil {
		return nil, err
	}
	data := make([]byte, length)
	_, err = io.ReadFull(r.source, data)
	return data, cutOff(err)
}

func (r *streamReader) length() (int, error) {
	var bytes [4]byte
	if _, err := io.ReadFull(r.source, bytes[:]); err != nil {
		return 0, cutOff(err)
	}
	length := binary.BigEndian.Uint32(bytes[:])
	if length == chunkFailure {
		data, err := r.chunk()
		if err != nil {
			return 0, err
		}
		var f failure
		if _, err := f.UnmarshalMsg(data); err != nil {
			return 0, cutOff(err)
		}
		return 0, f.err()
	}
	if length > maxChunk {
		return 0, api.NewError(api.CodeInternal, "The answer cannot be understood.", fmt.Errorf("a chunk of %d bytes", length))
	}
	return int(length), nil
}

// cutOff says in the protocol's words that a stream ended before its end.
func cutOff(err error) error {
	var known *api.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return api.NewError(api.CodeNodeDown, "The connection broke off.", err)
}

func (r *streamReader) Read(p []byte) (int, error) {
	if r.err == nil && r.left == 0 {
		if r.left, r.err = r.length(); r.err == nil && r.left == 0 {
			r.err = io.EOF
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.source.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.err = cutOff(err)
	}
	return n, r.err
}

// errUnread tells fasthttp that the rest of a body was not read, so that it
// closes the connection instead of using it again.
var errUnread = errors.New("transport: the stream was not read to its end")

// Close ends the stream; closing early cancels the rest. It never fails.
func (r *streamReader) Close() error {
	if r.release != nil {
		err := error(errUnread)
		if r.err == io.EOF {
			// Let fasthttp see the end of the body too.
			if _, rest := io.Copy(io.Discard, io.LimitReader(r.source, 64)); rest == nil {
				err = nil
			}
		}
		r.release(err)
		r.release = nil
	}
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	return nil
}
