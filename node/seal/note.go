package seal

import (
	"crypto/rand"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// noteVersion begins a sealed note, which is otherwise laid out like a seal. It
// also begins the associated data, so that neither opens as the other.
const noteVersion = 2

// SealNote seals what a node gives away to get it back, such as how to undo
// something. Notes of one purpose do not open as those of another.
func (k *Keyring) SealNote(purpose string, binding Binding, note []byte) []byte {
	sealed := make([]byte, headSize, headSize+len(note)+chacha20poly1305.Overhead)
	sealed[0] = noteVersion
	copy(sealed[1:], k.first[:])
	nonce := sealed[1+keyIDSize : headSize]
	rand.Read(nonce)
	return k.keys[k.first].Seal(sealed, nonce, note, noteData(purpose, binding))
}

// OpenNote opens a note sealed for the same purpose and binding. Errors:
// ErrNotOpened.
func (k *Keyring) OpenNote(purpose string, binding Binding, sealed []byte) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != noteVersion {
		return nil, ErrNotOpened
	}
	aead, ok := k.keys[keyID(sealed[1:1+keyIDSize])]
	if !ok {
		return nil, ErrNotOpened
	}
	note, err := aead.Open(nil, sealed[1+keyIDSize:headSize], sealed[headSize:], noteData(purpose, binding))
	if err != nil {
		return nil, ErrNotOpened
	}
	return note, nil
}

func noteData(purpose string, binding Binding) []byte {
	data := binary.BigEndian.AppendUint32([]byte{noteVersion}, uint32(len(purpose)))
	data = append(data, purpose...)
	return append(data, binding.associatedData()...)
}
