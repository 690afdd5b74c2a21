package mime

import (
	"slices"
	"strings"
)

// Verdict is what the receiving host found out about a message, by one method.
type Verdict struct {
	Method string // "spf", "dkim", "dmarc"…
	Result string // "pass", "fail", "none"…
	// Domain is whose domain the method is about, in lower case; empty where the
	// method is about none or the host does not tell.
	Domain string
}

// CheckResult says how the check of a sender ended.
type CheckResult string

// The results. There is no check where neither can be said.
const (
	// CheckPassed: the message comes from the domain of its author.
	CheckPassed CheckResult = "passed"
	// CheckFailed: that domain says how its mail can be told, and this is none
	// (RFC 7489: DMARC failed).
	CheckFailed CheckResult = "failed"
)

// Checked is what the receiving host found out about the author of a message.
type Checked struct {
	// Host is the one that checked, as the caller wrote it.
	Host   string
	Result CheckResult
	// Domain is that of the author, as people may read it.
	Domain string
	// Methods are those that passed: "DKIM" and "SPF", or "DMARC" when the host
	// tells no more. Empty with CheckFailed.
	Methods []string
}

// Check tells what the receiving host found out about the author; hosts are the
// names under which it writes. It is nil when nothing is certain: no host is
// known, nobody checked, the author is not exactly one, or what was proven is
// another domain than that of the author.
//
// It holds only if that host removes foreign fields under its names, which RFC
// 8601 section 5 demands of it.
func Check(h Header, hosts []string) *Checked {
	host, verdicts := Verdicts(h, hosts)
	authors := h.Addresses("From")
	if host == "" || len(authors) != 1 || h.count("From") != 1 {
		return nil
	}
	email := authors[0].Email
	domain, ok := asciiHost(strings.ToLower(hostOf(email)))
	if !ok || !strings.Contains(email, "@") || domain == "" {
		return nil
	}
	checked := &Checked{Host: host, Result: CheckPassed, Domain: ShownHost(domain)}
	dmarc := false
	for _, verdict := range verdicts {
		ours := vouchesFor(verdict.Domain, domain)
		switch {
		case verdict.Method == "dmarc" && verdict.Result == "fail":
			return &Checked{Host: host, Result: CheckFailed, Domain: checked.Domain}
		case verdict.Method == "dmarc" && verdict.Domain != "" && !ours:
			return nil // the host takes somebody else for the author than we do
		case verdict.Method == "dmarc":
			dmarc = dmarc || verdict.Result == "pass"
		case verdict.Result == "pass" && ours && (verdict.Method == "dkim" || verdict.Method == "spf"):
			checked.Methods = append(checked.Methods, strings.ToUpper(verdict.Method))
		}
	}
	slices.Sort(checked.Methods)
	checked.Methods = slices.Compact(checked.Methods)
	if dmarc && len(checked.Methods) == 0 {
		checked.Methods = []string{"DMARC"}
	}
	if len(checked.Methods) == 0 {
		return nil
	}
	return checked
}

// vouchesFor tells whether a domain may speak for that of an author: it is the
// same, or one above it that the same owner registered.
func vouchesFor(domain, author string) bool {
	domain, ok := asciiHost(domain)
	return ok && domain != "" && (domain == author || strings.HasSuffix(author, "."+domain) && sameSite(domain, author))
}

// Limits on Authentication-Results.
const (
	maxResults  = 64 << 10 // bytes of a field
	maxVerdicts = 50       // of all fields together
)

