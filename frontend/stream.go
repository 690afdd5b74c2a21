package frontend

import (
	"context"
	"io"
	stdmime "mime"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// Policies of what is shown by itself: it may do nothing, and has no origin.
// Viewers of PDF, sound and film do not work in a sandbox; they run no script of
// ours or of the mail either.
const (
	sandboxPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
	viewerPolicy  = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; object-src 'self'"
)

// askStream puts a question that is answered by a stream. The deadline for
// questions holds until the stream begins; then the stream may take its time,
// and closing it ends its context.
func askStream[Q any](r *request, method func(api.Service, context.Context, *api.Call, Q) (*api.Stream, error), question Q) (stream *api.Stream, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	patience := time.AfterFunc(r.config.QuestionTimeout, cancel)
	r.node, err = r.questionIn(ctx, r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		stream, err = method(node, ctx, call, question)
		return err
	})
	inTime := patience.Stop()
	switch {
	case err == nil && inTime:
		stream.Content = &endingStream{stream.Content, cancel}
		return stream, nil
	case err == nil:
		stream.Content.Close()
	}
	cancel()
	if !inTime {
		err = context.DeadlineExceeded
	}
	return nil, err
}

// endingStream ends the context of a stream together with the stream.
type endingStream struct {
	io.ReadCloser
	end context.CancelFunc
}

func (s *endingStream) Close() error {
	defer s.end()
	return s.ReadCloser.Close()
}

// part sends a part of a message: to be looked at when its type is harmless, to
// be saved otherwise.
func (r *request) part(id api.MessageID, part string, query url.Values) {
	stream, err := askStream(r, api.Service.Part, &api.PartQuestion{ID: id, Part: part})
	if err != nil {
		r.fail(err)
		return
	}
	mediaType, disposition, policy := "application/octet-stream", "attachment", sandboxPolicy
	if query.Get("download") != "1" && page.Viewable(stream.MediaType) {
		mediaType, disposition = stream.MediaType, "inline"
		switch {
		case strings.HasPrefix(mediaType, "text/"):
			mediaType = "text/plain" + charsetParameter(stream.Charset)
		case !strings.HasPrefix(mediaType, "image/"):
			policy = viewerPolicy
		}
	}
	r.stream(stream, mediaType, disposition, policy)
}

// raw sends a message as it arrived.
func (r *request) raw(id api.MessageID, query url.Values) {
	stream, err := askStream(r, api.Service.Raw, &api.RawQuestion{ID: id})
	if err != nil {
		r.fail(err)
		return
	}
	if query.Get("download") == "1" {
		r.stream(stream, "message/rfc822", "attachment", sandboxPolicy)
		return
	}
	r.stream(stream, "text/plain; charset=utf-8", "inline", sandboxPolicy)
}

// stream sends bytes as they come. fasthttp closes the content.
func (r *request) stream(stream *api.Stream, mediaType, disposition, policy string) {
	r.secure(policy)
	header := &r.ctx.Response.Header
	header.SetContentType(mediaType)
	header.Set("Content-Disposition", contentDisposition(disposition, stream.Name))
	header.Set("Cache-Control", "private, no-store")
	if r.ctx.IsHead() {
		stream.Content.Close()
		if stream.Size >= 0 {
			header.SetContentLength(int(stream.Size))
		}
		return
	}
	if stream.Size < 0 && !r.ctx.Request.Header.IsHTTP11() {
		r.ctx.SetConnectionClose() // HTTP/1.0 knows no chunks: the end of the connection ends the body
		header.SetContentLength(-2)
	}
	r.ctx.SetStatusCode(fasthttp.StatusOK)
	r.ctx.SetBodyStream(stream.Content, int(stream.Size))
}

// contentDisposition writes the header field of RFC 6266.
func contentDisposition(disposition, name string) string {
	if value := stdmime.FormatMediaType(disposition, map[string]string{"filename": name}); value != "" {
		return value
	}
	return disposition
}

// charsetParameter is the charset of a text, when its label is one that a
// header may hold.
func charsetParameter(label string) string {
	if label == "" || len(label) > 40 || strings.ContainsFunc(label, func(char rune) bool {
		return !(char == '-' || char == '_' || char >= '0' && char <= '9' || char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z')
	}) {
		return "; charset=utf-8"
	}
	return "; charset=" + label
}
