package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSecretsAreMadeOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var made [8][][]byte
	var starting sync.WaitGroup
	for i := range made {
		starting.Go(func() {
			store, err := openSecrets(dir)
			if err != nil {
				t.Error(err)
				return
			}
			if made[i], err = store.keys("seal.keys"); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	for i := range made {
		if len(made[i]) != 1 || !bytes.Equal(made[i][0], made[0][0]) {
			t.Fatalf("processes that start at once disagree about the key")
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files left in the directory: %v", files)
	}
}

func TestSecretsRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by others": {"", 0o644, "chmod 600"},
		"empty":              {"# nothing\n", 0o600, "holds no key"},
		"not base64":         {"# first\nnonsense!\n", 0o600, "seal.keys:2"},
		"too short":          {"c2hvcnQ=\n", 0o600, "seal.keys:1"},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := openSecrets(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(store.dir, "seal.keys"), []byte(test.content), test.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := store.keys("seal.keys"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}
