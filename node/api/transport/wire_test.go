package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

func code(err error) api.Code {
	if err == nil {
		return ""
	}
	return api.AsError(err).Code
}

func TestPing(t *testing.T) {
	client, _ := remote(t, &fake{ok}, transport.ServerConfig{})
	if err := client.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPingPassesBusyServers: a heartbeat tells whether a node lives, not
// whether it has time.
func TestPingPassesBusyServers(t *testing.T) {
	entered := make(chan struct{})
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	client, _ := remote(t, f, transport.ServerConfig{Concurrency: 1})
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := client.Status(ctx, full, &api.StatusQuestion{})
		asked <- err
	}()
	<-entered
	if err := client.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-asked; code(err) != api.CodeCanceled {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	authority := newAuthority(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	client := transport.NewClient(listener.Addr().String(), transport.ClientConfig{TLS: authority.ClientTLS(issue(t, authority, transport.RoleFrontend))})
	defer client.Close()
	if _, err := client.Status(t.Context(), full, &api.StatusQuestion{}); code(err) != api.CodeNodeDown || !transport.IsUnreachable(err) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := client.Raw(t.Context(), full, &api.RawQuestion{}); code(err) != api.CodeNodeDown || !transport.IsUnreachable(err) {
		t.Errorf("nobody listens for streams: %v", err)
	}
}

// TestLostAfterSendingIsNotUnreachable: the question may have been acted upon.
func TestLostAfterSendingIsNotUnreachable(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		close(entered)
		<-leave
		return &api.StatusAnswer{}, nil
	}}
	defer close(leave)
	authority := newAuthority(t)
	address, _ := serveOn(t, authority, f, transport.ServerConfig{})
	cutter := newCutter(t, address)
	client := transport.NewClient(cutter.address, transport.ClientConfig{TLS: authority.ClientTLS(issue(t, authority, transport.RoleFrontend))})
	defer client.Close()
	asked := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, err := client.Status(ctx, full, &api.StatusQuestion{})
		asked <- err
	}()
	<-entered
	cutter.cut()
	if err := <-asked; code(err) != api.CodeNodeDown || transport.IsUnreachable(err) {
		t.Errorf("the connection broke after sending: %v", err)
	}
}

// cutter passes one connection on until it is cut.
type cutter struct {
	address string
	ends    chan net.Conn
}

func newCutter(t *testing.T, target string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener.Addr().String(), make(chan net.Conn, 2)}
	done := make(chan struct{})
	go func() { // ended by cut, or by closing the listener
		defer close(done)
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			near.Close()
			return
		}
		c.ends <- near
		c.ends <- far
		back := make(chan struct{})
		go func() {
			defer close(back)
			io.Copy(near, far)
		}()
		io.Copy(far, near)
		far.Close()
		near.Close()
		<-back
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return c
}

func (c *cutter) cut() {
	for range cap(c.ends) {
		(<-c.ends).Close()
	}
}

// TestCutStreamIsNotAShortOne: without its end record a stream is broken, even
// when TCP ends in peace and nobody said how long it is.
func TestCutStreamIsNotAShortOne(t *testing.T) {
	stuck := make(chan struct{})
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		content := io.MultiReader(strings.NewReader("the beginning"), blocking(stuck))
		return &api.Stream{StreamHead: api.StreamHead{Name: "n", Size: -1}, Content: io.NopCloser(content)}, nil
	}}
	authority := newAuthority(t)
	address, _ := serveOn(t, authority, f, transport.ServerConfig{})
	defer close(stuck)
	cutter := newCutter(t, address)
	client := transport.NewClient(cutter.address, transport.ClientConfig{TLS: authority.ClientTLS(issue(t, authority, transport.RoleFrontend))})
	defer client.Close()
	stream, err := client.Raw(t.Context(), full, &api.RawQuestion{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Content.Close()
	begun := make([]byte, len("the beginning"))
	if _, err := io.ReadFull(stream.Content, begun); err != nil {
		t.Fatal(err)
	}
	cutter.cut()
	if rest, err := io.ReadAll(stream.Content); code(err) != api.CodeNodeDown {
		t.Errorf("%d more bytes and %v", len(rest), err)
	}
}

type blocking chan struct{}

func (b blocking) Read([]byte) (int, error) {
	<-b
	return 0, io.ErrUnexpectedEOF
}

func TestStreamOfAnotherLengthIsBroken(t *testing.T) {
	for name, size := range map[string]int64{"too short": 11, "too long": 9} {
		source := &content{left: 10, err: io.EOF}
		client, _ := remote(t, streaming(source, size), transport.ServerConfig{})
		stream, err := client.Raw(t.Context(), full, &api.RawQuestion{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(stream.Content); code(err) != api.CodeNodeDown {
			t.Errorf("%s: %d bytes and %v", name, len(got), err)
		}
		stream.Content.Close()
	}
}

// TestStreamEndsWithItsContext: cancelling frees a reader that waits, and the
// service, in the direct form through the context that both share.
func TestStreamEndsWithItsContext(t *testing.T) {
	var freed atomic.Bool
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		return &api.Stream{StreamHead: api.StreamHead{Name: "n", Size: -1}, Content: &waiting{ctx: ctx, freed: &freed}}, nil
	}}
	each(t, f, func(t *testing.T, service api.Service) {
		freed.Store(false)
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := service.Part(ctx, full, &api.PartQuestion{ID: id, Part: "1"})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := io.ReadAll(stream.Content); code(err) != api.CodeCanceled {
			t.Errorf("reading ended with %v", err)
		}
		stream.Content.Close()
		for deadline := time.Now().Add(20 * time.Second); !freed.Load(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the service is never freed")
			}
		}
	})
}

