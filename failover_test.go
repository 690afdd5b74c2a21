//go:build unix

package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
)

// TestNodesThatHang stops the processes of nodes without ending them. Whoever
// waited for their deadline would see an error page.
func TestNodesThatHang(t *testing.T) {
	members, front, browser := clusterInUse(t)
	inbox := front + "/mail/INBOX"

	owner := agreedOwner(t, members, 3)
	hang(t, members[owner])
	browser.open(inbox)
	browser.open(inbox)
	second := servedBy(t, members["front-1"])
	if second == owner || second == "" {
		t.Fatalf("%s hangs, and %q answered", owner, second)
	}
	hang(t, members[second])
	browser.open(inbox)
	if third := servedBy(t, members["front-1"]); third == owner || third == second {
		t.Errorf("%s and %s hang, and %s answered", owner, second, third)
	}

	for _, name := range []string{owner, second} {
		if err := members[name].cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	if back := agreedOwner(t, members, 3); back != owner {
		t.Errorf("all nodes are back, and %s owns the account, not %s", back, owner)
	}
	browser.open(inbox)
}

// TestRollingRestart drains and starts every member in turn while somebody reads:
// every click is answered.
func TestRollingRestart(t *testing.T) {
	members, front, browser := clusterInUse(t)
	stop, clicks := make(chan struct{}), make(chan int)
	go func() { // ended by stop
		count := 0
		for {
			select {
			case <-stop:
				clicks <- count
				return
			default:
				if page, err := browser.get(front + "/mail/INBOX"); err != nil || page.status != http.StatusOK {
					t.Errorf("click %d: status %d, %v", count, page.status, err)
				}
				count++
			}
		}
	}()
	for _, name := range []string{"node-1", "node-2", "node-3", "front-2"} {
		said, err := output(t, t.Context(), "drain", "--config", members[name].config)
		if err != nil || !strings.Contains(said, name+" has stopped") {
			t.Errorf("drain of %s: %v, %s", name, err, said)
		}
		members[name].stop()
		members[name].start(t)
		agreedOwner(t, members, 3)
	}
	close(stop)
	if count := <-clicks; count < 20 {
		t.Errorf("there were %d clicks only", count)
	}
}

// clusterInUse is a cluster with a real Dovecot, and somebody who has logged in
// at the first frontend.
func clusterInUse(t *testing.T) (members map[string]*clusterMember, front string, browser *visitor) {
	t.Helper()
	need.Dovecot(t)
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}, Separator: "/"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dovecot.Stop() })
	if err := dovecot.Fill(ana, mailgen.New(1, time.Now()).Inbox(100)); err != nil {
		t.Fatal(err)
	}
	members = cluster(t, dovecot.IMAPAddr())
	for _, one := range members {
		one.start(t)
	}
	agreedOwner(t, members, 3)
	browser, front = newVisitor(t), "http://"+members["front-1"].web
	browser.logIn(front, ana, anaPassword)
	return members, front, browser
}

func hang(t *testing.T, one *clusterMember) {
	t.Helper()
	if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.cmd.Process.Signal(syscall.SIGCONT) })
}

// servedBy is the node that answered the last page, as the frontend's log says.
func servedBy(t *testing.T, front *clusterMember) (node string) {
	t.Helper()
	for line := range strings.Lines(front.output.String()) {
		if strings.Contains(line, "msg=request") {
			if _, rest, ok := strings.Cut(line, " node="); ok {
				node, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
			}
		}
	}
	return node
}
