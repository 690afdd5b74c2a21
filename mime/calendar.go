package mime

import (
	"strconv"
	"strings"
	"time"
)

// Event is an event of an invitation, or of another calendar in a message (RFC
// 5545, RFC 5546), as a reader may see it. Nothing in it is trusted: it is what
// the message says.
type Event struct {
	// Method says what the message is about: "request", "cancel", "reply",
	// "publish", "counter"… in lower case; empty when it does not say.
	Method      string
	UID         string
	Summary     string
	Location    string
	Description string
	URL         string // http or https; may be empty
	Status      string // "confirmed", "tentative", "cancelled" or empty
	// Start and End are instants, with the offset of the place that the event
	// names. With AllDay they are midnights in UTC that stand for dates, and End
	// is the last day. With Floating they are the local time of whoever reads.
	Start, End time.Time
	AllDay     bool
	Floating   bool
	// Zone is the name of the zone of Start as the message has it; empty for UTC,
	// dates and floating times.
	Zone string
	// Repeats is how often it repeats; nil when it does not.
	Repeats   *Recurrence
	Organizer Address
	Attendees []Attendee
	// Reply is the answer of the only attendee, in a reply.
	Reply string
}

// Attendee is somebody who was invited.
type Attendee struct {
	Address
	// Status is "accepted", "declined", "tentative", "needs-action" or another
	// one of RFC 5545 section 3.2.12, in lower case.
	Status   string
	Optional bool
}

// Recurrence is a rule of RFC 5545 section 3.3.10, as far as it can be said in a
// sentence.
type Recurrence struct {
	Frequency string // "daily", "weekly", "monthly", "yearly" and finer ones
	Interval  int    // 1 or more
	Count     int    // 0 for no bound
	Until     time.Time
	Days      []string // "MO", "-1SU"…
}

// Limits on calendars.
const (
	maxCalendar       = 256 << 10
	maxCalendarLines  = 5000
	maxEvents         = 20
	maxAttendees      = 200
	maxCalendarText   = 4 << 10
	maxComponentDepth = 8
)

// isCalendar tells a part that holds a calendar.
func isCalendar(part *Part) bool {
	return part.MediaType == "text/calendar" || part.MediaType == "application/ics" ||
		part.MediaType == "application/octet-stream" && strings.HasSuffix(strings.ToLower(part.Filename), ".ics")
}

// ParseCalendar reads the events of a calendar. What it cannot read it leaves
// out. method is that of the part's Content-Type; the calendar's own counts more.
func ParseCalendar(text, method string) []Event {
	text = text[:min(len(text), maxCalendar)]
	c := &calendar{method: strings.ToLower(method), zones: map[string]*zone{}}
	root := readComponent(calendarLines(text))
	root.each("VTIMEZONE", func(found *component) { c.addZone(found) })
	root.each("VCALENDAR", func(found *component) {
		if method := found.text("METHOD"); method != "" {
			c.method = strings.ToLower(method)
		}
	})
	var events []Event
	root.each("VEVENT", func(found *component) {
		if len(events) < maxEvents {
			events = append(events, c.event(found))
		}
	})
	return events
}

