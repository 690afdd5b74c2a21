package cache_test

import (
	"bytes"
	"hash/fnv"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"alphamail/bench/testbed/mailgen"
	"alphamail/mime"
)

// blockRecords is how many records of a list page stand in one block.
const blockRecords = 64

// row is what a list page keeps of a message, much as a mail program would.
type row struct {
	from, to           []mime.Address
	subject, snippet   string
	date               time.Time
	size               int64
	attachment         bool
	id, answers, topic uint64 // hashes
}

// mailbox is the generated mail of one person, and what a list shows of it.
type mailbox struct {
	bodies [][]byte // RFC 5322, without messages that are mostly attachment
	rows   []row
}

func generate(seed uint64, messages int) mailbox {
	var m mailbox
	now := time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	for message := range mailgen.New(seed, now).Inbox(messages) {
		if message.Mailbox != "INBOX" || message.Malformed {
			continue
		}
		parsed := mime.Parse(message.Raw)
		m.rows = append(m.rows, newRow(parsed, message))
		if encoded := base64Bytes(parsed.Root); encoded < 1000 {
			m.bodies = append(m.bodies, message.Raw)
		}
	}
	return m
}

func base64Bytes(part *mime.Part) (total int64) {
	if part.Encoding == "base64" && len(part.Children) == 0 && !strings.HasPrefix(part.MediaType, "text/") {
		return part.EncodedSize
	}
	for _, child := range part.Children {
		total += base64Bytes(child)
	}
	return total
}

func newRow(parsed *mime.Message, message mailgen.Message) row {
	header := parsed.Header
	r := row{
		from: few(header.Addresses("From")), to: few(header.Addresses("To")), subject: header.Get("Subject"),
		date: message.Date, size: int64(len(message.Raw)),
		id: hash(header.Get("Message-ID")), answers: hash(header.Get("In-Reply-To")),
		topic:      hash(strings.TrimPrefix(header.Get("Subject"), "Re: ")),
		attachment: base64Bytes(parsed.Root) > 0,
	}
	if texts := mime.TextParts(parsed); len(texts) > 0 {
		text := texts[0]
		r.snippet = mime.Snippet(text.MediaType, text.Params["charset"], text.Encoding, text.Encoded[:min(len(text.Encoded), 2048)], 160)
	}
	return r
}

// few are as many addresses as a row shows.
func few(addresses []mime.Address) []mime.Address { return addresses[:min(len(addresses), 3)] }

func hash(text string) uint64 {
	if text == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

// fields append one field of a row each.
var fields = []struct {
	name   string
	append func([]byte, row) []byte
}{
	{"f", func(b []byte, r row) []byte { return appendAddresses(b, r.from) }},
	{"t", func(b []byte, r row) []byte { return appendAddresses(b, r.to) }},
	{"s", func(b []byte, r row) []byte { return msgp.AppendString(b, r.subject) }},
	{"n", func(b []byte, r row) []byte { return msgp.AppendString(b, r.snippet) }},
	{"d", func(b []byte, r row) []byte { return msgp.AppendTimeExt(b, r.date) }},
	{"z", func(b []byte, r row) []byte { return msgp.AppendInt64(b, r.size) }},
	{"a", func(b []byte, r row) []byte { return msgp.AppendBool(b, r.attachment) }},
	{"m", func(b []byte, r row) []byte { return msgp.AppendUint64(b, r.id) }},
	{"r", func(b []byte, r row) []byte { return msgp.AppendUint64(b, r.answers) }},
	{"b", func(b []byte, r row) []byte { return msgp.AppendUint64(b, r.topic) }},
}

func appendAddresses(b []byte, addresses []mime.Address) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(addresses)))
	for _, address := range addresses {
		b = msgp.AppendMapHeader(b, 2)
		b = msgp.AppendString(msgp.AppendString(b, "name"), address.Name)
		b = msgp.AppendString(msgp.AppendString(b, "email"), address.Email)
	}
	return b
}

// appendRow makes a row a map, as generated code does.
func appendRow(b []byte, r row) []byte {
	b = msgp.AppendMapHeader(b, uint32(len(fields)))
	for _, field := range fields {
		b = field.append(msgp.AppendString(b, field.name), r)
	}
	return b
}

// byRows and byColumns are the two ways to lay out a block.
func byRows(rows []row) []byte {
	b := msgp.AppendArrayHeader(nil, uint32(len(rows)))
	for _, r := range rows {
		b = appendRow(b, r)
	}
	return b
}

func byColumns(rows []row) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(fields)))
	for _, field := range fields {
		b = msgp.AppendArrayHeader(msgp.AppendString(b, field.name), uint32(len(rows)))
		for _, r := range rows {
			b = field.append(b, r)
		}
	}
	return b
}

// blocks lays out the rows of a mailbox, the newest block perhaps shorter.
func (m mailbox) blocks(layout func([]row) []byte) (made [][]byte) {
	for begin := 0; begin < len(m.rows); begin += blockRecords {
		made = append(made, layout(m.rows[begin:min(begin+blockRecords, len(m.rows))]))
	}
	return made
}

func total(values [][]byte) int { return len(bytes.Join(values, nil)) }
