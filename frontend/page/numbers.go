package page

import (
	"strconv"
	"strings"
)

// number writes n, which is not negative, with its digits in groups of three.
func (l *locale) number(n int) string {
	digits := strconv.Itoa(n)
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	head := (len(digits)-1)%3 + 1
	b.WriteString(digits[:head])
	for i := head; i < len(digits); i += 3 {
		b.WriteString(l.GroupSeparator)
		b.WriteString(digits[i : i+3])
	}
	return b.String()
}

// size writes a number of bytes for people: in decimal units, with one digit
// after the point below ten.
func (l *locale) size(bytes int64) string {
	bytes = max(bytes, 0)
	if bytes < 1000 {
		return l.SizeBytes.fill(int(bytes), strconv.FormatInt(bytes, 10))
	}
	unit, units := int64(1000), []pattern{l.SizeKB, l.SizeMB, l.SizeGB}
	for len(units) > 1 && bytes >= unit*1000-unit/2 {
		unit, units = unit*1000, units[1:]
	}
	if bytes < unit*10-unit/20 {
		tenths := (bytes*10 + unit/2) / unit
		text := strconv.FormatInt(tenths/10, 10)
		if tenths%10 != 0 {
			text += l.DecimalSeparator + strconv.FormatInt(tenths%10, 10)
		}
		return units[0].fill("Number", text)
	}
	// Divided before rounding, so that no size overflows.
	whole := bytes / unit
	if bytes%unit >= unit/2 {
		whole++
	}
	return units[0].fill("Number", l.number(int(whole)))
}
