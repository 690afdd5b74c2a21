package submit_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"runtime"
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

// TestHoldsNothing measures what it takes to pass on 25 MiB.
func TestHoldsNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		drain(listener)
	}()
	defer func() {
		listener.Close()
		<-done
	}()
	server := (&front{listener: listener}).server()
	server.Security = submit.Plain
	session, err := submit.Dial(t.Context(), server, submit.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	line := bytes.Repeat([]byte("QUJD"), 19)
	line = append(line, '\r', '\n')
	m := message()
	m.Write = func(w io.Writer) error {
		for range 25 << 20 / len(line) {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := session.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d KiB allocated", (after.TotalAlloc-before.TotalAlloc)>>10)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// drain is a server for one connection that says yes to everything and keeps
// nothing.
func drain(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, greeting)
	r := bufio.NewReaderSize(conn, 64<<10)
	for body := false; ; {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case body && string(line) != ".\r\n":
			continue
		case string(line) == "DATA\r\n":
			io.WriteString(conn, goOn)
		case string(line) == "QUIT\r\n":
			io.WriteString(conn, "221 2.0.0 Bye\r\n")
		default:
			io.WriteString(conn, ok)
		}
		body = string(line) == "DATA\r\n"
	}
}
