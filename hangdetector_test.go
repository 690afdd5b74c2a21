package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"alphamail/ring"
)

// TestWhatHangs lets rounds be judged: + is an answer, - none; the mail server first,
// then node a and node b.
func TestWhatHangs(t *testing.T) {
	for name, test := range map[string]struct {
		rounds string
		want   string
	}{
		"nothing":                             {"+++ +++ +++ +++", ""},
		"a hiccup":                            {"+-+ +++ +-+ +-+ +++", ""},
		"a node that hangs":                   {"+-+ +-+ +-+", "restart a|mail The node a does not answer"},
		"one that hangs on":                   {"+-+ +-+ +-+ +-+ +-+ +-+ +-+", "restart a|mail The node a does not answer"},
		"one that hangs again much later":     {"+-+ +-+ +-+ ... ... +-+ +-+ +-+", "restart a|mail The node a does not answer|restart a"},
		"all hang: one after the other":       {"+-- +-- +-- +--", "restart a|mail The node a does not answer|restart b|mail The node b does not answer"},
		"the mail server is away":             {"--- --- --- ---", "mail The mail server does not answer"},
		"it comes back":                       {"--- --- --- +++ +++", "mail The mail server does not answer|mail The mail server answers again"},
		"it was away for a moment":            {"--- --- +++", ""},
		"nodes are not blamed for it":         {"+-- --- --- --- +-+ +++", "mail The mail server does not answer|mail The mail server answers again"},
		"it comes and goes: one mail an hour": {"--- --- --- +++ --- --- --- +++", "mail The mail server does not answer|mail The mail server answers again"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var did []string
				d := &hangDetector{
					failures: 3, log: slog.New(slog.DiscardHandler), failed: map[string]int{}, restarted: map[string]time.Time{}, mailed: map[string]time.Time{},
					restart: func(node string) error { did = append(did, "restart "+node); return nil },
					mail:    func(subject, _ string) error { did = append(did, "mail "+subject); return nil },
				}
				for _, signs := range strings.Fields(test.rounds) {
					if signs == "..." {
						time.Sleep(15 * time.Minute)
						continue
					}
					answer := func(i int) error {
						if signs[i] == '-' {
							return errors.New("no answer")
						}
						return nil
					}
					d.judge(round{answer(0), map[string]error{"a": answer(1), "b": answer(2)}})
					time.Sleep(15 * time.Second)
				}
				if got := strings.Join(did, "|"); got != test.want {
					t.Errorf("it did %q, not %q", got, test.want)
				}
			})
		})
	}
}

// TestWhoVanished follows nodes that come and go.
func TestWhoVanished(t *testing.T) {
	node := func(name string, state ring.State) ring.Member {
		return ring.Member{Name: name, Role: ring.RoleNode, State: state}
	}
	frontend := ring.Member{Name: "f", Role: ring.RoleFrontend, State: ring.StateActive}
	c := &canary{}
	for i, step := range []struct {
		members          []ring.Member
		vanished, active string
	}{
		{[]ring.Member{node("a", ring.StateActive), node("b", ring.StateJoining), frontend}, "[]", "[a]"},
		{[]ring.Member{node("a", ring.StateActive), node("b", ring.StateActive), frontend}, "[]", "[a b]"},
		{[]ring.Member{node("a", ring.StateActive)}, "[b]", "[a]"},
		{nil, "[]", "[a]"}, // our own member says nothing
		{[]ring.Member{node("a", ring.StateDraining)}, "[b]", "[]"},
		{[]ring.Member{node("b", ring.StateActive)}, "[]", "[b]"},
	} {
		vanished := c.follow(step.members)
		var active []string
		for _, member := range c.active {
			active = append(active, member.Name)
		}
		slices.Sort(active)
		if fmt.Sprint(vanished) != step.vanished || fmt.Sprint(active) != step.active {
			t.Errorf("step %d: vanished %v, active %v", i, vanished, active)
		}
	}
}

// TestTheHangDetector watches a cluster of which a node is stopped, and its mail
// server afterwards.
func TestTheHangDetector(t *testing.T) {
	t.Parallel() // it mostly waits
	server := mailServer(t)
	members := cluster(t, server.IMAPAddr())
	for _, one := range members {
		one.start(t)
	}
	agreedOwner(t, members, 3)
	dir := t.TempDir()
	password := writeFile(t, dir, "password", anaPassword+"\n")
	start(t, "hang-detector", "hang-detector", "--config", members["node-1"].config, "--user", "ana@example.edu", "--password-file", password,
		"--interval", "500ms", "--timeout", "2s", "--failures", "2",
		"--restart", "echo $ALPHAMAIL_NODE >>"+dir+"/restarted", "--mail-to", "admin@example.edu", "--mail-command", "cat >>"+dir+"/mail")
	has := func(name, words string) {
		t.Helper()
		eventually(t, words+" is in "+name, func() error {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil && !strings.Contains(string(data), words) {
				err = fmt.Errorf("it has %q", data)
			}
			return err
		})
	}
	time.Sleep(2 * time.Second)
	for _, name := range []string{"restarted", "mail"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			t.Fatalf("nothing hangs, and %s says %q", name, data)
		}
	}
	hanging := members["node-2"].cmd.Process
	if err := hanging.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hanging.Signal(syscall.SIGCONT) })
	has("restarted", "node-2\n")
	has("mail", "Subject: The node node-2 does not answer")
	hanging.Signal(syscall.SIGCONT)
	server.Close()
	has("mail", "Subject: The mail server does not answer")
	if data, err := os.ReadFile(filepath.Join(dir, "restarted")); err != nil || string(data) != "node-2\n" {
		t.Errorf("restarted: %q, %v", data, err)
	}
}
