package mime

import "strings"

// enrichedText is what text/enriched says (RFC 1896): its commands go, with the
// content of param, and one of several line ends in a row is none.
func enrichedText(text string) string {
	var out strings.Builder
	hidden, plain := 0, 0 // open param and nofill commands
	text = normaliseLines(text)
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "<<"):
			out.WriteByte('<')
			text = text[2:]
		case text[0] == '<':
			end := strings.IndexByte(text[:min(len(text), maxCommand)], '>')
			if end < 2 || !keyword(strings.TrimPrefix(text[1:end], "/")) {
				out.WriteByte('<')
				text = text[1:]
				continue
			}
			switch strings.ToLower(text[1:end]) {
			case "param":
				hidden++
			case "/param":
				hidden = max(0, hidden-1)
			case "nofill":
				plain++
			case "/nofill":
				plain = max(0, plain-1)
			}
			text = text[end+1:]
		case text[0] == '\n' && plain == 0:
			ends := len(text) - len(strings.TrimLeft(text, "\n"))
			if ends == 1 {
				out.WriteByte(' ')
			} else {
				out.WriteString(strings.Repeat("\n", ends-1))
			}
			text = text[ends:]
		default:
			end := strings.IndexAny(text[1:], "<\n") + 1
			if end == 0 {
				end = len(text)
			}
			if hidden == 0 {
				out.WriteString(text[:end])
			}
			text = text[end:]
		}
	}
	return out.String()
}

// maxCommand bounds a command with its brackets, in bytes (RFC 1896).
const maxCommand = 62
