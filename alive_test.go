package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServiceManager is what systemd is for a member: it hears when the member is
// ready, then again and again that it is alive, nothing while it is stopped, and that
// it ends.
func TestServiceManager(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "notify")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { heard.Close() })
	next := func(patience time.Duration) string {
		heard.SetReadDeadline(time.Now().Add(patience))
		buffer := make([]byte, 1000)
		n, err := heard.Read(buffer)
		if err != nil {
			return ""
		}
		return string(buffer[:n])
	}
	path := writeFile(t, dir, "alphamail.yaml", fmt.Sprintf("imap_servers: example.edu=%s\nlisten: %s\nadmin_listen: %s\n", mailServer(t).IMAPAddr(), freeAddress(t), freeAddress(t)))
	p := startCommand(t, "serve", []string{"env", "NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=900000", binary(t), "serve", "--config", path})
	const patience = 30 * time.Second
	if said := next(patience); said != "READY=1" {
		t.Fatalf("it says %q first", said)
	}
	for range 3 {
		if said := next(patience); said != "WATCHDOG=1" {
			t.Fatalf("then it says %q", said)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for next(500*time.Millisecond) != "" { // what was on its way
	}
	if said := next(time.Second); said != "" {
		t.Errorf("it is stopped, and says %q", said)
	}
	p.cmd.Process.Signal(syscall.SIGCONT)
	p.cmd.Process.Signal(syscall.SIGTERM)
	var last string
	for said := next(patience); said != ""; said = next(2 * time.Second) {
		last = said
	}
	if !strings.HasPrefix(last, "STOPPING=1") {
		t.Errorf("the last that it says is %q", last)
	}
	<-p.ended
}
