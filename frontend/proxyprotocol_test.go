package frontend_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"

	"alphamail/frontend"
)

// proxyClient is a browser behind a proxy that begins connections so.
func proxyClient(t *testing.T, header *proxyproto.Header) *http.Client {
	client := browser(t)
	transport := client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil && header != nil {
			_, err = header.WriteTo(conn)
		}
		return conn, err
	}
	return client
}

// A proxy tells by a PROXY header who its client is, and how that speaks to it.
func TestProxyProtocol(t *testing.T) {
	public, err := url.Parse("https://mail.example.edu")
	if err != nil {
		t.Fatal(err)
	}
	tells := func(version byte, source string, extensions ...proxyproto.TLV) *proxyproto.Header {
		header := proxyproto.HeaderProxyFromAddrs(version, &net.TCPAddr{IP: net.ParseIP(source), Port: 4711}, &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 443})
		if err := header.SetTLVs(extensions); err != nil {
			t.Fatal(err)
		}
		return header
	}
	spokeTLS, err := tlvparse.PP2SSL{Client: tlvparse.PP2_BITFIELD_CLIENT_SSL}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	spokePlain, err := tlvparse.PP2SSL{}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	local := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}
	for name, test := range map[string]struct {
		header    *proxyproto.Header
		trusts    string
		forwarded string // X-Forwarded-For
		status    int    // 0: the connection is closed
		client    string
	}{
		"version 1":                   {tells(1, "198.51.100.9"), "127.0.0.0/8", "", 200, "198.51.100.9"},
		"version 2":                   {tells(2, "198.51.100.9"), "127.0.0.0/8", "", 200, "198.51.100.9"},
		"who spoke TLS":               {tells(2, "198.51.100.9", spokeTLS), "127.0.0.0/8", "", 200, "198.51.100.9"},
		"who spoke plainly":           {tells(2, "198.51.100.9", spokePlain), "127.0.0.0/8", "", 308, ""},
		"a browser that lies":         {tells(2, "198.51.100.9"), "127.0.0.0/8", "203.0.113.5", 200, "198.51.100.9"},
		"a proxy in front of a proxy": {tells(2, "127.0.0.5"), "127.0.0.0/8", "203.0.113.5", 200, "203.0.113.5"},
		"the proxy itself":            {local, "127.0.0.0/8", "", 200, "127.0.0.1"},
		"a proxy that says nothing":   {nil, "127.0.0.0/8", "", 0, ""},
		"a stranger with a header":    {tells(1, "198.51.100.9"), "192.0.2.0/24", "", 400, ""},
	} {
		ring := twoNodes()
		base := serve(t, ring, func(c *frontend.Config) {
			c.PublicURL, c.ProxyProtocol, c.TrustedProxies = public, true, []netip.Prefix{netip.MustParsePrefix(test.trusts)}
		}, nil)
		client := proxyClient(t, test.header)
		request, err := http.NewRequestWithContext(t.Context(), "GET", base+"/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "mail.example.edu"
		if test.forwarded != "" {
			request.Header.Set("X-Forwarded-For", test.forwarded)
		}
		answer, err := client.Do(request)
		if err != nil {
			if test.status != 0 && test.status != 400 { // which may come before the client has asked
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != test.status {
			t.Errorf("%s: status %d, not %d (%v)", name, answer.StatusCode, test.status, err)
			continue
		}
		if test.status != 200 {
			continue
		}
		token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindSubmatch(text)
		form := url.Values{"csrf": {string(token[1])}, "user": {"ana"}, "password": {"secret"}, "domain": {"example.edu"}}
		request, err = http.NewRequestWithContext(t.Context(), "POST", base+"/login", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Host, request.Header = "mail.example.edu", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {test.forwarded}}
		for _, cookie := range answer.Cookies() {
			request.AddCookie(cookie)
		}
		if answer, err = client.Do(request); err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		var got string
		for _, node := range []string{"one", "two"} {
			for _, call := range ring.nodes[node].calls() {
				got = call.ClientAddress
			}
		}
		if got != test.client {
			t.Errorf("%s: the client is taken for %q, not %q", name, got, test.client)
		}
	}
}
