package imapconn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"alphamail/node/imapconn"
)

// A message that is given up while it is on its way does not arrive later, when the
// server reads again.
func TestWhatWasGivenUpDoesNotArrive(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	givenUp, asked, end := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { // ends with the connection
		conn, err := listener.Accept()
		if err != nil {
			end <- err
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1] hello\r\n")
		lines := bufio.NewReaderSize(conn, 16)
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "APPEND") {
			end <- fmt.Errorf("%q, %w", line, err)
			return
		}
		fmt.Fprint(conn, "+ go on\r\n")
		if _, err := lines.ReadByte(); err != nil { // the message is on its way
			end <- err
			return
		}
		close(asked)
		<-givenUp
		_, err = io.Copy(io.Discard, conn)
		end <- err
	}()
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: listener.Addr().String(), Security: imapconn.Plain})
	if err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	go func() { // ends with the test
		<-asked
		giveUp()
	}()
	const size = 64 << 20 // more than any system keeps for a connection
	message := &imapconn.Append{Mailbox: "Drafts", Message: io.LimitReader(zeros{}, size), Size: size}
	if err := conn.Do(ctx, message); !errors.Is(err, context.Canceled) {
		t.Errorf("the command ended with %v", err)
	}
	conn.Close()
	close(givenUp)
	if err := <-end; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server read on to the end of what was sent: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
