package node_test

import (
	"bytes"
	"testing"
	"time"

	"alphamail/node"
	"alphamail/node/api"
	"alphamail/node/seal"
)

// credential opens a seal as a node would.
func (w *world) credential(session api.Session) seal.Credential {
	w.t.Helper()
	credential, err := w.keyring.Open(seal.Binding{Cluster: "c", Host: session.Host, Account: session.Account, SessionID: session.ID}, session.Seal, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return credential
}

func (w *world) renew(n api.Service, session api.Session) (*api.LoginAnswer, error) {
	return n.Renew(w.t.Context(), &api.Call{RequestID: "r", Session: session}, &api.RenewQuestion{})
}

// resealed is the session as if its seal had been made at a time for a login then.
func (w *world) resealed(session api.Session, login, expires time.Time) api.Session {
	w.t.Helper()
	var err error
	session.Seal, err = w.keyring.Seal(seal.Binding{Cluster: "c", Host: session.Host, Account: session.Account, SessionID: session.ID},
		seal.Credential{Password: password, Issued: login, Expires: expires})
	if err != nil {
		w.t.Fatal(err)
	}
	return session
}

func TestRenewal(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.SessionIdle, c.SessionLifetime = time.Hour, 10*time.Hour })
	fresh := w.login(n, ana)
	now := time.Now().Truncate(time.Second)
	for name, test := range map[string]struct {
		login, expires time.Time
		lasts          time.Duration // from now; 0 if it is refused
		again          bool          // to be renewed once more
	}{
		"in use":             {now.Add(-2 * time.Hour), now.Add(time.Minute), time.Hour, true},
		"near its end":       {now.Add(-9*time.Hour - 30*time.Minute), now.Add(time.Minute), 30 * time.Minute, false},
		"idle for too long":  {now.Add(-2 * time.Hour), now.Add(-time.Second), 0, false},
		"of longer sessions": {now.Add(-11 * time.Hour), now.Add(time.Hour), 0, false},
	} {
		old := w.resealed(fresh, test.login, test.expires)
		renewed, err := w.renew(n, old)
		if test.lasts == 0 {
			if code(err) != api.CodeAuthExpired {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		credential := w.credential(renewed.Session)
		if lasts := credential.Expires.Sub(now); lasts < test.lasts || lasts > test.lasts+time.Minute {
			t.Errorf("%s: lasts %v, not %v", name, lasts, test.lasts)
		}
		if !credential.Issued.Equal(test.login) || renewed.Session.ID != fresh.ID || credential.Expires.Sub(renewed.Expires).Abs() > time.Second {
			t.Errorf("%s: %+v, %+v", name, credential, renewed)
		}
		if again := !renewed.Renew.IsZero(); again != test.again {
			t.Errorf("%s: to be renewed again: %v", name, again)
		}
	}
}

// TestLogoutEndsRenewedCopies ends a session of which somebody has a copy that was
// renewed later: both are refused as long as any seal of it would last.
func TestLogoutEndsRenewedCopies(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, func(c *node.Config) { c.SessionIdle, c.SessionLifetime = time.Hour, 10*time.Hour })
	session := w.resealed(w.login(n, ana), time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
	copied, err := w.renew(n, session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Logout(t.Context(), &api.Call{RequestID: "r", Session: session}, &api.LogoutQuestion{}); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]api.Session{"the session": session, "the copy": copied.Session} {
		if _, err := w.inbox(n, one, nil); code(err) != api.CodeAuthExpired {
			t.Errorf("%s opens the inbox: %v", name, err)
		}
		if _, err := w.renew(n, one); code(err) != api.CodeAuthExpired {
			t.Errorf("%s is renewed: %v", name, err)
		}
	}
}

// TestKeysChangeWithoutALogout takes a new key into use and later the old one away.
func TestKeysChangeWithoutALogout(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{"one", "two"}, nil)
	old, fresh := bytes.Repeat([]byte{1}, seal.KeySize), bytes.Repeat([]byte{2}, seal.KeySize)
	use := func(keys ...[]byte) {
		keyring, err := seal.NewKeyring(keys...)
		if err != nil {
			t.Fatal(err)
		}
		n.SetKeyring(keyring)
		w.keyring = keyring
	}
	session := w.login(n, ana)
	use(old, fresh)
	if renewed, err := w.renew(n, session); err != nil {
		t.Fatal(err)
	} else {
		session = renewed.Session
	}
	use(fresh, old)
	if _, err := w.inbox(n, session, nil); err != nil {
		t.Fatalf("with a new key in use: %v", err)
	}
	renewed, err := w.renew(n, session)
	if err != nil {
		t.Fatal(err)
	}
	use(fresh)
	if _, err := w.inbox(n, renewed.Session, nil); err != nil {
		t.Errorf("the old key is gone: %v", err)
	}
	if _, err := w.inbox(n, session, nil); code(err) != api.CodeAuthExpired {
		t.Errorf("a seal of a key that is gone: %v", err)
	}
}
