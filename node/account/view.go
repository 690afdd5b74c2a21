package account

import (
	"alphamail/mime"
	"alphamail/node/api"
)

// newView turns a message and its view into what of an answer never changes; hosts
// are those whose word about senders is believed.
func newView(message *loaded, view mime.View, hosts []string) *api.MessageAnswer {
	header := message.Header
	answer := &api.MessageAnswer{
		Subject: header.Get("Subject"),
		From:    addresses(header.Addresses("From")), Sender: addresses(header.Addresses("Sender")),
		ReplyTo: addresses(header.Addresses("Reply-To")), To: allAddresses(header.Addresses("To")),
		Cc: allAddresses(header.Addresses("Cc")), Bcc: allAddresses(header.Addresses("Bcc")),
		Date: message.arrived, Size: message.size,
		HasHTML: view.HasHTML, BlockedRemote: view.HTML.BlockedRemote, Uncoloured: view.HasHTML && !view.HTML.OwnColours,
		Report: newReport(view.Report), Checked: newChecked(mime.Check(header, hosts)), Unsubscribe: newUnsubscribe(mime.Unsubscribe(header, hosts)),
	}
	if date, ok := header.Date(); ok {
		answer.Date = date
	}
	for _, block := range view.Text {
		made := api.Block{Quote: block.Quote, Signature: block.Signature, Attribution: block.Attribution, Machine: block.Machine}
		for _, span := range block.Spans {
			made.Spans = append(made.Spans, api.Span{Text: span.Text, URL: span.URL})
		}
		answer.Text = append(answer.Text, made)
	}
	for _, part := range view.Parts {
		answer.Parts = append(answer.Parts, api.Part{
			ID: part.ID, MediaType: part.MediaType, Name: partName(part), Size: decodedSize(part), Inline: part.Inline(),
		})
	}
	for _, note := range view.Notes {
		answer.Notes = append(answer.Notes, api.NoteCode(note))
	}
	for _, doubt := range view.Doubts {
		answer.Doubts = append(answer.Doubts, api.Doubt{Kind: api.DoubtKind(doubt.Kind), Field: doubt.Field, Shown: doubt.Shown, True: doubt.True})
	}
	for i := range view.Events {
		answer.Events = append(answer.Events, newEvent(&view.Events[i]))
	}
	for _, field := range header.Fields() {
		answer.Headers = append(answer.Headers, api.HeaderField{Name: field.Name, Value: field.Value})
	}
	return answer
}

// newBody makes the answer that holds the HTML of a message.
func newBody(message *loaded, html mime.HTML) *api.BodyAnswer {
	return &api.BodyAnswer{HTML: html.Markup, BlockedRemote: html.BlockedRemote, Subject: message.Header.Get("Subject"), Uncoloured: !html.OwnColours}
}

func newEvent(event *mime.Event) api.Event {
	made := api.Event{
		Method: event.Method, UID: event.UID, Summary: event.Summary, Location: event.Location, Description: event.Description,
		URL: event.URL, Status: event.Status, Start: event.Start, End: event.End, AllDay: event.AllDay, Floating: event.Floating,
		Zone: event.Zone, Organizer: api.Address{Name: event.Organizer.Name, Email: event.Organizer.Email}, Reply: event.Reply,
	}
	_, made.Offset = event.Start.Zone()
	if rule := event.Repeats; rule != nil {
		made.Repeats = &api.Recurrence{Frequency: rule.Frequency, Interval: rule.Interval, Count: rule.Count, Until: rule.Until, Days: rule.Days}
	}
	for _, attendee := range event.Attendees {
		made.Attendees = append(made.Attendees, api.Attendee{Name: attendee.Name, Email: attendee.Email, Status: attendee.Status, Optional: attendee.Optional})
	}
	return made
}

func newChecked(checked *mime.Checked) *api.Checked {
	if checked == nil {
		return nil
	}
	return &api.Checked{Host: checked.Host, Result: api.CheckResult(checked.Result), Domain: checked.Domain, Methods: checked.Methods}
}

func newReport(report *mime.Report) *api.Report {
	if report == nil {
		return nil
	}
	made := &api.Report{Reporter: report.Reporter, Subject: report.Subject, MessageID: report.MessageID}
	for _, recipient := range report.Recipients {
		made.Recipients = append(made.Recipients, api.ReportedRecipient{
			Address: recipient.Address, Action: recipient.Action, Status: recipient.Status,
			Reason: api.ReportReason(recipient.Reason), Diagnostic: recipient.Diagnostic, Remote: recipient.Remote,
		})
	}
	return made
}

// maxAddresses bounds the recipients of a message answer.
const maxAddresses = 500

func allAddresses(list []mime.Address) []api.Address {
	shown := make([]api.Address, 0, min(len(list), maxAddresses))
	for _, address := range list[:min(len(list), maxAddresses)] {
		shown = append(shown, api.Address{Name: address.Name, Email: address.Email})
	}
	return shown
}

// partName is the file name of a part, or one made from its type.
func partName(part *mime.Part) string {
	if part.Filename != "" {
		return part.Filename
	}
	return "part-" + part.ID + mime.Extension(part.MediaType)
}

// decodedSize is exact for base64 without line breaks and near enough for the rest.
func decodedSize(part *mime.Part) int64 {
	if part.Encoding == "base64" {
		return part.EncodedSize * 57 / 78 // lines of 76 characters and CRLF hold 57 bytes
	}
	return part.EncodedSize
}
