package frontend

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	stdmime "mime"
	"mime/multipart"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// Bounds of a form that writes a message. Browsers end lines with two bytes, so a
// text may be larger here than it is.
const (
	maxFormText   = 2 * api.MaxDraftText
	maxFormField  = api.MaxDraftField + 1
	maxFormParts  = 600
	maxPartHeader = 64 << 10
)

var (
	errFormTooLarge = api.NewError(api.CodeTooLarge, "This is too much for one message.", nil)
	errFormBroken   = api.NewError(api.CodeInvalid, "This form cannot be read.", nil)
)

// form is a form that writes a message, read as a stream: fields are kept, files
// go to the node piece by piece.
type form struct {
	fields  map[string][]string
	uploads []page.WaitingFile // that the node keeps
	// failure is why a file could not be taken; the fields are here all the same.
	failure *api.Error
	// cut tells that a field was longer than it may be, and is cut.
	cut bool
}

func (f *form) get(name string) string {
	if values := f.fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// readForm reads a form. accept is asked once, when the first field is there, which
// has to be the token: files are only taken when it says so. After a failure that
// concerns a file alone, the rest is read for its fields.
func (r *request) readForm(accept func(token string) bool) (*form, error) {
	kind, parameters, err := stdmime.ParseMediaType(string(r.ctx.Request.Header.ContentType()))
	if err != nil || kind != "multipart/form-data" || parameters["boundary"] == "" {
		return nil, errFormBroken
	}
	if conn, ok := r.ctx.Conn().(*browserConn); ok {
		conn.patient = true
		defer func() { conn.patient = false }()
	}
	body := r.ctx.RequestBodyStream()
	if body == nil {
		body = bytes.NewReader(r.ctx.Request.Body())
	}
	source := &measured{source: body, left: r.config.MaxUpload}
	parts := multipart.NewReader(source, parameters["boundary"])
	f := &form{fields: map[string][]string{}}
	takesFiles := false
	for count := 0; ; count++ {
		source.header = maxPartHeader
		part, err := parts.NextPart()
		source.header = -1
		switch {
		case err == io.EOF:
			return f, nil
		case err != nil:
			return f, formError(err)
		case count >= maxFormParts:
			return f, errFormTooLarge
		}
		if part.FileName() == "" && part.FormName() != "file" {
			if err := f.take(part); err != nil {
				return f, formError(err)
			}
			if count == 0 {
				takesFiles = part.FormName() == "csrf" && accept(f.get("csrf"))
			}
			continue
		}
		if !takesFiles || part.FileName() == "" || f.failure != nil {
			if _, err := io.Copy(io.Discard, part); err != nil {
				return f, formError(err)
			}
			continue
		}
		name, failure, err := r.upload(part)
		if err != nil {
			return f, formError(err)
		}
		if f.failure = failure; failure == nil && name != "" {
			f.uploads = append(f.uploads, page.WaitingFile{Upload: name, Name: part.FileName()})
		}
	}
}

// take keeps a field.
func (f *form) take(part *multipart.Part) error {
	name, limit := part.FormName(), int64(maxFormField)
	if name == "text" {
		limit = maxFormText
	}
	value, err := io.ReadAll(io.LimitReader(part, limit))
	if err != nil {
		return err
	}
	rest, err := io.Copy(io.Discard, part)
	if f.cut = f.cut || rest > 0; err != nil {
		return err
	}
	f.fields[name] = append(f.fields[name], string(value))
	return nil
}

// upload sends a file to the node, which keeps it under the name. failure is what
// the node says against it; err ends the whole form.
func (r *request) upload(part *multipart.Part) (name string, failure *api.Error, err error) {
	name = rand.Text()
	piece := &api.UploadQuestion{Upload: name, Name: part.FileName(), MediaType: part.Header.Get("Content-Type"), Data: make([]byte, api.MaxUploadChunk)}
	buffer := piece.Data
	for {
		n, err := io.ReadFull(part, buffer)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return "", nil, err
		}
		last := err != nil
		if errors.Is(err, io.ErrUnexpectedEOF) {
			// The part ended, or the connection did: the next read tells which.
			if _, err := part.Read(make([]byte, 1)); err != io.EOF {
				return "", nil, io.ErrUnexpectedEOF
			}
		}
		if n > 0 || piece.Offset == 0 && part.FileName() != "" {
			piece.Data = buffer[:n]
			if failure := r.uploadPiece(piece); failure != nil {
				_, err := io.Copy(io.Discard, part)
				return "", failure, err
			}
			piece.Offset += int64(n)
			piece.Name, piece.MediaType = "", ""
		}
		if last {
			return name, nil, nil
		}
	}
}

