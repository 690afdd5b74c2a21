package mime

import (
	"strings"
)

// signature is the line before a signature (RFC 3676 section 4.3).
const signature = "-- "

// blockBuilder collects the blocks of a view within its bounds.
type blockBuilder struct {
	blocks []Block
	spans  int
	size   int
	full   bool // something was left out
	notes  []Note
	// signature is set below a line that begins a signature, until what is quoted
	// changes.
	signature bool
	// history is set below the line with which programs begin what they quote
	// without marks.
	history bool
	// machine is set in what is meant for programs.
	machine bool
}

// add adds a paragraph; links in it are found.
func (b *blockBuilder) add(quote int, text string) {
	text = strings.Trim(text, "\n")
	if strings.TrimSpace(text) == "" {
		return
	}
	b.addSpans(quote, findLinks(text))
}

func (b *blockBuilder) addSpans(quote int, spans []Span) {
	if b.full || len(b.blocks) == maxBlocks || b.spans+len(spans) > maxSpans {
		b.full = true
		return
	}
	for _, span := range spans {
		b.size += len(span.Text) + len(span.URL)
	}
	if b.size > 2*maxText {
		b.full = true
		return
	}
	b.spans += len(spans)
	if b.history {
		quote++
	}
	if last := len(b.blocks) - 1; last >= 0 && quote > b.blocks[last].Quote && isAttribution(b.blocks[last].Spans) {
		b.blocks[last].Attribution = true
	}
	b.blocks = append(b.blocks, Block{Quote: min(quote, maxQuote), Signature: b.signature, Machine: b.machine, Spans: spans})
}

// maxAttributionText bounds the line that says who wrote what is quoted next.
const maxAttributionText = 400

// isAttribution tells whether a paragraph is such a line: short, with a colon at
// its end, and with a number or an address, for it names a date or a person.
func isAttribution(spans []Span) bool {
	size := 0
	named := false
	for _, span := range spans {
		size += len(span.Text)
		named = named || strings.ContainsAny(span.Text, "0123456789@") || strings.HasPrefix(span.URL, "mailto:")
	}
	if size > maxAttributionText || size == 0 {
		return false
	}
	last := strings.TrimRight(spans[len(spans)-1].Text, " \n>")
	return named && (strings.HasSuffix(last, ":") || strings.HasSuffix(last, "："))
}

// historyStarts are the lines with which programs begin what they quote without
// marks. A forwarded message begins in another way: it is what its sender means.
var historyStarts = []string{
	"original message", "ursprüngliche nachricht", "originalnachricht", "message d'origine", "message original", "mensaje original", "mensagem original",
	"messaggio originale", "oorspronkelijk bericht", "ursprungligt meddelande", "oprindelig meddelelse", "alkuperäinen viesti", "oryginalna wiadomość", "původní zpráva",
	"исходное сообщение", "orijinal mesaj", "元のメッセージ", "邮件原件", "原始邮件", "원본 메시지", "αρχικό μήνυμα",
}

// startsHistory tells whether a line such as "-----Original Message-----" begins
// what is quoted.
func startsHistory(line string) bool {
	text := strings.TrimSpace(line)
	if len(text) > 100 || !strings.HasPrefix(text, "--") {
		return false
	}
	text = strings.ToLower(strings.Trim(text, "- "))
	for _, start := range historyStarts {
		if text == start {
			return true
		}
	}
	return false
}

// armour tells what a line of OpenPGP (RFC 9580 section 6.2) says about the text
// around it.
func armour(line string) Note {
	switch {
	case !strings.HasPrefix(line, "-----BEGIN PGP "):
		return ""
	case strings.HasPrefix(line, "-----BEGIN PGP SIGNED MESSAGE-----"):
		return NoteSigned
	case strings.HasPrefix(line, "-----BEGIN PGP MESSAGE"):
		return NoteEncrypted
	}
	return ""
}

// item adds a piece of a message: its text, or what its HTML says when there is
// no text to speak of.
func (b *blockBuilder) item(item item) {
	before := len(b.blocks)
	for _, part := range item.texts {
		b.part(part)
	}
	if len(b.blocks) > before {
		return
	}
	for _, part := range item.html {
		if part.MediaType == "text/html" {
			b.html(partText(part).text)
		} else {
			b.part(part)
		}
	}
}

