package mime

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// linkStarts are how links in text begin.
var linkStarts = []string{"https://", "http://", "mailto:", "www."}

// Bounds on links, in bytes.
const (
	maxURL   = 4096
	maxLocal = 64  // of an address (RFC 5321 section 4.5.3.1)
	maxHost  = 255 // of a host name
)

// findLinks splits text into spans with and without links: URLs, addresses, and
// telephone numbers of which it is certain in which country they are.
func findLinks(text string) []Span {
	if !mayHaveLinks(text) {
		return []Span{{Text: text}}
	}
	var spans []Span
	plain := 0 // where text without a link began
	lower := asciiLower(text)
	for pos := 0; pos < len(text); {
		found, ok := nextLink(text, lower, pos, plain)
		if !ok {
			break
		}
		if found.url == "" {
			pos = max(found.end, pos+1)
			continue
		}
		if plain < found.start {
			spans = append(spans, Span{Text: text[plain:found.start]})
		}
		spans = append(spans, Span{Text: found.text, URL: found.url})
		pos, plain = found.end, found.end
	}
	if plain < len(text) {
		spans = append(spans, Span{Text: text[plain:]})
	}
	return spans
}

// mayHaveLinks tells quickly that most texts have none.
func mayHaveLinks(text string) bool {
	return hasAreaCode(text) || strings.Contains(text, "://") || strings.IndexByte(text, '@') >= 0 || strings.IndexByte(text, '+') >= 0 ||
		strings.Contains(text, "ww.") || strings.Contains(text, "WW.") || strings.Contains(text, "ailto:") || strings.Contains(text, "AILTO:")
}

// hasAreaCode tells quickly whether three digits stand in parentheses.
func hasAreaCode(text string) bool {
	for {
		_, rest, ok := strings.Cut(text, "(")
		if !ok {
			return false
		}
		if len(rest) > 3 && rest[3] == ')' && isDigit(rest[0]) {
			return true
		}
		text = rest
	}
}

// textLink is a link in text. Without a URL it only looked like one.
type textLink struct {
	start, end int
	text, url  string
}

// nextLink finds the next link, or what looks like one, behind pos. Nothing
// before from may be part of it.
func nextLink(text, lower string, pos, from int) (textLink, bool) {
	for ; pos < len(lower); pos++ {
		switch lower[pos] {
		case 'h', 'm', 'w':
			if link, ok := urlAt(text, lower, pos); ok {
				return link, true
			}
		case '@':
			if link, ok := addressAt(text, pos, from); ok {
				return link, true
			}
		case '+':
			if link, ok := telephoneAt(text, pos); ok {
				return link, true
			}
		case '(':
			if link, ok := americanAt(text, pos); ok {
				return link, true
			}
		}
	}
	return textLink{}, false
}

// urlAt reads a URL, which does not begin in the middle of a word.
func urlAt(text, lower string, pos int) (textLink, bool) {
	if pos > 0 && isWordByte(lower[pos-1]) {
		return textLink{}, false
	}
	for _, start := range linkStarts {
		if !strings.HasPrefix(lower[pos:], start) || len(lower) == pos+len(start) {
			continue
		}
		link := textLink{start: pos, end: pos + linkLength(text[pos:])}
		link.text = text[pos:link.end]
		address := link.text
		if start == "www." {
			address = "https://" + address
		}
		if safe, ok := safeURL(address); ok {
			link.url, link.text = safe, shownLink(link.text, safe)
		}
		link.end = max(link.end, pos+1)
		return link, true
	}
	return textLink{}, false
}

// shownLink is the text of a link whose host might be taken for another one.
func shownLink(text, address string) string {
	parsed, err := url.Parse(address)
	if err != nil || isPlainHost(parsed.Hostname()) {
		return text
	}
	if shown := ShownHost(parsed.Hostname()); strings.Contains(shown, "xn--") {
		return address
	}
	return text
}

// addressAt reads an address around an at sign.
func addressAt(text string, at, from int) (textLink, bool) {
	start := at
	for start > from && at-start < maxLocal && isLocalByte(text[start-1]) {
		start--
	}
	for start < at && (text[start] == '.' || text[start] == '\'' || text[start] == '-') {
		start++
	}
	end := at + 1
	for end < len(text) && end-at < maxHost && (isWordByte(text[end]|0x20) || text[end] == '.' || text[end] == '-') {
		end++
	}
	for end > at+1 && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	email := text[start:end]
	if start == at || start > 0 && text[start-1] == '@' || !plausible(email) || end < len(text) && (text[end] == '@' || text[end] >= 0x80) {
		return textLink{}, false
	}
	return textLink{start, end, email, "mailto:" + url.PathEscape(text[start:at]) + "@" + text[at+1:end]}, true
}

