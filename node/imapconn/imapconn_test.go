package imapconn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"go.uber.org/goleak"

	"alphamail/node/imapconn"
)

func TestMain(m *testing.M) {
	if os.Getenv(idleServerVariable) != "" {
		serveIdle()
		return
	}
	goleak.VerifyTestMain(m)
}

// serve starts a mail server in memory with some messages in INBOX.
func serve(t *testing.T, messages int) (address string, user *imapmemserver.User) {
	t.Helper()
	memory := imapmemserver.New()
	user = imapmemserver.NewUser("ana", "secret")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	for i := range messages {
		deliver(t, user, i+1)
	}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		InsecureAuth: true,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	t.Cleanup(func() { server.Close(); serving.Wait() })
	return listener.Addr().String(), user
}

func deliver(t *testing.T, user *imapmemserver.User, number int) {
	t.Helper()
	text := fmt.Sprintf("Subject: Message %d\r\n\r\nText %d.\r\n", number, number)
	literal := &literal{strings.NewReader(text), int64(len(text))}
	if _, err := user.Append("INBOX", literal, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

type literal struct {
	*strings.Reader
	size int64
}

func (l *literal) Size() int64 { return l.size }

func dial(t *testing.T, address string) *imapconn.Conn {
	t.Helper()
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: address, Security: imapconn.Plain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func loggedIn(t *testing.T, address string) *imapconn.Conn {
	t.Helper()
	conn := dial(t, address)
	if err := conn.Login(t.Context(), "ana", "secret"); err != nil {
		t.Fatal(err)
	}
	return conn
}

var everything = imap.UIDSet{{Start: 1, Stop: 0}}

func TestRefusedLoginLeavesTheConnectionUsable(t *testing.T) {
	address, _ := serve(t, 0)
	conn := dial(t, address)
	err := conn.Login(t.Context(), "ana", "wrong")
	if _, refused := imapconn.IsRefusal(err); !refused || !conn.Usable() {
		t.Fatalf("refused %v, usable %v: %v", refused, conn.Usable(), err)
	}
	if err := conn.Login(t.Context(), "ana", "secret"); err != nil {
		t.Errorf("the right password afterwards: %v", err)
	}
}

func TestBatch(t *testing.T) {
	address, _ := serve(t, 3)
	conn := loggedIn(t, address)
	choose := &imapconn.Select{Name: "INBOX"}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true}
	fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{header}}}
	list := &imapconn.List{Pattern: "*"}
	if err := conn.Do(t.Context(), choose, fetch, list); err != nil {
		t.Fatal(err)
	}
	if choose.Data.NumMessages != 3 || len(fetch.Messages) != 3 || len(list.Data) != 1 {
		t.Fatalf("%d messages, %d fetched, %d mailboxes", choose.Data.NumMessages, len(fetch.Messages), len(list.Data))
	}
	if got := string(fetch.Messages[1].Section(header)); !strings.Contains(got, "Subject: Message 2") {
		t.Errorf("header of the second message: %q", got)
	}
	flag := &imapconn.AddFlags{UIDs: imap.UIDSetNum(2), Flags: []imap.Flag{imap.FlagSeen}}
	again := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true}}
	if err := conn.Do(t.Context(), flag, again); err != nil {
		t.Fatal(err)
	}
	for _, message := range again.Messages {
		if seen := len(message.Flags) == 1 && message.Flags[0] == imap.FlagSeen; seen != (message.UID == 2) {
			t.Errorf("flags of message %d: %v", message.UID, message.Flags)
		}
	}
}

func TestOneRefusalAmongOthers(t *testing.T) {
	address, _ := serve(t, 1)
	conn := loggedIn(t, address)
	missing, list := &imapconn.Select{Name: "Nowhere"}, &imapconn.List{Pattern: "*"}
	err := conn.Do(t.Context(), missing, list)
	if _, refused := imapconn.IsRefusal(err); !refused || len(list.Data) != 1 || !conn.Usable() {
		t.Errorf("refused %v, %d mailboxes, usable %v: %v", refused, len(list.Data), conn.Usable(), err)
	}
}

