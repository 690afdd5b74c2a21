package mime

import (
	"net/url"
	"strings"
	"unicode"
)

// linkStarts are how links in text begin.
var linkStarts = []string{"https://", "http://", "mailto:", "www."}

// maxURL bounds a link, in bytes.
const maxURL = 4096

// findLinks splits text into spans with and without links.
func findLinks(text string) []Span {
	var spans []Span
	plain := 0 // where text without a link began
	lower := asciiLower(text)
	for pos := 0; pos < len(text); {
		start, ok := nextLink(lower, pos)
		if !ok {
			break
		}
		end := start + linkLength(text[start:])
		link := text[start:end]
		address := link
		if strings.HasPrefix(lower[start:], "www.") {
			address = "https://" + link
		}
		safe, ok := safeURL(address)
		if !ok {
			pos = max(end, start+1)
			continue
		}
		if plain < start {
			spans = append(spans, Span{Text: text[plain:start]})
		}
		spans = append(spans, Span{Text: link, URL: safe})
		pos, plain = end, end
	}
	if plain < len(text) {
		spans = append(spans, Span{Text: text[plain:]})
	}
	return spans
}

// asciiLower keeps the positions of all bytes.
func asciiLower(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

// nextLink finds where the next link begins: not in the middle of a word.
func nextLink(lower string, pos int) (int, bool) {
	for ; pos < len(lower); pos++ {
		if lower[pos] != 'h' && lower[pos] != 'm' && lower[pos] != 'w' {
			continue
		}
		if pos > 0 && (lower[pos-1] >= 'a' && lower[pos-1] <= 'z' || lower[pos-1] >= '0' && lower[pos-1] <= '9') {
			continue
		}
		for _, start := range linkStarts {
			if strings.HasPrefix(lower[pos:], start) && len(lower) > pos+len(start) {
				return pos, true
			}
		}
	}
	return 0, false
}

// linkLength finds where a link ends: at white space and at what stands around
// links, without the punctuation of the sentence.
func linkLength(text string) int {
	if len(text) > maxURL {
		text = strings.ToValidUTF8(text[:maxURL], "")
	}
	end := strings.IndexFunc(text, func(char rune) bool {
		return unicode.IsSpace(char) || unicode.IsControl(char) || strings.ContainsRune("<>\"“”„«»、。，！？「」", char)
	})
	if end < 0 {
		end = len(text)
	}
	for end > 0 {
		switch last := text[end-1]; last {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '_', '|':
			end--
			continue
		case ')', ']', '}':
			open := map[byte]string{')': "(", ']': "[", '}': "{"}[last]
			if strings.Count(text[:end], open) < strings.Count(text[:end], string(last)) {
				end--
				continue
			}
		}
		break
	}
	return end
}

// safeURL returns an absolute URL that a page may link to: http, https or
// mailto, without a user name that makes it look like another one.
func safeURL(address string) (string, bool) {
	if len(address) > maxURL || strings.ContainsFunc(address, unicode.IsControl) {
		return "", false
	}
	parsed, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "", false
	}
	switch strings.ToLower(parsed.Scheme) {
	case "http", "https":
		if parsed.Host == "" || parsed.Hostname() == "" {
			return "", false
		}
		parsed.User = nil
	case "mailto":
		if parsed.Opaque == "" && parsed.RawQuery == "" || strings.HasPrefix(parsed.Opaque, "/") {
			return "", false
		}
	default:
		return "", false
	}
	return parsed.String(), true
}
