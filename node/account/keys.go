package account

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -unexported -file=keys.go -o=keys_msgp.go

//msgp:ignore sortable missingKeys
//msgp:tuple keyBlock

// sortable is what a message is sorted by.
type sortable struct {
	uid             uint32
	sent, size      int64
	sender, subject string // folded
}

// keySpan is how many UIDs a block of keys spans.
const keySpan = 512

// keyBlock holds the keys of the messages of a span of UIDs, in columns.
type keyBlock struct {
	UIDs              []uint32
	Sent, Sizes       []int64
	Senders, Subjects []string
}

// missingKeys are messages whose keys have to be fetched before their mailbox can
// be sorted.
type missingKeys struct {
	mailbox     string
	uidValidity uint32
	uids        []uint32
}

// keys returns the keys of all messages, from the cache; or which are missing.
func (a *Account) keys(x *index) ([]sortable, *missingKeys) {
	all := make([]sortable, 0, len(x.uids))
	missing := &missingKeys{mailbox: x.mailbox, uidValidity: x.uidValidity}
	held := &keyBlock{}
	number, at := ^uint32(0), 0
	for _, uid := range x.uids {
		if uid/keySpan != number {
			number, at = uid/keySpan, 0
			held = a.keyBlock(x.id(number))
		}
		for at < len(held.UIDs) && held.UIDs[at] < uid {
			at++
		}
		if at == len(held.UIDs) || held.UIDs[at] != uid {
			missing.uids = append(missing.uids, uid)
			continue
		}
		all = append(all, sortable{uid, held.Sent[at], held.Sizes[at], held.Senders[at], held.Subjects[at]})
	}
	if len(missing.uids) > 0 {
		return nil, missing
	}
	return all, nil
}

// keyBlock reads a block of keys; an empty one if it is not known.
func (a *Account) keyBlock(id api.MessageID) *keyBlock {
	held := &keyBlock{}
	if data, ok := a.cache.Get(a.id, cacheKey(kindKeys, id)); ok {
		held.UnmarshalMsg(data)
	}
	return held
}

// keyHeader is what keys are made of.
var keyHeader = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true, HeaderFields: []string{"From", "Subject", "Date"}}

// keysAtOnce is how many messages are asked for at a time.
const keysAtOnce = 1000

// fetchKeys fetches keys over the transient connection and caches them. What was
// fetched stays if the deadline passes before all is.
func (a *Account) fetchKeys(ctx context.Context, missing *missingKeys) error {
	return a.transiently(ctx, missing.mailbox, func(ctx context.Context, conn *connection, data *imap.SelectData) error {
		if data.UIDValidity != missing.uidValidity {
			return api.NewError(api.CodeConflict, "This folder was replaced while it was being sorted. Please try again.", fmt.Errorf("UIDVALIDITY is %d", data.UIDValidity))
		}
		for uids := range slices.Chunk(missing.uids, keysAtOnce) {
			var set imap.UIDSet
			for _, uid := range uids {
				set.AddNum(imap.UID(uid))
			}
			fetch := &imapconn.Fetch{UIDs: set, Items: &imap.FetchOptions{InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{keyHeader}}}
			if err := a.exchange(ctx, conn, fetch); err != nil {
				return err
			}
			found := map[uint32]sortable{}
			for _, message := range fetch.Messages {
				found[uint32(message.UID)] = newSortable(message)
			}
			a.rememberKeys(missing, uids, found)
		}
		return nil
	})
}

func newSortable(message *imapconn.Message) sortable {
	header := mime.ParseHeader(message.Section(keyHeader))
	key := sortable{uid: uint32(message.UID), sent: message.InternalDate.Unix(), size: message.Size, subject: fold(baseSubject(header.Get("Subject")))}
	if date, ok := header.Date(); ok {
		key.sent = date.Unix()
	}
	if from := header.Addresses("From"); len(from) > 0 {
		key.sender = fold(cmp.Or(from[0].Name, from[0].Email))
	}
	return key
}

// maxKey bounds a key, in bytes.
const maxKey = 100

func fold(text string) string {
	folded := strings.ToLower(text)
	return strings.ToValidUTF8(folded[:min(len(folded), maxKey)], "")
}

// baseSubject is the subject without what replies and forwards put before it, as
// RFC 5256 section 2.1 describes, in several languages.
func baseSubject(subject string) string {
	for {
		subject = strings.TrimSpace(subject)
		before, rest, found := strings.Cut(subject, ":")
		if !found || !replyPrefixes[strings.ToLower(strings.TrimSpace(strings.TrimRight(before, "0123456789[]() ")))] {
			return subject
		}
		subject = rest
	}
}

var replyPrefixes = map[string]bool{
	"re": true, "fw": true, "fwd": true, "aw": true, "wg": true, "antw": true, "sv": true, "vs": true, "vb": true, "tr": true,
	"rv": true, "enc": true, "res": true, "r": true, "i": true, "odp": true, "ynt": true, "回复": true, "转发": true,
}

// rememberKeys caches keys by block, together with those that it holds already.
// A message that the server did not show gets an empty key, so that it is not
// asked for again and again.
func (a *Account) rememberKeys(missing *missingKeys, uids []uint32, found map[uint32]sortable) {
	for len(uids) > 0 {
		number := uids[0] / keySpan
		id := api.MessageID{Mailbox: missing.mailbox, UIDValidity: missing.uidValidity, UID: number}
		held := a.keyBlock(id)
		keys := map[uint32]sortable{}
		for i, uid := range held.UIDs {
			keys[uid] = sortable{uid, held.Sent[i], held.Sizes[i], held.Senders[i], held.Subjects[i]}
		}
		for len(uids) > 0 && uids[0]/keySpan == number {
			key := found[uids[0]]
			key.uid = uids[0]
			keys[key.uid] = key
			uids = uids[1:]
		}
		block := newKeyBlock(keys)
		if data, err := block.MarshalMsg(nil); err == nil {
			a.cache.Put(a.id, cacheKey(kindKeys, id), data)
		}
	}
}

func newKeyBlock(keys map[uint32]sortable) *keyBlock {
	block := &keyBlock{}
	for _, key := range slices.SortedFunc(maps.Values(keys), func(p, q sortable) int { return cmp.Compare(p.uid, q.uid) }) {
		block.UIDs = append(block.UIDs, key.uid)
		block.Sent = append(block.Sent, key.sent)
		block.Sizes = append(block.Sizes, key.size)
		block.Senders = append(block.Senders, key.sender)
		block.Subjects = append(block.Subjects, key.subject)
	}
	return block
}