// part adds a text part, or the lines that head a message.
func (b *blockBuilder) part(part *Part) {
	if part.MediaType == "message/rfc822" {
		b.signature, b.history = false, false
		b.add(0, heading(part.Children[0].Header))
		return
	}
	text := partText(part)
	b.machine = part.MediaType == "message/delivery-status" || part.MediaType == "text/rfc822-headers"
	b.plain(text.text, part)
	b.machine = false
	b.full = b.full || text.cut
}

// plain adds the text of a part of any type but HTML.
func (b *blockBuilder) plain(text string, part *Part) {
	if part.MediaType == "text/enriched" || part.MediaType == "text/richtext" {
		text = enrichedText(text)
	}
	b.text(text, part)
}

// heading is what a reader wants to know of a message before its text.
func heading(h Header) string {
	var lines []string
	for _, name := range []string{"From", "Date", "Subject"} {
		if value := h.Get(name); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	return strings.Join(lines, "\n")
}

// text adds a text part: paragraphs are what empty lines and changes of the
// depth of quotation separate.
func (b *blockBuilder) text(text string, part *Part) {
	flowed := strings.EqualFold(part.Params["format"], "flowed")
	delSp := flowed && strings.EqualFold(part.Params["delsp"], "yes")
	var paragraph strings.Builder
	depth := 0
	flush := func() {
		b.add(depth, paragraph.String())
		paragraph.Reset()
	}
	b.signature, b.history = false, false
	own := false     // there were words of the sender
	flowing := false // the last line goes on in the next one (RFC 3676)
	for line := range strings.Lines(normaliseLines(text)) {
		line = strings.TrimSuffix(line, "\n")
		quote, rest := quoteDepth(line, flowed)
		if quote != depth {
			flush()
			depth, flowing, b.signature = quote, false, false
		}
		if flowed {
			rest = strings.TrimPrefix(rest, " ") // stuffing
		}
		if strings.TrimSpace(rest) == "" && rest != signature {
			flush()
			flowing = false
			continue
		}
		if note := armour(rest); note != "" && depth == 0 {
			b.notes = append(b.notes, note)
		}
		if depth == 0 && own && !b.history && startsHistory(rest) {
			flush()
			b.signature, b.history = false, true
		}
		if depth == 0 && (rest == signature || rest == "--") {
			flush()
			b.signature, flowing = true, false
		}
		own = own || depth == 0 && !b.signature
		if paragraph.Len() > 0 && !flowing {
			paragraph.WriteByte('\n')
		}
		flowing = flowed && strings.HasSuffix(rest, " ") && rest != signature
		if flowing && delSp {
			rest = strings.TrimSuffix(rest, " ")
		}
		if !flowing && rest != signature {
			rest = strings.TrimRight(rest, " \t")
		}
		paragraph.WriteString(rest)
	}
	flush()
}

var lineEnds = strings.NewReplacer("\r\r\n", "\n", "\r\n", "\n", "\r", "\n", "\f", "\n")

// normaliseLines makes all line ends newlines and other control characters
// vanish, except tabs; also those that turn the direction of reading.
func normaliseLines(text string) string {
	if strings.ContainsAny(text, "\r\f") {
		text = lineEnds.Replace(text)
	}
	return strings.Map(func(char rune) rune {
		if char < ' ' && char != '\n' && char != '\t' || char >= 0x7f && char < 0xa0 && char != 0x85 || turnsDirection(char) {
			return -1
		}
		return char
	}, text)
}

// quoteDepth counts the ">" at the beginning of a line. In flowed text they stand
// together; elsewhere spaces between them are usual.
func quoteDepth(line string, flowed bool) (int, string) {
	depth := 0
	for {
		rest := line
		if !flowed && depth > 0 {
			rest = strings.TrimPrefix(rest, " ")
		}
		if !strings.HasPrefix(rest, ">") {
			break
		}
		line = rest[1:]
		depth++
	}
	if depth > 0 && !flowed {
		line = strings.TrimPrefix(line, " ")
	}
	return depth, line
}
