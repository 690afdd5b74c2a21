package sweeper_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"alphamail/deploy/config"
	"alphamail/deploy/sweeper"
)

// TestFind leaves alone what somebody may own.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	settings := &config.Config{StateDir: dir, Cluster: config.Cluster{Name: "own"}}
	now := time.Now()
	if found, err := sweeper.Find(settings, now); err != nil || len(found) > 0 {
		t.Errorf("in an empty directory: %v, %v", found, err)
	}
	make := func(path string, age time.Duration) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	make("spool/own/spooled-old", 2*time.Hour)
	make("spool/own/spooled-new", time.Minute)
	make("spool/own/something else", 1000*time.Hour)
	make("spool/other/spooled-old", 2*time.Hour)
	make("seal.keys", 1000*time.Hour)
	make("spooled-elsewhere", 1000*time.Hour)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, "spool/own/spooled-link")); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"gone": 48 * time.Hour, "idle": time.Hour} {
		path := filepath.Join(dir, "spool", name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := sweeper.Find(settings, now)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, one := range found {
		path, err := filepath.Rel(dir, one.Path)
		if err != nil || one.Why == "" {
			t.Errorf("%+v, %v", one, err)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	if want := []string{"spool/gone", "spool/other/spooled-old", "spool/own/spooled-old"}; !slices.Equal(paths, want) {
		t.Fatalf("found %q, want %q", paths, want)
	}
	if err := os.Remove(found[0].Path); err != nil { // its owner was faster
		t.Fatal(err)
	}
	if removed, err := sweeper.Remove(found); err != nil || removed != 2 {
		t.Errorf("%d removed, %v", removed, err)
	}
	if again, err := sweeper.Find(settings, now); err != nil || len(again) > 0 {
		t.Errorf("left: %v, %v", again, err)
	}
	for _, kept := range []string{"spool/own/spooled-new", "spool/own/something else", "spool/own/spooled-link", "seal.keys", "spooled-elsewhere", "spool/idle"} {
		if _, err := os.Lstat(filepath.Join(dir, kept)); err != nil {
			t.Error(err)
		}
	}
}
