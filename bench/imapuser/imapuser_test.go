package imapuser_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench/fill"
	"alphamail/bench/imapuser"
	"alphamail/bench/inventory"
	"alphamail/bench/load"
	"alphamail/bench/profile"
	"alphamail/bench/script"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCostOfAClick counts what passes between each mode and the server.
func TestCostOfAClick(t *testing.T) {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.Fill(fill.Marked(mailgen.New(1, time.Now()).Folder("INBOX", 300)), "ana"); err != nil {
		t.Fatal(err)
	}
	proxy, err := testbed.StartProxy(server.IMAPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	target := inventory.Server{Address: proxy.Addr()}
	boxes, err := inventory.Read(t.Context(), inventory.Config{Server: target, Accounts: []inventory.Account{{User: "ana", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	clickList, err := profile.Load("click-list")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode                       imapuser.Mode
		connections, logins, opens int     // per click, but for the first
		least, most                float64 // commands a click
	}{
		{imapuser.Relogin, 1, 1, 1, 1, 6},
		{imapuser.Proxy, 0, 0, 1, 1, 4},
		{imapuser.Client, 0, 0, 0, 1, 3},
		{imapuser.Webcache, 0, 0, 0, .5, 1.5},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			account := script.NewAccount(inventory.Account{User: "ana", Password: "secret"}, boxes[0])
			asked := clickList
			if lacks := imapuser.Lacks(c.mode); len(lacks) > 0 {
				asked, _ = clickList.Without(lacks...)
			}
			users, err := imapuser.New(imapuser.Config{Mode: c.mode, Server: target, Accounts: []*script.Account{account}, Profile: asked})
			if err != nil {
				t.Fatal(err)
			}
			defer users.Close()
			user := users.Arrive(0)
			defer user.Leave()
			click := func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if name, err := user.Click(ctx); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			click() // logs in
			click() // selects, in those modes that keep it
			const clicks = 40
			before := proxy.Snapshot()
			for range clicks {
				click()
			}
			counts := proxy.Snapshot().Sub(before)
			commands := 0
			for _, n := range counts.Commands {
				commands += n
			}
			if counts.Connections != c.connections*clicks || counts.Logins != c.logins*clicks || counts.Commands["EXAMINE"] != c.opens*clicks {
				t.Errorf("%d clicks cost %+v", clicks, counts)
			}
			if a := float64(commands) / clicks; a > c.most || a < c.least {
				t.Errorf("%d clicks cost %d commands: %v", clicks, commands, counts.Commands)
			}
			for name := range counts.Commands {
				if strings.Contains(name, "STORE") || name == "SELECT" {
					t.Errorf("a load that only reads says %s", name)
				}
			}
		})
	}
}

func TestRefusedLoginsEndTheirSessions(t *testing.T) {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	clickList, _ := profile.Load("click-list")
	users, err := imapuser.New(imapuser.Config{
		Mode: imapuser.Client, Server: inventory.Server{Address: server.IMAPAddr()}, Profile: clickList,
		Accounts: []*script.Account{script.NewAccount(inventory.Account{User: "ana", Password: "wrong"}, nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := load.Run(t.Context(), load.Config{Sessions: 20, Clicks: 5, Think: load.Think{Mean: time.Millisecond}, Duration: time.Second}, users)
	if err != nil {
		t.Fatal(err)
	}
	login := result.Clicks["login"]
	if len(result.Clicks) != 1 || login.Errors == 0 || login.Errors != login.Reasons["the login was refused"] {
		t.Errorf("%v: %+v", result.Names(), login)
	}
}