// text is the event in a few lines without words of any language, for messages
// that hold nothing else.
func (e Event) text() string {
	when := ""
	const day, clock = "2006-01-02", "15:04"
	switch {
	case e.Start.IsZero():
	case e.AllDay && e.End.Equal(e.Start):
		when = e.Start.Format(day)
	case e.AllDay:
		when = e.Start.Format(day) + " – " + e.End.Format(day)
	default:
		when = e.Start.Format(day + " " + clock)
		if e.End.Format(day) != e.Start.Format(day) {
			when += " – " + e.End.Format(day+" "+clock)
		} else if e.End.After(e.Start) {
			when += " – " + e.End.Format(clock)
		}
		if !e.Floating {
			when += e.Start.Format(" (-07:00)")
		}
	}
	who := e.Organizer.Email
	if e.Organizer.Name != "" {
		who = e.Organizer.Name + " <" + who + ">"
	}
	var lines []string
	for _, line := range []string{e.Summary, when, e.Location, who, e.URL, e.Description} {
		if line != "" && line != " <>" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// calendar is a calendar that is being read.
type calendar struct {
	method string
	zones  map[string]*zone
}

// event reads a VEVENT.
func (c *calendar) event(v *component) Event {
	e := Event{
		Method: plainLine(c.method), UID: v.text("UID"), Summary: v.text("SUMMARY"), Location: v.text("LOCATION"), Status: strings.ToLower(v.text("STATUS")),
		Description: limitText(unescapeText(v.value("DESCRIPTION"))),
	}
	if safe, ok := safeURL(v.value("URL")); ok && strings.HasPrefix(safe, "http") {
		e.URL = safe
	}
	start := c.moment(v.property("DTSTART"))
	e.Start, e.AllDay, e.Floating, e.Zone = start.time, start.date, start.floating, start.zone
	e.End = c.moment(v.property("DTEND")).time
	switch {
	case e.Start.IsZero():
	case e.End.IsZero():
		e.End = e.Start.Add(parseDuration(v.value("DURATION")))
	case e.AllDay && e.End.After(e.Start):
		e.End = e.End.AddDate(0, 0, -1) // DTEND is the day after the last one
	}
	if e.AllDay && v.value("DURATION") != "" && e.End.After(e.Start) {
		e.End = e.End.AddDate(0, 0, -1)
	}
	if e.End.Before(e.Start) {
		e.End = e.Start
	}
	e.Repeats = c.recurrence(v.value("RRULE"))
	if organizer := v.property("ORGANIZER"); organizer != nil {
		e.Organizer = calendarAddress(organizer)
	}
	for i := range v.properties {
		if p := &v.properties[i]; p.name == "ATTENDEE" && len(e.Attendees) < maxAttendees {
			e.Attendees = append(e.Attendees, Attendee{calendarAddress(p), strings.ToLower(p.params["PARTSTAT"]), p.params["ROLE"] == "OPT-PARTICIPANT"})
		}
	}
	if e.Method == "reply" && len(e.Attendees) == 1 {
		e.Reply = e.Attendees[0].Status
	}
	return e
}

// calendarAddress reads a property whose value is an address.
func calendarAddress(p *property) Address {
	email := p.value
	if len(email) > 7 && strings.EqualFold(email[:7], "mailto:") {
		email = email[7:]
	}
	if !strings.Contains(email, "@") {
		email = p.params["EMAIL"]
	}
	return Address{Name: plainLine(limitText(p.params["CN"])), Email: cleanEmail(limitText(email))}
}

// moment is a DATE or DATE-TIME (RFC 5545 sections 3.3.4 and 3.3.5).
type moment struct {
	time     time.Time
	date     bool
	floating bool
	zone     string
}

func (c *calendar) moment(p *property) moment {
	if p == nil {
		return moment{}
	}
	value := strings.TrimSpace(p.value)
	if date, err := time.Parse("20060102", value); err == nil {
		return moment{time: date, date: true}
	}
	utc := strings.HasSuffix(value, "Z")
	local, err := time.Parse("20060102T150405", strings.TrimSuffix(value, "Z"))
	if err != nil {
		return moment{}
	}
	name := p.params["TZID"]
	switch {
	case utc:
		return moment{time: local}
	case name == "":
		return moment{time: local, floating: true}
	}
	shown := plainLine(limitText(name))
	if offset, ok := c.offset(name, local); ok {
		return moment{time: inOffset(local, offset), zone: shown}
	}
	return moment{time: local, floating: true, zone: shown}
}

// inOffset is the instant at which a clock with an offset shows a local time.
func inOffset(local time.Time, offset int) time.Time {
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.FixedZone("", offset))
}

// recurrence reads an RRULE.
func (c *calendar) recurrence(rule string) *Recurrence {
	if rule == "" {
		return nil
	}
	r := &Recurrence{Interval: 1}
	for _, part := range strings.Split(limitText(rule), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToUpper(name) {
		case "FREQ":
			r.Frequency = strings.ToLower(value)
		case "INTERVAL":
			if number, err := strconv.Atoi(value); err == nil && number > 0 {
				r.Interval = number
			}
		case "COUNT":
			if number, err := strconv.Atoi(value); err == nil && number > 0 {
				r.Count = number
			}
		case "UNTIL":
			r.Until = c.moment(&property{value: value}).time
		case "BYDAY":
			r.Days = strings.Split(strings.ToUpper(value), ",")
		}
	}
	if !isToken(r.Frequency) || len(r.Days) > 7 {
		return nil
	}
	return r
}

// parseDuration reads P1DT2H30M or P2W (RFC 5545 section 3.3.6); 0 when it is
// none.
func parseDuration(text string) time.Duration {
	text, ok := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !ok {
		return 0
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	var whole time.Duration
	number := 0
	for i := range len(text) {
		switch char := text[i]; {
		case char >= '0' && char <= '9':
			number = min(number*10+int(char-'0'), 10000)
		default:
			whole += time.Duration(number) * units[char]
			number = 0
		}
	}
	return whole
}

// property is "NAME;PARAM=value:value".
type property struct {
	name   string
	params map[string]string
	value  string
}

// component is what stands between BEGIN and END.
type component struct {
	name       string
	properties []property
	inner      []*component
}

// calendarLines unfolds the lines of a calendar (RFC 5545 section 3.1).
func calendarLines(text string) []string {
	var lines []string
	for line := range strings.Lines(normaliseLines(text)) {
		line = strings.TrimSuffix(line, "\n")
		folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch last := len(lines) - 1; {
		case folded && last >= 0 && len(lines[last]) < 4*maxCalendarText:
			lines[last] += line[1:]
		case folded:
		case len(lines) == maxCalendarLines:
			return lines
		case line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// readComponent reads lines as a tree. A component that is not ended ends with
// the one around it.
func readComponent(lines []string) *component {
	stack := []*component{{}}
	for _, line := range lines {
		p := readProperty(line)
		top := stack[len(stack)-1]
		switch {
		case p.name == "BEGIN" && len(stack) < maxComponentDepth:
			made := &component{name: strings.ToUpper(strings.TrimSpace(p.value))}
			top.inner = append(top.inner, made)
			stack = append(stack, made)
		case p.name == "END":
			for i := len(stack) - 1; i > 0; i-- {
				if stack[i].name == strings.ToUpper(strings.TrimSpace(p.value)) {
					stack = stack[:i]
					break
				}
			}
		default:
			top.properties = append(top.properties, p)
		}
	}
	return stack[0]
}

// readProperty takes a line apart. Colons and semicolons in quotes are part of a
// parameter.
func readProperty(line string) property {
	p := property{params: map[string]string{}}
	quoted, start := false, 0
	var pieces []string
	for i := range len(line) {
		switch char := line[i]; {
		case char == '"':
			quoted = !quoted
		case quoted:
		case char == ';' || char == ':':
			pieces = append(pieces, line[start:i])
			start = i + 1
		}
		if !quoted && line[i] == ':' {
			p.value = line[start:]
			break
		}
	}
	if len(pieces) == 0 {
		return p
	}
	p.name = strings.ToUpper(strings.TrimSpace(pieces[0]))
	for _, piece := range pieces[1:] {
		name, value, _ := strings.Cut(piece, "=")
		p.params[strings.ToUpper(name)] = strings.Trim(value, `"`)
	}
	return p
}

// each visits the components of a name, at any depth.
func (c *component) each(name string, visit func(*component)) {
	for _, inner := range c.inner {
		if inner.name == name {
			visit(inner)
		}
		inner.each(name, visit)
	}
}

func (c *component) property(name string) *property {
	for i := range c.properties {
		if c.properties[i].name == name {
			return &c.properties[i]
		}
	}
	return nil
}

func (c *component) value(name string) string {
	if p := c.property(name); p != nil {
		return p.value
	}
	return ""
}

// text is a value as one line of text.
func (c *component) text(name string) string {
	return plainLine(strings.Join(strings.Fields(limitText(unescapeText(c.value(name)))), " "))
}

var textEscapes = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)

// unescapeText undoes the escapes of RFC 5545 section 3.3.11.
func unescapeText(value string) string { return textEscapes.Replace(value) }

func limitText(text string) string {
	if len(text) > maxCalendarText {
		return strings.ToValidUTF8(text[:maxCalendarText], "")
	}
	return text
}
