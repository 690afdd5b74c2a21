package compose

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// wordPlace is where an encoded word stands: fewer characters may stand as they
// are in a phrase (RFC 2047 section 5).
type wordPlace int

const (
	textWord wordPlace = iota
	phraseWord
)

// maxWord bounds an encoded word, in bytes: 75 at most (RFC 2047 section 2), and
// so that the name of the field fits before it on a line of 76.
const maxWord = 62

// needsEncoding tells whether a word cannot stand as it is.
func needsEncoding(word string) bool {
	return !isASCII(word) || strings.Contains(word, "=?") || longest(word) > maxWord
}

// longest is the length of the longest run without a space.
func longest(text string) int {
	most := 0
	for _, word := range strings.Fields(text) {
		most = max(most, len(word))
	}
	return most
}

// encodeText makes text tokens between which a field may be folded. Words that
// need it are encoded; adjacent ones together with the space between them, which
// readers leave out between encoded words. A phrase is encoded as a whole.
func encodeText(text string, place wordPlace) []string {
	if place == phraseWord {
		return encodeWords(text, place)
	}
	var tokens, pending []string
	flush := func() {
		if len(pending) > 0 {
			tokens = append(tokens, encodeWords(strings.Join(pending, " "), place)...)
			pending = nil
		}
	}
	for _, word := range strings.Split(text, " ") {
		if needsEncoding(word) {
			pending = append(pending, word)
			continue
		}
		flush()
		if word != "" {
			tokens = append(tokens, word)
		}
	}
	flush()
	return tokens
}

// encodeWords encodes text as encoded words, each a whole number of characters,
// in the encoding that people can read where that makes sense.
func encodeWords(text string, place wordPlace) []string {
	high, all := 0, 0
	for _, char := range text {
		if all++; char >= 0x80 {
			high++
		}
	}
	mark, encode := "Q", func(piece string) string { return encodeQ(piece, place) }
	if high*2 > all {
		mark, encode = "B", func(piece string) string { return base64.StdEncoding.EncodeToString([]byte(piece)) }
	}
	const around = len("=?utf-8?Q??=")
	var words []string
	for start := 0; start < len(text); {
		end := start
		for end < len(text) {
			_, size := utf8.DecodeRuneInString(text[end:])
			if end > start && around+encodedLength(mark, text[start:end+size], place) > maxWord {
				break
			}
			end += size
		}
		words = append(words, "=?utf-8?"+mark+"?"+encode(text[start:end])+"?=")
		start = end
	}
	return words
}

func encodedLength(mark, piece string, place wordPlace) int {
	if mark == "B" {
		return base64.StdEncoding.EncodedLen(len(piece))
	}
	return len(encodeQ(piece, place))
}

const hexDigits = "0123456789ABCDEF"

// encodeQ is the Q encoding (RFC 2047 section 4.2).
func encodeQ(text string, place wordPlace) string {
	var out strings.Builder
	for i := range len(text) {
		b := text[i]
		switch {
		case b == ' ':
			out.WriteByte('_')
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '!', b == '*', b == '+', b == '-', b == '/',
			place == textWord && b > ' ' && b < 0x7F && b != '=' && b != '?' && b != '_':
			out.WriteByte(b)
		default:
			out.Write([]byte{'=', hexDigits[b>>4], hexDigits[b&15]})
		}
	}
	return out.String()
}
