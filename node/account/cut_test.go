package account_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/imapconn/wire"
)

// relay forwards connections to a server. What the server says on the first
// connection passes through a filter.
type relay struct {
	net.Listener
	target string
	pumps  sync.WaitGroup // close ends them

	mu     sync.Mutex // guards the fields below
	filter func(io.Reader) io.Reader
	conns  []net.Conn
}

func startRelay(t *testing.T, target string, filter func(io.Reader) io.Reader) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: listener, target: target, filter: filter}
	r.pumps.Go(r.accept)
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, server)
		said := io.Reader(server)
		if r.filter != nil {
			said, r.filter = r.filter(server), nil
		}
		r.mu.Unlock()
		r.pumps.Go(func() {
			io.Copy(server, client)
			server.Close()
		})
		r.pumps.Go(func() {
			io.Copy(client, said)
			client.Close()
		})
	}
}

func (r *relay) close() {
	r.Close()
	r.mu.Lock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.mu.Unlock()
	r.pumps.Wait()
}

// visit lists the inbox and opens its first message.
func visit(ctx context.Context, a *account.Account) (string, error) {
	page, err := a.Mailbox(ctx, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
	if err != nil {
		return "", err
	}
	seen := ""
	for _, row := range page.Rows {
		seen += fmt.Sprintf("%d %q %d %v\n", row.ID.UID, row.Subject, row.Size, row.Flags)
	}
	message, err := a.Message(ctx, &api.MessageQuestion{ID: page.Rows[0].ID})
	if err != nil {
		return seen, err
	}
	return seen + message.Subject, nil
}

// TestASessionThatIsCutAnywhere ends the connection after every number of bytes
// that the server may have said: what is shown is right or an error, and the
// next click works.
func TestASessionThatIsCutAnywhere(t *testing.T) {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: user, Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.Fill(mailgen.New(1, time.Now()).Folder("INBOX", 3), user); err != nil {
		t.Fatal(err)
	}
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	through := func(t *testing.T, filter func(io.Reader) io.Reader, clicks func(*account.Account)) {
		r := startRelay(t, server.IMAPAddr(), filter)
		defer r.close()
		backend := account.Backend{Options: imapconn.Options{Address: r.Addr().String(), Security: imapconn.Plain}}
		// An account of its own, so that nothing is cached.
		a := account.New(fmt.Sprint(r.Addr(), "@example.edu"), user, password, backend, account.Config{}, store, slog.New(slog.DiscardHandler))
		defer a.Close()
		clicks(a)
	}
	var right string
	var length int
	through(t, func(said io.Reader) io.Reader { return io.TeeReader(said, counter{&length}) }, func(a *account.Account) {
		if right, err = visit(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	})
	offsets := make(chan int)
	var cutting sync.WaitGroup
	for range 4 {
		cutting.Go(func() {
			for at := range offsets {
				through(t, func(said io.Reader) io.Reader { return io.LimitReader(said, int64(at)) }, func(a *account.Account) {
					if seen, err := visit(t.Context(), a); err == nil && seen != right {
						t.Errorf("cut after %d bytes, it shows\n%s\ninstead of\n%s", at, seen, right)
					}
					if seen, err := visit(t.Context(), a); err != nil || seen != right {
						t.Errorf("cut after %d bytes, the next click shows %v\n%s", at, err, seen)
					}
				})
			}
		})
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	for at := 0; at < length; at += step {
		offsets <- at
	}
	close(offsets)
	cutting.Wait()
	t.Logf("cut at each of %d bytes", length)
}

type counter struct{ count *int }

func (c counter) Write(p []byte) (int, error) {
	*c.count += len(p)
	return len(p), nil
}

// What tamper does to one response.
const (
	drop  = "drop"
	again = "repeat"
	delay = "delay"
)

// TestASessionThatIsTamperedWith drops, repeats or delays every untagged
// response in turn. Nothing panics, no row shows another message, and what is
// repeated makes no difference at all.
func TestASessionThatIsTamperedWith(t *testing.T) {
	each(t, 5, func(t *testing.T, w *world) {
		if _, err := visit(t.Context(), w.account); err != nil { // marks nothing, changes nothing
			t.Fatal(err)
		}
		right, err := visit(t.Context(), w.account)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{drop, again, delay} {
			for number := 0; ; number++ {
				reached := false
				r := startRelay(t, w.server, func(said io.Reader) io.Reader {
					return &tamper{reader: wire.NewReader(said, wire.DefaultLimits), what: what, number: number, reached: &reached}
				})
				backend := account.Backend{Options: imapconn.Options{Address: r.Addr().String(), Security: imapconn.Plain}}
				a := account.New(fmt.Sprint(r.Addr(), "@example.edu"), user, password, backend, account.Config{DialTimeout: time.Second, CommandTimeout: time.Second}, w.cache, slog.New(slog.DiscardHandler))
				for click := range 3 {
					seen, err := visit(t.Context(), a)
					if what == again && (err != nil || seen != right) {
						t.Errorf("%s response %d, click %d: %v\n%s", what, number, click, err, seen)
					}
					for row := range strings.Lines(seen) {
						if !strings.Contains(right, row) && !strings.Contains(right, subjectOf(row)) {
							t.Errorf("%s response %d, click %d shows %s", what, number, click, row)
						}
					}
				}
				a.Close()
				r.close()
				if !reached {
					break
				}
			}
		}
	})
}

// subjectOf returns UID and subject of a row, empty for a row without details.
func subjectOf(row string) string {
	if strings.Contains(row, ` "" `) {
		return ""
	}
	return row[:strings.LastIndexByte(row, '"')+1]
}

// tamper passes on responses, one of the untagged ones otherwise.
type tamper struct {
	reader  *wire.Reader
	what    string
	number  int
	reached *bool

	held, ready []byte
}

func (r *tamper) Read(p []byte) (int, error) {
	for len(r.ready) == 0 {
		response, err := r.reader.Next()
		if err != nil {
			return 0, err
		}
		text := append(slices.Clone(response), "\r\n"...)
		if text[0] != '*' {
			r.ready = append(append(r.ready, text...), r.held...)
			r.held = nil
			continue
		}
		what := ""
		if r.number == 0 {
			what, *r.reached = r.what, true
		}
		r.number--
		switch what {
		case drop:
		case again:
			r.ready = append(append(r.ready, text...), text...)
		case delay:
			r.held = text
		default:
			r.ready = append(append(r.ready, text...), r.held...)
			r.held = nil
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}
