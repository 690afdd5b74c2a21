package page

import (
	"strings"
	"testing"
	"time"

	"alphamail/node/api"
)

// listDate reads the date from a list page.
func listDate(language string, when, now time.Time) string {
	c := contextIn(language)
	c.Now = now
	row := rowList{view: viewOf(c)}.appendTime(nil, when)
	_, label, _ := strings.Cut(strings.TrimSuffix(string(row), "</time>"), ">")
	return label
}

func TestDates(t *testing.T) {
	now := time.Date(2026, time.March, 2, 0, 30, 0, 0, zone) // a Monday, soon after midnight
	at := func(year int, month time.Month, day, hour, minute int) time.Time {
		return time.Date(year, month, day, hour, minute, 0, 0, zone)
	}
	for _, test := range []struct {
		name            string
		when            time.Time
		en, de, ar      string
		message, gerMsg string
	}{
		{"today", at(2026, 3, 2, 0, 5), "00:05", "00:05", "00:05", "Today, 00:05", "Heute, 00:05"},
		{"today in another zone", time.Date(2026, 3, 1, 23, 10, 0, 0, time.UTC), "00:10", "00:10", "00:10", "Today, 00:10", "Heute, 00:10"},
		{"yesterday, half an hour ago", at(2026, 3, 1, 23, 59), "Yesterday", "Gestern", "أمس", "Yesterday, 23:59", "Gestern, 23:59"},
		{"two days ago", at(2026, 2, 28, 23, 59), "Sat", "Sa", "السبت", "Saturday, 28 February 2026, 23:59", "Samstag, 28. Februar 2026, 23:59"},
		{"six days ago", at(2026, 2, 24, 0, 0), "Tue", "Di", "الثلاثاء", "Tuesday, 24 February 2026, 00:00", "Dienstag, 24. Februar 2026, 00:00"},
		{"seven days ago", at(2026, 2, 23, 23, 59), "23 Feb", "23. Feb.", "23 فبراير", "Monday, 23 February 2026, 23:59", "Montag, 23. Februar 2026, 23:59"},
		{"first day of the year", at(2026, 1, 1, 0, 0), "1 Jan", "1. Jan.", "1 يناير", "Thursday, 1 January 2026, 00:00", "Donnerstag, 1. Januar 2026, 00:00"},
		{"last year", at(2025, 12, 31, 23, 59), "31 Dec 2025", "31.12.2025", "31 ديسمبر 2025", "Wednesday, 31 December 2025, 23:59", "Mittwoch, 31. Dezember 2025, 23:59"},
		{"tomorrow, by a wrong clock", at(2026, 3, 3, 8, 0), "3 Mar", "3. März", "3 مارس", "Tuesday, 3 March 2026, 08:00", "Dienstag, 3. März 2026, 08:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for language, want := range map[string]string{"en": test.en, "de": test.de, "ar": test.ar} {
				if got := listDate(language, test.when, now); got != want {
					t.Errorf("%s: list shows %q, want %q", language, got, want)
				}
			}
			for language, want := range map[string]string{"en": test.message, "de": test.gerMsg} {
				if got := (view{locale: localeOf(language)}).messageStamp(test.when, now).label; got != want {
					t.Errorf("%s: message shows %q, want %q", language, got, want)
				}
			}
		})
	}
	got := (view{locale: localeOf("ar")}).messageStamp(at(2025, 12, 31, 23, 59), now)
	if want := "الأربعاء، 31 ديسمبر 2025، 23:59"; got.full != want || got.machine != "2025-12-31T23:59:00+01:00" {
		t.Errorf("title %q, datetime %q", got.full, got.machine)
	}
}

func TestUnknownDate(t *testing.T) {
	now := contextIn("de").Now
	if got := listDate("de", time.Time{}, now); got != "kein Datum" {
		t.Errorf("the list shows %q", got)
	}
	if got := (view{locale: localeOf("de")}).messageStamp(time.Time{}, now); got != (stamp{label: "kein Datum"}) {
		t.Errorf("the message shows %+v", got)
	}
}

