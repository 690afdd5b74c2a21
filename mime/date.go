package mime

import (
	"strings"
	"time"
	"unicode"
)

// Date returns the Date field, or where it is missing or cannot be read what an
// old program wrote instead of it; false when nothing can be read.
func (h Header) Date() (time.Time, bool) {
	for _, name := range []string{"Date", "Resent-Date", "Delivery-Date", "X-Original-Date"} {
		if date, ok := ParseDate(h.raw(name)); ok {
			return date, true
		}
	}
	return time.Time{}, false
}

// maxDate bounds the text of a date that is looked at, in bytes.
const maxDate = 200

// ParseDate reads a date as mail has it: by RFC 5322 with all its obsolete forms,
// by RFC 3339, by C's asctime, with numbers for months, with months in the larger
// languages of Europe, without seconds, without a zone (then UTC), with a year of
// two digits. The year is from 1970 to 9999.
func ParseDate(text string) (time.Time, bool) {
	if len(text) > maxDate {
		text = text[:maxDate]
	}
	d := dateReader{day: -1, month: -1, year: -1, hour: -1, yearAt: -1}
	d.read(dateTokens(toText([]byte(text))))
	return d.date()
}

// dateToken is a word, a number or a sign of a date.
type dateToken struct {
	text   string
	number int  // -1 for a word
	before byte // the sign before it, 0 for white space
}

// dateTokens takes a date apart. Comments are left out.
func dateTokens(text string) []dateToken {
	var tokens []dateToken
	comment := 0
	before := byte(0)
	for i := 0; i < len(text) && len(tokens) < 20; {
		char := rune(text[i])
		switch {
		case char == '(':
			comment++
			i++
		case char == ')':
			comment = max(0, comment-1)
			i++
		case comment > 0:
			i++
		case char >= '0' && char <= '9':
			start, number := i, 0
			for i < len(text) && text[i] >= '0' && text[i] <= '9' {
				number = min(number*10+int(text[i]-'0'), 1<<30)
				i++
			}
			tokens = append(tokens, dateToken{text[start:i], number, before})
			before = 0
		case char >= 0x80 || unicode.IsLetter(char):
			start := i
			for i < len(text) && (text[i] >= 0x80 || unicode.IsLetter(rune(text[i]))) {
				i++
			}
			tokens = append(tokens, dateToken{strings.ToLower(text[start:i]), -1, before})
			before = 0
		case char == ' ' || char == '\t' || char == '"':
			before = 0
			i++
		default:
			before = byte(char)
			i++
		}
	}
	return tokens
}

// dateReader finds out what the numbers of a date are. What was not found yet is
// -1.
type dateReader struct {
	day, month, year     int
	hour, minute, second int
	afternoon, morning   bool
	offset               int // seconds east of Greenwich
	numeric              []int
	yearAt               int // which of numeric is the year
	bad                  bool
}

func (d *dateReader) read(tokens []dateToken) {
	for i := 0; i < len(tokens); i++ {
		token := tokens[i]
		next := dateToken{number: -1}
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case token.number < 0:
			d.word(token.text)
		case d.hour < 0 && next.number >= 0 && len(next.text) <= 2 && (next.before == ':' || next.before == '.' && d.dateKnown() || next.before == 'h') && token.number < 25 && len(token.text) <= 2:
			i += d.clock(tokens[i:]) - 1
		case d.hour >= 0 && (token.before == '+' || token.before == '-') && len(token.text) != 3 && (len(token.text) <= 4 || d.year >= 0 || len(d.numeric) > 2):
			i += d.zone(token, next)
		case d.hour < 0 && len(token.text) == 6 && i > 0 && d.dateKnown():
			d.hour, d.minute, d.second = token.number/10000, token.number/100%100, token.number%100
		case len(token.text) == 8 && d.year < 0 && len(d.numeric) == 0:
			d.numeric = append(d.numeric, token.number/10000, token.number/100%100, token.number%100)
			d.year, d.yearAt = token.number/10000, 0
		default:
			d.numeric = append(d.numeric, token.number)
			if len(token.text) == 4 || token.number > 31 {
				d.takeYear(token)
			} else if len(token.text) > 4 {
				d.bad = true
			}
		}
	}
}

func (d *dateReader) dateKnown() bool {
	return len(d.numeric) >= 2 || d.month > 0 && len(d.numeric) > 0
}

// takeYear remembers which number is the year, whatever the order.
func (d *dateReader) takeYear(token dateToken) {
	if d.year >= 0 {
		return
	}
	d.year, d.yearAt = fullYear(token.number, len(token.text)), len(d.numeric)-1
}

// fullYear completes a year by RFC 5322 section 4.3.
func fullYear(number, digits int) int {
	switch {
	case digits <= 2 && number < 50:
		return 2000 + number
	case digits <= 3 && number < 1000:
		return 1900 + number
	}
	return number
}

// clock reads hour, minute, second and fraction, and tells how many tokens these
// were.
func (d *dateReader) clock(tokens []dateToken) int {
	d.hour, d.minute, d.second = tokens[0].number, tokens[1].number, 0
	used := 2
	if used < len(tokens) && tokens[used].number >= 0 && len(tokens[used].text) <= 2 && (tokens[used].before == ':' || tokens[used].before == '.') {
		d.second = tokens[used].number
		used++
		if used < len(tokens) && tokens[used].number >= 0 && (tokens[used].before == '.' || tokens[used].before == ',') {
			used++ // a fraction of a second
		}
	}
	return used
}

