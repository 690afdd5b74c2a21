package imapconn_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// server is a mail server that the tests know, with the user ana.
type server struct {
	name  string
	start func(t *testing.T) place
}

// place is where a server listens, and what it is known to hold.
type place struct {
	address string
	quota   uint64     // of ana, in kilobytes; 0 for none
	without []imap.Cap // what is not used of it
	// fails are the steps at which the server fails, and how.
	fails map[string]string
	// noPreviews says that the server answers PREVIEW without any.
	noPreviews bool
	special    int    // how many of its mailboxes are for sent mail and drafts
	full       string // a mailbox that takes no message; empty if the server cannot be made to have one
}

var oneUser = []testbed.User{{Name: "ana", Password: "secret"}}

// quota is what the servers that know quotas grant, in kilobytes.
const quota = 100 << 10

var servers = []server{
	{"memory", func(t *testing.T) place {
		return place{address: memory(t, nil), fails: map[string]string{
			"BINARY, a piece": "no origin", "LIST RECURSIVEMATCH": "no parents", "UTF8=ACCEPT": "cannot APPEND",
		}}
	}},
	{"memory, bare", func(t *testing.T) place {
		// Some it offers whatever it is told.
		return place{address: memory(t, imap.CapSet{imap.CapIMAP4rev1: {}}), without: []imap.Cap{
			imap.CapIdle, imap.CapEnable, imap.CapUnselect, imap.CapUTF8Accept, imap.CapLiteralMinus, imap.CapSASLIR, imap.CapAppendLimit,
		}}
	}},
	{"Dovecot", startDovecot},
	{"Cyrus", startCyrus},
	{"Courier", func(t *testing.T) place { return startCourier(t, quota) }},
}

func startDovecot(t *testing.T) place {
	t.Helper()
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Extra: dovecotPlugins})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	return place{address: server.IMAPAddr(), quota: quota, special: 2, full: "Full/Box"}
}

func startCyrus(t *testing.T) place {
	t.Helper()
	need.Have(t, testbed.CyrusAvailable())
	server, err := testbed.StartCyrus(append(oneUser, testbed.User{Name: "cyrus", Password: "admin"})...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	loggedIn(t, server.IMAPAddr()) // which makes the mailbox
	administer(t, server.IMAPAddr(), fmt.Sprintf("SETQUOTA user.ana (STORAGE %d)", quota), "CREATE user.ana.Full", "SETQUOTA user.ana.Full (STORAGE 0)")
	return place{address: server.IMAPAddr(), quota: quota, noPreviews: true, full: "INBOX.Full"}
}

func startCourier(t *testing.T, kilobytes int) place {
	t.Helper()
	need.Have(t, testbed.CourierAvailable())
	server, err := testbed.StartCourier(oneUser...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := server.SetQuota("ana", kilobytes<<10); err != nil {
		t.Fatal(err)
	}
	return place{address: server.IMAPAddr(), quota: uint64(kilobytes)}
}

// memory starts the server in memory with some capabilities; nil for all.
func memory(t *testing.T, caps imap.CapSet) string {
	t.Helper()
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser, Caps: caps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.IMAPAddr()
}

// dovecotPlugins offers what Dovecot's packages can: quotas, one of which leaves
// no room at all, rights and compression.
var dovecotPlugins = fmt.Sprintf(`
mail_plugins = quota acl
protocol imap {
  mail_plugins = quota imap_quota acl imap_acl imap_zlib
}
namespace full {
  prefix = Full/
  separator = /
  location = maildir:~/Full
  mailbox Box {
    auto = create
  }
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=%dK
  quota2 = maildir:Full:ns=Full/
  quota2_rule = *:bytes=1
  acl = vfile
}
`, quota)

// administer gives commands as the administrator of Cyrus.
func administer(t *testing.T, address string, commands ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	said := bufio.NewReader(conn)
	for i, command := range append([]string{"LOGIN cyrus admin"}, commands...) {
		fmt.Fprintf(conn, "a%d %s\r\n", i, command)
		for answer := ""; !strings.HasPrefix(answer, fmt.Sprintf("a%d ", i)); {
			if answer, err = said.ReadString('\n'); err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			if strings.HasPrefix(answer, fmt.Sprintf("a%d ", i)) && !strings.Contains(answer, " OK ") {
				t.Fatalf("%s: %s", command, answer)
			}
		}
	}
}

// What a step returns when the server lacks what it tests, and when it has nothing
// to say where it may.
var (
	errNotOffered = errors.New("not offered")
	errNothing    = errors.New("says nothing")
)

// step is a part of the suite.
type step struct {
	name string
	do   func(*session) error
}

// TestEveryServer runs the suite over all servers and prints what each of them
// came to.
func TestEveryServer(t *testing.T) {
	steps := slices.Concat(basicSteps, extensionSteps, lastSteps)
	results := map[string]map[string]string{}
	for _, server := range servers {
		results[server.name] = map[string]string{}
		t.Run(server.name, func(t *testing.T) {
			s := &session{t: t, place: server.start(t), box: &told{}}
			s.Conn = another(s)
			for _, step := range steps {
				switch err := step.do(s); {
				case errors.Is(err, errNotOffered):
					results[server.name][step.name] = "-"
				case errors.Is(err, errNothing):
					results[server.name][step.name] = "nothing"
				case s.fails[step.name] != "":
					results[server.name][step.name] = "fails: " + s.fails[step.name]
					if err == nil {
						t.Errorf("%s: it does not fail any more", step.name)
					}
				case err != nil:
					results[server.name][step.name] = "FAILED"
					t.Errorf("%s: %v", step.name, err)
				default:
					results[server.name][step.name] = "ok"
				}
			}
		})
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, server := range servers {
		fmt.Fprintf(w, "\t%s", server.name)
	}
	for _, step := range steps {
		fmt.Fprintf(w, "\n%s", step.name)
		for _, server := range servers {
			fmt.Fprintf(w, "\t%s", results[server.name][step.name])
		}
	}
	w.Flush()
	t.Logf("\n%s", &table)
}

// TestTheUsersAddressReachesTheServer on a server that trusts this machine.
func TestTheUsersAddressReachesTheServer(t *testing.T) {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Extra: "login_trusted_networks = 127.0.0.0/8\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{
		Address: server.IMAPAddr(), Security: imapconn.Plain, Identity: []string{"name", "AlphaMail", "x-originating-ip", "198.51.100.7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Login(t.Context(), "ana", "secret"); err != nil {
		t.Fatal(err)
	}
	if log := server.Log(); !strings.Contains(log, "rip=198.51.100.7") {
		t.Errorf("the server logs %q", log)
	}
}
