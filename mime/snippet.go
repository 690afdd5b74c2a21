package mime

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// Snippet makes the line that a list shows of a message, of at most so many
// characters, from the beginning of its text. The beginning may be cut anywhere.
func Snippet(mediaType, charset, encoding string, beginning []byte, most int) string {
	part := &Part{MediaType: strings.ToLower(mediaType), Encoding: encoding, Encoded: beginning, Params: map[string]string{"charset": charset}}
	data, _ := io.ReadAll(io.LimitReader(part.Decode(), maxText))
	if part.MediaType == "text/html" {
		if charset == "" {
			charset = metaCharset(data)
		}
		// A tag, or a comment, that was cut is no text.
		if open := bytes.LastIndexByte(data, '<'); open > bytes.LastIndexByte(data, '>') {
			data = data[:open]
		}
	}
	if utf8Names[squeeze(charset)] || unlabelled[squeeze(charset)] {
		data = wholeCharacters(data)
	}
	text, _ := decodeCharset(charset, data)
	b := &blockBuilder{}
	if part.MediaType == "text/html" {
		b.html(text)
	} else {
		b.text(text, part)
	}
	return shorten(b.blocks, most)
}

// wholeCharacters drops a UTF-8 character that was cut in two.
func wholeCharacters(data []byte) []byte {
	for cut := 1; cut <= 3 && cut <= len(data); cut++ {
		if last := data[len(data)-cut]; utf8.RuneStart(last) {
			if !utf8.FullRune(data[len(data)-cut:]) {
				return data[:len(data)-cut]
			}
			break
		}
	}
	return data
}

// shorten joins the sender's own words, or the quoted ones when there are no
// others, into one line.
func shorten(blocks []Block, most int) string {
	for _, quoted := range []bool{false, true} {
		var line strings.Builder
		for _, block := range blocks {
			if block.Quote > 0 != quoted {
				continue
			}
			for _, span := range block.Spans {
				if span.Text == signature || strings.HasPrefix(span.Text, signature+"\n") {
					return cut(line.String(), most)
				}
				line.WriteByte(' ')
				line.WriteString(span.Text)
			}
			if line.Len() > 4*most {
				break
			}
		}
		if text := cut(line.String(), most); text != "" {
			return text
		}
	}
	return ""
}

// cut makes text one line of at most so many characters, ending with a word
// where there are words.
func cut(text string, most int) string {
	text = plainLine(strings.Join(strings.Fields(text), " "))
	count := 0
	for i := range text {
		if count == most {
			if space := strings.LastIndexByte(text[:i], ' '); space > i*3/4 {
				i = space
			}
			return text[:i]
		}
		count++
	}
	return text
}
