package page

import (
	"strconv"
	"time"

	"alphamail/node/api"
)

// appendListDate writes the date of a list row: the time today, "Yesterday", the
// weekday within a week, day and month within this year, else the date; unless the
// reader wants all dates alike. Both times are in the zone that dates are shown
// in.
func (v view) appendListDate(to []byte, t, now time.Time) []byte {
	if v.Settings.DateStyle == api.DateStyleISO && daysBetween(t, now) != 0 {
		return t.AppendFormat(to, time.DateOnly)
	}
	return v.locale.appendListDate(to, t, now)
}

// appendListDate does so in the style of the language.
func (l *locale) appendListDate(to []byte, t, now time.Time) []byte {
	year, month, day := t.Date()
	switch age := daysBetween(t, now); {
	case age == 0:
		return appendClock(to, t)
	case age == 1:
		return append(to, l.Yesterday...)
	case 1 < age && age < 7:
		return append(to, l.daysShort[t.Weekday()]...)
	case year == now.Year():
		return l.DateThisYear.append(to, "Day", strconv.Itoa(day), "Month", l.monthsShort[month-1])
	default:
		var scratch [16]byte
		return l.DateShort.append(to, "Day", strconv.Itoa(day), "Month", l.monthsShort[month-1],
			"Number", strconv.Itoa(int(month)), "Year", string(strconv.AppendInt(scratch[:0], int64(year), 10)))
	}
}

// appendFullDate writes everything about a date but its zone.
func (v view) appendFullDate(to []byte, t time.Time) []byte {
	if v.Settings.DateStyle == api.DateStyleISO {
		return t.AppendFormat(to, time.DateOnly+" "+clock)
	}
	return v.locale.appendFullDate(to, t)
}

// appendFullDate does so in the style of the language.
func (l *locale) appendFullDate(to []byte, t time.Time) []byte {
	var digits, clock [16]byte // two: a conversion may come after all calls
	year, month, day := t.Date()
	return l.DateFull.append(to, "Weekday", l.daysLong[t.Weekday()], "Day", strconv.Itoa(day),
		"Month", l.monthsLong[month-1], "Year", string(strconv.AppendInt(digits[:0], int64(year), 10)),
		"Time", string(appendClock(clock[:0], t)))
}

// appendClock writes the time of day as the layout clock does, which takes three
// times as long.
func appendClock(to []byte, t time.Time) []byte {
	hour, minute, _ := t.Clock()
	return append(to, byte('0'+hour/10), byte('0'+hour%10), ':', byte('0'+minute/10), byte('0'+minute%10))
}

// stamp is the date of a message as its page shows it.
type stamp struct {
	// label is what is seen, full the whole date, machine the value of the
	// datetime attribute. The latter two are empty for an unknown date.
	label, full, machine string
}

// messageStamp always tells the time of day. Dates are shown in the zone of now.
func (v view) messageStamp(t, now time.Time) stamp {
	if t.IsZero() {
		return stamp{label: v.NoDate}
	}
	t = t.In(now.Location())
	s := stamp{full: string(v.appendFullDate(nil, t)), machine: t.Format(time.RFC3339)}
	switch daysBetween(t, now) {
	case 0:
		s.label = v.TodayAt.fill("Time", t.Format(clock))
	case 1:
		s.label = v.YesterdayAt.fill("Time", t.Format(clock))
	default:
		s.label = s.full
	}
	return s
}

// asOf says since when a page may be out of date: by the time today, else with
// the date.
func (v view) asOf(t time.Time) string {
	t = t.In(v.Now.Location())
	when := t.Format(clock)
	if daysBetween(t, v.Now) != 0 {
		when = string(v.appendFullDate(nil, t))
	}
	return v.AsOf.fill("Time", when)
}

// clock is the layout of a time of day.
const clock = "15:04"

// daysBetween counts calendar days from t to now, negative in the future. Both
// are in one zone.
func daysBetween(t, now time.Time) int { return int(civilDay(now) - civilDay(t)) }

// civilDay numbers the calendar days of a time's zone.
func civilDay(t time.Time) int64 {
	const day = 24 * 60 * 60
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	if seconds < 0 {
		seconds -= day - 1 // division rounds towards zero, days go back
	}
	return seconds / day
}
