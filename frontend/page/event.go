package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"alphamail/node/api"
)

// maxGuestsShown are seen before the reader asks for all.
const maxGuestsShown = 10

// events are those of the message. An invitation that came along once more as a
// file is shown once.
func (p *messageView) events() []*api.Event {
	var all []*api.Event
	for i := range p.Events {
		event := &p.Events[i]
		same := func(known *api.Event) bool {
			return known.UID == event.UID && known.Method == event.Method && known.Summary == event.Summary && known.Start.Equal(event.Start)
		}
		if event.UID == "" || !slices.ContainsFunc(all, same) {
			all = append(all, event)
		}
	}
	return all
}

// eventKind says what a message wants with an event.
func (l *locale) eventKind(e *api.Event) string {
	kind := l.EventOther
	switch {
	case cancelled(e):
		return l.EventCancelled
	case e.Method == "request":
		kind = l.EventRequest
	case e.Method == "reply":
		kind = l.EventReply
	case e.Method == "counter":
		kind = l.EventCounter
	}
	if e.Status == "tentative" {
		kind += l.ListSeparator + l.EventTentative
	}
	return kind
}

func cancelled(e *api.Event) bool { return e.Method == "cancel" || e.Status == "cancelled" }

func (l *locale) eventTitle(e *api.Event) string {
	if title := plain(e.Summary); strings.TrimSpace(title) != "" {
		return title
	}
	return l.EventNoTitle
}

// eventTime is when an event is, in the words of a card.
type eventTime struct {
	// day is the first one, for the picture of a calendar leaf; zero when the time
	// is not known.
	day time.Time
	// machine is the value of the datetime attribute.
	label, machine string
}

// eventTime tells when an event is: in the reader's zone, unless it is a date or
// the time of a place that is not known.
func (v view) eventTime(e *api.Event) eventTime {
	if e.Start.IsZero() {
		return eventTime{label: v.NoDate}
	}
	start, end := e.Start.UTC(), e.End.UTC()
	switch {
	case e.AllDay:
		label := v.longDate(start)
		if daysBetween(start, end) > 0 {
			return eventTime{start, v.EventRange.fill("First", label, "Last", v.longDate(end)), start.Format(time.DateOnly)}
		}
		return eventTime{start, label + v.ListSeparator + v.EventAllDay, start.Format(time.DateOnly)}
	case e.Floating:
		return eventTime{start, v.span(start, end), start.Format("2006-01-02T15:04")}
	}
	start, end = start.In(v.Now.Location()), end.In(v.Now.Location())
	return eventTime{start, v.span(start, end) + distance(start), start.Format(time.RFC3339)}
}

// distance names the zone of a time by how far it is from UTC.
func distance(t time.Time) string {
	if _, offset := t.Zone(); offset == 0 {
		return " (UTC)"
	}
	return t.Format(" (UTC-07:00)")
}

// span writes a time from start to end, both in one zone.
func (l *locale) span(start, end time.Time) string {
	first := string(l.appendFullDate(nil, start))
	switch {
	case !end.After(start):
		return first
	case daysBetween(start, end) == 0:
		return l.EventRange.fill("First", first, "Last", end.Format(clock))
	}
	return l.EventRange.fill("First", first, "Last", string(l.appendFullDate(nil, end)))
}

func (l *locale) longDate(t time.Time) string {
	return l.DateLong.fill("Weekday", l.daysLong[t.Weekday()], "Day", strconv.Itoa(t.Day()),
		"Month", l.monthsLong[t.Month()-1], "Year", strconv.Itoa(t.Year()))
}

