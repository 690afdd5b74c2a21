package mime

import (
	"bytes"
)

// splitParts splits the content of a multipart at its boundary (RFC 2046
// section 5.1.1), into at most so many parts. Where the parameter is missing, or
// names what never occurs, the first line that looks like a boundary is taken.
// Parts behind the closing boundary are read too: nested multiparts that share
// one boundary leave them there.
func splitParts(content []byte, boundary string, most int) (parts [][]byte, found defects) {
	parts, found = splitAt(content, boundary, most)
	if len(parts) == 0 && !found.has(DefectPartLimit) {
		if guessed := guessBoundary(content); guessed != "" && guessed != boundary {
			parts, found = splitAt(content, guessed, most)
			found.add(DefectNoBoundary)
		}
	}
	return parts, found
}

func splitAt(content []byte, boundary string, most int) (parts [][]byte, found defects) {
	if boundary == "" {
		return nil, nil
	}
	delimiter := []byte("--" + boundary)
	start, closed := -1, false
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
		if len(parts) == most {
			found.add(DefectPartLimit)
			return parts, found
		}
		pos = len(content) - len(rest)
		start = pos
		if closing {
			start, closed = -1, true
		} else if closed {
			found.add(DefectAfterClosing)
			closed = false
		}
	}
	if start >= 0 && start <= len(content) {
		parts = append(parts, content[start:])
	}
	if !closed {
		found.add(DefectUnclosed)
	}
	return parts, found
}

// trimEnd removes the line break that belongs to the boundary after a part.
func trimEnd(part []byte) []byte {
	part = bytes.TrimSuffix(part, []byte("\n"))
	return bytes.TrimRight(part, "\r")
}

// guessBoundary finds a line that begins with two hyphens and occurs again, or
// that is followed by a field of a part's header.
func guessBoundary(content []byte) string {
	for rest := content; len(rest) > 0; {
		line, next := cutLine(rest)
		if text, ok := bytes.CutPrefix(line, []byte("--")); ok && len(text) >= 1 && len(text) <= 200 && !bytes.ContainsAny(text, " \t") && len(bytes.Trim(text, "-")) > 0 {
			if following := bytes.ToLower(next[:min(len(next), 8)]); bytes.Equal(following, []byte("content-")) || len(text) >= 4 && bytes.Contains(next, line) {
				return string(text)
			}
			return ""
		}
		rest = next
	}
	return ""
}
