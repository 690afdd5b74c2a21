package account

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// Part streams the decoded content of a part. Parts of a message that was
// fetched as a whole come from the cache; of a large message, chunk by chunk
// from the mail server, so that memory stays constant and other questions get
// their turn in between. Errors: as Message.
func (a *Account) Part(ctx context.Context, question *api.PartQuestion) (*api.Stream, error) {
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	var stream *api.Stream
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		message, err := a.load(ctx, id)
		if err == nil {
			stream, err = a.part(ctx, id, message, question.Part)
		}
		return err
	}, func(x *index, _ int) bool {
		message := a.loadKnown(x, id)
		if message == nil {
			return false
		}
		var err error
		stream, err = a.part(ctx, id, message, question.Part)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// part opens a part of a message at hand.
func (a *Account) part(ctx context.Context, id api.MessageID, message *loaded, name string) (*api.Stream, error) {
	part := message.Part(name)
	if part == nil || part.Container() {
		return nil, api.NewError(api.CodeNotFound, "This message has no such part.", nil)
	}
	stream := &api.Stream{StreamHead: api.StreamHead{
		MediaType: part.MediaType, Charset: part.Params["charset"], Name: partName(part), Size: -1,
	}}
	if message.whole {
		content, err := io.ReadAll(part.Decode())
		stream.Size, stream.Content = int64(len(content)), io.NopCloser(bytes.NewReader(content))
		return stream, err
	}
	chunks := a.chunks(ctx, id, path(part.ID))
	stream.Content = struct {
		io.Reader
		io.Closer
	}{mime.NewDecoder(part.Encoding, chunks), chunks}
	return stream, nil
}

// Raw streams the whole message, or its header. Errors: as Message.
func (a *Account) Raw(ctx context.Context, question *api.RawQuestion) (*api.Stream, error) {
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	stream := &api.Stream{StreamHead: api.StreamHead{MediaType: "message/rfc822", Size: -1}}
	recall := func() bool {
		raw, ok := a.cache.Get(a.id, cacheKey(kindRaw, id))
		if !ok {
			return false
		}
		header := mime.RawHeader(raw)
		stream.Name = messageFile(mime.ParseHeader(header), time.Time{})
		if question.Header {
			raw = header
		}
		stream.Size, stream.Content = int64(len(raw)), io.NopCloser(bytes.NewReader(raw))
		return true
	}
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		if recall() {
			return nil
		}
		about := &imapconn.Fetch{UIDs: singleSet(id.UID), Items: &imap.FetchOptions{InternalDate: true, BodySection: []*imap.FetchItemBodySection{keyHeader}}}
		if err := a.do(ctx, about); err != nil {
			return err
		}
		if len(about.Messages) == 0 {
			return errGone
		}
		stream.Name = messageFile(mime.ParseHeader(about.Messages[0].Section(keyHeader)), about.Messages[0].InternalDate)
		chunks := a.chunks(ctx, id, nil)
		if question.Header {
			chunks.specifier = imap.PartSpecifierHeader
		}
		stream.Content = chunks
		return nil
	}, func(*index, int) bool { return recall() })
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// messageFile is the name under which a message is saved.
func messageFile(header mime.Header, arrived time.Time) string {
	date, ok := header.Date()
	if !ok {
		date = arrived
	}
	return fileName(header.Get("Subject"), date, ".eml")
}

// chunkReader reads a section of a message piece by piece. It outlives the
// question that made it, and its deadline: each chunk has a timeout of its own,
// and Close ends it.
type chunkReader struct {
	account *Account
	ctx     context.Context
	cancel  context.CancelFunc
	id      api.MessageID
	part    []int
	// specifier is of the part; the header of the whole message, or all of it.
	specifier imap.PartSpecifier
	offset    int64
	chunk     []byte
	err       error // sticky; io.EOF at the end
}

func (a *Account) chunks(ctx context.Context, id api.MessageID, part []int) *chunkReader {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &chunkReader{account: a, ctx: ctx, cancel: cancel, id: id, part: part}
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.chunk) == 0 && r.err == nil {
		r.err = r.next()
	}
	if len(r.chunk) == 0 {
		return 0, r.err
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// next fetches the next chunk; a short one is the last.
func (r *chunkReader) next() error {
	size := r.account.config.ChunkSize
	section := &imap.FetchItemBodySection{Specifier: r.specifier, Part: r.part, Peek: true, Partial: &imap.SectionPartial{Offset: r.offset, Size: size}}
	err := r.account.onMessage(r.ctx, r.id, func(ctx context.Context, _ int) error {
		fetch := &imapconn.Fetch{UIDs: singleSet(r.id.UID), Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}}
		if err := r.account.do(ctx, fetch); err != nil {
			return err
		}
		if len(fetch.Messages) == 0 {
			return errGone
		}
		r.chunk = fetch.Messages[0].Section(section)
		return nil
	}, func(*index, int) bool { return false })
	if err != nil {
		return err
	}
	r.offset += int64(len(r.chunk))
	if int64(len(r.chunk)) < size {
		return io.EOF
	}
	return nil
}

// Close ends the reading. It never fails.
func (r *chunkReader) Close() error {
	r.cancel()
	return nil
}

// path reads a section number that section wrote.
func path(id string) []int {
	var numbers []int
	for field := range strings.SplitSeq(id, ".") {
		if number, err := strconv.Atoi(field); err == nil && number > 0 {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
