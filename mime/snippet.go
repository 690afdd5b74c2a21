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
	if part.MediaType == "text/plain" {
		data = data[:uuBeginning(data)]
	}
	if utf8Names[squeeze(charset)] || unlabelled[squeeze(charset)] {
		data = wholeCharacters(data)
	}
	text, _ := decodeCharset(charset, data)
	if part.MediaType == "text/calendar" {
		return cut(eventLine(ParseCalendar(text, "")), most)
	}
	b := &blockBuilder{}
	if part.MediaType == "text/html" {
		b.html(text)
	} else {
		b.plain(text, part)
	}
	return shorten(b.blocks, most)
}

// eventLine says what an invitation is about.
func eventLine(events []Event) string {
	if len(events) == 0 {
		return ""
	}
	return events[0].Summary + " " + events[0].Location
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

// shorten joins the sender's own words that say something into one line. Where
// there are none, it takes those that say little, then the quoted ones, then the
// signature.
func shorten(blocks []Block, most int) string {
	for _, wanted := range []func(Block, string) bool{
		func(block Block, line string) bool {
			return block.Quote == 0 && !block.Signature && !block.Attribution && !isChaff(line)
		},
		func(block Block, _ string) bool { return block.Quote == 0 && !block.Signature && !block.Attribution },
		func(block Block, line string) bool { return !block.Signature && !block.Attribution && !isChaff(line) },
		func(Block, string) bool { return true },
	} {
		if text := cut(joinLines(blocks, wanted, 16*most), most); text != "" {
			return text
		}
	}
	return ""
}

// joinLines joins the lines that are wanted, until there are enough bytes of them.
func joinLines(blocks []Block, wanted func(Block, string) bool, enough int) string {
	var joined strings.Builder
	for _, block := range blocks {
		for line := range strings.Lines(blockText(block)) {
			if joined.Len() > enough {
				return joined.String()
			}
			if wanted(block, line) {
				joined.WriteByte(' ')
				joined.WriteString(line)
			}
		}
	}
	return joined.String()
}

func blockText(block Block) string {
	if len(block.Spans) == 1 {
		return block.Spans[0].Text
	}
	var text strings.Builder
	for _, span := range block.Spans {
		text.WriteString(span.Text)
	}
	return text.String()
}

// maxChaff bounds the lines that can be chaff, in bytes: longer ones have
// something to say.
const maxChaff = 120

// chaff are the lines, in lower case, that stand at the top of newsletters and
// say nothing. A line is chaff when it begins with one of them.
var chaff = []string{
	"view this email in your browser", "view in browser", "view this email", "view online", "view as a web page", "view web version", "view email online", "having trouble viewing", "trouble viewing",
	"can't see this", "can’t see this", "if you cannot", "if you can't see", "if this email is not", "if you are having trouble", "email not displaying", "is this email not displaying", "click here to view", "read online", "read in browser", "open in browser", "unsubscribe",
	"im browser ansehen", "im browser öffnen", "online ansehen", "onlineversion", "online-version", "webversion", "web-version", "wird diese e-mail nicht", "wenn diese e-mail nicht", "falls diese e-mail nicht", "newsletter im browser",
	"voir la version en ligne", "version en ligne", "si ce message ne s", "si vous ne visualisez pas", "consulter la version en ligne", "afficher dans le navigateur",
	"ver en el navegador", "ver este correo", "si no puede ver", "ver en línea", "visualizza nel browser", "visualizza online", "se non visualizzi", "ver no navegador", "bekijk online", "bekijk in browser", "zobacz w przeglądarce",
	"this is a multi-part message in mime format", "external]", "external email", "caution: this email", "caution: external",
	"-----begin pgp signed message", "hash: sha",
}

// isChaff tells whether a line says nothing about the message: an invitation to
// look at it elsewhere, a bare address of a page, a rule, the name of a picture.
func isChaff(line string) bool {
	line = strings.TrimSpace(line)
	if len(line) > maxChaff {
		return isBareURL(line)
	}
	text := strings.ToLower(visibleLine(line))
	if strings.Trim(text, "-_=*~#|<>[]().•·—– \u00a0") == "" || isBareURL(text) {
		return true
	}
	if strings.HasPrefix(text, "[image:") || strings.HasPrefix(text, "[cid:") || strings.HasPrefix(text, "![") {
		return true
	}
	text = strings.TrimLeft(text, "[(<*•|> ")
	for _, start := range chaff {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// isBareURL tells whether a line is nothing but the address of a page, perhaps in
// brackets.
func isBareURL(line string) bool {
	line = strings.Trim(line, "<>()[] ")
	return !strings.ContainsAny(line, " \t") && (strings.HasPrefix(line, "http://") || strings.HasPrefix(line, "https://"))
}
