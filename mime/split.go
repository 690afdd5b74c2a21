package mime

import (
	"bytes"
	"strconv"
)

func itoa(number int) string { return strconv.Itoa(number) }

// splitParts splits the content of a multipart at its boundary (RFC 2046
// section 5.1.1), into at most so many parts. closed tells whether the closing
// boundary was there. Without a boundary parameter the first line that looks
// like a boundary is taken for it.
func splitParts(content []byte, boundary string, most int) (parts [][]byte, closed bool) {
	if boundary == "" {
		if boundary = guessBoundary(content); boundary == "" {
			return nil, false
		}
	}
	delimiter := []byte("--" + boundary)
	start := -1
	for pos := 0; pos <= len(content); {
		at := bytes.Index(content[pos:], delimiter)
		if at < 0 {
			break
		}
		at += pos
		pos = at + len(delimiter)
		if at > 0 && content[at-1] != '\n' && content[at-1] != '\r' {
			continue
		}
		line, rest := cutLine(content[pos:])
		closing := bytes.HasPrefix(line, []byte("--"))
		if trailing := bytes.TrimSpace(line); !closing && len(trailing) > 0 {
			continue // the boundary of another part that begins like this one
		}
		if start >= 0 {
			parts = append(parts, trimEnd(content[start:at]))
		}
		if closing || len(parts) == most {
			return parts, true
		}
		start = len(content) - len(rest)
		pos = start
	}
	if start >= 0 && start <= len(content) {
		parts = append(parts, content[start:])
	}
	return parts, false
}

// trimEnd removes the line break that belongs to the boundary after a part.
func trimEnd(part []byte) []byte {
	part = bytes.TrimSuffix(part, []byte("\n"))
	return bytes.TrimSuffix(part, []byte("\r"))
}

// guessBoundary finds a line that begins with two hyphens and occurs again.
func guessBoundary(content []byte) string {
	for rest := content; len(rest) > 0; {
		line, next := cutLine(rest)
		if text, ok := bytes.CutPrefix(line, []byte("--")); ok && len(text) >= 4 && len(text) <= 70 && !bytes.ContainsAny(text, " \t") {
			if bytes.Contains(next, line) {
				return string(text)
			}
			return ""
		}
		rest = next
	}
	return ""
}
