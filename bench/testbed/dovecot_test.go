package testbed_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func startDovecot(t *testing.T, config testbed.DovecotConfig) *testbed.Dovecot {
	t.Helper()
	need.Dovecot(t)
	config.Users = []testbed.User{{Name: "robin", Password: "secret"}, {Name: "kim", Password: "other % horse"}}
	d, err := testbed.StartDovecot(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestDovecotServesAllGeneratedMail(t *testing.T) {
	for _, tt := range []struct{ separator, prefix string }{{"/", ""}, {".", ""}, {".", "INBOX."}} {
		t.Run(tt.separator+tt.prefix, func(t *testing.T) {
			d := startDovecot(t, testbed.DovecotConfig{Separator: tt.separator, Prefix: tt.prefix})
			byBox := map[string][]mailgen.Message{}
			for m := range mailgen.New(9, now).Account(300) {
				byBox[m.Mailbox] = append(byBox[m.Mailbox], m)
			}
			if err := d.Fill("robin", mailgen.New(9, now).Account(300)); err != nil {
				t.Fatal(err)
			}
			c := login(t, d.IMAPAddr(), "robin@example.edu", "secret")
			boxes := mailboxes(t, c)
			for name, want := range byBox {
				onServer := strings.ReplaceAll(name, "/", tt.separator)
				if name != "INBOX" {
					onServer = tt.prefix + onServer
				}
				if boxes[onServer] == nil {
					t.Errorf("no mailbox %q", onServer)
					continue
				}
				checkDovecotMailbox(t, c, onServer, want)
			}
			if a := boxes[tt.prefix+"Sent"]; a == nil || !slices.Contains(a.Attrs, imap.MailboxAttrSent) {
				t.Errorf("Sent is listed as %+v", a)
			}
			for line := range strings.Lines(d.Log()) {
				if strings.Contains(line, "Error") || strings.Contains(line, "Warning") {
					t.Errorf("log: %s", line)
				}
			}
		})
	}
}

func checkDovecotMailbox(t *testing.T, c *imapclient.Client, name string, want []mailgen.Message) {
	t.Helper()
	if _, err := c.Select(name, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	got, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
		Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{whole},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d messages, want %d", name, len(got), len(want))
	}
	for i, m := range got {
		flags := slices.Sorted(slices.Values(m.Flags))
		flags = slices.DeleteFunc(flags, func(f imap.Flag) bool { return f == `\Recent` })
		if w := want[i]; string(m.FindBodySection(whole)) != string(w.Raw) || !m.InternalDate.Equal(w.Date) || !slices.Equal(flags, slices.Sorted(slices.Values(w.Flags))) {
			t.Errorf("%s: message %d differs: date %v, want %v; flags %v, want %v", name, i, m.InternalDate, w.Date, flags, w.Flags)
		}
	}
}

func TestDovecotTLS(t *testing.T) {
	d := startDovecot(t, testbed.DovecotConfig{})
	options := &imapclient.Options{TLSConfig: clientTLS(d.Certificate())}
	for name, connect := range map[string]func() (*imapclient.Client, error){
		"STARTTLS": func() (*imapclient.Client, error) { return imapclient.DialStartTLS(d.IMAPAddr(), options) },
		"implicit": func() (*imapclient.Client, error) { return imapclient.DialTLS(d.IMAPSAddr(), options) },
	} {
		c, err := connect()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := c.Login("kim", "other % horse").Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// TestDovecotFailedLoginIsFast compares with the same server at its defaults.
func TestDovecotFailedLoginIsFast(t *testing.T) {
	failing := func(d *testbed.Dovecot) time.Duration {
		begin := time.Now()
		if err := dial(t, d.IMAPAddr()).Login("robin", "wrong").Wait(); err == nil {
			t.Error("a wrong password was accepted")
		}
		return time.Since(begin)
	}
	quick := startDovecot(t, testbed.DovecotConfig{})
	slow := startDovecot(t, testbed.DovecotConfig{Extra: "auth_failure_delay = 2 secs"})
	failing(quick)
	failing(quick)
	if a, b := failing(quick), failing(slow); a*2 > b {
		t.Errorf("a failed login takes %v, and %v at the default delay", a, b)
	}
}

func TestDovecotComesBack(t *testing.T) {
	d := startDovecot(t, testbed.DovecotConfig{})
	if err := d.Fill("robin", mailgen.New(1, now).Inbox(30)); err != nil {
		t.Fatal(err)
	}
	imapAddr := d.IMAPAddr()
	c := login(t, imapAddr, "robin", "secret")
	before, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	for name, again := range map[string]func() error{
		"restart": d.Restart,
		"crash": func() error {
			if err := d.Kill(); err != nil {
				return err
			}
			return d.Up()
		},
	} {
		if err := again(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.Noop().Wait(); err == nil {
			t.Errorf("%s: a connection survived", name)
		}
		if d.IMAPAddr() != imapAddr {
			t.Errorf("%s: the port changed", name)
		}
		c = login(t, imapAddr, "robin", "secret")
		after, err := c.Select("INBOX", nil).Wait()
		if err != nil || after.NumMessages != 30 || after.UIDValidity != before.UIDValidity || after.UIDNext != before.UIDNext {
			t.Errorf("%s: %+v, %v; before %+v", name, after, err, before)
		}
	}
}

func TestDovecotLeavesNothing(t *testing.T) {
	need.Dovecot(t)
	// A folder of our own for temporary ones, open to the mail user.
	tmp, err := os.MkdirTemp("", "leaves-nothing-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	for _, end := range []string{"stop", "kill", "suspended"} {
		d := startDovecot(t, testbed.DovecotConfig{})
		login(t, d.IMAPAddr(), "robin", "secret")
		pids := d.Processes()
		if len(pids) < 4 { // master, anvil, log, login, imap …
			t.Fatalf("processes: %v", pids)
		}
		switch end {
		case "kill":
			if err := d.Kill(); err != nil {
				t.Error(err)
			}
		case "suspended":
			d.Suspend()
		}
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
		for _, pid := range pids {
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && strings.Contains(string(name), "dovecot") {
				t.Errorf("%s: process %d is left: %s", end, pid, name)
			}
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
			t.Errorf("%s: files are left: %v, %v", end, left, err)
		}
	}
}

func TestDovecotSuspend(t *testing.T) {
	d := startDovecot(t, testbed.DovecotConfig{})
	c := login(t, d.IMAPAddr(), "robin", "secret")
	d.Suspend()
	answered := make(chan error, 1)
	noop := c.Noop()
	go func() { answered <- noop.Wait() }()
	select {
	case err := <-answered:
		t.Errorf("it answered while it was suspended: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	d.Resume()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// TestDovecotManyConnections goes beyond the default of 100 login processes
// and ten connections for each user and address.
func TestDovecotManyConnections(t *testing.T) {
	d := startDovecot(t, testbed.DovecotConfig{})
	for range 130 {
		login(t, d.IMAPAddr(), "robin", "secret")
	}
}

func TestDovecotConfig(t *testing.T) {
	users := []testbed.User{{Name: "robin", Password: "x"}}
	for _, config := range []testbed.DovecotConfig{
		{},
		{Users: []testbed.User{{Name: "a:b", Password: "x"}}},
		{Users: []testbed.User{{Name: "../a", Password: "x"}}},
		{Users: []testbed.User{{Name: "a", Password: "x:y"}}},
		{Users: users, Separator: "\\"},
		{Users: users, MaxConnections: -1},
	} {
		if err := config.Validate(); err == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}
