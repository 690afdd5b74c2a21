package node_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/cache"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ana      = "ana@example.edu"
	ben      = "ben@example.edu"
	password = "correct horse"
	host     = "mail.example.edu"
)

// fixed is a placement with one owner and one successor.
type fixed struct{ owner, successor string }

func (f fixed) Owner(string) (string, bool)                { return f.owner, f.owner != "" }
func (f fixed) Successor(string, ...string) (string, bool) { return f.successor, f.successor != "" }
func (f fixed) Digest() uint64                             { return 42 }
func (f fixed) Members() []string                          { return []string{f.owner, f.successor} }

// safeBuffer is a log that goroutines write to.
type safeBuffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// world is a mail server behind a proxy, for several nodes with one keyring.
type world struct {
	t       *testing.T
	proxy   *testbed.Proxy
	keyring *seal.Keyring
	log     safeBuffer
	metrics *metrics.Set
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: password}, {Name: "ben", Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Fill(mailgen.New(1, time.Now()).Inbox(5), "ana"); err != nil {
		t.Fatal(err)
	}
	proxy, err := testbed.StartProxy(server.IMAPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	keyring, err := seal.NewKeyring(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, proxy: proxy, keyring: keyring}
}

func (w *world) node(name string, place node.Placement, edit func(*node.Config)) *node.Node {
	w.t.Helper()
	config := node.Config{Name: name, Cluster: "c", Version: "v", Domains: []node.Domain{{
		Name: "example.edu", Backend: account.Backend{Options: imapconn.Options{Address: w.proxy.Addr(), Security: imapconn.Plain}},
	}}}
	if edit != nil {
		edit(&config)
	}
	w.metrics = metrics.NewSet()
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := node.New(config, w.keyring, place, seal.NewRevocations(), store, slog.New(slog.NewTextHandler(&w.log, nil)), w.metrics)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(n.Close)
	return n
}

func (w *world) login(n api.Service, user string) api.Session {
	w.t.Helper()
	answer, err := n.Login(w.t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: user, Password: password, Host: host})
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.Session
}

