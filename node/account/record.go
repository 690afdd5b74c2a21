package account

import (
	"strconv"
	"time"

	"alphamail/mime"
	"alphamail/node/api"
)

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -unexported -file=record.go -o=record_msgp.go

// record is what a list page shows of a message and what never changes. It is
// kept in the cache.
type record struct {
	From          []api.Address `msg:"f"`
	To            []api.Address `msg:"t"`
	Subject       string        `msg:"s"`
	Snippet       string        `msg:"n"`
	Date          time.Time     `msg:"d"`
	Size          int64         `msg:"z"`
	HasAttachment bool          `msg:"a"`
}

// recordVersion is raised when the meaning of a cached record changes.
const recordVersion = 1

// kinds of cache entries.
const (
	kindRecord = "record"
	kindRaw    = "raw"
	kindView   = "view"
	kindHTML   = "html"
	kindRemote = "html+remote"
)

// cacheKey names content fully: mailbox, UIDVALIDITY, UID, what of it, and the
// version of the code that derived it. So a cached value never becomes wrong,
// only useless.
func cacheKey(kind string, id api.MessageID) string {
	key := make([]byte, 0, len(kind)+len(id.Mailbox)+40)
	key = append(key, kind...)
	version := mime.RendererVersion
	switch kind {
	case kindRecord:
		version = version<<8 + recordVersion
	case kindRaw:
		version = 0
	}
	key = strconv.AppendInt(append(key, ' '), int64(version), 10)
	key = strconv.AppendUint(append(key, ' '), uint64(id.UIDValidity), 10)
	key = strconv.AppendUint(append(key, ' '), uint64(id.UID), 10)
	return string(append(append(key, ' '), id.Mailbox...))
}

// encodable and decodable are what the generated code offers.
type (
	encodable interface{ MarshalMsg([]byte) ([]byte, error) }
	decodable interface{ UnmarshalMsg([]byte) ([]byte, error) }
)

// recall reads a cached value; false when it is not there or does not decode.
func (a *Account) recall(kind string, id api.MessageID, value decodable) bool {
	data, ok := a.cache.Get(a.id, cacheKey(kind, id))
	if !ok {
		return false
	}
	_, err := value.UnmarshalMsg(data)
	return err == nil
}

// remember caches a value.
func (a *Account) remember(kind string, id api.MessageID, value encodable) {
	if data, err := value.MarshalMsg(nil); err == nil {
		a.cache.Put(a.id, cacheKey(kind, id), data)
	}
}
