package inventory

import (
	"bytes"
	"io"
	stdmime "mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // registers charsets with go-message
)

// prefix is how many bytes of each message are looked at.
const prefix = 6 << 10

// fetch reads those of some messages that bear our mark, in the order given.
func fetch(client *imapclient.Client, uids []uint32) ([]*Message, error) {
	const batch = 200
	var messages []*Message
	for ; len(uids) > 0; uids = uids[min(batch, len(uids)):] {
		var set imap.UIDSet
		for _, uid := range uids[:min(batch, len(uids))] {
			set.AddNum(imap.UID(uid))
		}
		section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: prefix}}
		found, err := client.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			return nil, err
		}
		byUID := map[uint32]*Message{}
		for _, data := range found {
			if m := describe(uint32(data.UID), data.FindBodySection(section)); m != nil {
				byUID[m.UID] = m
			}
		}
		for _, uid := range uids[:min(batch, len(uids))] {
			if m := byUID[uid]; m != nil {
				messages = append(messages, m)
			}
		}
	}
	return messages, nil
}

// describe returns nil for a message without our mark.
func describe(uid uint32, raw []byte) *Message {
	marked := bytes.HasPrefix(raw, []byte(MarkHeader+":")) || bytes.Contains(raw, []byte("\n"+MarkHeader+":"))
	if !marked {
		return nil
	}
	m := &Message{UID: uid}
	// A message that go-message cannot read is opened all the same; that it is
	// the right one is then known by its UID alone.
	entity, err := message.Read(bytes.NewReader(raw))
	if entity == nil || err != nil && !message.IsUnknownCharset(err) {
		return m
	}
	decoder := stdmime.WordDecoder{CharsetReader: message.CharsetReader}
	if subject, err := decoder.DecodeHeader(entity.Header.Get("Subject")); err == nil {
		m.Subject = longestRun(subject)
		m.Phrase = phrase(m.Subject)
	}
	m.Word = textWord(entity)
	return m
}

// longestRun returns the longest part of a text that holds nothing but letters,
// digits and single spaces between them, and so looks the same in HTML; empty
// if it is shorter than four characters.
func longestRun(text string) string {
	if !utf8.ValidString(text) {
		return ""
	}
	longest := ""
	for _, part := range strings.FieldsFunc(text, func(r rune) bool {
		return r != ' ' && !unicode.IsDigit(r) && (!unicode.IsLetter(r) || unicode.Is(unicode.Arabic, r) || unicode.Is(unicode.Hebrew, r))
	}) {
		part = strings.TrimSpace(part)
		if before, _, found := strings.Cut(part, "  "); found {
			part = before
		}
		if len(part) > len(longest) {
			longest = part
		}
	}
	if utf8.RuneCountInString(longest) < 4 {
		return ""
	}
	return longest
}

// phrase returns up to three words of ASCII letters that follow each other.
func phrase(subject string) string {
	var words []string
	for word := range strings.FieldsSeq(subject) {
		if strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII }) {
			return ""
		}
		if words = append(words, word); len(words) == 3 {
			break
		}
	}
	if joined := strings.Join(words, " "); len(joined) >= 6 {
		return joined
	}
	return ""
}

// textWord returns a long word of the first plain text of a message, from a line
// that is not quoted, empty if there is none. If the message has HTML as well,
// which products may show instead, the word is in both.
func textWord(entity *message.Entity) string {
	text, html := texts(entity)
	best := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "--" {
			break
		}
		if line == "" || line[0] == '>' || len(line) > 200 {
			continue
		}
		words := strings.Fields(line)
		for _, word := range words[:max(0, len(words)-1)] { // the last one may be cut off
			if len(word) > len(best) && len(word) >= 6 && len(word) <= 20 && plain(word) && (html == "" || strings.Contains(html, word)) {
				best = word
			}
		}
		if len(best) >= 9 {
			break
		}
	}
	return best
}

// texts returns the first plain text and the first HTML of a message, as far as
// they are known.
func texts(entity *message.Entity) (text, html string) {
	entity.Walk(func(path []int, part *message.Entity, err error) error {
		if part == nil || len(path) > 4 {
			return nil
		}
		if disposition, _, _ := part.Header.ContentDisposition(); disposition == "attachment" {
			return nil
		}
		into := &text
		switch kind, _, _ := part.Header.ContentType(); kind {
		case "text/plain", "":
		case "text/html":
			into = &html
		default:
			return nil
		}
		if *into == "" {
			content, _ := io.ReadAll(io.LimitReader(part.Body, prefix)) // what can be read before the prefix ends
			*into = string(content)
		}
		return nil
	})
	return text, html
}

func plain(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' })
}
