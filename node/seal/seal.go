// Package seal keeps credentials in the browser's cookie instead of on a node:
// it seals them so that only nodes can open them, and remembers the sessions
// that were ended early.
//
// A seal is, in bytes:
//
//	0      format version, 1
//	1-8    key id
//	9-32   nonce
//	33-    XChaCha20-Poly1305 ciphertext of the credential, padded
//
// Its associated data is the Binding: a seal that is moved to another host,
// cluster, account or session does not open.
package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the size of a sealing key in bytes.
const KeySize = chacha20poly1305.KeySize

// MaxPassword is the longest password that can be sealed, in bytes: its length
// is stored in 16 bits, and a cookie must stay under 4 KiB.
const MaxPassword = 1024

const (
	formatVersion = 1
	keyIDSize     = 8
	headSize      = 1 + keyIDSize + chacha20poly1305.NonceSizeX
	// padding hides the exact length of a password.
	padding = 64
)

// Errors of Open and Seal. Open tells a caller no more than that.
var (
	ErrNotOpened = errors.New("seal: does not open")
	ErrExpired   = errors.New("seal: expired")
	ErrTooLong   = errors.New("seal: password too long")
)

// Binding is what a seal belongs to.
type Binding struct {
	Cluster, Host, Account, SessionID string
}

// associatedData is unambiguous because every field is preceded by its length.
func (b Binding) associatedData() []byte {
	data := []byte{formatVersion}
	for _, field := range []string{b.Cluster, b.Host, b.Account, b.SessionID} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(field)))
		data = append(data, field...)
	}
	return data
}

// Credential is what a seal holds. Its times have a resolution of one second.
type Credential struct {
	Password string
	Issued   time.Time
	Expires  time.Time
}

// Keyring seals with its first key and opens with any. It is immutable and safe
// for concurrent use.
type Keyring struct {
	first keyID
	keys  map[keyID]cipher.AEAD
}

type keyID [keyIDSize]byte

// NewKeyring makes a keyring of one or more keys of KeySize bytes.
func NewKeyring(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: a keyring needs a key")
	}
	ring := &Keyring{keys: make(map[keyID]cipher.AEAD, len(keys))}
	for i, key := range keys {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, fmt.Errorf("seal: key %d: %w", i+1, err)
		}
		id := idOf(key)
		ring.keys[id] = aead
		if i == 0 {
			ring.first = id
		}
	}
	return ring, nil
}

func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("alphamail seal key id\x00"), key...))
	return keyID(sum[:keyIDSize])
}

// name is short: there are few keys at a time.
func (id keyID) name() string { return hex.EncodeToString(id[:4]) }

// KeyName is what people call a key by. It tells nothing of the key.
func KeyName(key []byte) string { return idOf(key).name() }

// Names are those of all keys, that of the first one first.
func (k *Keyring) Names() []string {
	names := []string{k.first.name()}
	for id := range k.keys {
		if id != k.first {
			names = append(names, id.name())
		}
	}
	slices.Sort(names[1:])
	return names
}

// Seal seals a credential. Errors: ErrTooLong.
func (k *Keyring) Seal(binding Binding, credential Credential) ([]byte, error) {
	if len(credential.Password) > MaxPassword {
		return nil, ErrTooLong
	}
	plain := make([]byte, 0, 2*padding)
	plain = binary.BigEndian.AppendUint64(plain, uint64(credential.Issued.Unix()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(credential.Expires.Unix()))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(credential.Password)))
	plain = append(plain, credential.Password...)
	plain = append(plain, make([]byte, padding-len(plain)%padding)...)

	sealed := make([]byte, headSize, headSize+len(plain)+chacha20poly1305.Overhead)
	sealed[0] = formatVersion
	copy(sealed[1:], k.first[:])
	nonce := sealed[1+keyIDSize : headSize]
	rand.Read(nonce)
	return k.keys[k.first].Seal(sealed, nonce, plain, binding.associatedData()), nil
}

// Open opens a seal made for the same binding. Errors: ErrNotOpened for
// anything forged, damaged, moved or made with an unknown key; ErrExpired.
func (k *Keyring) Open(binding Binding, sealed []byte, now time.Time) (Credential, error) {
	if len(sealed) < headSize || sealed[0] != formatVersion {
		return Credential{}, ErrNotOpened
	}
	aead, ok := k.keys[keyID(sealed[1:1+keyIDSize])]
	if !ok {
		return Credential{}, ErrNotOpened
	}
	plain, err := aead.Open(nil, sealed[1+keyIDSize:headSize], sealed[headSize:], binding.associatedData())
	if err != nil || len(plain) < 18 {
		return Credential{}, ErrNotOpened
	}
	length := int(binary.BigEndian.Uint16(plain[16:18]))
	if len(plain) < 18+length {
		return Credential{}, ErrNotOpened
	}
	credential := Credential{
		Issued:   time.Unix(int64(binary.BigEndian.Uint64(plain[0:8])), 0),
		Expires:  time.Unix(int64(binary.BigEndian.Uint64(plain[8:16])), 0),
		Password: string(plain[18 : 18+length]),
	}
	if !now.Before(credential.Expires) {
		return Credential{}, ErrExpired
	}
	return credential, nil
}
