package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"alphamail/deploy/config"
	"alphamail/node/seal"
)

// keysCommand changes the keys of a cluster while it runs. A key goes through three
// steps, and all machines have the same file after each: it is added, so that all
// understand it; it is used; the one before is removed when nothing needs it.
type keysCommand struct {
	Config string `required:"" type:"existingfile" help:"Configuration file of a member on this machine."`
	Kind   string `default:"seal" enum:"seal,gossip" help:"Keys of session seals or of the gossip between members: ${enum}."`

	List   struct{} `cmd:"" help:"Show the keys by their names; the first one is in use."`
	Add    struct{} `cmd:"" help:"Add a new key, which is understood but not yet used."`
	Use    keyName  `cmd:"" help:"Use a key from now on. Every member must have it in its file already."`
	Remove keyName  `cmd:"" help:"Remove a key that is not in use: seals that were made with it open no more."`
}

type keyName struct {
	Key string `arg:"" help:"Name of the key, as list shows it."`
}

// keyLine is a key in a file of keys.
type keyLine struct {
	key  []byte
	note string // what stands behind it
}

// name is what people call a key by. It tells nothing of the key.
func (k keyLine) name() string { return seal.KeyName(k.key) }

// Run does one step on the files of this machine.
func (k *keysCommand) Run(ctx context.Context, terminal console, step commandName) error {
	settings, err := loadConfig(k.Config)
	if err != nil {
		return err
	}
	store, err := openSecrets(settings.Cluster.SecretsDir)
	if err != nil {
		return err
	}
	file := k.Kind + ".keys"
	lines, err := store.keyLines(file)
	if err != nil {
		return err
	}
	switch step {
	case "list":
		return printKeys(terminal, lines)
	case "add":
		lines = append(lines, newKey())
		fmt.Fprintf(terminal.out, "%s is added to %s.\nGive every machine this file; %v later run: alphamail keys use %s\n",
			lines[len(lines)-1].name(), store.path(file), 2*reloadInterval, lines[len(lines)-1].name())
	case "use":
		if k.Kind == "seal" {
			if err := knownToAll(ctx, settings, k.Use.Key); err != nil {
				return err
			}
		}
		if lines, err = useKey(lines, k.Use.Key); err != nil {
			return err
		}
		fmt.Fprintf(terminal.out, "%s is in use.\nGive every machine this file. Sessions are sealed with it as they are renewed; after %v no other key is needed.\n",
			k.Use.Key, settings.SessionLifetime+24*time.Hour)
	case "remove":
		if lines, err = removeKey(lines, k.Remove.Key); err != nil {
			return err
		}
		fmt.Fprintf(terminal.out, "%s is removed.\nGive every machine this file.\n", k.Remove.Key)
	}
	return store.writeKeys(file, lines)
}

func newKey() keyLine {
	key := make([]byte, keySize)
	rand.Read(key)
	return keyLine{key, "added " + time.Now().UTC().Format(time.DateOnly)}
}

func findKey(lines []keyLine, name string) (int, error) {
	at := slices.IndexFunc(lines, func(line keyLine) bool { return line.name() == name })
	if at < 0 {
		return 0, fmt.Errorf("there is no key %q here; alphamail keys list shows them", name)
	}
	return at, nil
}

// useKey moves a key to the front.
func useKey(lines []keyLine, name string) ([]keyLine, error) {
	at, err := findKey(lines, name)
	if err != nil {
		return nil, err
	}
	used := lines[at]
	return slices.Concat([]keyLine{used}, lines[:at], lines[at+1:]), nil
}

func removeKey(lines []keyLine, name string) ([]keyLine, error) {
	at, err := findKey(lines, name)
	if err == nil && at == 0 {
		err = errors.New("this key is in use; use another one first")
	}
	if err != nil {
		return nil, err
	}
	return slices.Delete(lines, at, at+1), nil
}

func printKeys(terminal console, lines []keyLine) error {
	table := tabwriter.NewWriter(terminal.out, 0, 0, 2, ' ', 0)
	for i, line := range lines {
		use := "understood"
		if i == 0 {
			use = "in use"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", line.name(), use, line.note)
	}
	return table.Flush()
}

// knownToAll asks all nodes of a cluster whether they understand a key: one that
// does not would log out those who come to it with a new seal.
func knownToAll(ctx context.Context, settings *config.Config, name string) error {
	if settings.Alone() {
		return nil
	}
	status, err := askCluster(ctx, settings, "")
	if err != nil {
		return err
	}
	for _, node := range status.Nodes {
		if node.Error != "" {
			return fmt.Errorf("%s cannot be asked whether it has the key: %s", node.Node, node.Error)
		}
		if !slices.Contains(node.SealKeys, name) {
			return fmt.Errorf("%s does not have the key yet: give its machine the file and wait %v", node.Node, 2*reloadInterval)
		}
	}
	return nil
}

// keyLines reads a file of keys for a change, making it when there is none.
func (s secrets) keyLines(name string) (lines []keyLine, err error) {
	if _, err := s.keys(name); err != nil {
		return nil, err
	}
	data, err := readPrivate(s.path(name))
	if err != nil {
		return nil, err
	}
	for text := range strings.Lines(string(data)) {
		encoded, note, _ := strings.Cut(text, "#")
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err == nil && len(key) == keySize {
			lines = append(lines, keyLine{key, strings.TrimSpace(note)})
		}
	}
	return lines, nil
}

// writeKeys puts a new file of keys in the place of the old one.
func (s secrets) writeKeys(name string, lines []keyLine) error {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(base64.StdEncoding.EncodeToString(line.key))
		if line.note != "" {
			text.WriteString(" # " + line.note)
		}
		text.WriteByte('\n')
	}
	return writeWhole(s.path(name), []byte(text.String()), os.Rename)
}