// A week within which the clocks change has days of 23 and 25 hours.
func TestDatesOverClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database:", err)
	}
	for _, now := range []time.Time{
		time.Date(2026, 3, 30, 0, 10, 0, 0, berlin),
		time.Date(2026, 10, 26, 23, 50, 0, 0, berlin),
	} {
		for back, want := range map[int]string{1: "Yesterday", 2: "Sat", 6: "Tue"} {
			when := time.Date(now.Year(), now.Month(), now.Day()-back, 23, 55, 0, 0, berlin)
			if got := listDate("en", when, now); got != want {
				t.Errorf("%d days before %v: %q, want %q", back, now, got, want)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int][2]string{
		0: {"0", "0"}, 999: {"999", "999"}, 1000: {"1,000", "1.000"}, 12431: {"12,431", "12.431"},
		123456: {"123,456", "123.456"}, 1234567: {"1,234,567", "1.234.567"},
	} {
		if en, de := localeOf("en").number(n), localeOf("de").number(n); en != want[0] || de != want[1] {
			t.Errorf("%d: %q and %q, want %q", n, en, de, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for bytes, want := range map[int64][2]string{
		-1: {"0 bytes", "0 Byte"}, 0: {"0 bytes", "0 Byte"}, 1: {"1 byte", "1 Byte"}, 999: {"999 bytes", "999 Byte"},
		1000: {"1 KB", "1 KB"}, 1500: {"1.5 KB", "1,5 KB"}, 9940: {"9.9 KB", "9,9 KB"}, 9960: {"10 KB", "10 KB"},
		412_000: {"412 KB", "412 KB"}, 999_499: {"999 KB", "999 KB"}, 999_500: {"1 MB", "1 MB"},
		1_812_331: {"1.8 MB", "1,8 MB"}, 35_400_000: {"35 MB", "35 MB"}, 2_300_000_000: {"2.3 GB", "2,3 GB"},
		1_234_000_000_000:   {"1,234 GB", "1.234 GB"},
		9223372036854775807: {"9,223,372,037 GB", "9.223.372.037 GB"},
	} {
		if en, de := localeOf("en").size(bytes), localeOf("de").size(bytes); en != want[0] || de != want[1] {
			t.Errorf("%d: %q and %q, want %q", bytes, en, de, want)
		}
	}
}

func TestEventTimes(t *testing.T) {
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.November, day, hour, minute, 0, 0, time.UTC)
	}
	v := viewOf(contextIn("en")) // in UTC+1
	for _, test := range []struct {
		name       string
		event      api.Event
		when, zone string
	}{
		{"in UTC", api.Event{Start: at(27, 9, 0), End: at(27, 10, 30)}, "Friday, 27 November 2026, 10:00\u00a0– 11:30 (UTC+01:00)", ""},
		{"an instant", api.Event{Start: at(27, 9, 0), End: at(27, 9, 0)}, "Friday, 27 November 2026, 10:00 (UTC+01:00)", ""},
		{"over midnight of the reader", api.Event{Start: at(27, 22, 30), End: at(27, 23, 30)}, "Friday, 27 November 2026, 23:30\u00a0– Saturday, 28 November 2026, 00:30 (UTC+01:00)", ""},
		{"in the same zone", api.Event{Start: at(27, 9, 0), End: at(27, 9, 0), Zone: "Europe/Berlin", Offset: 3600}, "Friday, 27 November 2026, 10:00 (UTC+01:00)", "Time zone of the event: <bdi>Europe/Berlin</bdi>"},
		{"elsewhere on the same day", api.Event{Start: at(27, 17, 0), End: at(27, 18, 0), Zone: "New York", Offset: -5 * 3600}, "Friday, 27 November 2026, 18:00\u00a0– 19:00 (UTC+01:00)", "In its own time zone, <bdi>New York</bdi>: <bdi>12:00\u00a0– 13:00</bdi>"},
		{"elsewhere the day before", api.Event{Start: at(27, 2, 0), End: at(27, 2, 0), Zone: "New York", Offset: -5 * 3600}, "Friday, 27 November 2026, 03:00 (UTC+01:00)", "In its own time zone, <bdi>New York</bdi>: <bdi>Thursday, 26 November 2026, 21:00</bdi>"},
		{"a day", api.Event{Start: at(27, 0, 0), End: at(27, 0, 0), AllDay: true}, "Friday, 27 November 2026, all day", ""},
		{"days", api.Event{Start: at(27, 0, 0), End: at(28, 0, 0), AllDay: true, Zone: "x"}, "Friday, 27 November 2026\u00a0– Saturday, 28 November 2026", ""},
		{"as read from the wire", api.Event{Start: at(27, 0, 0).In(time.FixedZone("", -12*3600)), End: at(27, 0, 0), AllDay: true}, "Friday, 27 November 2026, all day", ""},
		{"floating", api.Event{Start: at(27, 9, 0), End: at(27, 10, 0), Floating: true}, "Friday, 27 November 2026, 09:00\u00a0– 10:00", "Local time; the event names no time zone."},
		{"an unknown zone", api.Event{Start: at(27, 9, 0), End: at(27, 9, 0), Floating: true, Zone: "Mars"}, "Friday, 27 November 2026, 09:00", "This is the time in its own time zone, <bdi>Mars</bdi>, which is not known here."},
		{"unknown", api.Event{Zone: "x"}, "no date", ""},
	} {
		var zone strings.Builder
		if err := v.eventZone(&test.event).Render(t.Context(), &zone); err != nil {
			t.Fatal(err)
		}
		if when := v.eventTime(&test.event).label; when != test.when || zone.String() != test.zone {
			t.Errorf("%s: %q, %q", test.name, when, zone.String())
		}
	}
	greenwich := contextIn("en")
	greenwich.Now = greenwich.Now.UTC()
	if when := viewOf(greenwich).eventTime(&api.Event{Start: at(27, 9, 0)}).label; when != "Friday, 27 November 2026, 09:00 (UTC)" {
		t.Errorf("in UTC: %q", when)
	}
}

func TestRecurrencesInWords(t *testing.T) {
	l := localeOf("en")
	for _, test := range []struct {
		rule api.Recurrence
		want string
	}{
		{api.Recurrence{Frequency: "daily", Interval: 1}, "every day"},
		{api.Recurrence{Frequency: "daily"}, "every day"},
		{api.Recurrence{Frequency: "weekly", Interval: 2, Days: []string{"MO", "WE"}}, "every 2 weeks, on Monday, Wednesday"},
		{api.Recurrence{Frequency: "monthly", Interval: 1, Days: []string{"-1SU"}, Count: 1}, "every month, on the last Sunday, 1 time"},
		{api.Recurrence{Frequency: "monthly", Interval: 1, Days: []string{"+2TU"}}, "every month, on the second Tuesday"},
		{api.Recurrence{Frequency: "yearly", Interval: 1, Until: time.Date(2030, time.May, 1, 23, 0, 0, 0, time.UTC)}, "every year, until Wednesday, 1 May 2030"},
		{api.Recurrence{Frequency: "weekly", Interval: 1, Days: []string{"MO", "??"}}, "every week"},
		{api.Recurrence{Frequency: "monthly", Interval: 1, Days: []string{"0MO"}}, "every month"},
		{api.Recurrence{Frequency: "monthly", Interval: 1, Days: []string{"-2MO"}}, "every month"},
		{api.Recurrence{Frequency: "secondly", Interval: 1}, "several times"},
	} {
		if got := l.repeats(&test.rule); got != test.want {
			t.Errorf("%+v: %q, want %q", test.rule, got, test.want)
		}
	}
}
