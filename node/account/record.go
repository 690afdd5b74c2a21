package account

import (
	"strconv"
	"strings"
	"unsafe"

	"alphamail/mime"
	"alphamail/node/api"
)

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -unexported -file=record.go -o=record_msgp.go

//msgp:ignore record block
//msgp:tuple columns

// record is what a list page shows of a message and what never changes.
type record struct {
	from, to         []api.Address
	subject, snippet string
	arrived          int64 // INTERNALDATE, Unix seconds
	sent             int64 // Date field; that of arrival when it cannot be read
	size             int64 // RFC822.SIZE
	hasAttachment    bool
}

// blockSize is how many UIDs a block spans. Records are kept in blocks, because
// they compress well together, and a page takes one or two of them.
const blockSize = 128

// block holds the records of the messages with UIDs from a multiple of blockSize
// on; nil for those that are not known. A block is never changed.
type block [blockSize]*record

func blockNumber(uid uint32) uint32 { return uid / blockSize }

// columns is how a block is kept: like stands beside like, which compresses
// better than record by record; and all texts are one, which is read at once.
type columns struct {
	Slots         []byte  // of each record: its UID modulo blockSize
	Arrived, Sent []int64 // the difference to the record before
	Sizes         []int64
	Attachments   []bool
	FromCount     []byte // addresses of From
	ToCount       []byte
	// Texts are all names, then all addresses (of From and then To of each
	// record), all subjects, all snippets; Lengths those of each.
	Lengths []uint32
	Texts   string
}

func (b *block) encode() ([]byte, error) {
	c := &columns{}
	var arrived, sent int64
	var people []api.Address
	for slot, r := range b {
		if r == nil {
			continue
		}
		c.Slots = append(c.Slots, byte(slot))
		c.Arrived, arrived = append(c.Arrived, r.arrived-arrived), r.arrived
		c.Sent, sent = append(c.Sent, r.sent-sent), r.sent
		c.Sizes = append(c.Sizes, r.size)
		c.Attachments = append(c.Attachments, r.hasAttachment)
		c.FromCount = append(c.FromCount, byte(len(r.from)))
		c.ToCount = append(c.ToCount, byte(len(r.to)))
		people = append(append(people, r.from...), r.to...)
	}
	var texts strings.Builder
	add := func(text string) {
		c.Lengths = append(c.Lengths, uint32(len(text)))
		texts.WriteString(text)
	}
	for _, address := range people {
		add(address.Name)
	}
	for _, address := range people {
		add(address.Email)
	}
	for _, slot := range c.Slots {
		add(b[slot].subject)
	}
	for _, slot := range c.Slots {
		add(b[slot].snippet)
	}
	c.Texts = texts.String()
	return c.MarshalMsg(nil)
}

// decodeBlock is given to the cache.
func decodeBlock(data []byte) (value any, size int64, err error) {
	c := &columns{}
	if _, err := c.UnmarshalMsg(data); err != nil {
		return nil, 0, err
	}
	made := &block{}
	records := make([]record, len(c.Slots))
	people := make([]api.Address, (len(c.Lengths)-2*len(c.Slots))/2)
	lengths, texts := c.Lengths, c.Texts
	next := func() (text string) {
		text, texts = texts[:lengths[0]], texts[lengths[0]:]
		lengths = lengths[1:]
		return text
	}
	for i := range people {
		people[i].Name = next()
	}
	for i := range people {
		people[i].Email = next()
	}
	for i := range records {
		records[i].subject = next()
	}
	for i := range records {
		records[i].snippet = next()
	}
	size = int64(unsafe.Sizeof(*made)) + int64(len(records))*int64(unsafe.Sizeof(record{})) + int64(len(people))*int64(unsafe.Sizeof(api.Address{})) + int64(len(c.Texts))
	take := func(count byte) (taken []api.Address) {
		taken, people = people[:count:count], people[count:]
		return taken
	}
	var arrived, sent int64
	for i, slot := range c.Slots {
		r := &records[i]
		arrived += c.Arrived[i]
		sent += c.Sent[i]
		r.arrived, r.sent, r.size, r.hasAttachment = arrived, sent, c.Sizes[i], c.Attachments[i]
		r.from, r.to = take(c.FromCount[i]), take(c.ToCount[i])
		made[slot] = r
	}
	return made, size + size/8, nil // the allocator rounds up
}

// recordVersion is raised when the meaning of cached records or keys changes.
const recordVersion = 3

// kinds of cache entries.
const (
	kindRecords = "records"      // a block; the UID is its number
	kindBare    = "records-bare" // the same without snippets
	kindKeys    = "keys"         // a keyBlock; the UID is its number
	kindRaw     = "raw"
	kindView    = "view"
	kindHTML    = "html"
	kindRemote  = "html+remote"
)

// cacheKey names content fully: mailbox, UIDVALIDITY, UID, what of it, and the
// version of the code that derived it. So a cached value never becomes wrong,
// only useless.
func cacheKey(kind string, id api.MessageID) string {
	key := make([]byte, 0, len(kind)+len(id.Mailbox)+40)
	key = append(key, kind...)
	version := mime.RendererVersion
	switch kind {
	case kindRecords, kindBare, kindKeys:
		version = version<<8 + recordVersion
	case kindRaw:
		version = 0
	}
	key = strconv.AppendInt(append(key, ' '), int64(version), 10)
	key = strconv.AppendUint(append(key, ' '), uint64(id.UIDValidity), 10)
	key = strconv.AppendUint(append(key, ' '), uint64(id.UID), 10)
	return string(append(append(key, ' '), id.Mailbox...))
}

// recordKind is the kind of the blocks that this account uses.
func (a *Account) recordKind() string {
	if a.config.NoSnippets {
		return kindBare
	}
	return kindRecords
}

// block returns the block with a number, nil if nothing of it is known.
func (a *Account) block(x *index, number uint32) *block {
	value, ok := a.cache.Decoded(a.id, cacheKey(a.recordKind(), x.id(number)), decodeBlock)
	if !ok {
		return nil
	}
	return value.(*block)
}

// recall returns the records of messages, nil for those that are not known.
func (a *Account) recall(x *index, uids []uint32) (records []*record, complete bool) {
	records = make([]*record, len(uids))
	complete = true
	var held *block // of the message before: by arrival, most rows share it
	for i, uid := range uids {
		if i == 0 || blockNumber(uid) != blockNumber(uids[i-1]) {
			held = a.block(x, blockNumber(uid))
		}
		if held != nil {
			records[i] = held[uid%blockSize]
		}
		complete = complete && records[i] != nil
	}
	return records, complete
}

// remember caches records: each block once more, with what it holds already.
func (a *Account) remember(x *index, made map[uint32]*record) {
	blocks := map[uint32]*block{}
	for uid, r := range made {
		number := blockNumber(uid)
		if blocks[number] == nil {
			fresh := &block{}
			if held := a.block(x, number); held != nil {
				*fresh = *held
			}
			blocks[number] = fresh
		}
		blocks[number][uid%blockSize] = r
	}
	for number, fresh := range blocks {
		data, err := fresh.encode()
		if err != nil {
			continue
		}
		// What was decoded holds its texts alone; those of a fetched record may keep
		// the whole response alive.
		if kept, cost, err := decodeBlock(data); err == nil {
			a.cache.PutDecoded(a.id, cacheKey(a.recordKind(), x.id(number)), data, kept, cost)
		}
	}
}
