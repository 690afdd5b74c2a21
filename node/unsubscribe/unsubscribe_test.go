package unsubscribe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/node/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a web server on loopback that notes what it is asked.
type host struct {
	*httptest.Server
	mu    sync.Mutex // guards asked
	asked []string
}

func newHost(t *testing.T, answer http.HandlerFunc) *host {
	h := &host{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.asked = append(h.asked, strings.Join([]string{r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Header.Get("Cookie") + r.Header.Get("Referer"), string(body)}, "|"))
		h.mu.Unlock()
		answer(w, r)
	}))
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(h.Close)
	return h
}

func (h *host) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// client trusts the certificate of the host.
func (h *host) client(config Config) *Client {
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	config.TLS = &tls.Config{RootCAs: roots}
	return New(config, slog.New(slog.DiscardHandler))
}

// open is the policy without the guard.
func open(netip.AddrPort) bool { return true }

func ok(http.ResponseWriter, *http.Request) {}

// TestTheGuardStops has its positive control: without the guard, the same request
// arrives.
func TestTheGuardStops(t *testing.T) {
	h := newHost(t, ok)
	link := h.URL + "/leave?reader=1"
	if problem, err := h.client(Config{Permit: open}).Unsubscribe(t.Context(), link); err != nil || problem != "" || len(h.requests()) != 1 {
		t.Fatalf("without the guard: %q, %v, %d requests", problem, err, len(h.requests()))
	}
	if want := "POST|/leave?reader=1|application/x-www-form-urlencoded||List-Unsubscribe=One-Click"; h.requests()[0] != want {
		t.Errorf("asked %q", h.requests()[0])
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(h.URL, "https://"), ":")
	// Each of these reaches the host while nothing guards it. Names are resolved
	// before they are judged.
	for _, name := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		before := len(h.requests())
		there := "https://" + name + ":" + port + "/"
		if name == "127.0.0.1" { // the one that the certificate is for
			if _, err := h.client(Config{Permit: open}).Unsubscribe(t.Context(), there); err != nil || len(h.requests()) != before+1 {
				t.Errorf("%s without the guard: %v", name, err)
			}
			before++
		}
		// The port is let through, so that the address alone decides.
		guarded := Config{Permit: func(to netip.AddrPort) bool { return Public(netip.AddrPortFrom(to.Addr(), httpsPort)) }}
		if problem, err := h.client(guarded).Unsubscribe(t.Context(), there); problem != api.UnsubscribeInner || err != nil || len(h.requests()) != before {
			t.Errorf("%s: %q, %v, %d requests more", name, problem, err, len(h.requests())-before)
		}
	}
	if problem, err := h.client(Config{}).Unsubscribe(t.Context(), link); problem != api.UnsubscribeInner || err != nil {
		t.Errorf("as it is by default: %q, %v", problem, err)
	}
}

// TestWhatIsConnectedToIsJudged: it is never a name that is judged, which may mean
// another address a moment later, but the address of the connection.
func TestWhatIsConnectedToIsJudged(t *testing.T) {
	h := newHost(t, ok)
	var judged []netip.AddrPort
	c := h.client(Config{Permit: func(to netip.AddrPort) bool {
		judged = append(judged, to)
		return Public(to)
	}})
	if problem, _ := c.Unsubscribe(t.Context(), strings.Replace(h.URL, "127.0.0.1", "localhost", 1)); problem != api.UnsubscribeInner || len(h.requests()) > 0 {
		t.Errorf("%q, %d requests", problem, len(h.requests()))
	}
	if len(judged) == 0 {
		t.Fatal("nothing was judged")
	}
	for _, to := range judged {
		if !to.Addr().IsLoopback() {
			t.Errorf("judged %v, which is not what is connected to", to)
		}
	}
}

func TestAnswers(t *testing.T) {
	elsewhere := newHost(t, ok)
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		timeout time.Duration
		problem api.UnsubscribeProblem
	}{
		"yes":       {ok, 0, ""},
		"accepted":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, 0, ""},
		"not found": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 0, api.UnsubscribeRefused},
		"broken":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 0, api.UnsubscribeRefused},
		"moved": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, 0, api.UnsubscribeElsewhere},
		"to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusPermanentRedirect)
		}, 0, api.UnsubscribeElsewhere},
		"no end":      {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 4*maxBody)) }, 0, ""},
		"many fields": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 2*maxHeader)) }, 0, api.UnsubscribeUnreached},
		"silence":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 100 * time.Millisecond, api.UnsubscribeUnreached},
	} {
		h := newHost(t, test.answer)
		problem, err := h.client(Config{Permit: open, Timeout: test.timeout}).Unsubscribe(t.Context(), h.URL)
		if problem != test.problem || err != nil || len(h.requests()) != 1 {
			t.Errorf("%s: %q, %v, %d requests", name, problem, err, len(h.requests()))
		}
		h.Close()
	}
	if len(elsewhere.requests()) > 0 {
		t.Error("a redirect was followed")
	}
	// A certificate that nobody vouches for.
	h := newHost(t, ok)
	if problem, err := New(Config{Permit: open}, slog.New(slog.DiscardHandler)).Unsubscribe(t.Context(), h.URL); problem != api.UnsubscribeUnreached || err != nil || len(h.requests()) > 0 {
		t.Errorf("a certificate that signs itself: %q, %v", problem, err)
	}
}

func TestWhatIsNoLink(t *testing.T) {
	c := New(Config{Permit: open}, slog.New(slog.DiscardHandler))
	for _, link := range []string{"", "http://list.example/", "https://", "https://:443/", "https://user@list.example/", "file:///etc/passwd", "gopher://list.example/", "%zz"} {
		if _, err := c.Unsubscribe(t.Context(), link); api.AsError(err) == nil || api.AsError(err).Code != api.CodeInvalid {
			t.Errorf("%q: %v", link, err)
		}
	}
}

func TestBounded(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	h := newHost(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	c := h.client(Config{Permit: open, MostAtOnce: 1})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if problem, err := c.Unsubscribe(context.Background(), h.URL); problem != "" || err != nil {
			t.Errorf("the first: %q, %v", problem, err)
		}
	})
	<-arrived
	if _, err := c.Unsubscribe(t.Context(), h.URL); err != errBusy {
		t.Errorf("the second: %v", err)
	}
	close(release)
	waiting.Wait()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Unsubscribe(ended, h.URL); api.AsError(err) == nil || api.AsError(err).Code != api.CodeCanceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"9.9.9.9": true, "193.0.6.139": true, "172.32.0.1": true, "100.128.0.1": true, "2001:67c:2e8::1": true, "2a00:1450::1": true, "::ffff:9.9.9.9": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.255.0.1": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.192": false, "192.0.2.1": false, "192.168.1.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "100::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false,
		"fec0::1": false, "ff02::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false, "5f00::1": false, "4000::1": false,
	} {
		if got := Public(netip.AddrPortFrom(netip.MustParseAddr(address), httpsPort)); got != want {
			t.Errorf("%s is public: %t", address, got)
		}
	}
	if Public(netip.MustParseAddrPort("9.9.9.9:22")) || Public(netip.MustParseAddrPort("9.9.9.9:8443")) {
		t.Error("another port than that of https")
	}
}
