package frontend

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// compressFrom is the size in bytes from which a page is worth compressing.
const compressFrom = 512

// Levels that cost little: a page is compressed on every click.
const (
	zstdLevel   = fasthttp.CompressZstdSpeedNotSet
	brotliLevel = fasthttp.CompressBrotliBestSpeed
	gzipLevel   = fasthttp.CompressBestSpeed
)

// secure sets the headers that every response has.
func (r *request) secure(policy string) {
	header := &r.ctx.Response.Header
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()")
	header.Set("X-Request-Id", r.id)
	if r.https {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// context is what a page needs to know of this request. The form token follows from
// secret.
func (r *request) context(secret string) page.Context {
	context := page.Context{
		Language: page.Negotiate(string(r.ctx.Request.Header.Peek("Accept-Language"))),
		CSRF:     maskToken(csrfToken(secret)),
		Now:      time.Now().In(r.config.Location),
	}
	context.DropsEmptyLines = bytes.HasPrefix(r.ctx.UserAgent(), []byte("Lynx/"))
	if r.session != nil {
		context.Account = r.session.Account
	}
	context.Search = r.searched
	if r.settings != nil {
		r.applySettings(&context)
	}
	return context
}

// caching is what browsers may keep of a page: nothing. Lynx does so all the same, and
// shows lists as they were, unless it reads "no-cache" at the end; then it also forgets
// what was typed into a page that its reader goes back to, so that pages with forms
// for texts do not say it.
func (r *request) caching() string {
	switch r.route {
	case routeMailbox, routeMessage, routeFolders, routeSearch, routeJobs, routeJob:
		return "no-store, no-cache"
	}
	return "no-store"
}

// html sends a page.
func (r *request) html(status int, policy string, write func(io.Writer) error) {
	buffer := takeBuffer()
	defer giveBuffer(buffer)
	if err := write(buffer); err != nil {
		r.log.Error("a page cannot be made", "request", r.id, "route", r.route, "error", err)
		r.plain(fasthttp.StatusInternalServerError, "The page cannot be shown. Request "+r.id)
		return
	}
	r.secure(policy)
	r.ctx.SetStatusCode(status)
	header := &r.ctx.Response.Header
	header.SetContentType("text/html; charset=utf-8")
	header.Set("Cache-Control", r.caching())
	header.Set("Vary", "Accept-Encoding, Accept-Language, Cookie")
	body := buffer.Bytes()
	accepts := r.ctx.Request.Header.HasAcceptEncoding
	switch {
	case len(body) < compressFrom:
		r.ctx.Response.SetBody(body)
	case accepts("zstd"):
		header.Set("Content-Encoding", "zstd")
		r.ctx.Response.SetBodyRaw(fasthttp.AppendZstdBytesLevel(nil, body, zstdLevel))
	case accepts("br"):
		header.Set("Content-Encoding", "br")
		r.ctx.Response.SetBodyRaw(fasthttp.AppendBrotliBytesLevel(nil, body, brotliLevel))
	case accepts("gzip"):
		header.Set("Content-Encoding", "gzip")
		r.ctx.Response.SetBodyRaw(fasthttp.AppendGzipBytesLevel(nil, body, gzipLevel))
	default:
		r.ctx.Response.SetBody(body)
	}
}

// buffers holds what pages were written into: growing a new buffer for each
// page costs more than half of what filling it costs.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKeptBuffer is the size in bytes up to which a buffer is kept. Pages of
// messages with long texts are larger, and rare.
const maxKeptBuffer = 256 << 10

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func giveBuffer(buffer *bytes.Buffer) {
	if buffer.Cap() <= maxKeptBuffer {
		buffer.Reset()
		buffers.Put(buffer)
	}
}

// plain sends a sentence.
func (r *request) plain(status int, text string) {
	r.secure("default-src 'none'")
	r.ctx.SetStatusCode(status)
	r.ctx.Response.Header.SetContentType("text/plain; charset=utf-8")
	r.ctx.Response.SetBodyString(text + "\n")
}

// redirect sends the browser to another address. The address is our own: it is
// built by page, or checked by localPath, or begins with the canonical origin.
func (r *request) redirect(status int, address string) {
	r.secure(page.PagePolicy())
	r.ctx.SetStatusCode(status)
	r.ctx.Response.Header.Set("Location", address)
	r.ctx.Response.Header.Set("Cache-Control", "no-store")
}

// statuses are the HTTP statuses of the protocol's errors.
var statuses = map[api.Code]int{
	api.CodeAuthFailed:  fasthttp.StatusUnauthorized,
	api.CodeAuthExpired: fasthttp.StatusUnauthorized,
	api.CodeNotFound:    fasthttp.StatusNotFound,
	api.CodeConflict:    fasthttp.StatusConflict,
	api.CodeTooLarge:    fasthttp.StatusRequestEntityTooLarge,
	api.CodeBusy:        fasthttp.StatusServiceUnavailable,
	api.CodeThrottled:   fasthttp.StatusTooManyRequests,
	api.CodeBackendDown: fasthttp.StatusBadGateway,
	api.CodeNodeDown:    fasthttp.StatusServiceUnavailable,
	api.CodeNotOwner:    fasthttp.StatusServiceUnavailable,
	api.CodeInvalid:     fasthttp.StatusBadRequest,
	api.CodeUnsupported: fasthttp.StatusNotImplemented,
	api.CodeDeadline:    fasthttp.StatusGatewayTimeout,
	api.CodeCanceled:    fasthttp.StatusGatewayTimeout,
}

func statusOf(code api.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return fasthttp.StatusInternalServerError
}

// fail answers an error: a session that has ended leads to the login page, all
// others to a page that explains.
func (r *request) fail(err error) {
	known := api.AsError(err)
	if known.Code == api.CodeAuthExpired || known.Code == api.CodeAuthFailed {
		r.dropCookie(sessionCookie)
		r.toLogin(page.LoginExpired)
		return
	}
	if known.Cause != nil || known.Code == api.CodeInternal {
		r.log.Warn("failed", "request", r.id, "route", r.route, "code", string(known.Code), "error", known.Error())
	}
	r.setRetryAfter(known.RetryAfter)
	explained := page.Error{Status: statusOf(known.Code), Code: known.Code, RetryAfter: known.RetryAfter}
	if known.Code == api.CodeBackendDown {
		explained.Folders = r.knownFolders()
	}
	r.explain(explained)
}

// setRetryAfter tells clients that are programs when to try again; nothing if that is
// not known.
func (r *request) setRetryAfter(delay time.Duration) {
	if delay > 0 {
		seconds := int((delay + time.Second - 1) / time.Second)
		r.ctx.Response.Header.Set("Retry-After", string(fasthttp.AppendUint(nil, seconds)))
	}
}

// errorPage says what happened and what to do.
func (r *request) errorPage(status int, code api.Code) {
	r.explain(page.Error{Status: status, Code: code})
}

func (r *request) explain(e page.Error) {
	e.RequestID = r.id
	switch e.Code {
	case api.CodeNotFound, api.CodeConflict, api.CodeTooLarge, api.CodeInvalid:
		// The node is well, so the page can be in the language that the settings say.
		if r.session != nil && r.settings == nil && r.ctx.IsGet() && e.Status != fasthttp.StatusForbidden {
			r.userSettings()
		}
	}
	if r.ctx.IsGet() && e.Status >= fasthttp.StatusInternalServerError {
		e.Retry = r.address
	}
	r.html(e.Status, page.PagePolicy(), func(w io.Writer) error { return page.WriteError(w, r.context(r.secret), e) })
}
