package settings_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"go.uber.org/goleak"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "ana"
	password = "correct horse"
)

var users = []testbed.User{{Name: user, Password: password}}

var servers = []struct {
	name  string
	start func(*testing.T) string
}{
	{"memory", func(t *testing.T) string { return memory(t, nil) }},
	{"memory, bare", func(t *testing.T) string { return memory(t, imap.CapSet{imap.CapIMAP4rev1: {}}) }},
	{"dovecot", func(t *testing.T) string {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users, Separator: "/"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"cyrus", func(t *testing.T) string {
		need.Have(t, testbed.CyrusAvailable())
		server, err := testbed.StartCyrus(users...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"courier", func(t *testing.T) string {
		need.Have(t, testbed.CourierAvailable())
		server, err := testbed.StartCourier(users...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
}

func memory(t *testing.T, caps imap.CapSet) string {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users, Caps: caps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.IMAPAddr()
}

// place is a folder on a server.
type place struct {
	t       *testing.T
	address string
	settings.Folder
}

func everyServer(t *testing.T, test func(*testing.T, *place)) {
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			p := &place{t: t, address: server.start(t)}
			p.elsewhere()
			test(t, p)
		})
	}
}

// elsewhere takes a folder that was not there yet.
func (p *place) elsewhere() {
	conn := p.connect()
	namespace := &imapconn.Namespace{}
	prefix := ""
	if conn.Has(imap.CapNamespace) && conn.Do(p.t.Context(), namespace) == nil && len(namespace.Data.Personal) > 0 {
		prefix = namespace.Data.Personal[0].Prefix
	}
	p.Folder = settings.Folder{Mailbox: fmt.Sprint(prefix, "AlphaMail", time.Now().UnixNano()), Address: "ana@example.edu"}
}

func (p *place) connect() *imapconn.Conn {
	p.t.Helper()
	conn, err := imapconn.Dial(p.t.Context(), imapconn.Options{Address: p.address, Security: imapconn.Plain})
	if err == nil {
		err = conn.Login(p.t.Context(), user, password)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(conn.Close)
	return conn
}

func (p *place) read() *settings.Contents {
	p.t.Helper()
	contents, err := p.Read(p.t.Context(), p.connect())
	if err != nil {
		p.t.Fatal(err)
	}
	return contents
}

// note is a change that leaves a trace of its own.
func note(number int) settings.Document {
	d, _, err := settings.Changed(settings.Document{}, []api.Change{{Contact: &api.Contact{Name: fmt.Sprint("contact ", number)}}}, fmt.Sprint(number), time.Now())
	if err != nil {
		panic(err)
	}
	return d
}

func names(d settings.Document) (all []string) {
	for _, contact := range settings.NewBook(d).Contacts {
		all = append(all, contact.Name)
	}
	return all
}

func wanted(numbers ...int) (all []string) {
	for _, number := range numbers {
		all = append(all, fmt.Sprint("contact ", number))
	}
	slices.Sort(all)
	return all
}

func TestFolder(t *testing.T) {
	everyServer(t, func(t *testing.T, p *place) {
		if contents := p.read(); contents.Messages != 0 || len(contents.Document) != 0 {
			t.Errorf("a folder that is not there holds %+v", contents)
		}
		conn := p.connect()
		for number := range 3 {
			if err := p.Append(t.Context(), conn, note(number), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		// What is not ours stays: somebody's mail, a damaged message, one of a later
		// version.
		foreign := []string{
			"From: ben@example.edu\r\nSubject: mine\r\n\r\ntext\r\n",
			"X-AlphaMail-Settings: 1\r\nSubject: damaged\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
			"X-AlphaMail-Settings: 2\r\nSubject: later\r\n\r\n{}\r\n",
		}
		for _, text := range foreign {
			if err := conn.Do(t.Context(), &imapconn.Append{Mailbox: p.Mailbox, Message: strings.NewReader(text), Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Read(t.Context(), conn); err != nil { // and goes on with the connection
			t.Fatal(err)
		}
		if err := p.Append(t.Context(), conn, note(2), time.Now()); err != nil {
			t.Fatal(err)
		}
		if contents := p.read(); contents.Messages != 4 || !slices.Equal(names(contents.Document), wanted(0, 1, 2)) {
			t.Errorf("read %d messages: %v", contents.Messages, names(contents.Document))
		}
		compact, err := p.Compact(t.Context(), p.connect(), time.Now())
		if err != nil || compact.Messages != 1 || !slices.Equal(names(compact.Document), wanted(0, 1, 2)) {
			t.Fatalf("compacted to %+v, %v", compact, err)
		}
		if contents := p.read(); contents.Messages != 1 || !slices.Equal(names(contents.Document), wanted(0, 1, 2)) {
			t.Errorf("after compacting there are %d messages: %v", contents.Messages, names(contents.Document))
		}
		conn = p.connect()
		fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Flags: true, Envelope: true}}
		if err := conn.Do(t.Context(), &imapconn.Select{Name: p.Mailbox, ReadOnly: true}, fetch); err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, message := range fetch.Messages {
			if !slices.Contains(message.Flags, imap.FlagDeleted) {
				left = append(left, message.Envelope.Subject)
			}
		}
		slices.Sort(left)
		if want := []string{"AlphaMail settings (please keep)", "damaged", "later", "mine"}; !slices.Equal(left, want) {
			t.Errorf("the folder holds %q", left)
		}
		if conn.Has(imap.CapUIDPlus) && len(fetch.Messages) != 4 {
			t.Errorf("%d messages are there", len(fetch.Messages))
		}
	})
}

// cutter ends its connection before or after one of its commands, of which it
// sends one at a time.
type cutter struct {
	*imapconn.Conn
	left  int // commands until the cut
	after bool
}

var errCut = errors.New("cut")

func (c *cutter) Do(ctx context.Context, commands ...imapconn.Command) error {
	for _, command := range commands {
		c.left--
		if c.left == 0 && !c.after {
			c.Close()
			return errCut
		}
		if err := c.Conn.Do(ctx, command); err != nil {
			return err
		}
		if c.left == 0 {
			c.Close()
			return errCut
		}
	}
	return nil
}

// TestCutAnywhere ends the connection before and after every command of writing
// and compacting: nothing that was written is lost, and the next one finishes.
func TestCutAnywhere(t *testing.T) {
	everyServer(t, func(t *testing.T, p *place) {
		cuts := 0
		for _, after := range []bool{false, true} {
			for at, done := 1, false; !done; at++ {
				p.elsewhere()
				conn := p.connect()
				for number := range 3 {
					cut := &cutter{conn, -1, after}
					if number == 0 {
						cut.left = at // also where the folder has to be made
					}
					err := p.Append(t.Context(), cut, note(number), time.Now())
					if errors.Is(err, errCut) {
						cuts++
						conn = p.connect()
						err = p.Append(t.Context(), conn, note(number), time.Now())
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				cut := &cutter{p.connect(), at, after}
				_, err := p.Compact(t.Context(), cut, time.Now())
				switch {
				case errors.Is(err, errCut):
					cuts++
				case err != nil:
					t.Fatal(err)
				default:
					done = true
				}
				if got := names(p.read().Document); !slices.Equal(got, wanted(0, 1, 2)) {
					t.Errorf("cut at command %d, after it %v: %v are left", at, after, got)
				}
				contents, err := p.Compact(t.Context(), p.connect(), time.Now())
				if err != nil || contents.Messages != 1 || !slices.Equal(names(contents.Document), wanted(0, 1, 2)) {
					t.Errorf("cut at command %d, after it %v: then %+v, %v", at, after, contents, err)
				}
			}
		}
		t.Logf("%d cuts", cuts)
		if cuts < 14 {
			t.Error("there were more commands than cuts")
		}
	})
}

// TestWritersAtOnce write and compact without knowing of each other.
func TestWritersAtOnce(t *testing.T) {
	everyServer(t, func(t *testing.T, p *place) {
		const writers, each = 3, 6
		var writing sync.WaitGroup
		for writer := range writers {
			conn, compacting := p.connect(), p.connect()
			writing.Go(func() {
				for i := range each {
					if err := p.Append(t.Context(), conn, note(writer*each+i), time.Now()); err != nil {
						t.Error(err)
						return
					}
					if i%2 == 1 {
						if _, err := p.Compact(t.Context(), compacting, time.Now()); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		writing.Wait()
		var all []int
		for i := range writers * each {
			all = append(all, i)
		}
		if got := names(p.read().Document); !slices.Equal(got, wanted(all...)) {
			t.Errorf("left: %v", got)
		}
	})
}

// TestManyForeignMessages: what others keep in the folder is not fetched.
func TestManyForeignMessages(t *testing.T) {
	p := &place{t: t, address: memory(t, nil)}
	p.elsewhere()
	conn := p.connect()
	if err := p.Append(t.Context(), conn, note(0), time.Now()); err != nil {
		t.Fatal(err)
	}
	large := "Subject: mine\r\n\r\n" + strings.Repeat("x", 1<<20)
	for range 20 {
		if err := conn.Do(t.Context(), &imapconn.Append{Mailbox: p.Mailbox, Message: strings.NewReader(large), Size: int64(len(large))}); err != nil {
			t.Fatal(err)
		}
	}
	proxy, err := testbed.StartProxy(p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	p.address = proxy.Addr()
	if got := names(p.read().Document); !slices.Equal(got, wanted(0)) {
		t.Errorf("read %v", got)
	}
	counts := proxy.Snapshot()
	if counts.BytesDown > 64<<10 || counts.Commands["UID FETCH"] != 2 {
		t.Errorf("reading took %d bytes and %v", counts.BytesDown, maps.Clone(counts.Commands))
	}
}
