package search

import (
	"strconv"
	"strings"
	"time"
)

// dateForms are how a day, a month and a year may be written.
var dateForms = []string{"2006-1-2", "2006/1/2", "2.1.2006", "2006-1", "2006/1", "2006"}

// parseDate reads a date: a day, the first of a month or year, "today", "yesterday",
// or so long ago, such as "7d", "2w", "3m", "1y".
func parseDate(text string, now time.Time) (time.Time, bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(text) {
	case "today":
		return today, true
	case "yesterday":
		return today.AddDate(0, 0, -1), true
	}
	if count, err := strconv.Atoi(text[:len(text)-1]); err == nil && count >= 0 && count <= 9999 {
		switch text[len(text)-1] | 0x20 {
		case 'd':
			return inRange(today.AddDate(0, 0, -count))
		case 'w':
			return inRange(today.AddDate(0, 0, -7*count))
		case 'm':
			return inRange(today.AddDate(0, -count, 0))
		case 'y':
			return inRange(today.AddDate(-count, 0, 0))
		}
	}
	for _, form := range dateForms {
		if date, err := time.ParseInLocation(form, text, now.Location()); err == nil {
			return inRange(date)
		}
	}
	return time.Time{}, false
}

// inRange accepts dates that messages can have, and that IMAP can write (RFC 9051
// section 9, date-year).
func inRange(date time.Time) (time.Time, bool) {
	return date, date.Year() >= 1970 && date.Year() <= 9999
}

// maxSize is the largest size that a message can have (RFC 9051 section 9,
// number64).
const maxSize = 1<<63 - 1

// parseSize reads a size: a number of bytes, or of "k", "M" or "G" of them, perhaps
// with a "B" behind.
func parseSize(text string) (int64, bool) {
	number := strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(text, " ", "")), "b")
	unit := 1.0
	for _, one := range []struct {
		letter string
		bytes  float64
	}{{"k", 1e3}, {"m", 1e6}, {"g", 1e9}} {
		if rest, found := strings.CutSuffix(number, one.letter); found {
			number, unit = rest, one.bytes
			break
		}
	}
	if number == "" || strings.Trim(number, "0123456789.,") != "" {
		return 0, false
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(number, ",", "."), 64)
	if size := value * unit; err == nil && size < maxSize {
		return int64(size), true
	}
	return 0, false
}