// told is a mailbox that writes down what it is told.
type told struct {
	exists uint32
	events []string
}

func (m *told) Exists(count uint32) { m.exists = count }

func (m *told) Expunged(seqNum uint32) {
	m.events = append(m.events, fmt.Sprintf("expunged %d", seqNum))
}

func (m *told) Vanished(uids imap.UIDSet, earlier bool) {
	m.events = append(m.events, fmt.Sprintf("vanished %v %v", uids, earlier))
}

func (m *told) Flagged(seqNum uint32, uid imap.UID, flags []imap.Flag, _ uint64) {
	m.events = append(m.events, fmt.Sprintf("flagged %d %v", seqNum, flags))
}

func TestTheMailboxIsToldOfChanges(t *testing.T) {
	address, user := serve(t, 2)
	conn, other := loggedIn(t, address), loggedIn(t, address)
	box := &told{}
	if err := conn.Do(t.Context(), &imapconn.Select{Name: "INBOX", Mailbox: box}); err != nil {
		t.Fatal(err)
	}
	if err := other.Do(t.Context(), &imapconn.Select{Name: "INBOX"}); err != nil {
		t.Fatal(err)
	}
	deliver(t, user, 3)
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
		t.Fatal(err)
	}
	if box.exists != 3 || len(box.events) > 0 {
		t.Errorf("after a delivery: %+v", box)
	}
	if err := other.Do(t.Context(), &imapconn.AddFlags{UIDs: imap.UIDSetNum(1), Flags: []imap.Flag{imap.FlagSeen}}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(box.events) == 0 && time.Now().Before(deadline) {
		if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(box.events, []string{"flagged 1 [\\Seen]"}) {
		t.Errorf("after another client set a flag: %q", box.events)
	}
}

// hang accepts connections and says a greeting, perhaps, and then nothing.
func hang(t *testing.T, greeting string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte(greeting))
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return listener.Addr().String()
}

func TestContextEndsEverything(t *testing.T) {
	soon := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 100*time.Millisecond)
	}
	silent := hang(t, "")
	for _, security := range []imapconn.Security{imapconn.Plain, imapconn.StartTLS, imapconn.ImplicitTLS} {
		ctx, cancel := soon()
		if _, err := imapconn.Dial(ctx, imapconn.Options{Address: silent, Security: security}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("security %d, no greeting: %v", security, err)
		}
		cancel()
	}
	conn := dial(t, hang(t, "* OK [CAPABILITY IMAP4rev1] hello\r\n"))
	ctx, cancel := soon()
	defer cancel()
	if err := conn.Login(ctx, "ana", "secret"); !errors.Is(err, context.DeadlineExceeded) || conn.Usable() {
		t.Errorf("no answer to LOGIN: usable %v, %v", conn.Usable(), err)
	}
}

func TestStartTLSIsNotSkipped(t *testing.T) {
	address, _ := serve(t, 0) // offers no STARTTLS
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if conn, err := imapconn.Dial(ctx, imapconn.Options{Address: address, Security: imapconn.StartTLS}); err == nil {
		conn.Close()
		t.Error("a server without STARTTLS was accepted")
	}
}

func TestObserve(t *testing.T) {
	address, _ := serve(t, 1)
	var mu sync.Mutex
	var names []string
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: address, Security: imapconn.Plain, Observe: func(name string, _ time.Duration, _ error) {
		mu.Lock()
		defer mu.Unlock()
		names = append(names, name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Login(t.Context(), "ana", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Do(t.Context(), &imapconn.Select{Name: "INBOX"}, &imapconn.Noop{}); err != nil {
		t.Fatal(err)
	}
	conn.Logout(t.Context())
	if got, want := strings.Join(names, " "), "AUTHENTICATE SELECT NOOP LOGOUT"; got != want {
		t.Errorf("observed %q, want %q", got, want)
	}
}
