package submit_test

import (
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/node/submit"
)

// TestCutUnderTLS ends connections to a real server somewhere, under TLS, and
// compares what Send says with what the server has: sent is there once, and what is
// certainly not sent is not there.
func TestCutUnderTLS(t *testing.T) {
	certificate, err := testbed.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}, Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	outcomes := map[[2]int]int{} // kind and messages that arrived
	send := func(cutUp, cutDown int) (kind submit.Kind, up, down int) {
		front := cutting(t, sink.SMTPAddr(), cutUp, cutDown)
		server := front.server()
		server.Security, server.TLS = submit.StartTLS, &tls.Config{RootCAs: certificate.Roots}
		before := sink.SMTPCounts().Messages
		session, err := submit.Dial(t.Context(), server, submit.Credentials{User: "ana", Password: "secret"})
		if err == nil {
			_, err = session.Send(t.Context(), message())
			session.Close()
		}
		front.close()
		kind, arrived := submit.KindOf(err), sink.SMTPCounts().Messages-before
		outcomes[[2]int{int(kind), arrived}]++
		if kind == 0 && arrived != 1 || kind != 0 && kind != submit.Unclear && arrived != 0 || arrived > 1 {
			t.Errorf("cut after %d bytes up, %d down: %v, and %d arrived", cutUp, cutDown, err, arrived)
		}
		return kind, front.up, front.down
	}
	kind, up, down := send(-1, -1)
	if kind != 0 {
		t.Fatal("without a cut it is not sent")
	}
	const step = 29 // no divisor of the size of anything
	for n := 0; n < up; n += step {
		send(n, -1)
	}
	for n := 0; n < down; n += step {
		send(-1, n)
	}
	for n := max(0, down-200); n < down; n += 3 {
		send(-1, n)
	}
	sink.Close() // and what was under way has ended
	if least, most := outcomes[[2]int{0, 1}], outcomes[[2]int{0, 1}]+outcomes[[2]int{int(submit.Unclear), 0}]+outcomes[[2]int{int(submit.Unclear), 1}]; sink.SMTPCounts().Messages < least || sink.SMTPCounts().Messages > most {
		t.Errorf("%d messages arrived, want %d to %d", sink.SMTPCounts().Messages, least, most)
	}
	t.Logf("kind and messages that arrived: %v", outcomes)
	if outcomes[[2]int{int(submit.NotSent), 0}] < 50 || outcomes[[2]int{int(submit.Unclear), 1}] == 0 {
		t.Errorf("hardly anything was tried: %v", outcomes)
	}
}

// front is a relay in front of a server that ends a connection after so many bytes.
type front struct {
	listener net.Listener
	done     chan struct{}
	up, down int // bytes that passed; read them after close
}

// cutting starts a relay for one connection.
func cutting(t *testing.T, address string, cutUp, cutDown int) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{listener: listener, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			client.Close()
			return
		}
		var passing sync.WaitGroup
		pass := func(to, from net.Conn, cut int, count *int) {
			defer server.Close()
			defer client.Close()
			buffer := make([]byte, 4096)
			for *count != cut {
				room := len(buffer)
				if cut >= 0 {
					room = min(room, cut-*count)
				}
				n, err := from.Read(buffer[:room])
				if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
					return
				}
				*count += n
			}
		}
		passing.Go(func() { pass(server, client, cutUp, &f.up) })
		passing.Go(func() { pass(client, server, cutDown, &f.down) })
		passing.Wait()
	}()
	return f
}

func (f *front) server() submit.Server {
	host, port, _ := net.SplitHostPort(f.listener.Addr().String())
	number, _ := strconv.Atoi(port)
	return submit.Server{Host: host, Port: number}
}

// close ends the relay and waits until the server behind it has seen the end.
func (f *front) close() {
	f.listener.Close()
	<-f.done
}

// TestLargeBody passes a large message on without holding it.
func TestLargeBody(t *testing.T) {
	sink, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}, SMTPWithoutLogin: true, MaxOutgoing: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	front := cutting(t, sink.SMTPAddr(), -1, -1)
	defer front.close()
	server := front.server()
	server.Security = submit.Plain
	session, err := submit.Dial(t.Context(), server, submit.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	const lines = 100_000
	m := message()
	m.Write = func(w io.Writer) error {
		for range lines {
			if _, err := io.WriteString(w, ".a line of fifty-four bytes that begins with one dot.\r\n"); err != nil {
				return err
			}
		}
		return nil
	}
	m.Size = lines * 55
	if session.Size() < m.Size {
		t.Fatalf("the server takes %d bytes", session.Size())
	}
	if _, err := session.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := sink.Accepted(); len(got) != 1 || len(got[0].Raw) != lines*55 {
		t.Errorf("%d messages, of %d bytes", len(got), len(got[0].Raw))
	}
}