// telephoneAt reads a number in international form (E.123): a plus sign, digits,
// and what people put between them. A zero in parentheses is not dialled from
// abroad.
func telephoneAt(text string, pos int) (textLink, bool) {
	if pos > 0 && (isWordByte(text[pos-1]|0x20) || text[pos-1] == '+') {
		return textLink{}, false
	}
	digits := make([]byte, 0, 16)
	end := pos + 1
	for i := pos + 1; i < len(text) && i-pos < 30; i++ {
		switch char := text[i]; {
		case strings.HasPrefix(text[i:], "(0)") && len(digits) > 0 && len(digits) <= 3:
			i += len("0)")
			continue
		case char >= '0' && char <= '9':
			digits = append(digits, char)
			end = i + 1
			continue
		case strings.IndexByte(" -./()", char) >= 0:
			continue
		}
		break
	}
	if len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || end < len(text) && isWordByte(text[end]|0x20) {
		return textLink{}, false
	}
	return textLink{pos, end, text[pos:end], "tel:+" + string(digits)}, true
}

// american is a number of the North American plan as only its countries write it:
// area code and exchange begin with 2 to 9, and neither is a code of three digits
// for services.
var american = regexp.MustCompile(`^\(([2-9](?:[02-8][0-9]|1[02-9]))\) ?([2-9](?:[02-9][0-9]|1[02-9]))[-. ]([0-9]{4})`)

// americanAt reads such a number.
func americanAt(text string, pos int) (textLink, bool) {
	if pos > 0 && (isWordByte(text[pos-1]|0x20) || strings.IndexByte("+)-", text[pos-1]) >= 0) {
		return textLink{}, false
	}
	found := american.FindStringSubmatch(text[pos:min(len(text), pos+len("(202) 555-0143"))])
	if found == nil {
		return textLink{}, false
	}
	end := pos + len(found[0])
	if rest := text[end:]; rest != "" && (isWordByte(rest[0]|0x20) || len(rest) > 1 && strings.IndexByte("-./", rest[0]) >= 0 && isDigit(rest[1])) {
		return textLink{}, false
	}
	return textLink{pos, end, found[0], "tel:+1" + found[1] + found[2] + found[3]}, true
}

func isWordByte(lower byte) bool {
	return 'a' <= lower && lower <= 'z' || '0' <= lower && lower <= '9'
}

func isLocalByte(b byte) bool {
	return isWordByte(b|0x20) && b >= '0' || strings.IndexByte("._%+-'&=~!#$^{}", b) >= 0
}

// asciiLower keeps the positions of all bytes, and makes no letter of ASCII of
// another one.
func asciiLower(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}

