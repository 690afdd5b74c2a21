package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
)

// clusterMember is one process of a test cluster.
type clusterMember struct {
	*program
	build                          *build
	name, role, config, admin, web string
	inside                         []string // words before the command, such as those that name a host
	state                          string   // directory of its own disk, if it has one
}

// cluster writes the configuration of three nodes and two frontends of one
// cluster on loopback, with more lines for all. Mailboxes of the mail server have
// slashes between levels, unless its address says otherwise in brackets.
func cluster(t testing.TB, imapServer string, more ...string) map[string]*clusterMember {
	t.Helper()
	dir := t.TempDir()
	if !strings.HasSuffix(imapServer, "]") {
		imapServer += "[/]"
	}
	members := map[string]*clusterMember{}
	gossip := map[string]string{}
	for _, name := range []string{"node-1", "node-2", "node-3", "front-1", "front-2"} {
		gossip[name] = freeAddress(t)
	}
	for name := range gossip {
		role, _, _ := strings.Cut(name, "-")
		if role == "front" {
			role = "frontend"
		}
		one := &clusterMember{build: raced, name: name, role: role, admin: freeAddress(t), web: freeAddress(t)}
		one.config = writeFile(t, dir, name+".yaml", fmt.Sprintf(`imap_servers: example.edu=%s
listen: %s
admin_listen: %s
state_dir: %s
cluster:
  name: %s
  gossip_listen: %s
  api_listen: %s
  drain_notice: 0s
  join: [%s, %s, %s]
`, imapServer, one.web, one.admin, dir+"/state", name, gossip[name], freeAddress(t), gossip["node-1"], gossip["node-2"], gossip["node-3"])+strings.Join(more, ""))
		members[name] = one
	}
	return members
}

func (m *clusterMember) start(t testing.TB) {
	words := append(slices.Clone(m.inside), m.build.program(t), "serve", "--config", m.config, "--role", m.role)
	m.program = startCommand(t, m.name, words)
}

// status is what `alphamail status --json` says.
func (m *clusterMember) status(t testing.TB, account string) (clusterStatus, error) {
	t.Helper()
	var report clusterStatus
	out, err := output(t, t.Context(), "status", "--config", m.config, "--account", account, "--json")
	if start := strings.IndexByte(out, '{'); start >= 0 {
		if err := json.Unmarshal([]byte(out[start:]), &report); err != nil {
			return report, fmt.Errorf("%w in %s", err, out)
		}
	}
	if err != nil {
		return report, fmt.Errorf("%w: %s", err, out)
	}
	return report, nil
}

const (
	ana         = "ana"
	anaAccount  = "ana@example.edu"
	anaPassword = "correct horse"
)

// agreedOwner waits until every member names the same owner of Ana's account.
func agreedOwner(t testing.TB, members map[string]*clusterMember, nodes int) string {
	t.Helper()
	var owner string
	eventually(t, "every member names the same owner", func() error {
		owner = ""
		for _, one := range members {
			report, err := one.status(t, anaAccount)
			if err != nil {
				return err
			}
			if !report.Agree || len(report.Nodes) != nodes {
				return fmt.Errorf("%s: agree %v, %d nodes", one.name, report.Agree, len(report.Nodes))
			}
			if owner == "" {
				owner = report.View.Owner
			}
			if report.View.Owner != owner || owner == "" {
				return fmt.Errorf("%s names %q, another %q", one.name, report.View.Owner, owner)
			}
			for _, node := range report.Nodes {
				if node.Owner != owner {
					return fmt.Errorf("%s names %q, %s %q", node.Node, node.Owner, one.name, owner)
				}
			}
		}
		return nil
	})
	return owner
}

// TestClusterStartsInAnyOrder starts real processes against a real Dovecot in
// several orders, the mail server last, moves a session from one frontend to
// the other, and kills the node that owns it.
func TestClusterStartsInAnyOrder(t *testing.T) {
	orders := map[string][]string{
		"nodes first":     {"node-1", "node-2", "node-3", "front-1", "front-2"},
		"frontends first": {"front-1", "front-2", "node-1", "node-2", "node-3"},
		"backwards":       {"front-2", "front-1", "node-3", "node-2", "node-1"},
		"mixed":           {"node-2", "front-1", "node-3", "front-2", "node-1"},
		"seeds last":      {"front-1", "node-3", "front-2", "node-2", "node-1"},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			need.Dovecot(t)
			dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}, Separator: "/"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dovecot.Stop() })
			if err := dovecot.Fill(ana, mailgen.New(1, time.Now()).Inbox(1000)); err != nil {
				t.Fatal(err)
			}
			dovecot.Kill() // it comes last
			members := cluster(t, dovecot.IMAPAddr())
			for _, one := range order {
				members[one].start(t)
				time.Sleep(100 * time.Millisecond)
			}
			owner := agreedOwner(t, members, 3)

			one, two := "http://"+members["front-1"].web, "http://"+members["front-2"].web
			browser := newVisitor(t)
			if page, err := browser.tryLogIn(one, ana, anaPassword); err != nil || page.status != http.StatusBadGateway {
				t.Fatalf("login while the mail server is away: status %d, %v", page.status, err)
			}
			if err := dovecot.Up(); err != nil {
				t.Fatal(err)
			}
			inbox := browser.logIn(one, ana, anaPassword)
			links := messageLinks(inbox)
			if len(links) < 3 {
				t.Fatalf("the inbox shows %d messages", len(links))
			}
			browser.open(one + links[0])
			browser.open(two + links[1]) // cookies do not know ports: the session goes on at the other frontend
			if page := browser.open(two + "/mail/INBOX"); len(messageLinks(page)) != len(links) {
				t.Errorf("the other frontend shows %d messages, not %d", len(messageLinks(page)), len(links))
			}

			members[owner].kill()
			delete(members, owner)
			browser.open(one + links[2])
			browser.open(two + "/mail/INBOX")
			if next := agreedOwner(t, members, 2); next == owner {
				t.Errorf("%s was killed and still owns the account", owner)
			}
			browser.open(two + links[0])
		})
	}
}
