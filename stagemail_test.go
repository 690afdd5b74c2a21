package main

import (
	"context"
	"strings"
	"time"

	"alphamail/node/api"
)

// The messages of the staged inbox that show more than text, by UID.
const (
	stagedInvitation = 1 + iota
	stagedReport
	stagedDoubts
	stagedPlainHTML // without colours of its own
	stagedColoured
	stagedChecked
	stagedUnproven
	stagedList
)

// stageMail makes a message one of those.
func (n stagedNode) stageMail(m *api.MessageAnswer) {
	words := func(quote int, text string) api.Block {
		return api.Block{Quote: quote, Spans: []api.Span{{Text: text}}}
	}
	switch m.ID.UID {
	case stagedInvitation:
		start := time.Date(2026, time.November, 27, 22, 30, 0, 0, time.UTC)
		guest := func(name, status string) api.Attendee {
			return api.Attendee{Name: name, Email: "guest@example.edu", Status: status, Optional: status == "tentative"}
		}
		seminar := api.Event{
			Method: "request", Summary: "Seminar: vowels of the coast", Location: "Condon 104, behind the library", URL: "https://meet.example.edu/" + strings.Repeat("coast", 12),
			Description: "Bring your recordings.\nCoffee from three.", Start: start, End: start.Add(time.Hour), Zone: "America/Los_Angeles", Offset: -8 * 60 * 60,
			Repeats:   &api.Recurrence{Frequency: "weekly", Interval: 2, Days: []string{"MO", "FR"}, Count: 10},
			Organizer: m.From[0], Attendees: []api.Attendee{guest("Ben Okafor", "accepted"), guest("نور حداد", "tentative"), guest("", "needs-action"), guest("Zoë Lindqvist", "declined")},
		}
		holidays := api.Event{Method: "cancel", Summary: "Holidays", Start: start.Truncate(24 * time.Hour), End: start.Truncate(24 * time.Hour), AllDay: true}
		for range 12 {
			holidays.Attendees = append(holidays.Attendees, guest("Student", ""))
		}
		m.Subject, m.Events = "Invitation: Seminar", []api.Event{seminar, holidays}
	case stagedReport:
		m.Subject = "Undelivered Mail Returned to Sender"
		m.Report = &api.Report{Reporter: "mx.example.edu", Subject: "Field trip on Friday", Recipients: []api.ReportedRecipient{
			{Address: "ben@example.org", Action: "failed", Status: "5.1.1", Reason: api.ReasonNoMailbox, Diagnostic: "550 5.1.1 <ben@example.org>: User unknown", Remote: "mx.example.org"},
			{Address: "noor@example.org", Action: "delayed", Status: "4.2.2", Reason: api.ReasonFull},
			{Address: "maria@example.edu", Action: "delivered"},
		}}
		m.Text = append(m.Text, api.Block{Spans: []api.Span{{Text: "Reporting-MTA: dns; mx.example.edu"}}, Machine: true})
	case stagedDoubts:
		m.Doubts = []api.Doubt{
			{Kind: api.DoubtName, Field: "From", Shown: "dean@example.edu", True: "ana.ruiz@example.edu"},
			{Kind: api.DoubtReply, Field: "Reply-To", Shown: "ana.ruiz@example.edu", True: "dean@other.example"},
		}
		m.ReplyTo = []api.Address{{Name: "Dean", Email: "dean@other.example"}}
		long := strings.Repeat("The path to the outcrop is slippery after last night’s rain. ", 20)
		m.Text = []api.Block{words(0, "As I wrote below."), words(1, "A short quotation."), words(0, "On Monday, Ana wrote:"), words(1, long), words(2, "Deeper."), words(0, "-- \nAna Ruiz\nRoom 214")}
		m.Text[2].Attribution, m.Text[5].Signature = true, true
	case stagedChecked:
		m.Checked = &api.Checked{Host: "mx.example.edu", Result: api.CheckPassed, Domain: "example.edu", Methods: []string{"DKIM", "SPF"}}
	case stagedUnproven:
		m.Checked = &api.Checked{Host: "mx.example.edu", Result: api.CheckFailed, Domain: "example.edu"}
	case stagedList:
		m.From = []api.Address{{Name: "The campus weekly", Email: "weekly@list.example.edu"}}
		m.HasHTML, m.BlockedRemote, m.Images = true, 4, api.ImagesOffered
		m.Checked = &api.Checked{Host: "mx.example.edu", Result: api.CheckPassed, Domain: "list.example.edu", Methods: []string{"DKIM"}}
		m.Unsubscribe = &api.Unsubscribe{OneClick: true, Link: "https://list.example.edu/leave?" + strings.Repeat("reader", 20), Mailto: "mailto:leave@list.example.edu?subject=leave"}
		m.Parts = []api.Part{
			{ID: "2", MediaType: "application/pdf", Name: "programme of the week, with all rooms.pdf", Size: 812_331},
			{ID: "3", MediaType: "image/png", Name: "map.png", Size: 112_331}, {ID: "4", MediaType: "text/calendar", Name: "dates.ics", Size: 900},
		}
		older := m.ID
		older.UID = 1
		m.Older = &older
	case stagedPlainHTML, stagedColoured:
		m.HasHTML, m.Uncoloured = true, m.ID.UID == stagedPlainHTML
	}
}

func (n stagedNode) Body(_ context.Context, _ *api.Call, q *api.BodyQuestion) (*api.BodyAnswer, error) {
	if q.ID.UID == stagedPlainHTML {
		return &api.BodyAnswer{Subject: "Field trip", Uncoloured: true, HTML: `<h2>Field trip</h2><p>The bus leaves at <b>7:40</b>; <a href="https://maps.example.edu/">the map</a>.</p><blockquote>Shall we?</blockquote>`}, nil
	}
	return &api.BodyAnswer{Subject: "Field trip", HTML: `<div style="background:#fff5d6;color:#333333;padding:1em"><h2>Field trip</h2><p>The bus leaves at 7:40.</p></div>`}, nil
}
