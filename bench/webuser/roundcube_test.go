package webuser_test

import (
	"testing"
	"time"

	"alphamail/bench/fill"
	"alphamail/bench/inventory"
	"alphamail/bench/script"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/bench/webuser"
)

// TestRoundcubeShowsWhatTheMailServerHolds lets users do everything that the
// click list has in the real product.
func TestRoundcubeShowsWhatTheMailServerHolds(t *testing.T) {
	need.Dovecot(t)
	need.Roundcube(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if err := server.Fill("ana", fill.Marked(mailgen.New(1, time.Now()).Folder("INBOX", 320))); err != nil {
		t.Fatal(err)
	}
	known := inventory.Account{User: "ana", Password: "secret"}
	wrong := inventory.Account{User: "ana", Password: "guessed"}
	boxes, err := inventory.Read(t.Context(), inventory.Config{Server: inventory.Server{Address: server.IMAPAddr()}, Accounts: []inventory.Account{known, wrong}})
	if err != nil {
		t.Fatal(err)
	}
	for name, cache := range map[string]bool{"without a cache": false, "with a cache": true} {
		t.Run(name, func(t *testing.T) {
			roundcube, err := testbed.StartRoundcube(testbed.RoundcubeConfig{IMAP: server.IMAPAddr(), Cache: cache, Workers: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer roundcube.Stop()
			users := newUsers(t, webuser.Config{
				Driver: "roundcube", URL: roundcube.URL(),
				Accounts: []*script.Account{script.NewAccount(known, boxes[0]), script.NewAccount(wrong, boxes[1])},
			})
			user := users.Arrive(0)
			defer user.Leave()
			seen := map[string]int{}
			for range 60 {
				seen[click(t, user)]++
			}
			for _, kind := range []string{"login", "list page 1", "list page 5", "open", "search"} {
				if seen[kind]+seen[kind+", new"] == 0 {
					t.Errorf("nobody clicked %q: %v", kind, seen)
				}
			}
			if t.Failed() {
				t.Log(roundcube.Log())
			}
			refused := users.Arrive(1)
			defer refused.Leave()
			if _, err := tryClick(t, refused); reason(err) != "the login was refused" {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}
