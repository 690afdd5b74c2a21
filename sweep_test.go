package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGarbageSweeper says what it would remove, and removes just that.
func TestGarbageSweeper(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "alphamail.yaml", "imap_servers: example.edu=127.0.0.1:143[/]\nstate_dir: "+dir+"/state\ncluster:\n  name: node-1\n")
	spool := filepath.Join(dir, "state", "spool", "node-1")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	left := writeFile(t, spool, "spooled-1", "left behind")
	old := time.Now().Add(-3 * time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	own := writeFile(t, spool, "spooled-2", "in use")
	for _, test := range []struct {
		args []string
		says string
		gone bool
	}{
		{[]string{"--dry-run"}, "would remove " + left + " (11 bytes)", false},
		{nil, "1 removed of 1 found, 11 bytes", true},
		{nil, "0 removed of 0 found", true},
	} {
		out, err := output(t, t.Context(), append([]string{"garbage-sweeper", "--config", config}, test.args...)...)
		if err != nil || !strings.Contains(out, test.says) {
			t.Errorf("%q says %q, %v", test.args, out, err)
		}
		if _, err := os.Stat(left); os.IsNotExist(err) != test.gone {
			t.Errorf("%q: %v", test.args, err)
		}
		if _, err := os.Stat(own); err != nil {
			t.Error(err)
		}
	}
}