func (w *world) inbox(n api.Service, session api.Session, edit func(*api.Call)) (*api.MailboxAnswer, error) {
	call := &api.Call{RequestID: "r", Session: session}
	if edit != nil {
		edit(call)
	}
	return n.Mailbox(w.t.Context(), call, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
}

func code(err error) api.Code {
	if known := api.AsError(err); known != nil {
		return known.Code
	}
	return ""
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, nil)
	session := w.login(n, ana)
	if answer, err := w.inbox(n, session, nil); err != nil || answer.Total != 5 {
		t.Fatalf("the inbox: %+v, %v", answer, err)
	}
	for name, edit := range map[string]func(*api.Session){
		"another account": func(s *api.Session) { s.Account = ben },
		"another host":    func(s *api.Session) { s.Host = "evil.example" },
		"another session": func(s *api.Session) { s.ID = "OTHER" },
		"no seal":         func(s *api.Session) { s.Seal = nil },
		"a damaged seal":  func(s *api.Session) { s.Seal = append(bytes.Clone(s.Seal[:len(s.Seal)-1]), s.Seal[len(s.Seal)-1]^1) },
		"nothing":         func(s *api.Session) { *s = api.Session{} },
	} {
		forged := session
		edit(&forged)
		if answer, err := w.inbox(n, forged, nil); code(err) != api.CodeAuthExpired {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	other := w.login(n, ana)
	if _, err := n.Logout(t.Context(), &api.Call{Session: session}, &api.LogoutQuestion{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.inbox(n, session, nil); code(err) != api.CodeAuthExpired {
		t.Errorf("after logout: %v", err)
	}
	if _, err := n.Logout(t.Context(), &api.Call{Session: session}, &api.LogoutQuestion{}); err != nil {
		t.Errorf("logging out twice: %v", err)
	}
	if _, err := w.inbox(n, other, nil); err != nil {
		t.Errorf("another session of the same user: %v", err)
	}
	if log := w.log.String(); strings.Contains(log, password) || !strings.Contains(log, "audit=true") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestSessionsExpire(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) { c.SessionLifetime = time.Nanosecond })
	if _, err := w.inbox(n, w.login(n, ana), nil); code(err) != api.CodeAuthExpired {
		t.Errorf("an expired session: %v", err)
	}
}

func TestRefusedLogins(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, nil)
	for name, test := range map[string]struct {
		question api.LoginQuestion
		want     api.Code
	}{
		"wrong password":     {api.LoginQuestion{Account: ana, Password: "wrong"}, api.CodeAuthFailed},
		"unknown user":       {api.LoginQuestion{Account: "eve@example.edu", Password: password}, api.CodeAuthFailed},
		"another domain":     {api.LoginQuestion{Account: "ana@example.org", Password: password}, api.CodeInvalid},
		"no password":        {api.LoginQuestion{Account: ana}, api.CodeInvalid},
		"nobody":             {api.LoginQuestion{Password: password}, api.CodeInvalid},
		"a huge password":    {api.LoginQuestion{Account: ana, Password: strings.Repeat("x", 5000)}, api.CodeAuthFailed},
		"a password of CRLF": {api.LoginQuestion{Account: ana, Password: "x\r\na1 LOGOUT"}, api.CodeAuthFailed},
	} {
		if _, err := n.Login(t.Context(), &api.Call{}, &test.question); code(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.proxy.Refuse(true); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Login(t.Context(), &api.Call{}, &api.LoginQuestion{Account: ana, Password: password}); code(err) != api.CodeBackendDown {
		t.Errorf("without a mail server: %v", err)
	}
	if log := w.log.String(); strings.Contains(log, password) || strings.Count(log, "login refused") != 8 {
		t.Errorf("the log:\n%s", log)
	}
}

func TestOwnership(t *testing.T) {
	w := newWorld(t)
	owner := w.node("one", fixed{"one", "two"}, nil)
	session := w.login(owner, ana)
	other := w.node("two", fixed{"one", "two"}, nil)
	_, err := w.inbox(other, session, nil)
	if known := api.AsError(err); code(err) != api.CodeNotOwner || known.Owner != "one" || known.Digest != 42 {
		t.Errorf("a node that is not the owner: %+v", err)
	}
	if _, err := other.Login(t.Context(), &api.Call{}, &api.LoginQuestion{Account: ana, Password: password}); code(err) != api.CodeNotOwner {
		t.Errorf("login at a node that is not the owner: %v", err)
	}
	for name, edit := range map[string]func(*api.Call){
		"after a redirect":    func(c *api.Call) { c.Hops = 1 },
		"as successor":        func(c *api.Call) { c.Suspects = []string{"one"} },
		"as its own redirect": func(c *api.Call) { c.Hops, c.Suspects = 1, []string{"one"} },
	} {
		if answer, err := w.inbox(other, session, edit); err != nil || answer.Total != 5 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.inbox(other, session, func(c *api.Call) { c.Suspects = []string{"three"} }); code(err) != api.CodeNotOwner {
		t.Errorf("a suspect that is not the owner: %v", err)
	}
	third := w.node("three", fixed{"one", "two"}, nil)
	_, err = w.inbox(third, session, func(c *api.Call) { c.Suspects = []string{"one"} })
	if known := api.AsError(err); code(err) != api.CodeNotOwner || known.Owner != "two" {
		t.Errorf("neither owner nor successor: %+v", err)
	}
	if _, err := w.inbox(w.node("four", fixed{}, nil), session, nil); err != nil {
		t.Errorf("a node without a table: %v", err)
	}
}

func TestIdleAccountsGoAndComeBack(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) { c.IdleTimeout = 50 * time.Millisecond })
	session := w.login(n, ana)
	count := func() int {
		answer, err := n.Status(t.Context(), &api.Call{}, &api.StatusQuestion{Account: ana})
		if err != nil || answer.Owner != "one" || answer.Node != "one" || answer.RingDigest != 42 {
			t.Fatalf("status: %+v, %v", answer, err)
		}
		return answer.Accounts
	}
	for deadline := time.Now().Add(20 * time.Second); count() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an idle account stays")
		}
	}
	if _, err := w.inbox(n, session, nil); err != nil || count() != 1 {
		t.Errorf("the account after it was evicted: %v", err)
	}
}

// moving is a placement whose owner a test changes.
type moving struct {
	fixed
	owner atomic.Pointer[string]
}

func (m *moving) Owner(string) (string, bool) { return *m.owner.Load(), true }

func (m *moving) move(node string) { m.owner.Store(&node) }

// TestAccountsMoveAway gives an account to another node and back.
func TestAccountsMoveAway(t *testing.T) {
	w, ring := newWorld(t), &moving{}
	ring.move("one")
	n := w.node("one", ring, func(c *node.Config) {
		c.HandOverAfter = 500 * time.Millisecond
		c.Account.WatchAfter = time.Millisecond
	})
	session := w.login(n, ana)
	commands := func(name string) int { return w.proxy.Snapshot().Commands[name] }
	until := func(what string, met func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !met(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	accounts := func() int {
		answer, err := n.Status(t.Context(), &api.Call{}, &api.StatusQuestion{})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Accounts
	}
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Fatal(err)
	}
	until("nobody listens for new mail", func() bool { return commands("IDLE") == 1 })
	ring.move("two")
	until("the watcher goes on when the account has moved", func() bool { return commands("DONE")+commands("LOGOUT") > 0 })
	if accounts() != 1 {
		t.Error("the account was dropped at once")
	}
	for range 20 { // others may not know yet who the owner is, for longer than HandOverAfter
		if _, err := w.inbox(n, session, func(c *api.Call) { c.Hops = 1 }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	until("the account stays", func() bool { return accounts() == 0 })
	ring.move("one")
	if _, err := w.inbox(n, session, nil); err != nil || accounts() != 1 {
		t.Errorf("the account came back: %v", err)
	}
}

func TestAccountsAreBounded(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) { c.MaxAccounts = 1 })
	first, second := w.login(n, ana), w.login(n, ben)
	for range 3 {
		for _, session := range []api.Session{first, second} {
			if _, err := w.inbox(n, session, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if answer, err := n.Status(t.Context(), &api.Call{}, &api.StatusQuestion{}); err != nil || answer.Accounts != 1 {
		t.Errorf("%d accounts, %v", answer.Accounts, err)
	}
}

// TestUsersNeverMix lets two users ask at once, with accounts that are evicted
// and rebuilt all the time.
func TestUsersNeverMix(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) { c.MaxAccounts = 1 })
	var users sync.WaitGroup
	for user, total := range map[string]int{ana: 5, ben: 0} {
		session := w.login(n, user)
		for range 4 {
			users.Go(func() {
				for range 10 {
					answer, err := w.inbox(n, session, nil)
					if err != nil || answer.Total != total {
						t.Errorf("%s sees %+v, %v", user, answer, err)
						return
					}
				}
			})
		}
	}
	users.Wait()
}

func TestAfterClose(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, nil)
	session := w.login(n, ana)
	n.Close()
	n.Close()
	if _, err := w.inbox(n, session, nil); code(err) != api.CodeNodeDown {
		t.Errorf("after closing: %v", err)
	}
}

func TestMetricsNameCommands(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, nil)
	session := w.login(n, ana)
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w.metrics.WritePrometheus(&text)
	for _, want := range []string{
		`alphamail_imap_commands_total{command="AUTHENTICATE",result="ok"} 1`, `alphamail_imap_commands_total{command="SELECT",result="ok"} 1`,
		`alphamail_node_commands_total{command="mailbox",code="ok"} 1`, `alphamail_node_accounts 1`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the metrics lack %s:\n%s", want, text.String())
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for i, bad := range []node.Config{{}, {Name: "a"}, {Name: "a", Cluster: "c"}, {Name: "a", Cluster: "c", Domains: []node.Domain{{}}, MaxAccounts: -1}} {
		if bad.Validate() == nil {
			t.Error(fmt.Sprint(i, " is accepted"))
		}
	}
}
