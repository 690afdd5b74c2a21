package seal_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"alphamail/node/seal"
)

var (
	keyA    = bytes.Repeat([]byte{1}, seal.KeySize)
	keyB    = bytes.Repeat([]byte{2}, seal.KeySize)
	now     = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	binding = seal.Binding{Cluster: "c", Host: "mail.example.edu", Account: "ana@example.edu", SessionID: "s1"}
)

func keyring(t testing.TB, keys ...[]byte) *seal.Keyring {
	t.Helper()
	ring, err := seal.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func sealed(t testing.TB, ring *seal.Keyring, password string) []byte {
	t.Helper()
	data, err := ring.Seal(binding, seal.Credential{Password: password, Issued: now, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	ring := keyring(t, keyA)
	for _, password := range []string{"", "secret", "pässwörd 🔑", strings.Repeat("x", 1024)} {
		got, err := ring.Open(binding, sealed(t, ring, password), now)
		if err != nil || got.Password != password || !got.Expires.Equal(now.Add(time.Hour)) || !got.Issued.Equal(now) {
			t.Errorf("password of %d bytes: got %+v, %v", len(password), got.Expires, err)
		}
	}
	if _, err := ring.Seal(binding, seal.Credential{Password: strings.Repeat("x", 1025)}); err != seal.ErrTooLong {
		t.Errorf("too long a password: %v", err)
	}
}

func TestOpensOnlyForItsBinding(t *testing.T) {
	ring := keyring(t, keyA)
	data := sealed(t, ring, "secret")
	for name, other := range map[string]seal.Binding{
		"cluster": {Cluster: "d", Host: binding.Host, Account: binding.Account, SessionID: binding.SessionID},
		"host":    {Cluster: "c", Host: "other", Account: binding.Account, SessionID: binding.SessionID},
		"account": {Cluster: "c", Host: binding.Host, Account: "eve@example.edu", SessionID: binding.SessionID},
		"session": {Cluster: "c", Host: binding.Host, Account: binding.Account, SessionID: "s2"},
		"shifted": {Cluster: "cm", Host: binding.Host[1:], Account: binding.Account, SessionID: binding.SessionID},
	} {
		if _, err := ring.Open(other, data, now); err != seal.ErrNotOpened {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

func TestEveryBitMatters(t *testing.T) {
	ring := keyring(t, keyA)
	data := sealed(t, ring, "secret")
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if _, err := ring.Open(binding, changed, now); err != seal.ErrNotOpened {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := ring.Open(binding, data[:i], now); err != seal.ErrNotOpened {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestExpiryAndRotation(t *testing.T) {
	old := keyring(t, keyA)
	data := sealed(t, old, "secret")
	if _, err := old.Open(binding, data, now.Add(time.Hour)); err != seal.ErrExpired {
		t.Errorf("at expiry: %v", err)
	}
	if _, err := keyring(t, keyB, keyA).Open(binding, data, now); err != nil {
		t.Errorf("an older key of the ring: %v", err)
	}
	if _, err := keyring(t, keyB).Open(binding, data, now); err != seal.ErrNotOpened {
		t.Errorf("a key that was removed: %v", err)
	}
}

func TestLengthIsHidden(t *testing.T) {
	ring := keyring(t, keyA)
	if a, b := len(sealed(t, ring, "a")), len(sealed(t, ring, "a password of 30 characters...")); a != b {
		t.Errorf("seals of %d and %d bytes", a, b)
	}
}

func FuzzOpen(f *testing.F) {
	ring := keyring(f, keyA)
	f.Add(sealed(f, ring, "secret"))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if credential, err := ring.Open(binding, data, now); err == nil && credential.Password != "secret" {
			t.Fatal("a forged seal opened")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	keyring, err := seal.NewKeyring(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		b.Fatal(err)
	}
	binding := seal.Binding{Cluster: "c", Host: "mail.example.edu", Account: "ana@example.edu", SessionID: "4FZ3QKXUEMPQ7D5GEWWTQMTDHA"}
	credential := seal.Credential{Password: "correct horse battery", Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
	sealed, err := keyring.Seal(binding, credential)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			keyring.Seal(binding, credential)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := keyring.Open(binding, sealed, credential.Issued); err != nil {
				b.Fatal(err)
			}
		}
	})
}