// eventZone says what is to know about the zone of an event; empty when the time
// says it all.
func (v view) eventZone(e *api.Event) phrase {
	switch {
	case e.Start.IsZero() || e.AllDay:
		return phrase{}
	case e.Floating && e.Zone != "":
		return phrase{v.EventUnknownZone, []string{"Zone", e.Zone}}
	case e.Floating:
		return phrase{pattern{{text: v.EventFloating}}, nil}
	case e.Zone == "":
		return phrase{}
	}
	if _, offset := e.Start.In(v.Now.Location()).Zone(); offset == e.Offset {
		return phrase{v.EventSameZone, []string{"Zone", e.Zone}}
	}
	there := time.FixedZone("", e.Offset)
	start, end := e.Start.In(there), e.End.In(there)
	when := v.span(start, end)
	if sameDay := daysBetween(start, e.Start.In(v.Now.Location())) == 0; sameDay && daysBetween(start, end) == 0 {
		when = v.clocks(start, end)
	}
	return phrase{v.EventOwnZone, []string{"Zone", e.Zone, "Time", when}}
}

// clocks writes a time from start to end within a day.
func (l *locale) clocks(start, end time.Time) string {
	if !end.After(start) {
		return start.Format(clock)
	}
	return l.EventRange.fill("First", start.Format(clock), "Last", end.Format(clock))
}

// repeats says how often an event takes place. What cannot be said is left out,
// so the words are true, if not always the whole rule.
func (l *locale) repeats(r *api.Recurrence) string {
	every := max(r.Interval, 1)
	words := []string{l.EverySoOften}
	switch r.Frequency {
	case "daily":
		words[0] = l.EveryDay.fill(every, l.number(every))
	case "weekly":
		words[0] = l.EveryWeek.fill(every, l.number(every))
	case "monthly":
		words[0] = l.EveryMonth.fill(every, l.number(every))
	case "yearly":
		words[0] = l.EveryYear.fill(every, l.number(every))
	}
	var days []string
	for _, day := range r.Days {
		if name := l.repeatedDay(day); name != "" {
			days = append(days, name)
		}
	}
	if len(days) > 0 && len(days) == len(r.Days) {
		words = append(words, l.RepeatsOn.fill("Days", strings.Join(days, l.ListSeparator)))
	}
	if !r.Until.IsZero() {
		words = append(words, l.RepeatsUntil.fill("Date", l.longDate(r.Until.UTC())))
	}
	if r.Count > 0 {
		words = append(words, l.RepeatsTimes.fill(r.Count, l.number(r.Count)))
	}
	return strings.Join(words, l.ListSeparator)
}

var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// repeatedDay names "MO" or "-1SU"; empty when it cannot.
func (l *locale) repeatedDay(day string) string {
	at := max(len(day)-2, 0)
	weekday := slices.Index(weekdays, day[at:])
	if weekday < 0 {
		return ""
	}
	name := l.daysLong[weekday]
	if at == 0 {
		return name
	}
	last := len(l.weekNumbers) - 1
	number, err := strconv.Atoi(day[:at])
	switch {
	case err != nil:
		return ""
	case number == -1:
		return l.NthDay.fill("Nth", l.weekNumbers[last], "Day", name)
	case number < 1 || number > last:
		return ""
	}
	return l.NthDay.fill("Nth", l.weekNumbers[number-1], "Day", name)
}

// guestStatus is what a guest answered; empty when that is not known.
func (l *locale) guestStatus(a *api.Attendee) string {
	var words []string
	switch a.Status {
	case "accepted":
		words = append(words, l.GuestAccepted)
	case "declined":
		words = append(words, l.GuestDeclined)
	case "tentative":
		words = append(words, l.GuestTentative)
	case "needs-action":
		words = append(words, l.GuestWaiting)
	case "delegated":
		words = append(words, l.GuestDelegated)
	}
	if a.Optional {
		words = append(words, l.GuestOptional)
	}
	return strings.Join(words, l.ListSeparator)
}

// reply is an answer to an invitation in a sentence; empty in other messages.
func (v view) reply(e *api.Event) phrase {
	if len(e.Attendees) != 1 {
		return phrase{}
	}
	name := []string{"Name", displayName(&api.Address{Name: e.Attendees[0].Name, Email: e.Attendees[0].Email})}
	switch e.Reply {
	case "accepted":
		return phrase{v.ReplyAccepted, name}
	case "declined":
		return phrase{v.ReplyDeclined, name}
	case "tentative":
		return phrase{v.ReplyTentative, name}
	case "delegated":
		return phrase{v.ReplyDelegated, name}
	}
	return phrase{}
}
