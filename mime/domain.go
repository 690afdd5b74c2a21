package mime

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ShownHost writes a host name as people may read it: international names in
// their letters, except those that could pretend to be another name, which stay
// in their ASCII form (xn--…).
func ShownHost(host string) string {
	if isPlainHost(host) {
		return host
	}
	labels := strings.Split(strings.ToLower(host), ".")
	tld := labels[len(labels)-1]
	for i, label := range labels {
		letters := label
		if strings.HasPrefix(label, "xn--") {
			decoded, err := idna.Punycode.ToUnicode(label)
			if err != nil {
				continue
			}
			letters = decoded
		}
		if isHonestLabel(letters, tld) {
			labels[i] = letters
		} else if ascii, err := idna.Punycode.ToASCII(letters); err == nil {
			labels[i] = ascii
		} else {
			labels[i] = strings.Map(func(char rune) rune {
				if char < 0x80 {
					return char
				}
				return unicode.ReplacementChar
			}, letters)
		}
	}
	return strings.Join(labels, ".")
}

// ShownEmail is ShownHost for an address.
func ShownEmail(email string) string {
	if at := strings.LastIndexByte(email, '@'); at >= 0 {
		return email[:at+1] + ShownHost(email[at+1:])
	}
	return email
}

func isPlainHost(host string) bool {
	return isASCII([]byte(host)) && !strings.Contains(host, "xn--") && !strings.Contains(host, "XN--")
}

// asciiHost is the form of a host name that goes over the wire.
func asciiHost(host string) (string, bool) {
	if isASCII([]byte(host)) {
		return host, true
	}
	ascii, err := hostProfile.ToASCII(host)
	return ascii, err == nil && ascii != ""
}

// hostProfile maps as browsers do (UTS #46, non-transitional).
var hostProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule())

// scriptMixes are the scripts that one name may have together; a name of one
// script is always well.
var scriptMixes = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// isHonestLabel tells whether the letters of a label cannot be taken for others:
// of one script, or of scripts that are written together, and not all
// look-alikes of Latin letters, unless the whole name is of that script.
func isHonestLabel(label, tld string) bool {
	var scripts []*unicode.RangeTable
	lookalikes := true
	for _, char := range label {
		if char == '-' || char >= '0' && char <= '9' {
			continue
		}
		script := scriptOf(char)
		if script == nil {
			return false // signs, marks, what nobody can tell apart
		}
		lookalikes = lookalikes && strings.ContainsRune(latinLookalikes, char)
		known := false
		for _, other := range scripts {
			known = known || other == script
		}
		if !known {
			scripts = append(scripts, script)
		}
	}
	switch len(scripts) {
	case 0:
		return true
	case 1:
		return scripts[0] == unicode.Latin && !strings.ContainsAny(label, "ıɑɡłøđʼ") || scripts[0] != unicode.Latin && (!lookalikes || !isASCII([]byte(tld)) || strings.HasPrefix(tld, "xn--"))
	}
	for _, mix := range scriptMixes {
		if within(scripts, mix) {
			return true
		}
	}
	return false
}

// latinLookalikes are letters of other scripts that look like Latin ones.
const latinLookalikes = "асеорхуіјѕһԁԛԝѵӏгпкмтвнαοιρνυχκτγηωꭰꭱоаѐёӧ"

func scriptOf(char rune) *unicode.RangeTable {
	for _, script := range []*unicode.RangeTable{
		unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Arabic, unicode.Hebrew,
		unicode.Thai, unicode.Devanagari, unicode.Bengali, unicode.Tamil, unicode.Telugu, unicode.Gujarati, unicode.Gurmukhi, unicode.Kannada, unicode.Malayalam,
		unicode.Sinhala, unicode.Georgian, unicode.Armenian, unicode.Ethiopic, unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Mongolian, unicode.Bopomofo, unicode.Tibetan,
	} {
		if unicode.Is(script, char) {
			return script
		}
	}
	if char == 'ー' || char == '々' {
		return unicode.Katakana
	}
	return nil
}

func within(scripts, mix []*unicode.RangeTable) bool {
	for _, script := range scripts {
		found := false
		for _, allowed := range mix {
			found = found || script == allowed
		}
		if !found {
			return false
		}
	}
	return true
}

// sameSite tells whether two hosts belong to the same registered name.
func sameSite(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	return a == b || site(a) == site(b)
}

// site is the part of a host name that was registered: example.ac.uk of
// www.example.ac.uk.
func site(host string) string {
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}
