package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secrets is the directory that holds the keys of a cluster, or of one machine
// alone. What is missing is made on first use and then kept. Several processes
// may start at once: whoever creates a file first decides.
//
//	gossip.keys  keys of the gossip between members, base64, one a line
//	seal.keys    keys of the session seals, base64, one a line; only nodes read it
//	cluster.pem  certificate authority of the page protocol; more certificates may
//	             follow, of authorities that are trusted too
//	web.pem      certificate and key of the web server, unless configured
//
// In a file of keys the first one is used, the others are understood. Running
// processes read a file again when it changes.
type secrets struct{ dir string }

const keySize = 32

// The files in it.
const (
	gossipKeys       = "gossip.keys"
	sealKeys         = "seal.keys"
	clusterAuthority = "cluster.pem"
	webPair          = "web.pem"
)

func (s secrets) path(name string) string { return filepath.Join(s.dir, name) }

func openSecrets(dir string) (secrets, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return secrets{}, fmt.Errorf("cannot make the directory for keys: %w", err)
	}
	return secrets{dir}, nil
}

// keys reads a file of keys, making one with a random key when there is none.
func (s secrets) keys(name string) ([][]byte, error) {
	data, err := s.file(name, func() ([]byte, error) {
		key := make([]byte, keySize)
		rand.Read(key)
		return []byte(base64.StdEncoding.EncodeToString(key) + "\n"), nil
	})
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("%s:%d: not a base64 key of %d bytes", filepath.Join(s.dir, name), number, keySize)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: holds no key; remove it to have one made", filepath.Join(s.dir, name))
	}
	return keys, nil
}

// file reads a secret file, making it with create when there is none.
func (s secrets) file(name string, create func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(s.dir, name)
	data, err := readPrivate(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	fresh, err := create()
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", path, err)
	}
	if err := createOnce(path, fresh); err != nil {
		return nil, err
	}
	return readPrivate(path) // perhaps another process was faster
}

// createOnce writes a file completely or not at all, and leaves one that exists
// alone.
func createOnce(path string, data []byte) error {
	err := writeWhole(path, data, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// writeWhole writes a file beside path, which only its owner may read, and then lets
// put give it that name: whoever reads path finds all of it.
func writeWhole(path string, data []byte, put func(from, to string) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return put(temporary.Name(), path)
}

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others; run: chmod 600 %s", path, path)
	}
	return os.ReadFile(path)
}
