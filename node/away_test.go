package node_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// TestADeadMailServerDelaysNobodyElse lets one of two mail servers hang: users
// of the other do not notice, and soon nobody waits for the dead one.
func TestADeadMailServerDelaysNobodyElse(t *testing.T) {
	w := newWorld(t)
	alive, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { alive.Close() })
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) {
		c.Domains = append(c.Domains, node.Domain{
			Name: "example.org", Backend: account.Backend{Options: imapconn.Options{Address: alive.IMAPAddr(), Security: imapconn.Plain}},
		})
		c.Account.DialTimeout = time.Second
		c.Gate = account.GateConfig{Failures: 4, MaxPause: time.Second}
	})
	login := func(user string) error {
		_, err := n.Login(t.Context(), &api.Call{RequestID: "r"}, &api.LoginQuestion{Account: user, Password: password, Host: host})
		return err
	}
	w.proxy.Hang()
	waiting, done := make(chan error, 10), make(chan struct{})
	var users sync.WaitGroup
	for i := range 10 {
		users.Go(func() { waiting <- login(fmt.Sprintf("user%d@example.edu", i)) })
	}
	go func() { // ends with the users
		users.Wait()
		close(done)
	}()
	if err := login("ana@example.org"); err != nil {
		t.Errorf("at the other mail server: %v", err)
	}
	select {
	case <-done:
		t.Error("the other mail server was waited for until the dead one had been given up")
	default:
	}
	<-done
	for range 10 {
		if err := <-waiting; code(err) != api.CodeBackendDown && code(err) != api.CodeDeadline {
			t.Errorf("at the dead mail server: %v", err)
		}
	}
	before := w.proxy.Snapshot().Connections
	if err := login(ana); code(err) != api.CodeBackendDown {
		t.Errorf("when it is known to be dead: %v", err)
	}
	if after := w.proxy.Snapshot().Connections; after != before {
		t.Error("the dead mail server was asked again at once")
	}
	w.proxy.Unhang()
	deadline := time.Now().Add(20 * time.Second)
	for err = login(ana); err != nil && time.Now().Before(deadline); err = login(ana) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("after it came back: %v", err)
	}
}
