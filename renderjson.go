package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"alphamail/mime"
)

// rendered is a message as JSON.
type rendered struct {
	File    string            `json:"file"`
	Subject string            `json:"subject"`
	From    []renderedAddress `json:"from,omitempty"`
	Sender  []renderedAddress `json:"sender,omitempty"`
	ReplyTo []renderedAddress `json:"reply_to,omitempty"`
	To      []renderedAddress `json:"to,omitempty"`
	Cc      []renderedAddress `json:"cc,omitempty"`
	Bcc     []renderedAddress `json:"bcc,omitempty"`
	Date    *time.Time        `json:"date,omitempty"`
	Header  []renderedField   `json:"header"`
	Snippet string            `json:"snippet"`
	Text    string            `json:"text"`
	HTML    string            `json:"html,omitempty"`
	// Blocked counts what the HTML leaves out because it is remote.
	Blocked int             `json:"blocked_remote,omitempty"`
	Notes   []mime.Note     `json:"notes,omitempty"`
	Doubts  []renderedDoubt `json:"doubts,omitempty"`
	// Verdicts are those of the host VerdictsBy, Checked what follows from them.
	Verdicts   []renderedVerdict `json:"verdicts,omitempty"`
	VerdictsBy string            `json:"verdicts_by,omitempty"`
	Checked    mime.CheckResult  `json:"checked,omitempty"`
	Events     []renderedEvent   `json:"events,omitempty"`
	Report     *renderedReport   `json:"report,omitempty"`
	Parts      *renderedPart     `json:"parts"`
}

type renderedAddress struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

type renderedField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type renderedDoubt struct {
	Kind  mime.DoubtKind `json:"kind"`
	Field string         `json:"field"`
	Shown string         `json:"shown,omitempty"`
	True  string         `json:"true,omitempty"`
}

type renderedVerdict struct {
	Method string `json:"method"`
	Result string `json:"result"`
	Domain string `json:"domain,omitempty"`
}

type renderedEvent struct {
	Method      string          `json:"method,omitempty"`
	UID         string          `json:"uid,omitempty"`
	Summary     string          `json:"summary"`
	Start       string          `json:"start,omitempty"`
	End         string          `json:"end,omitempty"`
	Zone        string          `json:"zone,omitempty"`
	Status      string          `json:"status,omitempty"`
	Location    string          `json:"location,omitempty"`
	Description string          `json:"description,omitempty"`
	URL         string          `json:"url,omitempty"`
	Repeats     *renderedRule   `json:"repeats,omitempty"`
	Organizer   renderedAddress `json:"organizer"`
	Attendees   []renderedGuest `json:"attendees,omitempty"`
	Reply       string          `json:"reply,omitempty"`
}

type renderedRule struct {
	Frequency string   `json:"frequency"`
	Interval  int      `json:"interval"`
	Count     int      `json:"count,omitempty"`
	Until     string   `json:"until,omitempty"`
	Days      []string `json:"days,omitempty"`
}

