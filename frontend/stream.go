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

// askStream puts a question that is answered by a stream, which another node goes
// on with if the one that answers is lost. It may be read when the request is over.
func askStream[Q any](r *request, method func(api.Service, context.Context, *api.Call, Q) (*api.Stream, error), question Q) (*api.Stream, error) {
	router, account, asked, patience := r.router, r.session.Account, *r.call(), r.config.QuestionTimeout
	begin := func() (*api.Stream, string, error) {
		call := asked
		return beginStream(router, account, &call, patience, func(ctx context.Context, node api.Service, call *api.Call) (*api.Stream, error) {
			return method(node, ctx, call, question)
		})
	}
	stream, node, err := begin()
	r.node = node
	if err != nil {
		return nil, err
	}
	stream.Content = &resuming{content: stream.Content, again: func() (io.ReadCloser, error) {
		stream, _, err := begin()
		if err != nil {
			return nil, err
		}
		return stream.Content, nil
	}}
	return stream, nil
}

// beginStream asks for a stream. The deadline for questions holds until the stream
// begins; then it may take its time, and closing it ends its context.
func beginStream(r router, account string, call *api.Call, patience time.Duration, ask func(context.Context, api.Service, *api.Call) (*api.Stream, error)) (stream *api.Stream, node string, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(patience, cancel)
	node, err = r.do(ctx, call, account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		stream, err = ask(ctx, node, call)
		return err
	})
	inTime := late.Stop()
	switch {
	case err == nil && inTime:
		stream.Content = &endingStream{stream.Content, cancel}
		return stream, node, nil
	case err == nil:
		stream.Content.Close()
	}
	cancel()
	if !inTime {
		err = context.DeadlineExceeded
	}
	return nil, node, err
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

// attachments sends those of a message as one archive. Whether it is whole is known
// at its end alone: one that breaks off ends without the last chunk of its transfer
// and without the directory of a ZIP file.
func (r *request) attachments(id api.MessageID, query url.Values) {
	stream, err := askStream(r, api.Service.Attachments, &api.AttachmentsQuestion{ID: id, Inline: query.Get("inline") == "1"})
	if err != nil {
		r.fail(err)
		return
	}
	r.stream(stream, "application/zip", "attachment", sandboxPolicy)
}

// raw sends a message as it arrived, or its header.
func (r *request) raw(id api.MessageID, query url.Values) {
	stream, err := askStream(r, api.Service.Raw, &api.RawQuestion{ID: id, Header: query.Get("header") == "1"})
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
