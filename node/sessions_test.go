package node_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/seal"
)

// oldSession is a session from before the password was changed.
func (w *world) oldSession(user string) api.Session {
	session := api.Session{Account: user, ID: "old", Host: host}
	var err error
	session.Seal, err = w.keyring.Seal(seal.Binding{Cluster: "c", Host: host, Account: user, SessionID: "old"},
		seal.Credential{Password: "what it was before", Issued: time.Now(), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	return session
}

// A browser somewhere still has a session with the old password: each of its
// clicks ends the account of those who have the new one.
func TestAnOldSessionLeavesTheAccountAlone(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, nil)
	good := w.login(n, ana)
	if _, err := w.inbox(n, good, nil); err != nil {
		t.Fatal(err)
	}
	old := w.oldSession(ana)
	before := w.proxy.Snapshot()
	for range 5 {
		if _, err := w.inbox(n, old, nil); code(err) != api.CodeAuthExpired {
			t.Fatalf("an old password: %v", err)
		}
		if _, err := w.inbox(n, good, nil); err != nil {
			t.Fatal(err)
		}
	}
	// Five refused logins are what the old session may cost.
	if cost := w.proxy.Snapshot().Sub(before); cost.Connections > 5 || cost.Selects > 0 {
		t.Errorf("five clicks of each: %d connections and %d SELECT: the good account is ended each time", cost.Connections, cost.Selects)
	}
}

// When there is no memory for another account, one that is there may be logged
// in to.
func TestLoginToAnAccountThatIsThereWhenFull(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.MaxMemory = 1 })
	session := w.login(n, ana)
	time.Sleep(1200 * time.Millisecond) // until memory was measured
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Errorf("an account that is there: %v", err)
	}
	_, err := n.Login(t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: ana, Password: password, Host: host})
	if err != nil {
		t.Errorf("a second login to an account that is there: %v", err)
	}
}

// One mail server has all its connections; users of another one keep theirs.
func TestPressIsForThoseOfThatServer(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) {
		other := c.Domains[0]
		other.Name = "example.org"
		c.Domains = append(c.Domains, other)
		c.Account.Watch = -1
		c.Gate = account.GateConfig{MaxConnections: 2}
	})
	login := func(user string) api.Session {
		answer, err := n.Login(t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: user, Password: password, Host: host})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Session
	}
	elsewhere := login("ana@example.org")
	login(ana)
	login(ben)
	time.Sleep(2500 * time.Millisecond)
	before := w.proxy.Snapshot().Connections
	if _, err := w.inbox(n, elsewhere, nil); err != nil {
		t.Fatal(err)
	}
	if after := w.proxy.Snapshot().Connections; after > before {
		t.Error("example.edu has all its connections, and a user of example.org lost his")
	}
}

// A mail server hangs while accounts are pressed: the node stops looking at what
// it holds, and does not end.
func TestPressDoesNotStopTheNode(t *testing.T) {
	w := newWorld(t)
	var users []testbed.User
	const people = 60
	for i := range people {
		users = append(users, testbed.User{Name: fmt.Sprint("u", i), Password: password})
	}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if w.proxy, err = testbed.StartProxy(server.IMAPAddr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.proxy.Close() })
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) {
		c.Account.Watch = -1
		c.Gate = account.GateConfig{MaxConnections: people}
	})
	for i := range people {
		if i == people-1 {
			w.proxy.Hang() // a moment before the last connection
			go n.Login(t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: fmt.Sprint("u", i, "@example.edu"), Password: password, Host: host})
			continue
		}
		w.login(n, fmt.Sprint("u", i, "@example.edu"))
	}
	time.Sleep(2200 * time.Millisecond) // the press has begun
	began := time.Now()
	n.Close()
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("with %d accounts, one round of pressing kept the node for %v", people, took.Round(time.Millisecond))
	}
}

// Garbage is not memory that anybody holds: accounts need not give anything back
// for it.
func TestGarbageDoesNotPress(t *testing.T) {
	w := newWorld(t)
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) {
		c.Account.Watch = -1
		c.MaxMemory = int64(now.Sys-now.HeapReleased-now.HeapIdle+now.HeapReleased) + 64<<20
	})
	session := w.login(n, ana)
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Fatal(err)
	}
	big := make([][]byte, 100)
	for i := range big {
		big[i] = make([]byte, 4<<20)
	}
	runtime.KeepAlive(big)
	big = nil
	logouts := w.proxy.Snapshot().Commands["LOGOUT"]
	time.Sleep(4 * time.Second)
	if after := w.proxy.Snapshot().Commands["LOGOUT"]; after > logouts {
		t.Error("there is garbage of 400 MiB and nothing else, and the account has to rest")
	}
	if _, err := n.Login(t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: ben, Password: password, Host: host}); err != nil {
		t.Errorf("and nobody may log in: %v", err)
	}
}

// Somebody logs out while a page is being made: afterwards nothing of the account
// is kept, and the session gets no answer.
func TestLogoutDuringAQuestion(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.Account.Watch = -1 })
	session := w.login(n, ana)
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Fatal(err)
	}
	w.proxy.Hang()
	done := make(chan error, 1)
	go func() { // ends with the question
		_, err := w.inbox(n, session, nil)
		done <- err
	}()
	time.Sleep(200 * time.Millisecond)
	if _, err := n.Logout(t.Context(), &api.Call{RequestID: "r", Session: session}, &api.LogoutQuestion{}); err != nil {
		t.Fatal(err)
	}
	w.proxy.Unhang()
	err := <-done
	status, _ := n.Status(t.Context(), &api.Call{RequestID: "r"}, &api.StatusQuestion{})
	if code(err) != api.CodeAuthExpired || status.Accounts != 0 {
		t.Errorf("after the logout, the question was answered with %v, and %d account is kept", err, status.Accounts)
	}
}

// TestLogoutEverywhere ends all sessions of an account, on a node too that has not
// heard of it; a new login works at once.
func TestLogoutEverywhere(t *testing.T) {
	w := newWorld(t)
	keeping := func(c *node.Config) { c.Account.Watch, c.Account.SettingsFolder = -1, "AlphaMail" }
	n, other := w.node("one", fixed{"one", "two"}, keeping), w.node("two", fixed{"two", "one"}, keeping)
	own, lost := w.login(n, ana), w.login(n, ana)
	for _, session := range []api.Session{own, lost} {
		if _, err := w.inbox(n, session, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Logout(t.Context(), &api.Call{RequestID: "r", Session: own}, &api.LogoutQuestion{Everywhere: true}); err != nil {
		t.Fatal(err)
	}
	for _, session := range []api.Session{own, lost} {
		if _, err := w.inbox(n, session, nil); code(err) != api.CodeAuthExpired {
			t.Errorf("the node that was asked: %v", err)
		}
	}
	if _, err := w.inbox(other, lost, nil); code(err) != api.CodeAuthExpired {
		t.Errorf("the other node: %v", err)
	}
	fresh := w.login(n, ana)
	for _, one := range []*node.Node{n, other} {
		if _, err := w.inbox(one, fresh, nil); err != nil {
			t.Errorf("a new session: %v", err)
		}
	}
}