// linkLength finds where a link ends: at white space and at what stands around
// links, without the punctuation of the sentence.
func linkLength(text string) int {
	if len(text) > maxURL {
		text = strings.ToValidUTF8(text[:maxURL], "")
	}
	end := strings.IndexFunc(text, func(char rune) bool {
		return unicode.IsSpace(char) || unicode.IsControl(char) || strings.ContainsRune("<>\"“”„«»、。，！？「」\u200b\u200e\u200f\u2060\ufeff", char)
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

// safeURL returns an absolute URL that a page may link to: http, https, mailto or
// tel, without a user name that makes it look like another one, its host in
// ASCII.
func safeURL(address string) (string, bool) {
	if len(address) > maxURL || strings.ContainsFunc(address, unicode.IsControl) {
		return "", false
	}
	address = strings.TrimSpace(address)
	if isPlainURL(address) {
		return address, true
	}
	parsed, err := url.Parse(address)
	if err != nil {
		// Browsers take a percent sign that escapes nothing for itself.
		if parsed, err = url.Parse(escapeStrayPercent(address)); err != nil {
			return "", false
		}
	}
	switch strings.ToLower(parsed.Scheme) {
	case "http", "https":
		if parsed.Host == "" || parsed.Hostname() == "" {
			return "", false
		}
		parsed.User = nil
		host, ok := asciiHost(parsed.Hostname())
		if !ok {
			return "", false
		}
		if host != parsed.Hostname() {
			if port := parsed.Port(); port != "" {
				host += ":" + port
			}
			parsed.Host = host
		}
	case "mailto":
		if parsed.Opaque == "" && parsed.RawQuery == "" || strings.HasPrefix(parsed.Opaque, "/") {
			return "", false
		}
	case "tel":
		if strings.Trim(parsed.Opaque, "+0123456789-.()") != "" || parsed.Opaque == "" {
			return "", false
		}
	default:
		return "", false
	}
	return parsed.String(), true
}

// isPlainURL tells whether an address is one that safeURL would not change: most
// are, and need not be taken apart and put together again.
func isPlainURL(address string) bool {
	rest, ok := strings.CutPrefix(address, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(address, "http://"); !ok {
			return false
		}
	}
	end := 0
	for end < len(rest) && (isWordByte(rest[end]|0x20) && rest[end] >= '0' || rest[end] == '.' || rest[end] == '-') {
		end++
	}
	if end == 0 || end < len(rest) && rest[end] != '/' {
		return false
	}
	for i := end; i < len(rest); i++ {
		switch b := rest[i]; {
		case b == '%':
			if i+2 >= len(rest) || !isHex(rest[i+1]) || !isHex(rest[i+2]) {
				return false
			}
		case !plainURLByte[b]:
			return false
		}
	}
	return true
}

// plainURLByte are the bytes that stand for themselves in a path and a query.
var plainURLByte = func() (table [256]bool) {
	for b := range table {
		table[b] = isLetter(byte(b)) || isDigit(byte(b)) || b < 0x80 && strings.IndexByte("-._~/?&=+:;,@!$()*", byte(b)) >= 0
	}
	return table
}()

// escapeStrayPercent escapes percent signs that escape nothing.
func escapeStrayPercent(address string) string {
	var out strings.Builder
	for i := range len(address) {
		out.WriteByte(address[i])
		if address[i] == '%' && (i+2 >= len(address) || !isHex(address[i+1]) || !isHex(address[i+2])) {
			out.WriteString("25")
		}
	}
	return out.String()
}

// otherHost returns the host to which a link leads when its text names another
// one; empty when text and link agree, or the text names none.
func otherHost(text, address string) string {
	claimed := claimedHost(text)
	if claimed == "" {
		return ""
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := parsed.Hostname()
	if parsed.Scheme == "mailto" {
		to, _ := url.PathUnescape(parsed.Opaque)
		host = to[strings.LastIndexByte(to, '@')+1:]
	}
	shown := ShownHost(host)
	if ascii, ok := asciiHost(claimed); host == "" || ok && sameSite(ascii, host) && !(ascii != claimed && strings.Contains(shown, "xn--")) {
		return ""
	}
	return shown
}

// fileEndings are endings of file names that are, or look like, top-level
// domains.
var fileEndings = []string{"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "txt", "htm", "html", "php", "jpg", "jpeg", "png", "gif", "md", "py", "sh", "rs", "js", "ics", "csv", "odt", "mov", "mp4", "mp3", "exe", "tex"}

// claimedHost is the host that a text seems to lead to: of a URL, of an address,
// or of a bare name such as bank.example/login.
func claimedHost(text string) string {
	text = strings.TrimFunc(text, func(char rune) bool {
		return unicode.IsSpace(char) || strings.ContainsRune("<>()[]\"'.,;:!→›»\u200b\u200e\u200f\u2060\ufeff", char)
	})
	lower := strings.ToLower(text)
	bare := true
	for _, scheme := range []string{"https://", "http://", "https:", "http:", "mailto:", "//"} {
		if rest, ok := strings.CutPrefix(lower, scheme); ok {
			lower, bare = rest, false
			break
		}
	}
	if lower == "" || strings.ContainsFunc(lower[:min(len(lower), 300)], unicode.IsSpace) && bare {
		return ""
	}
	host := lower
	if end := strings.IndexFunc(host, func(char rune) bool { return strings.ContainsRune("/?#\\", char) || unicode.IsSpace(char) }); end >= 0 {
		host = host[:end]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	host, _, _ = strings.Cut(host, ":")
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if len(host) > maxHost || len(labels) < 2 || utf8.RuneCountInString(last) < 2 || bare && slices.Contains(fileEndings, last) || slices.Contains(labels, "") {
		return ""
	}
	if strings.ContainsFunc(host, func(char rune) bool {
		return !unicode.IsLetter(char) && !unicode.IsDigit(char) && !unicode.Is(unicode.Mn, char) && char != '-' && char != '.' && char != '_'
	}) || bare && !strings.ContainsFunc(last, unicode.IsLetter) {
		return ""
	}
	return host
}