// zone reads an offset such as +0100, +01:00, +1 and tells how many more tokens
// it took.
func (d *dateReader) zone(token, next dateToken) int {
	hours, minutes, more := token.number/100, token.number%100, 0
	if len(token.text) <= 2 {
		hours, minutes = token.number, 0
		if next.number >= 0 && next.before == ':' && len(next.text) == 2 {
			minutes, more = next.number, 1
		}
	}
	if hours > 15 || minutes > 59 {
		return more // no zone has it: taken for UTC
	}
	d.offset = hours*3600 + minutes*60
	if token.before == '-' {
		d.offset = -d.offset
	}
	return more
}

func (d *dateReader) word(word string) {
	if month := monthNumber(word); month > 0 && d.month < 0 {
		d.month = month
		return
	}
	switch word {
	case "am", "a":
		d.morning = d.hour >= 0
	case "pm", "p":
		d.afternoon = d.hour >= 0
	default:
		if hours, known := zoneHours[word]; known && d.hour >= 0 {
			d.offset = int(hours * 3600)
		}
	}
}

// zoneHours are the names of zones in mail (RFC 5322 section 4.3 and what else is
// common), in hours east of Greenwich. Letters of the military are none: they were
// defined the wrong way round.
var zoneHours = map[string]float64{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
	"akst": -9, "akdt": -8, "hst": -10, "ast": -4, "adt": -3, "nst": -3.5, "ndt": -2.5, "brt": -3, "art": -3, "clt": -4,
	"bst": 1, "west": 1, "cet": 1, "met": 1, "mez": 1, "cest": 2, "mest": 2, "mesz": 2, "eet": 2, "eest": 3, "sast": 2, "cat": 2, "msk": 3, "msd": 4, "trt": 3,
	"ist": 5.5, "pkt": 5, "ict": 7, "wib": 7, "hkt": 8, "sgt": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}

// monthNames are the beginnings of names of months, longer ones first where one
// begins another.
var monthNames = [12][]string{
	{"jan", "ene", "gen", "sty", "янв", "led", "oca"},
	{"feb", "fév", "fev", "lut", "фев", "úno", "şub"},
	{"mar", "mär", "mrz", "maa", "мар", "bře"},
	{"apr", "avr", "abr", "kwi", "апр", "dub", "nis"},
	{"may", "mai", "mag", "mei", "maj", "май", "мая", "kvě"},
	{"jun", "juin", "giu", "cze", "июн", "červn", "haz"},
	{"jul", "juil", "lug", "lip", "июл", "červenec", "tem"},
	{"aug", "aoû", "aou", "ago", "sie", "авг", "srp", "ağu"},
	{"sep", "set", "wrz", "сен", "zář", "eyl"},
	{"oct", "okt", "ott", "out", "paź", "окт", "říj", "eki"},
	{"nov", "lis", "ноя", "kas"},
	{"dec", "dez", "déc", "dic", "gru", "дек", "pro", "ara"},
}

// monthNumber tells the month of a name, 1 to 12; 0 for no month.
func monthNumber(word string) int {
	if len(word) < 3 {
		return 0
	}
	for month, names := range monthNames {
		for _, name := range names {
			if strings.HasPrefix(word, name) && !strings.HasPrefix(word, "mart") && !strings.HasPrefix(word, "lunes") {
				return month + 1
			}
		}
	}
	return 0
}

// date puts together what was found.
func (d *dateReader) date() (time.Time, bool) {
	if d.bad || !d.place() {
		return time.Time{}, false
	}
	switch {
	case d.hour < 0:
		d.hour = 0
	case d.afternoon && d.hour < 12:
		d.hour += 12
	case d.morning && d.hour == 12:
		d.hour = 0
	}
	d.second = min(d.second, 59) // a leap second
	if d.hour > 24 || d.minute > 59 || d.month < 1 || d.month > 12 || d.day < 1 {
		return time.Time{}, false
	}
	date := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.FixedZone("", d.offset))
	if date.Day() != d.day && d.hour < 24 {
		return time.Time{}, false // the 31st of a shorter month
	}
	return date, date.Year() >= 1970 && date.Year() < 10000
}

// place finds day, month and year among the numbers. Where day and month cannot
// be told apart, the day comes first, as in most of the world.
func (d *dateReader) place() bool {
	var others []int
	for i, number := range d.numeric {
		if i != d.yearAt {
			others = append(others, number)
		}
	}
	switch {
	case d.month > 0 && d.yearAt >= 0 && len(others) > 0:
		d.day = others[0]
	case d.month > 0 && len(others) > 1:
		d.day, d.year = others[0], fullYear(others[1], 2)
	case d.month > 0:
		return false
	case d.yearAt == 0 && len(others) > 1:
		d.month, d.day = others[0], others[1]
	case d.yearAt > 0 && len(others) > 1:
		d.day, d.month = others[0], others[1]
	case len(others) > 2:
		d.day, d.month, d.year = others[0], others[1], fullYear(others[2], 2)
	default:
		return false
	}
	if d.month > 12 && d.day <= 12 {
		d.day, d.month = d.month, d.day
	}
	return d.day <= 31 && d.month <= 12
}
