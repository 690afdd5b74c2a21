package mime

import (
	"unicode"
	"unicode/utf8"
)

// graphemeBreak tells whether text may be cut between two characters without
// tearing apart what a reader sees as one: a letter and its marks, an emoji of
// several, a flag, a syllable of Hangul. It follows UAX #29 as far as that can be
// told from two characters and the number of flag letters before.
func graphemeBreak(before, after rune, flagLetters int) bool {
	switch {
	case after == 0x200D || isExtending(after):
		return false
	case before == 0x200D && !unicode.IsLetter(after) && !unicode.IsSpace(after):
		return false
	case joinsConsonants(before) && unicode.IsLetter(after):
		return false
	case isFlagLetter(before) && isFlagLetter(after):
		return flagLetters%2 == 0
	case isJamo(before) && (after >= 0x1160 && after <= 0x11FF):
		return false
	}
	return true
}

// isExtending tells characters that belong to the one before.
func isExtending(char rune) bool {
	return char >= 0x0300 && (unicode.In(char, unicode.Mn, unicode.Me, unicode.Mc) ||
		char >= 0xFE00 && char <= 0xFE0F || // how an emoji is shown
		char >= 0x1F3FB && char <= 0x1F3FF || // the colour of its skin
		char >= 0xE0020 && char <= 0xE007F) // flags of regions
}

// joinsConsonants tells the signs of Indian scripts that make one of the
// consonants on both sides.
func joinsConsonants(char rune) bool {
	switch char {
	case 0x094D, 0x09CD, 0x0ACD, 0x0B4D, 0x0C4D, 0x0D4D:
		return true
	}
	return false
}

func isFlagLetter(char rune) bool { return char >= 0x1F1E6 && char <= 0x1F1FF }

// isJamo tells letters of Hangul, and syllables that a vowel or a final may
// follow.
func isJamo(char rune) bool {
	return char >= 0x1100 && char <= 0x11FF || char >= 0xAC00 && char <= 0xD7A3
}

// cut makes text one line of at most so many characters, ending with a word where
// there are words, and never within what a reader sees as one character.
func cut(text string, most int) string {
	text = visibleLine(text)
	count, flags := 0, 0
	previous := rune(0)
	last := 0 // the last place where it may be cut
	for i, char := range text {
		if i > 0 && graphemeBreak(previous, char, flags) {
			last = i
		}
		if count == most {
			if space := lastSpace(text[:last]); space > last*3/4 {
				last = space
			}
			return text[:last]
		}
		if flags++; !isFlagLetter(char) {
			flags = 0
		}
		previous = char
		count++
	}
	return text
}

func lastSpace(text string) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == ' ' {
			return i
		}
	}
	return -1
}

// visibleLine makes text one line: white space and control characters become one
// space, and characters that nobody sees go, except those that join two others.
func visibleLine(text string) string {
	out := make([]byte, 0, len(text))
	space, joiner := false, rune(0)
	for _, char := range text {
		switch {
		case unicode.IsSpace(char) || unicode.IsControl(char) || isBlank(char):
			space, joiner = true, 0
			continue
		case char == 0x200C || char == 0x200D:
			if !space && len(out) > 0 && joiner == 0 {
				joiner = char
			}
			continue
		case isInvisible(char):
			continue
		}
		if space && len(out) > 0 {
			out = append(out, ' ')
		} else if joiner != 0 {
			out = utf8.AppendRune(out, joiner)
		}
		space, joiner = false, 0
		out = utf8.AppendRune(out, char)
	}
	return string(out)
}

// isBlank tells characters that look like a space and are none.
func isBlank(char rune) bool {
	return char == 0x2800 || char == 0x3164 || char == 0x115F || char == 0x1160 || char == 0xFFA0 || char == 0x2007
}

// isInvisible tells characters that nobody sees: with them newsletters fill the
// line that lists show, and others hide words from filters.
func isInvisible(char rune) bool {
	switch {
	case char == 0xAD, char == 0x034F, char == 0x061C, char == 0x17B4, char == 0x17B5, char == 0xFEFF, char == 0x180E,
		char >= 0x200B && char <= 0x200F, char >= 0x2060 && char <= 0x206F, turnsDirection(char), char >= 0xFFF9 && char <= 0xFFFB:
		return true
	}
	return false
}