func (r *request) uploadPiece(piece *api.UploadQuestion) *api.Error {
	_, err := ask(r, api.Service.Upload, piece)
	return api.AsError(err)
}

// formError says why a form could not be read to its end.
func formError(err error) error {
	if errors.Is(err, errFormTooLarge) {
		return errFormTooLarge
	}
	return errFormBroken
}

// measured bounds what is read in all, and, while header is not negative, what the
// header of one part may take.
type measured struct {
	source io.Reader
	left   int64
	header int
}

func (m *measured) Read(p []byte) (int, error) {
	if m.left <= 0 || m.header == 0 {
		return 0, errFormTooLarge
	}
	p = p[:min(int64(len(p)), m.left)]
	if m.header > 0 {
		p = p[:min(len(p), m.header)]
	}
	n, err := m.source.Read(p)
	m.left -= int64(n)
	if m.header > 0 {
		m.header -= n
	}
	return n, err
}

// gather reads the body of a request that is no upload into memory, and answers
// for one that is too large.
func (r *request) gather() bool {
	stream := r.ctx.RequestBodyStream()
	if stream == nil {
		return true
	}
	limit := r.formLimit()
	body, err := io.ReadAll(io.LimitReader(stream, int64(limit)+1))
	switch {
	case len(body) > limit:
		r.refuseRest(fasthttp.StatusRequestEntityTooLarge, api.CodeTooLarge)
		return false
	case err != nil:
		r.refuseRest(fasthttp.StatusBadRequest, api.CodeInvalid)
		return false
	}
	r.ctx.Request.SetBody(body)
	return true
}

const (
	// formOverhead is what a file of cards has around it on its way, in bytes.
	formOverhead = 8 << 10
	// maxIdentityForm is room for as many signatures as there may be, in bytes.
	maxIdentityForm = 512 << 10
)

// formLimit is how large the form of this page may be, in bytes.
func (r *request) formLimit() int {
	switch r.route {
	case routeImport:
		return api.MaxImport + formOverhead
	case routeIdentity:
		return max(maxIdentityForm, r.config.MaxForm)
	}
	return r.config.MaxForm
}

// refuseRest answers a request of which something is left unread.
func (r *request) refuseRest(status int, code api.Code) {
	r.lingers()
	r.errorPage(status, code)
}

// lingers lets the connection end after the answer, which the browser gets to see.
func (r *request) lingers() {
	if conn, ok := r.ctx.Conn().(*browserConn); ok {
		conn.linger = true
	}
	r.ctx.SetConnectionClose()
}

// askLong puts a question that may take long, because of what it moves.
func askLong[Q, A any](r *request, operation string, method func(api.Service, context.Context, *api.Call, Q) (A, error), question Q) (answer A, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.WritingTimeout)
	defer cancel()
	r.node, err = r.questionIn(ctx, r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		call.OperationID = operation
		answer, err = method(node, ctx, call, question)
		return err
	})
	return answer, err
}

// isTooLarge tells failures of files that are too large from others.
func isTooLarge(failure *api.Error) bool { return failure != nil && failure.Code == api.CodeTooLarge }

// isSpaceless tells whether a name is one that mail can have; others are left out
// of addresses of pages.
func isSpaceless(text string) bool {
	return text != "" && len(text) <= 320 && !strings.ContainsAny(text, " \t\r\n\x00")
}
