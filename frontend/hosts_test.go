package frontend_test

import (
	"alphamail/frontend"
	"alphamail/node/api"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"
)

func TestRouting(t *testing.T) {
	down := api.NewError(api.CodeNodeDown, "", nil)
	for name, test := range map[string]struct {
		one, two error
		status   int
		asked    string // nodes in order, with hops and suspect
	}{
		"the owner answers":            {nil, nil, 200, "one/0/"},
		"the owner moved":              {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, nil, 200, "one/0/ two/1/"},
		"nobody is the owner":          {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, &api.Error{Code: api.CodeNotOwner, Owner: "one"}, 503, "one/0/ two/1/"},
		"the new owner is gone":        {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, down, 503, "one/0/ two/1/ two/1/"},
		"the owner is gone":            {down, nil, 200, "one/0/ one/0/ two/0/one"},
		"both are gone":                {down, down, 503, "one/0/ one/0/ two/0/one"},
		"slowness is no suspicion":     {api.NewError(api.CodeDeadline, "", nil), nil, 504, "one/0/"},
		"a busy owner is not suspect":  {api.NewError(api.CodeBusy, "", nil), nil, 503, "one/0/"},
		"the owner is an unknown node": {&api.Error{Code: api.CodeNotOwner, Owner: "three"}, nil, 200, "one/0/ two/1/three"},
	} {
		ring := twoNodes()
		base, client := serve(t, ring, nil, nil), browser(t)
		logIn(t, client, base)
		ring.nodes["one"].asked, ring.nodes["one"].fail, ring.nodes["two"].fail = nil, test.one, test.two
		answer := get(t, client, base+"/mail/INBOX")
		var asked []string
		for _, node := range []string{"one", "two"} {
			for _, call := range ring.nodes[node].calls() {
				asked = append(asked, fmt.Sprintf("%s/%d/%s", node, call.Hops, strings.Join(call.Suspects, "-")))
				if call.RingDigest != 42 || call.RequestID != answer.Header.Get("X-Request-Id") {
					t.Errorf("%s: call %+v", name, call)
				}
			}
		}
		if got := strings.Join(asked, " "); answer.StatusCode != test.status || got != test.asked {
			t.Errorf("%s: status %d, asked %q, want %d, %q", name, answer.StatusCode, got, test.status, test.asked)
		}
	}
	if answer := get(t, browser(t), serve(t, fakeRing{}, nil, nil)+"/login"); answer.StatusCode != 200 {
		t.Errorf("the login page without any node: %d", answer.StatusCode)
	}
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
}

