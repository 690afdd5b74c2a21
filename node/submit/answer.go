package submit

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of an answer. RFC 5321 section 4.5.3.1.5 gives 512 bytes to a line;
// servers that explain themselves take more.
const (
	maxAnswerLine  = 4096 // bytes
	maxAnswerLines = 128
	maxText        = 400 // bytes of an answer that are shown
)

// answer is a reply of the server (RFC 5321 section 4.2).
type answer struct {
	code     int
	enhanced string   // RFC 2034; empty when there is none
	lines    []string // the texts behind the codes
}

// readAnswer reads an answer. The reader's buffer bounds its lines.
func readAnswer(r *bufio.Reader) (answer, error) {
	var a answer
	for range maxAnswerLines {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return answer{}, ErrTooLong
		case errors.Is(err, io.EOF):
			return answer{}, io.ErrUnexpectedEOF
		case err != nil:
			return answer{}, err
		}
		last, err := a.take(strings.TrimRight(string(line), "\r\n"))
		if last || err != nil {
			return a, err
		}
	}
	return answer{}, ErrTooLong
}

// take adds a line and tells whether it is the last one.
func (a *answer) take(line string) (last bool, err error) {
	code, ok := replyCode(line)
	if !ok || a.code != 0 && code != a.code {
		return false, ErrProtocol
	}
	a.code = code
	last, text := true, ""
	if len(line) > 3 {
		last, text = line[3] == ' ', line[4:]
		if !last && line[3] != '-' {
			return false, ErrProtocol
		}
	}
	if enhanced, rest, _ := strings.Cut(text, " "); isEnhanced(enhanced, line[0]) {
		a.enhanced, text = enhanced, rest
	}
	a.lines = append(a.lines, text)
	return last, nil
}

func replyCode(line string) (code int, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false
	}
	for _, char := range []byte(line[:3]) {
		if char < '0' || char > '9' {
			return 0, false
		}
		code = code*10 + int(char-'0')
	}
	return code, true
}

// isEnhanced tells whether a word is an enhanced code of the same class as the
// reply code: class, subject and detail (RFC 3463 section 2).
func isEnhanced(word string, class byte) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != string(class) {
		return false
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// kind is what an answer means that is not the one hoped for.
func (a answer) kind() Kind {
	switch {
	case a.code == 530, a.code == 534, a.code == 535, a.code == 538: // RFC 4954 section 6
		return Authentication
	case a.code == 452 && (a.enhanced == "4.5.3" || a.enhanced == "5.5.3"):
		return Refused // too many recipients; later there will be as many
	case a.code >= 500:
		return Refused
	case a.code >= 400:
		return Busy
	default:
		return NotSent // success where none can be
	}
}

// text is what the server said, on one line, without what could disturb those who
// see it: control characters, marks that turn the direction of writing, and the
// rest of what says much in an endless line.
func (a answer) text() string {
	words := strings.Map(func(char rune) rune {
		switch {
		case unicode.IsSpace(char), unicode.IsControl(char), unicode.In(char, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.In(char, unicode.Cf, unicode.Co):
			return -1
		default:
			return char
		}
	}, strings.ToValidUTF8(strings.Join(a.lines, " "), "\uFFFD"))
	words = strings.Join(strings.Fields(words), " ")
	if len(words) <= maxText {
		return words
	}
	end := maxText
	for !utf8.RuneStart(words[end]) {
		end--
	}
	return words[:end] + "…"
}
