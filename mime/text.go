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
	b.blocks = append(b.blocks, Block{min(quote, maxQuote), spans})
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
	flowing := false // the last line goes on in the next one (RFC 3676)
	for line := range strings.Lines(normaliseLines(text)) {
		line = strings.TrimSuffix(line, "\n")
		quote, rest := quoteDepth(line, flowed)
		if quote != depth {
			flush()
			depth, flowing = quote, false
		}
		if flowed {
			rest = strings.TrimPrefix(rest, " ") // stuffing
		}
		if strings.TrimSpace(rest) == "" && rest != signature {
			flush()
			flowing = false
			continue
		}
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

// normaliseLines makes all line ends newlines and other control characters
// vanish, except tabs.
func normaliseLines(text string) string {
	text = strings.NewReplacer("\r\r\n", "\n", "\r\n", "\n", "\r", "\n", "\f", "\n").Replace(text)
	return strings.Map(func(char rune) rune {
		if char < ' ' && char != '\n' && char != '\t' || char == 0x7f {
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