// authorFields are fields that a message has from its author, below what hosts on
// its way put at its top (RFC 5322 section 3.6.7), in lower case.
var authorFields = []string{"from", "to", "cc", "sender", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"}

// Verdicts reads Authentication-Results (RFC 8601) as the receiving host wrote
// it, under one of the names in hosts; it returns that name, empty when nothing
// of that host is there. Anybody can write such a field into a message. So only
// the topmost that name the host count, one directly below the other and above
// all fields of the author; of a method that stands in several, the upper field
// decides. Where programs may read the header in different ways, nothing that
// speaks for the message is left.
func Verdicts(h Header, hosts []string) (host string, verdicts []Verdict) {
	host, judged := judgements(h, hosts)
	for _, one := range judged {
		verdicts = append(verdicts, one.Verdict)
	}
	return host, verdicts
}

// judged is a verdict with what tells which signature it is about.
type judged struct {
	Verdict
	// selector and signature are those of a DKIM signature, the latter perhaps only
	// its beginning (RFC 6008); empty where the host does not tell.
	selector, signature string
}

// judgements is Verdicts with more about signatures.
func judgements(h Header, hosts []string) (host string, verdicts []judged) {
	clear := !h.defects.has(DefectBlankStart, DefectGarbageLine, DefectLineEnds, DefectNUL)
	for i := range h.fields {
		field := &h.fields[i]
		name := asciiLower(field.name)
		if slices.Contains(authorFields, name) {
			break
		}
		var found string
		var results []judged
		if name == "authentication-results" && !field.spaced {
			said, all, ok := readResults(h.text(field))
			results, found = all, ownName(said, hosts)
			clear = clear && (ok || found == "")
		}
		if found == "" && host != "" {
			break // what is below other fields may have come with the message
		}
		if found != "" {
			host = first(host, found)
			verdicts = addVerdicts(verdicts, results)
		}
	}
	if !clear {
		verdicts = slices.DeleteFunc(verdicts, func(v judged) bool { return v.Result == "pass" })
	}
	return host, verdicts
}

// ownName finds the name of a host among its names. Letters are compared as in
// the field itself: only those of ASCII have two cases.
func ownName(said string, hosts []string) string {
	for _, host := range hosts {
		if host != "" && asciiLower(host) == asciiLower(said) {
			return host
		}
	}
	return ""
}

// addVerdicts adds those of a field to those of the fields above it.
func addVerdicts(above, results []judged) []judged {
	known := len(above)
	for _, verdict := range results {
		decided := slices.ContainsFunc(above[:known], func(v judged) bool { return v.Method == verdict.Method })
		if len(above) < maxVerdicts && (!decided || verdict.Result != "pass") {
			above = append(above, verdict)
		}
	}
	return above
}

// resultKind is the kind of a piece of Authentication-Results.
type resultKind byte

const (
	resultWord   resultKind = 'w'
	resultQuoted resultKind = 'q'
	resultEquals resultKind = '='
	resultEnd    resultKind = ';'
)

// resultPiece is a word, a quoted string or a sign.
type resultPiece struct {
	kind resultKind
	text string
	// apart tells that white space or a comment stands before it.
	apart bool
}

// resultPieces takes a field apart. It is not in order when a comment or a quoted
// string has no end: then what follows is not what the host meant.
func resultPieces(text string) (pieces []resultPiece, ok bool) {
	apart := false
	for text != "" {
		switch char := text[0]; {
		case char == ' ' || char == '\t':
			text, apart = text[1:], true
		case char == '(':
			if text, ok = skipComment(text); !ok {
				return pieces, false
			}
			apart = true
		case char == '"':
			var quoted string
			if quoted, text, ok = cutQuoted(text); !ok {
				return pieces, false
			}
			pieces, apart = append(pieces, resultPiece{resultQuoted, quoted, apart}), false
		case char == ';' || char == '=':
			pieces, apart = append(pieces, resultPiece{resultKind(char), text[:1], apart}), false
			text = text[1:]
		case char < ' ' || char == 0x7F || char == ')' || char == '\\':
			return pieces, false
		default:
			end := strings.IndexFunc(text, func(char rune) bool { return char <= ' ' || char == 0x7F || strings.ContainsRune(`()";=\`, char) })
			if end < 0 {
				end = len(text)
			}
			pieces, apart = append(pieces, resultPiece{resultWord, text[:end], apart}), false
			text = text[end:]
		}
	}
	return pieces, true
}

// skipComment returns what follows a comment (RFC 5322 section 3.2.2).
func skipComment(text string) (rest string, ok bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text[i+1:], true
			}
		}
	}
	return "", false
}

// cutQuoted cuts off a quoted string (RFC 5322 section 3.2.4), without its quotes.
func cutQuoted(text string) (quoted, rest string, ok bool) {
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return out.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		out.WriteByte(text[i])
	}
	return "", "", false
}

// readResults reads a field: who writes, and the verdicts. It is not in order, and
// verdicts may be missing, when it does not keep to the grammar of RFC 8601
// section 2.2 or is of a version that it does not describe.
func readResults(text string) (host string, verdicts []judged, ok bool) {
	pieces, ok := resultPieces(text[:min(len(text), maxResults)])
	ok = ok && len(text) <= maxResults
	host, pieces = resultValue(pieces)
	if host == "" {
		return "", nil, false
	}
	if len(pieces) > 0 && pieces[0].kind == resultWord {
		ok = ok && pieces[0].text == "1"
		pieces = pieces[1:]
	}
	if len(pieces) > 0 && pieces[0].kind != resultEnd {
		return host, nil, false
	}
	for len(pieces) > 0 && len(verdicts) < maxVerdicts {
		var result []resultPiece
		if next := slices.IndexFunc(pieces[1:], func(p resultPiece) bool { return p.kind == resultEnd }); next >= 0 {
			result, pieces = pieces[1:next+1], pieces[next+1:]
		} else {
			result, pieces = pieces[1:], nil
		}
		if len(result) == 0 || len(result) == 1 && asciiLower(result[0].text) == "none" {
			continue
		}
		verdict, whole := readResult(result)
		if ok = ok && whole; verdict.Method != "" {
			verdicts = append(verdicts, verdict)
		}
	}
	return host, verdicts, ok
}

// resultValue takes a value off: words and quoted strings that stand together. An
// equals sign after the first is part of it, as in base64.
func resultValue(pieces []resultPiece) (value string, rest []resultPiece) {
	var out strings.Builder
	for i, piece := range pieces {
		if piece.kind == resultEnd || i > 0 && piece.apart || i == 0 && piece.kind == resultEquals {
			return out.String(), pieces[i:]
		}
		out.WriteString(piece.text)
	}
	return out.String(), nil
}

// readResult reads "method=result property=value property=value".
func readResult(pieces []resultPiece) (verdict judged, ok bool) {
	properties := map[string]string{}
	for i := 0; len(pieces) > 0; i++ {
		if len(pieces) < 3 || pieces[0].kind != resultWord || pieces[1].kind != resultEquals {
			ok = false
			break
		}
		name := asciiLower(pieces[0].text)
		var value string
		value, pieces = resultValue(pieces[2:])
		if ok = value != ""; i == 0 {
			verdict.Method, _, _ = strings.Cut(name, "/")
			verdict.Result = asciiLower(value)
		} else if _, known := properties[name]; !known {
			properties[name] = value
		}
	}
	if !isToken(verdict.Method) || !isToken(verdict.Result) {
		return judged{}, false
	}
	verdict.Domain = domainOf(verdict.Method, properties)
	if verdict.Method == "dkim" {
		verdict.selector, verdict.signature = asciiLower(properties["header.s"]), properties["header.b"]
	}
	return verdict, ok
}

// domainOf finds whose domain a method is about.
func domainOf(method string, properties map[string]string) string {
	var value string
	switch method {
	case "dkim":
		value = first(properties["header.d"], properties["header.i"])
	case "spf":
		value = properties["smtp.mailfrom"]
	case "dmarc":
		value = properties["header.from"]
	}
	domain := strings.ToLower(strings.TrimSuffix(strings.Trim(hostOf(value), "<>"), "."))
	if strings.ContainsFunc(domain, func(char rune) bool {
		return char < 0x80 && char != '.' && char != '-' && char != '_' && !isDigit(byte(char)) && !isLetter(byte(char))
	}) {
		return ""
	}
	return domain
}
