package node_test

import (
	"fmt"
	"testing"
	"time"

	"alphamail/node"
	"alphamail/node/api"
)

// try logs in from an address.
func (w *world) try(n api.Service, user, secret, address string) error {
	_, err := n.Login(w.t.Context(), &api.Call{RequestID: "r", ClientAddress: address}, &api.LoginQuestion{Account: user, Password: secret, Host: host})
	return err
}

func wait(err error) time.Duration {
	if failure := api.AsError(err); failure != nil && failure.Code == api.CodeThrottled {
		return failure.RetryAfter
	}
	return 0
}

// TestGuessingIsSlow guesses a password from one address: after a few tries that one
// has to wait, whatever it says, and the mail server hears nothing of it. The user,
// who sits elsewhere, does not notice.
func TestGuessingIsSlow(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.FreeAttempts = 3 })
	const guesser = "192.0.2.66"
	for i := range 4 {
		if err := w.try(n, ana, fmt.Sprint("guess", i), guesser); code(err) != api.CodeAuthFailed {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	before := w.proxy.Snapshot()
	for _, secret := range []string{"another guess", password} {
		if delay := wait(w.try(n, ana, secret, guesser)); delay <= 0 || delay > time.Second {
			t.Errorf("%q waits %v", secret, delay)
		}
	}
	if cost := w.proxy.Snapshot().Sub(before); cost.Connections != 0 {
		t.Errorf("the mail server was asked %d times", cost.Connections)
	}
	if err := w.try(n, ana, password, "192.0.2.1"); err != nil {
		t.Errorf("the user, elsewhere: %v", err)
	}
	if err := w.try(n, ben, password, guesser); err != nil {
		t.Errorf("somebody else at that address: %v", err)
	}
	time.Sleep(time.Second + 50*time.Millisecond)
	if err := w.try(n, ana, "one more", guesser); code(err) != api.CodeAuthFailed {
		t.Errorf("after the wait: %v", err)
	}
	if delay := wait(w.try(n, ana, password, guesser)); delay <= time.Second || delay > 2*time.Second {
		t.Errorf("the next wait is %v, not longer than the first", delay)
	}
}

// TestASuccessEndsTheCount forgets typing errors.
func TestASuccessEndsTheCount(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.FreeAttempts = 3 })
	for range 3 {
		for range 3 {
			if err := w.try(n, ana, "wrogn", "192.0.2.1"); code(err) != api.CodeAuthFailed {
				t.Fatal(err)
			}
		}
		if err := w.try(n, ana, password, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGuessingFromManyAddresses is slow as well, only later.
func TestGuessingFromManyAddresses(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.FreeAttempts = 1 })
	for i := range 11 {
		if err := w.try(n, ana, "guess", fmt.Sprintf("192.0.2.%d", i)); code(err) != api.CodeAuthFailed {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if delay := wait(w.try(n, ana, "guess", "192.0.2.100")); delay <= 0 {
		t.Error("an eleventh address does not wait")
	}
}

// TestAMailServerThatIsAwayIsNoGuess counts only passwords that were refused.
func TestAMailServerThatIsAwayIsNoGuess(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.FreeAttempts = 1 })
	w.proxy.Close()
	for range 5 {
		if err := w.try(n, ana, password, "192.0.2.1"); code(err) == api.CodeThrottled {
			t.Fatal("who cannot log in because the mail server is away has to wait")
		}
	}
}

func TestAddressesAreCounted(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.FreeAttempts = 1 })
	attempt := func(address string, failed bool) error {
		_, err := n.Attempt(t.Context(), &api.Call{RequestID: "r"}, &api.AttemptQuestion{Address: address, Failed: failed})
		return err
	}
	for range 21 {
		if err := attempt("2001:db8::1", false); err != nil {
			t.Fatal(err)
		}
		if err := attempt("2001:db8::1", true); err != nil {
			t.Fatal(err)
		}
	}
	if delay := wait(attempt("2001:db8::ffff", false)); delay <= 0 {
		t.Error("another address of the same network does not wait")
	}
	if err := attempt("2001:db8:0:1::1", false); err != nil {
		t.Errorf("another network: %v", err)
	}
	if err := attempt("nonsense", false); code(err) != api.CodeInvalid {
		t.Errorf("no address: %v", err)
	}
	elsewhere := w.node("one", fixed{"two", "one"}, nil)
	if _, err := elsewhere.Attempt(t.Context(), &api.Call{RequestID: "r"}, &api.AttemptQuestion{Address: "192.0.2.1"}); code(err) != api.CodeNotOwner {
		t.Errorf("at a node that does not own the address: %v", err)
	}
}
