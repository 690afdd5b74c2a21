package mailgen

import (
	"strings"
	"unicode"
)

// lineWidth is the width of a line of text in columns (RFC 5322 section 2.1.1).
const lineWidth = 72

// wrap breaks a paragraph into lines: at spaces, or, where a script writes
// none, between characters.
func wrap(paragraph string) []string {
	var lines []string
	for line := range strings.Lines(paragraph) {
		lines = append(lines, wrapLine(strings.TrimRight(line, "\n"))...)
	}
	return lines
}

func wrapLine(text string) []string {
	var lines []string
	var line strings.Builder
	width := 0
	flush := func() {
		lines = append(lines, strings.TrimRight(line.String(), " "))
		line.Reset()
		width = 0
	}
	for _, word := range strings.SplitAfter(text, " ") {
		if width > 0 && width+columns(word) > lineWidth+1 {
			flush()
		}
		if isASCII(word) {
			line.WriteString(word)
			width += len(word)
			continue
		}
		for _, r := range word {
			if width >= lineWidth && (wide(r) || unicode.Is(unicode.Thai, r) && !unicode.IsMark(r)) {
				flush()
			}
			line.WriteRune(r)
			width += columns(string(r))
		}
	}
	flush()
	return lines
}

func wide(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func columns(s string) int {
	if isASCII(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		switch {
		case unicode.IsMark(r):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// plain lays paragraphs out as text with hard line breaks.
func plain(paragraphs []string) string {
	var w strings.Builder
	for i, p := range paragraphs {
		if i > 0 {
			w.WriteString("\r\n")
		}
		for _, line := range wrap(p) {
			w.WriteString(line + "\r\n")
		}
	}
	return w.String()
}

// flowed lays paragraphs out as format=flowed (RFC 3676): a line that goes on
// ends in a space, and lines that begin with a space, ">" or "From " are
// space-stuffed.
func flowed(paragraphs []string) string {
	var w strings.Builder
	for i, p := range paragraphs {
		if i > 0 {
			w.WriteString("\r\n")
		}
		for hard := range strings.Lines(p) {
			lines := wrapLine(strings.TrimRight(hard, "\n"))
			for j, line := range lines {
				if strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ") {
					line = " " + line
				}
				if j < len(lines)-1 {
					line += " "
				}
				w.WriteString(line + "\r\n")
			}
		}
	}
	return w.String()
}

// quote prefixes every line of a text with "> ", one level deeper; only the
// first maxQuoted lines are kept.
func quote(text string) string {
	const maxQuoted = 60
	var w strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > maxQuoted {
			break
		}
		if !strings.HasPrefix(line, ">") {
			w.WriteString("> " + line)
		} else {
			w.WriteString(">" + line)
		}
	}
	return w.String()
}
