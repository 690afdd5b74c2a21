package webuser

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// maxBody bounds an answer, in bytes.
const maxBody = 32 << 20

// site is where all users go. It is immutable.
type site struct {
	scheme, host string // host as in URLs
	base         string // path before the product's own paths, without a slash at its end
	address      string // host:port
	tls          *tls.Config
	sources      []net.IP // addresses that connections come from, in turn; empty: the kernel's choice
	compressed   bool     // ask for gzip
}

func newSite(address string, config *tls.Config, sources []net.IP, compressed bool) (*site, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the URL of a web site", address)
	}
	s := &site{
		scheme: u.Scheme, host: u.Host, base: strings.TrimSuffix(u.Path, "/"), address: u.Host,
		sources: sources, compressed: compressed,
	}
	if u.Port() == "" {
		port := "80"
		if u.Scheme == "https" {
			port = "443"
		}
		s.address = net.JoinHostPort(u.Hostname(), port)
	}
	if u.Scheme == "https" {
		s.tls = config.Clone()
		if s.tls == nil {
			s.tls = &tls.Config{}
		}
		s.tls.ServerName = u.Hostname()
	}
	return s, nil
}

// client is one browser: a connection of its own, and cookies. While it is idle
// it holds no buffers.
type client struct {
	site    *site
	source  net.IP
	conn    net.Conn // nil until the first request, and after the server closed it
	cookies map[string]string
}

func newClient(s *site, number uint64) *client {
	c := &client{site: s}
	if len(s.sources) > 0 {
		c.source = s.sources[number%uint64(len(s.sources))]
	}
	return c
}

// answer is a page. Whoever gets one releases it.
type answer struct {
	status   int
	location string // of a redirect: path and query
	body     []byte // valid until release
	response *fasthttp.Response
}

func (a *answer) release() {
	if a.response != nil {
		fasthttp.ReleaseResponse(a.response)
		a.response, a.body = nil, nil
	}
}

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 4<<10) }}
)

// get fetches a path of the site.
func (c *client) get(ctx context.Context, path string, headers ...string) (*answer, error) {
	return c.do(ctx, fasthttp.MethodGet, path, nil, headers)
}

// post sends a form.
func (c *client) post(ctx context.Context, path string, form url.Values) (*answer, error) {
	return c.do(ctx, fasthttp.MethodPost, path, form, nil)
}

// do makes one request; headers are names and values in turn. It follows no
// redirect.
func (c *client) do(ctx context.Context, method, path string, form url.Values, headers []string) (*answer, error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	request.Header.SetMethod(method)
	request.SetRequestURI(c.site.base + path)
	request.Header.SetHost(c.site.host)
	request.Header.SetUserAgent("alphamail-bench")
	request.Header.Set("Accept-Language", "en")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range c.cookies {
		request.Header.SetCookie(name, value)
	}
	if c.site.compressed {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	if form != nil {
		request.Header.SetContentType("application/x-www-form-urlencoded")
		request.Header.Set("Origin", c.site.scheme+"://"+c.site.host)
		request.SetBodyString(form.Encode())
	}
	a, err := c.exchange(ctx, request, response)
	if err != nil {
		fasthttp.ReleaseResponse(response)
		return nil, err
	}
	return a, nil
}

func (c *client) exchange(ctx context.Context, request *fasthttp.Request, response *fasthttp.Response) (*answer, error) {
	reused := c.conn != nil
	err := c.once(ctx, request, response)
	// The server may close an idle connection just when a request is under way;
	// browsers ask again on a new one, if asking twice does no harm.
	if err != nil && reused && request.Header.IsGet() && closedByPeer(err) && ctx.Err() == nil {
		response.Reset()
		err = c.once(ctx, request, response)
	}
	if err != nil {
		return nil, failed(ctx, err)
	}
	if response.ConnectionClose() {
		c.close()
	}
	c.keepCookies(response)
	a := &answer{status: response.StatusCode(), body: response.Body(), response: response}
	if location := response.Header.Peek("Location"); len(location) > 0 {
		if u, err := url.Parse(string(location)); err == nil {
			a.location = u.RequestURI()
		}
	}
	if string(response.Header.ContentEncoding()) == "gzip" {
		if a.body, err = response.BodyGunzip(); err != nil {
			return nil, &Failure{"an answer whose compression is broken", err.Error()}
		}
	}
	return a, nil
}

// once makes a request over the connection, which is closed if that fails.
func (c *client) once(ctx context.Context, request *fasthttp.Request, response *fasthttp.Response) (err error) {
	if c.conn == nil {
		if c.conn, err = c.dial(ctx); err != nil {
			return err
		}
	}
	conn := c.conn
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	reader, writer := readers.Get().(*bufio.Reader), writers.Get().(*bufio.Writer)
	reader.Reset(conn)
	writer.Reset(conn)
	defer func() {
		reader.Reset(nil)
		writer.Reset(nil)
		readers.Put(reader)
		writers.Put(writer)
	}()
	if err = request.Write(writer); err == nil {
		err = writer.Flush()
	}
	if err == nil {
		err = response.ReadLimitBody(reader, maxBody)
	}
	if err == nil && reader.Buffered() > 0 {
		err = &Failure{"bytes after the end of an answer", ""}
	}
	if err != nil {
		c.close()
	}
	return err
}

func (c *client) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: -1}
	if c.source != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: c.source}
		dialer.Control = chooseLate
	}
	conn, err := dialer.DialContext(ctx, "tcp", c.site.address)
	if err != nil || c.site.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, c.site.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (c *client) keepCookies(response *fasthttp.Response) {
	var cookie fasthttp.Cookie
	for name, value := range response.Header.Cookies() {
		if cookie.ParseBytes(value) != nil {
			continue
		}
		if len(cookie.Value()) == 0 || expired(&cookie) {
			delete(c.cookies, string(name))
			continue
		}
		if c.cookies == nil {
			c.cookies = map[string]string{}
		}
		c.cookies[string(name)] = string(cookie.Value())
	}
}

func expired(cookie *fasthttp.Cookie) bool {
	return cookie.Expire() != fasthttp.CookieExpireUnlimited && cookie.Expire().Before(time.Now()) && cookie.MaxAge() <= 0
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// failed gives network errors few names, without ports and addresses.
func failed(ctx context.Context, err error) error {
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		return err
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return &Failure{"no answer in time", err.Error()}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Failure{"connection refused", err.Error()}
	case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
		return &Failure{"this generator is out of file descriptors", err.Error()}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &Failure{"this generator is out of ports", err.Error()}
	case closedByPeer(err):
		return &Failure{"connection closed without an answer", err.Error()}
	}
	return &Failure{"network error", err.Error()}
}

// Failure is a click that went wrong: a few words for what kind of failure it
// is, by which results count it, and details.
type Failure struct {
	What   string
	Detail string
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.What
	}
	return f.What + ": " + f.Detail
}

// Reason implements load.Reasoned.
func (f *Failure) Reason() string { return f.What }
