package mime

import (
	"strconv"
	"strings"
	"time"
)

// zone is a VTIMEZONE (RFC 5545 section 3.6.5): when its clocks change.
type zone struct{ changes []change }

// change is a STANDARD or DAYLIGHT part: from when on which offset holds, and on
// which day of a year it begins anew.
type change struct {
	from     time.Time // local, of the first time
	before   int       // offset before it, in seconds east
	after    int
	yearly   bool
	month    time.Month
	weekday  time.Weekday
	week     int // 1 to 5 from the beginning, -1 to -5 from the end; 0 for monthday
	monthday int
	until    time.Time
}

const maxZoneChanges = 200

func (c *calendar) addZone(v *component) {
	made := &zone{}
	for _, part := range v.inner {
		if part.name != "STANDARD" && part.name != "DAYLIGHT" || len(made.changes) == maxZoneChanges {
			continue
		}
		if found, ok := c.readChange(part); ok {
			made.changes = append(made.changes, found)
		}
	}
	if name := v.value("TZID"); len(made.changes) > 0 && len(c.zones) < maxEvents {
		c.zones[strings.Trim(name, `"`)] = made
	}
}

func (c *calendar) readChange(v *component) (change, bool) {
	start := c.moment(v.property("DTSTART"))
	before, okBefore := parseOffset(v.value("TZOFFSETFROM"))
	after, okAfter := parseOffset(v.value("TZOFFSETTO"))
	if start.time.IsZero() || !okAfter {
		return change{}, false
	}
	if !okBefore {
		before = after
	}
	made := change{from: start.time, before: before, after: after, monthday: start.time.Day(), month: start.time.Month()}
	days := false
	for _, part := range strings.Split(limitText(v.value("RRULE")), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToUpper(name) {
		case "FREQ":
			made.yearly = strings.EqualFold(value, "YEARLY")
		case "BYMONTH":
			if month, err := strconv.Atoi(value); err == nil && month >= 1 && month <= 12 {
				made.month = time.Month(month)
			}
		case "BYMONTHDAY":
			days = true
			first, _, _ := strings.Cut(value, ",") // "8,9,…,14" with BYDAY is the second one
			if day, err := strconv.Atoi(first); err == nil && day >= 1 && day <= 31 {
				made.monthday = day
			}
		case "BYDAY":
			made.week, made.weekday = readWeekday(value)
		case "UNTIL":
			made.until = c.moment(&property{value: value}).time
		}
	}
	if at := strings.Index(v.value("RRULE"), "BYDAY="); days && made.week == 0 && at >= 0 {
		_, made.weekday = readWeekday("1" + v.value("RRULE")[at+6:min(at+8, len(v.value("RRULE")))])
		made.week = (made.monthday-1)/7 + 1
	}
	return made, true
}

// readWeekday reads "-1SU".
func readWeekday(text string) (week int, day time.Weekday) {
	if len(text) < 2 {
		return 0, 0
	}
	at := strings.Index("SUMOTUWETHFRSA", strings.ToUpper(text[len(text)-2:]))
	week, err := strconv.Atoi(text[:len(text)-2])
	if at < 0 || at%2 != 0 || err != nil || week < -5 || week > 5 {
		return 0, 0
	}
	return week, time.Weekday(at / 2)
}

// parseOffset reads +0100 or +013000 as seconds.
func parseOffset(text string) (int, bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), ":", "")
	if len(text) < 5 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	number, err := strconv.Atoi(text[1:5])
	if err != nil || number/100 > 15 || number%100 > 59 {
		return 0, false
	}
	seconds := number/100*3600 + number%100*60
	if text[0] == '-' {
		return -seconds, true
	}
	return seconds, true
}

// in is when the change happens in a year, in local time.
func (c change) in(year int) time.Time {
	clock := c.from.Sub(time.Date(c.from.Year(), c.from.Month(), c.from.Day(), 0, 0, 0, 0, time.UTC))
	if !c.yearly {
		return c.from
	}
	if c.week == 0 {
		return time.Date(year, c.month, c.monthday, 0, 0, 0, 0, time.UTC).Add(clock)
	}
	if c.week > 0 {
		first := time.Date(year, c.month, 1, 0, 0, 0, 0, time.UTC)
		days := (int(c.weekday-first.Weekday())+7)%7 + 7*(c.week-1)
		return first.AddDate(0, 0, days).Add(clock)
	}
	last := time.Date(year, c.month+1, 0, 0, 0, 0, 0, time.UTC)
	days := (int(last.Weekday()-c.weekday)+7)%7 + 7*(-c.week-1)
	return last.AddDate(0, 0, -days).Add(clock)
}

// offset is the offset of a zone at a local time: of its latest change, in that
// year or the one before. Before the first change, what that one came from.
func (z *zone) offset(local time.Time) int {
	var latest time.Time
	offset, first := 0, time.Time{}
	for _, c := range z.changes {
		if first.IsZero() || c.from.Before(first) {
			first = c.from
			if latest.IsZero() {
				offset = c.before
			}
		}
		for _, year := range []int{local.Year() - 1, local.Year()} {
			at := c.in(year)
			if at.After(local) || at.Before(c.from.AddDate(0, 0, -7)) || !c.until.IsZero() && at.After(c.until.AddDate(0, 0, 1)) || at.Before(latest) {
				continue
			}
			latest, offset = at, c.after
		}
	}
	return offset
}

