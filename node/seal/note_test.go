package seal_test

import (
	"bytes"
	"testing"
	"time"

	"alphamail/node/seal"
)

func TestNotes(t *testing.T) {
	old, fresh := bytes.Repeat([]byte{1}, seal.KeySize), bytes.Repeat([]byte{2}, seal.KeySize)
	ring := func(keys ...[]byte) *seal.Keyring {
		made, err := seal.NewKeyring(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	binding := seal.Binding{Cluster: "c", Account: "ana@example.edu"}
	sealed := ring(old).SealNote("undo", binding, []byte("what was done"))
	if note, err := ring(fresh, old).OpenNote("undo", binding, sealed); err != nil || string(note) != "what was done" {
		t.Errorf("another key in front: %q, %v", note, err)
	}
	other := binding
	other.Account = "ben@example.edu"
	bent := bytes.Clone(sealed)
	bent[len(bent)-1] ^= 1
	credential, err := ring(old).Seal(binding, seal.Credential{Password: "p", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	relabelled := bytes.Clone(credential)
	relabelled[0] = sealed[0]
	for name, open := range map[string]func() ([]byte, error){
		"another purpose":     func() ([]byte, error) { return ring(old).OpenNote("undone", binding, sealed) },
		"another account":     func() ([]byte, error) { return ring(old).OpenNote("undo", other, sealed) },
		"an unknown key":      func() ([]byte, error) { return ring(fresh).OpenNote("undo", binding, sealed) },
		"a changed byte":      func() ([]byte, error) { return ring(old).OpenNote("undo", binding, bent) },
		"nothing":             func() ([]byte, error) { return ring(old).OpenNote("undo", binding, nil) },
		"a credential":        func() ([]byte, error) { return ring(old).OpenNote("undo", binding, credential) },
		"a credential's body": func() ([]byte, error) { return ring(old).OpenNote("", binding, relabelled) },
	} {
		if note, err := open(); err != seal.ErrNotOpened {
			t.Errorf("%s opens as %q, %v", name, note, err)
		}
	}
	if _, err := ring(old).Open(binding, append([]byte{1}, sealed[1:]...), time.Now()); err != seal.ErrNotOpened {
		t.Errorf("a note opens as a credential: %v", err)
	}
}
