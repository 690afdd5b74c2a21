package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFrontendsHoldNoKeyOfSeals searches the whole memory of a frontend through
// which somebody reads mail. That the search finds what is there, the memory of a
// node shows.
func TestFrontendsHoldNoKeyOfSeals(t *testing.T) {
	t.Parallel() // it mostly waits
	members := cluster(t, mailServer(t).IMAPAddr())
	for _, one := range members {
		one.start(t)
	}
	owner := agreedOwner(t, members, 3)
	base := "http://" + members["front-1"].web
	reader := newVisitor(t)
	reader.logIn(base, ana, anaPassword)
	reader.open(base + "/mail/INBOX")

	text, err := os.ReadFile(filepath.Join(filepath.Dir(members["front-1"].config), "state", "seal.keys"))
	if err != nil {
		t.Fatal(err)
	}
	encoded := bytes.TrimSpace(text)
	key, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if !holds(t, members[owner].cmd.Process.Pid, key) {
		t.Fatal("a node does not hold its key: the search finds nothing")
	}
	for _, secret := range [][]byte{key, encoded} {
		if holds(t, members["front-1"].cmd.Process.Pid, secret) {
			t.Error("a frontend holds a key that opens seals")
		}
	}
}

// holds tells whether some memory of a process contains a secret.
func holds(t *testing.T, process int, secret []byte) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", process))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", process))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		if searched(memory, from, to, secret) {
			return true
		}
	}
	return false
}

// searched looks for a secret between two addresses, piece by piece: much of what
// the race detector reserves was never written.
func searched(memory *os.File, from, to int64, secret []byte) bool {
	const most = 64 << 20 // of a reservation; Go's heap has none that is as large and in use
	piece := make([]byte, 1<<20)
	for at, end := from, min(to, from+most); at < end; at += int64(len(piece) - len(secret)) {
		n, err := memory.ReadAt(piece[:min(int64(len(piece)), end-at)], at)
		if bytes.Contains(piece[:n], secret) {
			return true
		}
		if err != nil || n < len(piece) {
			break
		}
	}
	return false
}