// offset is the offset of a named zone at a local time: by the rules that came
// with the calendar, else by the names that everybody knows.
func (c *calendar) offset(name string, local time.Time) (int, bool) {
	name = strings.Trim(name, `"`)
	if known := c.zones[name]; known != nil {
		return known.offset(local), true
	}
	if rule, ok := zoneRules[strings.ToLower(name)]; ok {
		return rule.offset(local), true
	}
	// "/example.org/20070129_1/Europe/Berlin" ends with a name that is known.
	if fields := strings.Split(strings.ToLower(name), "/"); len(fields) > 2 {
		if rule, ok := zoneRules[strings.Join(fields[len(fields)-2:], "/")]; ok {
			return rule.offset(local), true
		}
	}
	return 0, false
}

// zoneRules are the larger zones under the names of the IANA and of Windows, for
// calendars that name a zone and do not describe it. A calendar must describe
// what it names (RFC 5545 section 3.6.5), so this is for broken ones.
var zoneRules = func() map[string]*zone {
	all := map[string]*zone{}
	last := func(month time.Month, week int, hour, before, after int) change {
		return change{from: time.Date(1970, month, 1, hour, 0, 0, 0, time.UTC), before: before, after: after, yearly: true, month: month, weekday: time.Sunday, week: week}
	}
	fixed := func(offset float64, names ...string) {
		seconds := int(offset * 3600)
		for _, name := range names {
			all[name] = &zone{[]change{{from: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), before: seconds, after: seconds}}}
		}
	}
	// Clocks of Europe change at 1:00 UTC on the last Sundays of March and October.
	europe := func(hours int, names ...string) {
		winter, summer := hours*3600, hours*3600+3600
		for _, name := range names {
			all[name] = &zone{[]change{last(time.March, -1, hours+1, winter, summer), last(time.October, -1, hours+2, summer, winter)}}
		}
	}
	// Clocks of America change at 2:00 on the second Sunday of March and the first
	// of November.
	america := func(hours int, names ...string) {
		winter, summer := hours*3600, hours*3600+3600
		for _, name := range names {
			all[name] = &zone{[]change{last(time.March, 2, 2, winter, summer), last(time.November, 1, 2, summer, winter)}}
		}
	}
	europe(0, "europe/london", "europe/dublin", "europe/lisbon", "gmt standard time")
	europe(1, "europe/berlin", "europe/paris", "europe/madrid", "europe/rome", "europe/vienna", "europe/zurich", "europe/amsterdam", "europe/brussels", "europe/copenhagen",
		"europe/stockholm", "europe/oslo", "europe/prague", "europe/warsaw", "europe/budapest", "europe/belgrade", "europe/luxembourg", "europe/zagreb", "europe/ljubljana", "europe/bratislava",
		"w. europe standard time", "romance standard time", "central europe standard time", "central european standard time")
	europe(2, "europe/athens", "europe/helsinki", "europe/kiev", "europe/kyiv", "europe/bucharest", "europe/sofia", "europe/riga", "europe/vilnius", "europe/tallinn",
		"fle standard time", "gtb standard time", "e. europe standard time")
	america(-5, "america/new_york", "america/toronto", "america/detroit", "us/eastern", "eastern standard time")
	america(-6, "america/chicago", "us/central", "central standard time")
	america(-7, "america/denver", "us/mountain", "mountain standard time")
	america(-8, "america/los_angeles", "america/vancouver", "us/pacific", "pacific standard time")
	america(-9, "america/anchorage", "alaskan standard time")
	america(-4, "america/halifax", "atlantic standard time")
	fixed(0, "utc", "etc/utc", "gmt", "etc/gmt", "greenwich standard time", "atlantic/reykjavik")
	fixed(3, "europe/moscow", "russian standard time", "europe/istanbul", "turkey standard time", "europe/minsk")
	fixed(4, "asia/dubai", "arabian standard time")
	fixed(5.5, "asia/kolkata", "asia/calcutta", "india standard time")
	fixed(7, "asia/bangkok", "se asia standard time", "asia/jakarta", "asia/ho_chi_minh")
	fixed(8, "asia/shanghai", "china standard time", "asia/singapore", "singapore standard time", "asia/hong_kong", "asia/taipei", "taipei standard time", "australia/perth")
	fixed(9, "asia/tokyo", "tokyo standard time", "asia/seoul", "korea standard time")
	fixed(10, "australia/brisbane", "e. australia standard time")
	fixed(-3, "america/sao_paulo", "e. south america standard time", "america/argentina/buenos_aires", "america/buenos_aires")
	fixed(-6, "america/mexico_city", "central standard time (mexico)")
	fixed(-7, "america/phoenix", "us mountain standard time")
	fixed(-10, "pacific/honolulu", "hawaiian standard time")
	fixed(2, "africa/johannesburg", "south africa standard time")
	fixed(1, "africa/lagos", "w. central africa standard time")
	fixed(3, "africa/nairobi", "e. africa standard time")
	return all
}()