// waiting is content that never comes.
type waiting struct {
	ctx   context.Context
	freed *atomic.Bool
}

func (w *waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

func (w *waiting) Close() error {
	w.freed.Store(true)
	return nil
}

func TestDeadlineCrosses(t *testing.T) {
	var left time.Duration
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return &api.StatusAnswer{}, nil
	}}
	each(t, f, func(t *testing.T, service api.Service) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if _, err := service.Status(ctx, full, &api.StatusQuestion{}); err != nil {
			t.Fatal(err)
		}
		if left > 10*time.Minute || left < 9*time.Minute {
			t.Errorf("of ten minutes the service sees %v", left)
		}
	})
}

// TestHungServerHoldsNobody: whoever leaves is let go at once, though the
// server never answers.
func TestHungServerHoldsNobody(t *testing.T) {
	leave := make(chan struct{})
	entered := make(chan struct{}, 1)
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		entered <- struct{}{}
		<-leave
		return &api.StatusAnswer{}, nil
	}}
	client, _ := remote(t, f, transport.ServerConfig{})
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := client.Status(ctx, full, &api.StatusQuestion{})
		asked <- err
	}()
	<-entered
	cancel()
	select {
	case err := <-asked:
		if code(err) != api.CodeCanceled {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a question that was cancelled still waits")
	}
}

func TestShutdownUnderADeadlineCancels(t *testing.T) {
	entered := make(chan struct{})
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	client, server := remote(t, f, transport.ServerConfig{})
	asked := make(chan error, 1)
	go func() {
		_, err := client.Status(context.Background(), full, &api.StatusQuestion{})
		asked <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a shutdown that had to cancel returns %v", err)
	}
	if err := <-asked; err == nil {
		t.Error("a question that was cancelled is answered")
	}
}

func TestCloseEndsQuestions(t *testing.T) {
	entered := make(chan struct{})
	f := &fake{func(ctx context.Context, _ *api.Call, _ any) (any, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	client, server := remote(t, f, transport.ServerConfig{})
	asked := make(chan error, 1)
	go func() {
		_, err := client.Status(context.Background(), full, &api.StatusQuestion{})
		asked <- err
	}()
	<-entered
	client.Close()
	if err := <-asked; code(err) != api.CodeNodeDown {
		t.Errorf("a question of a client that is closed ends with %v", err)
	}
	if _, err := client.Status(t.Context(), full, &api.StatusQuestion{}); !transport.IsUnreachable(err) {
		t.Errorf("a client that is closed answers %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	server.Shutdown(ctx)
}

func TestLimitsOfTheClient(t *testing.T) {
	authority := newAuthority(t)
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		return &api.BodyAnswer{HTML: strings.Repeat("x", 5000)}, nil
	}}
	address, _ := serveOn(t, authority, f, transport.ServerConfig{})
	client := transport.NewClient(address, transport.ClientConfig{
		TLS: authority.ClientTLS(issue(t, authority, transport.RoleFrontend)), MaxQuestion: 1000, MaxAnswer: 2000,
	})
	defer client.Close()
	if _, err := client.Mailbox(t.Context(), full, &api.MailboxQuestion{Mailbox: strings.Repeat("x", 2000)}); code(err) != api.CodeTooLarge {
		t.Errorf("a question over the limit: %v", err)
	}
	if _, err := client.Body(t.Context(), full, &api.BodyQuestion{}); code(err) != api.CodeTooLarge {
		t.Errorf("an answer over the limit: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	authority := newAuthority(t)
	tls := authority.ClientTLS(issue(t, authority, transport.RoleFrontend))
	if err := errors.Join(transport.ClientConfig{TLS: tls}.Validate(), transport.ServerConfig{TLS: tls}.Validate()); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	for _, bad := range []interface{ Validate() error }{
		transport.ClientConfig{}, transport.ClientConfig{TLS: tls, MaxConns: -1}, transport.ClientConfig{TLS: tls, Timeout: -1},
		transport.ServerConfig{}, transport.ServerConfig{TLS: tls, Concurrency: -1}, transport.ServerConfig{TLS: tls, MaxTime: 1},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func BenchmarkStatus(b *testing.B) {
	client, _ := remote(b, &fake{ok}, transport.ServerConfig{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Status(b.Context(), full, &api.StatusQuestion{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStream(b *testing.B) {
	const size = 16 << 20
	f := &fake{func(context.Context, *api.Call, any) (any, error) {
		return &api.Stream{StreamHead: api.StreamHead{Size: size}, Content: &content{left: size, err: io.EOF}}, nil
	}}
	client, _ := remote(b, f, transport.ServerConfig{})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		stream, err := client.Raw(b.Context(), full, &api.RawQuestion{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, stream.Content); err != nil {
			b.Fatal(err)
		}
		stream.Content.Close()
	}
}
