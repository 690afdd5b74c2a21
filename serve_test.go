package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
)

// mailServer starts a mail server in memory with some mail of Ana's.
func mailServer(t *testing.T) *testbed.MemoryServer {
	t.Helper()
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.CreateFolders(ana); err != nil {
		t.Fatal(err)
	}
	if err := server.Fill(mailgen.New(1, time.Now()).Inbox(120), ana); err != nil {
		t.Fatal(err)
	}
	return server
}

// alone starts one machine before a mail server, by a configuration, and returns
// the path of that.
func alone(t *testing.T, imap string, lines ...string) (*program, string) {
	t.Helper()
	dir := t.TempDir()
	text := "imap_servers: example.edu=" + imap + "\n" + strings.Join(lines, "\n") + "\n"
	path := writeFile(t, dir, "alphamail.yaml", text)
	p := start(t, "serve", "serve", "--config", path)
	p.waitFor(func(output string) string {
		if strings.Contains(output, "msg=started") {
			return "started"
		}
		return ""
	})
	return p, path
}

// TestTwoLinesAreAWholeAlphaMail needs no more to read mail than two of the three
// lines that the README shows; only the admin port moves, so that tests can run side
// by side.
func TestTwoLinesAreAWholeAlphaMail(t *testing.T) {
	server := mailServer(t)
	web, admin := freeAddress(t), freeAddress(t)
	p, path := alone(t, server.IMAPAddr(), "listen: "+web, "admin_listen: "+admin)
	browser := newVisitor(t)
	inbox := browser.logIn("http://"+web, ana, anaPassword)
	links := messageLinks(inbox)
	if len(links) != 50 {
		t.Fatalf("the inbox shows %d messages", len(links))
	}
	browser.open("http://" + web + links[0])
	for _, path := range []string{"/healthz", "/readyz"} {
		browser.open("http://" + admin + path)
	}
	metrics := browser.open("http://" + admin + "/metrics").body
	for _, want := range []string{"alphamail_http_requests_total", "alphamail_imap_commands_total{command=\"AUTHENTICATE\"", "alphamail_cache_bytes", "alphamail_ring_nodes 1", "alphamail_node_accounts 1", "process_resident_memory_bytes"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	out, err := output(t, t.Context(), "status", "--config", path, "--account", anaAccount)
	if err != nil || !strings.Contains(out, "owner of the account: ") {
		t.Errorf("status: %v\n%s", err, out)
	}
	if log := p.output.String(); strings.Contains(log, anaPassword) || !strings.Contains(log, "audit=true") {
		t.Errorf("the log:\n%s", log)
	}

	p.stop()
	again := start(t, "serve again", "serve", "--config", path)
	again.waitFor(func(output string) string {
		if strings.Contains(output, "msg=started") {
			return "started"
		}
		return ""
	})
	if page := browser.open("http://" + web + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
		t.Errorf("after a restart the session ends at %s", page.url)
	}
	state, err := os.ReadDir(filepath.Join(filepath.Dir(path), "alphamail-state"))
	if err != nil || len(state) == 0 {
		t.Fatalf("kept: %v, %v", state, err)
	}
	for _, file := range state {
		private := os.FileMode(0o600)
		if file.IsDir() { // the spool
			private = 0o700
		}
		if info, err := file.Info(); err != nil || info.Mode().Perm() != private {
			t.Errorf("%s has mode %v", file.Name(), info.Mode())
		}
	}
}

func TestHTTPSWithACertificateOfItsOwn(t *testing.T) {
	server := mailServer(t)
	web, admin := freeAddress(t), freeAddress(t)
	_, port, _ := strings.Cut(web, ":")
	alone(t, server.IMAPAddr(), "listen: 0.0.0.0:"+port, "public_url: https://localhost:"+port, "admin_listen: "+admin)
	browser := newVisitor(t)
	browser.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	// Plain HTTP under another name ends at the login page of the right one.
	page := browser.open("http://127.0.0.1:" + port + "/mail/INBOX")
	if page.url.String() != "https://localhost:"+port+"/login" {
		t.Fatalf("plain HTTP under another name ends at %s", page.url)
	}
	browser.logIn("https://localhost:"+port, ana, anaPassword)
}

func TestQuery(t *testing.T) {
	server := mailServer(t)
	path := writeFile(t, t.TempDir(), "alphamail.yaml", "imap_servers: example.edu="+server.IMAPAddr()+"\n")
	secret := writeFile(t, t.TempDir(), "password", anaPassword+"\n")
	query := func(args ...string) map[string]any {
		t.Helper()
		out, err := output(t, t.Context(), append([]string{"query", "--config", path, "--user", ana, "--password-file", secret}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return answer
	}
	list := query("mailbox", "INBOX", "--page", "2")
	rows, _ := list["rows"].([]any)
	if list["total"] != 120.0 || list["page"] != 2.0 || len(rows) != 50 {
		t.Fatalf("mailbox: total %v, page %v, %d rows", list["total"], list["page"], len(rows))
	}
	id := rows[0].(map[string]any)["id"].(map[string]any)
	message := query("message", "INBOX", fmt.Sprintf("%.0f-%.0f", id["uid_validity"], id["uid"]))
	if message["subject"] != rows[0].(map[string]any)["subject"] {
		t.Errorf("message: %v", message["subject"])
	}
	if status := query("status"); status["accounts"] != 1.0 {
		t.Errorf("status: %v", status)
	}
}

// TestCommandLine runs commands in this process.
func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	good := writeFile(t, dir, "good.yaml", "imap_servers: example.edu=127.0.0.1:1\nadmin_listen: "+freeAddress(t)+"\n")
	bad := writeFile(t, dir, "bad.yaml", "imap_servers: example.edu=127.0.0.1:1\nlisten: 127.0.0.1:0\nadmin_lisen: x\n")
	for name, test := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"version":           {[]string{"version"}, 0, "alphamail devel"},
		"help":              {[]string{"--help"}, 0, "Usage: alphamail"},
		"nothing":           {nil, 2, "expected one of"},
		"nonsense":          {[]string{"explode"}, 2, "explode"},
		"no file":           {[]string{"serve", "--config", filepath.Join(dir, "none.yaml")}, 2, "none.yaml"},
		"a mistake in it":   {[]string{"serve", "--config", bad}, 1, "bad.yaml:3: admin_lisen: there is no such key; did you mean admin_listen?"},
		"unknown role":      {[]string{"serve", "--config", good, "--role", "king"}, 2, "role"},
		"nobody runs":       {[]string{"status", "--config", good}, 1, "is it running?"},
		"no password":       {[]string{"query", "--config", good, "--user", "ana", "status"}, 1, "no password"},
		"a message's name":  {[]string{"query", "--config", good, "--user", "ana", "message", "INBOX"}, 2, "message"},
		"no mail server":    {[]string{"query", "--config", good, "--user", "ana", "--password-file", writeFile(t, dir, "p", "x\n"), "status"}, 1, "backend_down"},
		"no such user name": {[]string{"query", "--config", good, "--user", "a b", "--password-file", writeFile(t, dir, "q", "x\n"), "status"}, 1, "invalid"},
	} {
		var out bytes.Buffer
		if status := run(t.Context(), test.args, console{strings.NewReader(""), &out, &out}); status != test.status || !strings.Contains(out.String(), test.says) {
			t.Errorf("%s: status %d, want %d:\n%s", name, status, test.status, out.String())
		}
	}
}

// TestPortThatIsTaken starts a member whose last port is taken: it must say so
// and end, with everything that it had started.
func TestPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := writeFile(t, t.TempDir(), "alphamail.yaml", "imap_servers: example.edu=127.0.0.1:1\nlisten: 127.0.0.1:0\nadmin_listen: "+taken.Addr().String()+"\n")
	for range 3 {
		var out bytes.Buffer
		if status := run(t.Context(), []string{"serve", "--config", path}, console{nil, &out, &out}); status != 1 || !strings.Contains(out.String(), "admin_listen") {
			t.Errorf("status %d:\n%s", status, out.String())
		}
	}
}
