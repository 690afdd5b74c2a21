package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

func newAuthority(t testing.TB) *transport.Authority {
	t.Helper()
	data, err := transport.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := transport.ParseAuthority(data)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func issue(t testing.TB, authority *transport.Authority, role string) tls.Certificate {
	t.Helper()
	certificate, err := authority.Issue(role, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func ok(context.Context, *api.Call, any) (any, error) { return &api.StatusAnswer{Node: "n"}, nil }

func serveOn(t *testing.T, authority *transport.Authority, service api.Service, config transport.ServerConfig) (string, *transport.Server) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config.TLS = authority.ServerTLS(issue(t, authority, transport.RoleNode), transport.RoleFrontend)
	server := transport.Serve(listener, service, config, quiet)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(ctx)
	})
	return listener.Addr().String(), server
}

func status(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	client := transport.NewClient(address, transport.ClientConfig{TLS: config})
	defer client.Close()
	_, err := client.Status(t.Context(), full, &api.StatusQuestion{})
	return err
}

func TestOnlyTheClusterIsAdmitted(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	address, _ := serveOn(t, ours, &fake{ok}, transport.ServerConfig{})
	if err := status(t, address, ours.ClientTLS(issue(t, ours, transport.RoleFrontend))); err != nil {
		t.Fatalf("a frontend of the cluster is refused: %v", err)
	}
	anonymous := ours.ClientTLS(tls.Certificate{})
	anonymous.Certificates = nil
	for name, config := range map[string]*tls.Config{
		"a certificate for another role": ours.ClientTLS(issue(t, ours, "stranger")),
		"a certificate of another authority": func() *tls.Config {
			config := ours.ClientTLS(issue(t, theirs, transport.RoleFrontend))
			return config
		}(),
		"no certificate": anonymous,
	} {
		if status(t, address, config) == nil {
			t.Errorf("%s is admitted", name)
		}
	}
	impostor, _ := serveOn(t, theirs, &fake{ok}, transport.ServerConfig{})
	err := status(t, impostor, ours.ClientTLS(issue(t, ours, transport.RoleFrontend)))
	if err == nil || !transport.IsUnreachable(err) {
		t.Errorf("a server of another authority is believed: %v", err)
	}
}

// TestBadRequests talks to the server without our client.
func TestBadRequests(t *testing.T) {
	authority := newAuthority(t)
	address, _ := serveOn(t, authority, &fake{ok}, transport.ServerConfig{MaxQuestion: 1000})
	plain := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientTLS(issue(t, authority, transport.RoleFrontend)), DisableKeepAlives: true}}
	for name, test := range map[string]struct {
		method, path string
		body         []byte
		code         api.Code
	}{
		"unknown command":   {"POST", "/v1/explode", nil, api.CodeUnsupported},
		"another method":    {"GET", "/v1/status", nil, api.CodeUnsupported},
		"another path":      {"POST", "/", nil, api.CodeUnsupported},
		"nothing":           {"POST", "/v1/status", nil, api.CodeInvalid},
		"garbage":           {"POST", "/v1/status", []byte("\xc1\xc1\xc1"), api.CodeInvalid},
		"a later version":   {"POST", "/v1/status", []byte("\x81\xa7version\x63"), api.CodeUnsupported},
		"no question":       {"POST", "/v1/status", []byte("\x81\xa7version\x01"), api.CodeInvalid},
		"too large":         {"POST", "/v1/status", make([]byte, 2000), api.CodeTooLarge},
		"endless map":       {"POST", "/v1/status", []byte("\xdf\xff\xff\xff\xff"), api.CodeInvalid},
		"a length of 4 GiB": {"POST", "/v1/status", []byte("\x81\xa7version\x01\x81\xa7account\xdb\xff\xff\xff\xff"), api.CodeInvalid},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, "https://"+address+test.path, bytes.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := plain.Do(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 422 || !strings.Contains(string(body), string(test.code)) {
			t.Errorf("%s: status %d, %q", name, response.StatusCode, body)
		}
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	authority := newAuthority(t)
	address, _ := serveOn(t, authority, &fake{ok}, transport.ServerConfig{})
	plain := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientTLS(issue(t, authority, transport.RoleFrontend)), DisableKeepAlives: true}}
	body := "\x82\xa7version\x01\xa6future\x93\x01\x02\x03" + "\x82\xa7account\xa3ana\xa6future\xc3"
	response, err := plain.Post("https://"+address+"/v1/status", "", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestBusy(t *testing.T) {
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		entered <- struct{}{}
		<-leave
		return &api.StatusAnswer{}, nil
	}}
	client, _ := remote(t, f, transport.ServerConfig{Concurrency: 1})
	first := make(chan error, 1)
	go func() {
		_, err := client.Status(context.Background(), full, &api.StatusQuestion{})
		first <- err
	}()
	<-entered
	if _, err := client.Status(t.Context(), full, &api.StatusQuestion{}); api.AsError(err).Code != api.CodeBusy || api.AsError(err).RetryAfter == 0 {
		t.Errorf("with every slot taken: %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Errorf("the question that had the slot: %v", err)
	}
}

func TestShutdown(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		close(entered)
		<-leave
		return &api.StatusAnswer{Node: "n"}, nil
	}}
	client, server := remote(t, f, transport.ServerConfig{})
	first := make(chan error, 1)
	go func() {
		_, err := client.Status(context.Background(), full, &api.StatusQuestion{})
		first <- err
	}()
	<-entered
	stopped := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		server.Shutdown(ctx)
		close(stopped)
	}()
	time.AfterFunc(100*time.Millisecond, func() { close(leave) })
	if err := <-first; err != nil {
		t.Errorf("a question under way at shutdown: %v", err)
	}
	<-stopped
	_, err := client.Status(t.Context(), full, &api.StatusQuestion{})
	if err == nil || !transport.IsUnreachable(err) {
		t.Errorf("after shutdown: %v", err)
	}
}

func TestDefectCostsOneAnswer(t *testing.T) {
	calls := 0
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		if calls++; calls == 1 {
			panic("defect")
		}
		return &api.StatusAnswer{}, nil
	}}
	client, _ := remote(t, f, transport.ServerConfig{})
	if _, err := client.Status(t.Context(), full, &api.StatusQuestion{}); api.AsError(err).Code != api.CodeInternal {
		t.Errorf("a panic in the service: %v", err)
	}
	if _, err := client.Status(t.Context(), full, &api.StatusQuestion{}); err != nil {
		t.Errorf("the next question: %v", err)
	}
}
