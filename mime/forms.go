package mime

import (
	"strings"
	"unicode"
)

// The forms that values of attributes and styles may have. They are functions, not
// regular expressions: a newsletter asks them ten thousand times.

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// form is a form of values.
type form func(string) bool

func anyText(string) bool { return true }

// keyword is a word of letters and hyphens, perhaps empty.
func keyword(text string) bool {
	for i := range len(text) {
		if !isLetter(text[i]) && text[i] != '-' {
			return false
		}
	}
	return len(text) <= 40
}

// number is a whole number of up to three digits.
func number(text string) bool {
	text = strings.TrimPrefix(text, "-")
	return len(text) > 0 && len(text) <= 3 && digits(text) == len(text)
}

// digits is how many digits text begins with.
func digits(text string) int {
	count := 0
	for count < len(text) && isDigit(text[count]) {
		count++
	}
	return count
}

// length is a number of up to five digits before and behind the point, perhaps
// with "px" or "%".
func length(text string) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	whole := digits(text)
	if whole == 0 || whole > 5 {
		return false
	}
	text = text[whole:]
	if rest, ok := strings.CutPrefix(text, "."); ok {
		fraction := digits(rest)
		if fraction == 0 || fraction > 5 {
			return false
		}
		text = rest[fraction:]
	}
	return text == "" || text == "px" || text == "%"
}

// colour is a colour as attributes have it: a name, or three or six hexadecimal
// digits, the "#" of which is often forgotten.
func colour(text string) bool {
	code := strings.TrimPrefix(text, "#")
	if (len(code) == 3 || len(code) == 6) && allHex(code) {
		return true
	}
	return len(text) >= 3 && len(text) <= 24 && keyword(text) && !strings.Contains(text, "-")
}

func allHex(text string) bool {
	for i := range len(text) {
		if !isHex(text[i]) {
			return false
		}
	}
	return true
}

// fonts is a list of names of fonts.
func fonts(text string) bool {
	return text != "" && len(text) <= 800 && !strings.ContainsFunc(text, func(char rune) bool {
		return !unicode.IsLetter(char) && !unicode.IsNumber(char) && !strings.ContainsRune(` ,'"_-`, char)
	})
}

// cssName is a word of a style: a property or a keyword.
func cssName(text string) bool {
	text = strings.TrimPrefix(text, "-")
	if text == "" || len(text) > 61 || !isLetter(text[0]) {
		return false
	}
	for i := range len(text) {
		if !isLetter(text[i]) && !isDigit(text[i]) && text[i] != '-' {
			return false
		}
	}
	return true
}

// cssFontName is the name of a font.
func cssFontName(text string) bool {
	for i, char := range text {
		switch {
		case unicode.IsLetter(char), char == '_', char == '-':
		case i > 0 && (unicode.IsNumber(char) || char == ' ' || char == '.'):
		default:
			return false
		}
	}
	return text != "" && len(text) <= 400
}

// cssIdentifier is the name of a class, an id or an element.
func cssIdentifier(text string) bool {
	for i, char := range text {
		if !unicode.IsLetter(char) && char != '_' && char != '-' && (i == 0 || !unicode.IsNumber(char)) {
			return false
		}
	}
	return text != "" && len(text) <= 400
}

// cssHexColour is "#" with three, four, six or eight hexadecimal digits.
func cssHexColour(text string) bool {
	switch len(text) {
	case 4, 5, 7, 9:
		return text[0] == '#' && allHex(text[1:])
	}
	return false
}

// cssUnits are the units that numbers may have.
var cssUnits = map[string]bool{
	"": true, "%": true, "px": true, "em": true, "rem": true, "ex": true, "ch": true, "pt": true, "pc": true, "in": true, "cm": true, "mm": true, "q": true,
	"vw": true, "vh": true, "vmin": true, "vmax": true, "fr": true, "deg": true, "rad": true, "turn": true, "dpi": true, "dppx": true,
}

// cssNumber is a number in lower case, perhaps with a unit.
func cssNumber(text string) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	end := 0
	for end < len(text) && (isDigit(text[end]) || text[end] == '.') {
		end++
	}
	return end > 0 && end <= 16 && cssUnits[text[end:]]
}

// hides tells whether a style hides its element. A font size of 0 is no sign:
// newsletters arrange their cells with it.
func hides(style string) bool {
	for style != "" {
		var declaration string
		declaration, style, _ = strings.Cut(style, ";")
		name, value, _ := strings.Cut(declaration, ":")
		name = strings.TrimSpace(name)
		hidden := false
		switch {
		case strings.EqualFold(name, "display"):
			hidden = startsWord(value, "none")
		case strings.EqualFold(name, "visibility"):
			hidden = startsWord(value, "hidden")
		case strings.EqualFold(name, "mso-hide"):
			hidden = startsWord(value, "all")
		case strings.EqualFold(name, "max-height"), strings.EqualFold(name, "opacity"):
			value, _, _ = strings.Cut(value, "!")
			value = strings.TrimSpace(value)
			zero := strings.TrimLeft(value, "0.")
			hidden = len(zero) < len(value) && value[0] == '0' && cssUnits[strings.ToLower(zero)]
		}
		if hidden {
			return true
		}
	}
	return false
}

// startsWord tells whether a value begins with a word in any case.
func startsWord(value, word string) bool {
	value = strings.TrimSpace(value)
	return len(value) >= len(word) && strings.EqualFold(value[:len(word)], word)
}
