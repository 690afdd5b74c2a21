package page

import "strconv"

// number writes n, which is not negative, with its digits in groups of three.
func (l *locale) number(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	var scratch [64]byte
	return string(l.appendNumber(scratch[:0], n))
}

// appendNumber is number for a buffer.
func (l *locale) appendNumber(to []byte, n int) []byte {
	var scratch [20]byte
	digits := strconv.AppendInt(scratch[:0], int64(n), 10)
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			to = append(to, l.GroupSeparator...)
		}
		to = append(to, digit)
	}
	return to
}

// size writes a number of bytes for people: in decimal units, with one digit
// after the point below ten.
func (l *locale) size(bytes int64) string {
	var scratch [64]byte
	return string(l.appendSize(scratch[:0], bytes))
}

// appendSize is size for a buffer.
func (l *locale) appendSize(to []byte, bytes int64) []byte {
	var scratch [64]byte
	bytes = max(bytes, 0)
	if bytes < 1000 {
		return l.SizeBytes.form(int(bytes)).append(to, "Count", string(strconv.AppendInt(scratch[:0], bytes, 10)))
	}
	unit, units := int64(1000), [...]pattern{l.SizeKB, l.SizeMB, l.SizeGB}
	power := 0
	for power < len(units)-1 && bytes >= unit*1000-unit/2 {
		unit, power = unit*1000, power+1
	}
	number := scratch[:0]
	if bytes < unit*10-unit/20 {
		tenths := (bytes*10 + unit/2) / unit
		number = strconv.AppendInt(number, tenths/10, 10)
		if tenths%10 != 0 {
			number = append(number, l.DecimalSeparator...)
			number = strconv.AppendInt(number, tenths%10, 10)
		}
	} else {
		// Divided before rounding, so that no size overflows.
		whole := bytes / unit
		if bytes%unit >= unit/2 {
			whole++
		}
		number = l.appendNumber(number, int(whole))
	}
	return units[power].append(to, "Number", string(number))
}