func TestCanonicalHost(t *testing.T) {
	public, err := url.Parse("https://mail.example.edu")
	if err != nil {
		t.Fatal(err)
	}
	withURL := func(c *frontend.Config) { c.PublicURL = public }
	proxied := func(c *frontend.Config) {
		c.PublicURL = public
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	secured := selfSigned(t)
	for name, test := range map[string]struct {
		edit     func(*frontend.Config)
		tls      *tls.Config
		scheme   string
		method   string
		header   map[string]string
		status   int
		location string
	}{
		"loopback by number":              {nil, nil, "http", "GET", nil, 200, ""},
		"loopback by name":                {nil, nil, "http", "GET", map[string]string{"Host": "localhost:8080"}, 200, ""},
		"another name on loopback":        {nil, nil, "http", "GET", map[string]string{"Host": "evil.example"}, 421, ""},
		"canonical":                       {withURL, secured, "https", "GET", map[string]string{"Host": "mail.example.edu"}, 200, ""},
		"canonical with port":             {withURL, secured, "https", "GET", map[string]string{"Host": "mail.example.edu:443"}, 200, ""},
		"another name":                    {withURL, secured, "https", "GET", map[string]string{"Host": "www.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"another name, form":              {withURL, secured, "https", "POST", map[string]string{"Host": "www.example.edu"}, 303, "https://mail.example.edu/login"},
		"plain on the HTTPS port":         {withURL, secured, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"plain on the HTTPS port, no URL": {nil, secured, "http", "GET", map[string]string{"Host": "h.example:8443"}, 308, "https://h.example:8443/login?next=%2Ffolders"},
		"HTTPS without URL":               {nil, secured, "https", "GET", map[string]string{"Host": "h.example"}, 200, ""},
		"plain where HTTPS is promised":   {withURL, nil, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"a proxy that tells":              {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 200, ""},
		"a proxy that tells plain":        {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "http"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"a proxy that tells nothing":      {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 200, ""},
		"a proxy under another name":      {proxied, nil, "http", "GET", map[string]string{"Host": "backend:8080", "X-Forwarded-Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 200, ""},
		"a liar":                          {withURL, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
	} {
		base := strings.Replace(serve(t, twoNodes(), test.edit, test.tls), "http:", test.scheme+":", 1)
		var form url.Values
		if test.method == "POST" {
			form = url.Values{"user": {"ana"}}
		}
		answer := send(t, browser(t), test.method, base+"/login?next=%2Ffolders", form, test.header)
		if answer.StatusCode != test.status || answer.Header.Get("Location") != test.location {
			t.Errorf("%s: status %d to %q", name, answer.StatusCode, answer.Header.Get("Location"))
		}
		if test.status != 200 && len(answer.Cookies()) > 0 {
			t.Errorf("%s: a cookie is set under the wrong name", name)
		}
		for _, cookie := range answer.Cookies() {
			https := test.scheme == "https" || test.edit != nil
			if cookie.Secure != https || strings.HasPrefix(cookie.Name, "__Host-") != https || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
				t.Errorf("%s: cookie %v", name, cookie)
			}
		}
		if hsts := answer.Header.Get("Strict-Transport-Security") != ""; test.status == 200 && hsts != (test.scheme == "https" || test.edit != nil) {
			t.Errorf("%s: HSTS %v", name, hsts)
		}
	}
}

func TestClientAddress(t *testing.T) {
	ring := twoNodes()
	base := serve(t, ring, func(c *frontend.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}, nil)
	client := browser(t)
	logIn(t, client, base)
	for forwarded, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "198.51.100.1, 192.0.2.7, 10.1.1.1": "192.0.2.7", "": "127.0.0.1", "nonsense": "127.0.0.1", "2001:db8::1": "2001:db8::1",
	} {
		send(t, client, "GET", base+"/mail/INBOX", nil, map[string]string{"X-Forwarded-For": forwarded})
		calls := ring.nodes["one"].calls()
		if got := calls[len(calls)-1].ClientAddress; got != want {
			t.Errorf("%q is understood as %s, not %s", forwarded, got, want)
		}
	}
}

func TestCompression(t *testing.T) {
	base, client := serve(t, twoNodes(), nil, nil), browser(t)
	client.Transport.(*http.Transport).DisableCompression = true
	plain := get(t, client, base+"/login")
	style := regexp.MustCompile(`/assets/style\.[0-9a-f]+\.css`).FindString(plain.text)
	if style == "" {
		t.Fatal("the page names no style")
	}
	for _, path := range []string{"/login", style} {
		plain := get(t, client, base+path)
		for _, encoding := range []string{"zstd", "br", "gzip"} {
			answer := send(t, client, "GET", base+path, nil, map[string]string{"Accept-Encoding": encoding})
			if answer.Header.Get("Content-Encoding") != encoding || len(answer.text) >= len(plain.text) || !strings.Contains(answer.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s as %s: %d bytes of %d, headers %v", path, encoding, len(answer.text), len(plain.text), answer.Header)
			}
		}
	}
	if cache := get(t, client, base+style).Header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
		t.Errorf("the style is kept as %q", cache)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	ring := twoNodes()
	server, err := frontend.New(frontend.Config{Domains: []frontend.Domain{{Name: "example.edu"}}}, ring, ring, slog.New(slog.NewTextHandler(&log, nil)), metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener, nil) })
	base, client := "http://"+listener.Addr().String(), browser(t)
	logIn(t, client, base)
	get(t, client, base+"/mail/Private%20Matters")
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	serving.Wait()
	if text := log.String(); strings.Contains(text, "secret") || strings.Contains(text, "Private") || strings.Contains(text, "sealed for") || !strings.Contains(text, "ana@example.edu") {
		t.Errorf("the log says:\n%s", text)
	}
}

// TestReadiness answers a balancer, which asks for no host of ours.
func TestReadiness(t *testing.T) {
	var notReady error
	base := serve(t, twoNodes(), func(c *frontend.Config) {
		c.PublicURL = &url.URL{Scheme: "https", Host: "mail.example.edu"}
		c.Ready = func() error { return notReady }
	}, nil)
	client := browser(t)
	if answer := get(t, client, base+"/readyz"); answer.StatusCode != http.StatusOK {
		t.Errorf("ready: status %d", answer.StatusCode)
	}
	notReady = errors.New("draining, for a reason that is nobody's business")
	if answer := get(t, client, base+"/readyz"); answer.StatusCode != http.StatusServiceUnavailable || strings.Contains(answer.text, "business") {
		t.Errorf("not ready: status %d, %q", answer.StatusCode, answer.text)
	}
}
