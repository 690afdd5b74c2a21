package account

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"alphamail/mime"
	"alphamail/node/api"
)

// messageOf is the message of a case that package mime is tested with; those with
// escapes are not for here.
func messageOf(t *testing.T, file, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../mime/testdata/messages/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "\n## "+name+"\n")
	text, _, ended := strings.Cut(rest, "\n-->\n")
	if !found || !ended || strings.Contains(text, `\`) {
		t.Fatalf("%s has no plain message %q", file, name)
	}
	return []byte(strings.ReplaceAll(text+"\n", "\n", "\r\n"))
}

func answerOf(raw []byte) *api.MessageAnswer {
	message := &loaded{Message: mime.Parse(raw), size: int64(len(raw)), whole: true}
	return newView(message, mime.Render(message.Message), []string{"mx.example.edu"})
}

// TestViewsOfMail holds that what mime reads in real messages reaches the answer.
func TestViewsOfMail(t *testing.T) {
	ana := api.Address{Name: "Ana Ruiz", Email: "ana@example.edu"}
	ben := []api.Attendee{{Name: "Ober, Ben", Email: "ben@example.edu", Status: "needs-action"}}
	seminar := api.Event{Method: "request", UID: "1@example.edu", Summary: "Seminar", Location: "Room 7", Organizer: ana, Attendees: ben}
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	timed := func(start, end time.Time, zone string, offset int) api.Event {
		event := seminar
		event.Start, event.End, event.Zone, event.Offset = start, end, zone, offset
		return event
	}
	days := timed(at(time.November, 23, 0, 0), at(time.November, 25, 0, 0), "", 0)
	days.AllDay = true
	unknown := timed(at(time.July, 23, 10, 42), at(time.July, 23, 11, 42), "Mars/Olympus", 0)
	unknown.Floating = true
	repeats := timed(at(time.November, 23, 9, 42), at(time.November, 23, 9, 42), "", 0)
	repeats.Repeats = &api.Recurrence{Frequency: "weekly", Interval: 2, Count: 10, Days: []string{"MO", "WE"}}
	reply := api.Event{
		Method: "reply", UID: "1@example.edu", Summary: "Seminar", Start: at(time.November, 23, 9, 42), End: at(time.November, 23, 9, 42), Reply: "accepted",
		Organizer: api.Address{Email: "ana@example.edu"}, Attendees: []api.Attendee{{Name: "Ben", Email: "ben@example.edu", Status: "accepted"}},
	}
	for _, test := range []struct {
		file, name string
		want       api.MessageAnswer
	}{
		{"calendar.txt", "an invitation in UTC", api.MessageAnswer{Events: []api.Event{timed(at(time.November, 23, 9, 42), at(time.November, 23, 10, 42), "", 0)}}},
		{"calendar.txt", "winter time by its own rules", api.MessageAnswer{Events: []api.Event{timed(at(time.November, 23, 9, 42), at(time.November, 23, 10, 42), "Europe/Berlin", 3600)}}},
		{"calendar.txt", "a zone that is not described", api.MessageAnswer{Events: []api.Event{timed(at(time.July, 23, 14, 42), at(time.July, 23, 15, 42), "America/New_York", -4*3600)}}},
		{"calendar.txt", "a zone that nobody knows", api.MessageAnswer{Events: []api.Event{unknown}}},
		{"calendar.txt", "three whole days", api.MessageAnswer{Events: []api.Event{days}}},
		{"calendar.txt", "repeats weekly", api.MessageAnswer{Events: []api.Event{repeats}}},
		{"calendar.txt", "a reply", api.MessageAnswer{Events: []api.Event{reply}}},
		{"report.txt", "no such mailbox", api.MessageAnswer{Report: &api.Report{
			Reporter: "mx.example.edu", Subject: "Grüße", MessageID: "1@example.edu", Recipients: []api.ReportedRecipient{{
				Address: "ben@example.org", Action: "failed", Status: "5.1.1", Reason: api.ReasonNoMailbox,
				Diagnostic: "550 5.1.1 <ben@example.org>: User unknown", Remote: "mx.example.org",
			}},
		}}},
		{"sender.txt", "nothing doubtful", api.MessageAnswer{}},
		{"sender.txt", "the name is another address", api.MessageAnswer{Doubts: []api.Doubt{{Kind: api.DoubtName, Field: "From", Shown: "dean@example.edu", True: "x@evil.example"}}}},
	} {
		got := answerOf(messageOf(t, test.file, test.name))
		for i := range got.Events {
			got.Events[i].Start, got.Events[i].End = got.Events[i].Start.UTC(), got.Events[i].End.UTC()
		}
		if !reflect.DeepEqual(got.Events, test.want.Events) || !reflect.DeepEqual(got.Report, test.want.Report) || !reflect.DeepEqual(got.Doubts, test.want.Doubts) {
			t.Errorf("%s: %+v %+v %+v", test.name, got.Events, got.Report, got.Doubts)
		}
	}
}

// TestViewsTellWhatWasChecked holds that what the receiving host found out, and it
// alone, reaches the answer.
func TestViewsTellWhatWasChecked(t *testing.T) {
	const mail = "From: ana@example.edu\r\n\r\nWords.\r\n"
	for results, want := range map[string]*api.Checked{
		"Authentication-Results: mx.example.edu; dkim=pass header.d=example.edu; spf=pass smtp.mailfrom=example.edu\r\n": {Host: "mx.example.edu", Result: api.CheckPassed, Domain: "example.edu", Methods: []string{"DKIM", "SPF"}},
		"Authentication-Results: mx.example.edu; dmarc=fail header.from=example.edu\r\n":                                 {Host: "mx.example.edu", Result: api.CheckFailed, Domain: "example.edu"},
		"Authentication-Results: mx.evil.example; dmarc=pass header.from=example.edu\r\n":                                nil,
		"": nil,
	} {
		if got := answerOf([]byte(results + mail)).Checked; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", results, got, want)
		}
		raw := []byte(results + mail)
		message := &loaded{Message: mime.Parse(raw)}
		if got := newView(message, mime.Render(message.Message), nil).Checked; got != nil {
			t.Errorf("%q: %+v without a host", results, got)
		}
	}
}

// TestWordsOfPagesAreThoseOfMime holds that every word that mime may answer is one
// that the protocol names.
func TestWordsOfPagesAreThoseOfMime(t *testing.T) {
	for from, to := range map[string]string{
		string(mime.DoubtName): string(api.DoubtName), string(mime.DoubtLetters): string(api.DoubtLetters), string(mime.DoubtReply): string(api.DoubtReply),
		string(mime.DoubtSender): string(api.DoubtSender), string(mime.DoubtSeveral): string(api.DoubtSeveral), string(mime.DoubtNobody): string(api.DoubtNobody),
		string(mime.ReasonNoMailbox): string(api.ReasonNoMailbox), string(mime.ReasonNoHost): string(api.ReasonNoHost), string(mime.ReasonDisabled): string(api.ReasonDisabled),
		string(mime.ReasonFull): string(api.ReasonFull), string(mime.ReasonTooLarge): string(api.ReasonTooLarge), string(mime.ReasonUnreachable): string(api.ReasonUnreachable),
		string(mime.ReasonExpired): string(api.ReasonExpired), string(mime.ReasonLoop): string(api.ReasonLoop), string(mime.ReasonNotAllowed): string(api.ReasonNotAllowed),
		string(mime.ReasonSpam): string(api.ReasonSpam), string(mime.ReasonUnproven): string(api.ReasonUnproven), string(mime.ReasonContent): string(api.ReasonContent),
		string(mime.ReasonBusy): string(api.ReasonBusy), string(mime.ReasonBadAddress): string(api.ReasonBadAddress), string(mime.ReasonNotSupported): string(api.ReasonNotSupported),
		string(mime.CheckPassed): string(api.CheckPassed), string(mime.CheckFailed): string(api.CheckFailed),
		string(mime.NoteMalformed): string(api.NoteMalformed), string(mime.NoteTruncated): string(api.NoteTruncated), string(mime.NoteUnknownCharset): string(api.NoteUnknownCharset),
		string(mime.NoteLimit): string(api.NoteLimit), string(mime.NoteEncrypted): string(api.NoteEncrypted), string(mime.NoteSigned): string(api.NoteSigned),
	} {
		if from != to {
			t.Errorf("%q of mime is %q in the protocol", from, to)
		}
	}
}

// TestViewsMarkWhatIsForMachines tells the words of a report from the rest of it.
func TestViewsMarkWhatIsForMachines(t *testing.T) {
	blocks := answerOf(messageOf(t, "report.txt", "no such mailbox")).Text
	if len(blocks) != 3 || blocks[0].Machine || !blocks[1].Machine || !blocks[2].Machine {
		t.Errorf("%+v", blocks)
	}
}

func TestViewsMarkParagraphsAndColours(t *testing.T) {
	text := "Subject: x\r\nFrom: ana@example.edu\r\n\r\nWords.\r\n\r\nOn 22 Nov 2026, Ben wrote:\r\n> Quoted.\r\n\r\n-- \r\nAna\r\n"
	got := answerOf([]byte(text))
	var marks []string
	for _, block := range got.Text {
		switch {
		case block.Signature:
			marks = append(marks, "signature")
		case block.Attribution:
			marks = append(marks, "attribution")
		case block.Quote > 0:
			marks = append(marks, "quote")
		default:
			marks = append(marks, "words")
		}
	}
	if want := []string{"words", "attribution", "quote", "signature"}; !reflect.DeepEqual(marks, want) || got.Uncoloured {
		t.Errorf("%v, uncoloured %t", marks, got.Uncoloured)
	}
	for markup, want := range map[string]bool{"<p>plain</p>": true, "<p style='color:red'>red</p>": false, "<table bgcolor='#ffffff'><tr><td>x</td></tr></table>": false} {
		raw := []byte("Subject: x\r\nFrom: ana@example.edu\r\nContent-Type: text/html\r\n\r\n" + markup + "\r\n")
		message := &loaded{Message: mime.Parse(raw)}
		body := newBody(message, mime.SafeHTML(message.Message, mime.HTMLOptions{}))
		if answer := answerOf(raw); answer.Uncoloured != want || body.Uncoloured != want {
			t.Errorf("%s: uncoloured %t, its body %t", markup, answer.Uncoloured, body.Uncoloured)
		}
	}
}
