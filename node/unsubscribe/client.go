package unsubscribe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"alphamail/node/api"
)

// Config says how to ask.
type Config struct {
	// Timeout bounds the whole exchange, the lookup of the name included. Default
	// 10 s.
	Timeout time.Duration
	// MostAtOnce bounds how many exchanges there are at the same time. Default 16.
	MostAtOnce int
	// Permit decides which addresses may be connected to. Default Public.
	Permit func(netip.AddrPort) bool
	// TLS is for the client; nil trusts the authorities of the system.
	TLS *tls.Config
}

// Client asks hosts. Its methods are safe for concurrent use.
type Client struct {
	config Config
	log    *slog.Logger
	places chan struct{}
	http   *http.Client
}

var (
	// errInner ends a connection before it is made.
	errInner = errors.New("unsubscribe: the address is not a public one")
	errBusy  = &api.Error{Code: api.CodeBusy, Message: "Too many lists are being left. Please try again.", RetryAfter: 5 * time.Second}
)

// Bounds of an answer, in bytes.
const (
	maxHeader = 16 << 10
	maxBody   = 64 << 10
)

// New makes a client.
func New(config Config, log *slog.Logger) *Client {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	if config.MostAtOnce == 0 {
		config.MostAtOnce = 16
	}
	if config.Permit == nil {
		config.Permit = Public
	}
	c := &Client{config: config, log: log, places: make(chan struct{}, config.MostAtOnce)}
	dialer := &net.Dialer{Timeout: config.Timeout, Control: c.control}
	c.http = &http.Client{
		Timeout: config.Timeout,
		// There is no jar for cookies, no proxy, and no connection is kept.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config.TLS, TLSHandshakeTimeout: config.Timeout,
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// control judges the address that a connection is about to be made to.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !c.config.Permit(to) {
		return errInner
	}
	return nil
}

// oneClick is the body of the request (RFC 8058 section 3.2).
const oneClick = "List-Unsubscribe=One-Click"

// Unsubscribe sends the request to a link, once, and tells what came of it. Errors:
// busy, invalid for a link that is no https URL, those of ctx.
func (c *Client) Unsubscribe(ctx context.Context, link string) (api.UnsubscribeProblem, error) {
	to, err := url.Parse(link)
	if err != nil || to.Scheme != "https" || to.Hostname() == "" || to.User != nil {
		return "", api.NewError(api.CodeInvalid, "This list does not take that.", err)
	}
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	default:
		return "", errBusy
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(oneClick))
	if err != nil {
		return "", api.NewError(api.CodeInvalid, "This list does not take that.", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "AlphaMail")
	response, err := c.http.Do(request)
	if err != nil {
		c.log.Info("a list cannot be left", "host", to.Host, "error", withoutLink(err))
		switch {
		case errors.Is(err, errInner):
			return api.UnsubscribeInner, nil
		case ctx.Err() != nil:
			return "", api.AsError(ctx.Err())
		}
		return api.UnsubscribeUnreached, nil
	}
	defer response.Body.Close()
	// Whoever hangs up on a server before it is done may not have been heard.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return "", nil
	case status >= 300 && status < 400:
		return api.UnsubscribeElsewhere, nil
	}
	c.log.Info("a list cannot be left", "host", to.Host, "status", response.StatusCode)
	return api.UnsubscribeRefused, nil
}

// withoutLink is an error without the link, whose query names the reader.
func withoutLink(err error) string {
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err
	}
	return err.Error()
}
