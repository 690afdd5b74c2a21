package frontend

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// settleHost finds out under which scheme and host the browser sees us. Under
// any but the canonical one it answers the request itself, with a redirect or a
// page that explains, and returns false: no cookie may be set under a name to
// which it would not come back.
func (r *request) settleHost() bool {
	conn, _ := r.ctx.Conn().(*browserConn)
	r.https = conn != nil && conn.secure
	hostPort := strings.ToLower(string(r.ctx.Host()))
	proxied := r.fromProxy()
	if conn != nil && conn.proxy != nil && !r.https {
		proxied = true
		https, told := conn.proxyTold()
		r.https = https || !told && r.promisesHTTPS()
	}
	if r.fromProxy() {
		proto := strings.ToLower(r.forwarded("X-Forwarded-Proto"))
		switch {
		case proto != "":
			r.https = proto == "https"
		case r.config.PublicURL != nil && (conn == nil || conn.proxy == nil): // a proxy that does not tell: believe the configuration
			r.https = r.promisesHTTPS()
		}
		if forwarded := r.forwarded("X-Forwarded-Host"); forwarded != "" {
			hostPort = strings.ToLower(forwarded)
		}
	}
	r.host = hostName(hostPort)
	if public := r.config.PublicURL; public != nil {
		if r.https == (public.Scheme == "https") && sameHost(hostPort, public.Host, public.Scheme) {
			return true
		}
		r.redirectTo(public.Scheme + "://" + public.Host)
		return false
	}
	switch {
	case r.https || proxied:
		return true
	case conn != nil && conn.tls != nil: // plain HTTP on the HTTPS port
		r.redirectTo("https://" + hostPort)
		return false
	case isLoopbackName(r.host) && isLoopback(r.ctx.LocalIP()):
		return true
	default:
		r.errorPage(fasthttp.StatusMisdirectedRequest, api.CodeInvalid)
		return false
	}
}

func (r *request) promisesHTTPS() bool {
	return r.config.PublicURL != nil && r.config.PublicURL.Scheme == "https"
}

// redirectTo sends the browser to the same page under another origin. A form is
// not sent again: it ends at the login page.
func (r *request) redirectTo(origin string) {
	r.route = "canonical host"
	if r.ctx.IsGet() || r.ctx.IsHead() {
		r.redirect(fasthttp.StatusPermanentRedirect, origin+string(r.ctx.Request.Header.RequestURI()))
		return
	}
	r.redirect(fasthttp.StatusSeeOther, origin+"/login")
}

// hostPort is the host, with its port when it is not the scheme's own, as the
// browser writes it in Origin.
func (r *request) hostPort() string {
	if public := r.config.PublicURL; public != nil {
		return public.Host
	}
	if forwarded := r.forwarded("X-Forwarded-Host"); forwarded != "" && r.fromProxy() {
		return forwarded
	}
	return string(r.ctx.Host())
}

// forwarded is the last value of a header field that proxies add to: what the
// proxy next to us says, whatever the browser wrote before it.
func (r *request) forwarded(name string) string {
	values := r.forwardedAll(name)
	return values[len(values)-1]
}

// forwardedAll are all values of a field, over all its lines, in order; at least
// one, perhaps empty.
func (r *request) forwardedAll(name string) []string {
	var lines []string
	for _, line := range r.ctx.Request.Header.PeekAll(name) {
		lines = append(lines, string(line))
	}
	values := strings.Split(strings.Join(lines, ","), ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values
}

// fromProxy tells whether the request comes from a proxy that the configuration
// trusts.
func (r *request) fromProxy() bool {
	return r.trusted(remoteAddress(r.ctx))
}

func (s *Server) trusted(address netip.Addr) bool {
	return slices.ContainsFunc(s.config.TrustedProxies, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// trustedPeer tells whether a connection comes from a trusted proxy.
func (s *Server) trustedPeer(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	return ok && s.trusted(tcp.AddrPort().Addr().Unmap())
}

// clientAddress is the browser's address: the last one in X-Forwarded-For that
// is not a trusted proxy, or the peer's.
func (r *request) clientAddress() string {
	address := remoteAddress(r.ctx)
	if !r.trusted(address) {
		return address.String()
	}
	hops := r.forwardedAll("X-Forwarded-For")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(hops[i])
		if err != nil {
			break
		}
		if address = hop.Unmap(); !r.trusted(address) {
			break
		}
	}
	return address.String()
}

func remoteAddress(ctx *fasthttp.RequestCtx) netip.Addr {
	address, _ := netip.AddrFromSlice(ctx.RemoteIP())
	return address.Unmap()
}

// hostName takes the port off.
func hostName(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]")
}

// sameHost compares two hosts with or without the scheme's own port.
func sameHost(a, b, scheme string) bool {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(a, port), strings.TrimSuffix(b, port))
}

func isLoopbackName(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback()
}

func isLoopback(ip net.IP) bool { return ip.IsLoopback() }