type renderedGuest struct {
	renderedAddress
	Status   string `json:"status,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

type renderedReport struct {
	Reporter   string              `json:"reporter,omitempty"`
	Subject    string              `json:"subject,omitempty"`
	MessageID  string              `json:"message_id,omitempty"`
	Recipients []renderedRecipient `json:"recipients"`
}

type renderedRecipient struct {
	Address    string            `json:"address"`
	Action     string            `json:"action,omitempty"`
	Status     string            `json:"status,omitempty"`
	Reason     mime.ReportReason `json:"reason,omitempty"`
	Diagnostic string            `json:"diagnostic,omitempty"`
	Remote     string            `json:"remote,omitempty"`
}

// renderedPart is a part with those inside. Size and digest are of the decoded
// content; a part that is nothing but its children has no digest.
type renderedPart struct {
	ID          string          `json:"id,omitempty"`
	MediaType   string          `json:"media_type"`
	Charset     string          `json:"charset,omitempty"`
	Encoding    string          `json:"encoding,omitempty"`
	Disposition string          `json:"disposition,omitempty"`
	Name        string          `json:"name,omitempty"`
	ContentID   string          `json:"content_id,omitempty"`
	Size        int64           `json:"size"`
	SHA256      string          `json:"sha256,omitempty"`
	Defects     []mime.Defect   `json:"defects,omitempty"`
	Parts       []*renderedPart `json:"parts,omitempty"`
}

func newRendered(file string, m *mime.Message, hosts []string) *rendered {
	view := mime.Render(m)
	m.Examine()
	h := m.Header
	r := &rendered{
		File: file, Subject: h.Get("Subject"), Snippet: snippetOf(m), HTML: view.HTML.Markup, Blocked: view.HTML.BlockedRemote, Notes: view.Notes,
		From: jsonAddresses(h.Addresses("From")), Sender: jsonAddresses(h.Addresses("Sender")), ReplyTo: jsonAddresses(h.Addresses("Reply-To")),
		To: jsonAddresses(h.Addresses("To")), Cc: jsonAddresses(h.Addresses("Cc")), Bcc: jsonAddresses(h.Addresses("Bcc")),
		Report: jsonReport(view.Report), Parts: jsonPart(m.Root),
	}
	if date, ok := h.Date(); ok {
		r.Date = &date
	}
	for _, field := range h.Fields() {
		r.Header = append(r.Header, renderedField(field))
	}
	text := make([]string, len(view.Text))
	for i, block := range view.Text {
		text[i] = quoted(block)
	}
	r.Text = strings.Join(text, "\n")
	var verdicts []mime.Verdict
	r.VerdictsBy, verdicts = mime.Verdicts(h, hosts)
	for _, verdict := range verdicts {
		r.Verdicts = append(r.Verdicts, renderedVerdict(verdict))
	}
	if checked := mime.Check(h, hosts); checked != nil {
		r.Checked = checked.Result
	}
	for _, doubt := range view.Doubts {
		r.Doubts = append(r.Doubts, renderedDoubt(doubt))
	}
	for i := range view.Events {
		r.Events = append(r.Events, jsonEvent(&view.Events[i]))
	}
	return r
}

func jsonAddresses(list []mime.Address) []renderedAddress {
	var made []renderedAddress
	for _, address := range list {
		made = append(made, renderedAddress(address))
	}
	return made
}

func jsonEvent(e *mime.Event) renderedEvent {
	start, end := eventTimes(e)
	made := renderedEvent{
		Method: e.Method, UID: e.UID, Summary: e.Summary, Start: start, End: end, Zone: e.Zone, Status: e.Status, Location: e.Location,
		Description: e.Description, URL: e.URL, Organizer: renderedAddress(e.Organizer), Reply: e.Reply,
	}
	if rule := e.Repeats; rule != nil {
		made.Repeats = &renderedRule{Frequency: rule.Frequency, Interval: rule.Interval, Count: rule.Count, Days: rule.Days}
		if !rule.Until.IsZero() {
			made.Repeats.Until = rule.Until.Format(time.RFC3339)
		}
	}
	for _, guest := range e.Attendees {
		made.Attendees = append(made.Attendees, renderedGuest{renderedAddress(guest.Address), guest.Status, guest.Optional})
	}
	return made
}

func jsonReport(r *mime.Report) *renderedReport {
	if r == nil {
		return nil
	}
	made := &renderedReport{Reporter: r.Reporter, Subject: r.Subject, MessageID: r.MessageID}
	for _, recipient := range r.Recipients {
		made.Recipients = append(made.Recipients, renderedRecipient(recipient))
	}
	return made
}

func jsonPart(part *mime.Part) *renderedPart {
	if part == nil {
		return nil
	}
	made := &renderedPart{
		ID: part.ID, MediaType: part.MediaType, Charset: part.Params["charset"], Encoding: part.Encoding, Disposition: part.Disposition,
		Name: part.Filename, ContentID: part.ContentID, Defects: part.Defects,
	}
	if !part.Container() {
		made.Size, made.SHA256 = digest(part)
	}
	for _, child := range part.Children {
		made.Parts = append(made.Parts, jsonPart(child))
	}
	return made
}

// digest is the length of what a part holds, decoded, and its SHA-256. Content
// that ends in an error counts up to there.
func digest(part *mime.Part) (size int64, sum string) {
	hash := sha256.New()
	size, _ = io.Copy(hash, part.Decode())
	return size, hex.EncodeToString(hash.Sum(nil))
}
