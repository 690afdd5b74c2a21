package page

import (
	"errors"
	"net/url"
	"strings"

	"alphamail/node/api"
)

// Compose is the page of a message that is written.
type Compose struct {
	Draft *api.Draft
	// Saved tells that the reader has just saved it.
	Saved bool
	// Change and Other say what happened to the draft elsewhere.
	Change api.DraftChange
	Other  *api.MessageID
	// Problems, Refused and Reason say why it was not sent.
	Problems []api.Problem
	Refused  []string
	Reason   api.SendReason
	// Words are what the server said about the message and those it refused.
	Words []ServerWords
	// Failure says why what is shown is not saved; empty when it is.
	Failure ComposeFailure
	// Waiting are files that are to be attached when it is saved.
	Waiting []WaitingFile
	// Found is what was found for the field FoundIn; nil when nothing was sought.
	Found   *api.FindAddressesAnswer
	FoundIn string
}

// WaitingFile is a file that the node keeps until it is attached.
type WaitingFile struct {
	Upload string // as in api.UploadQuestion
	Name   string // for its reader
}

// reference names the file in a form.
func (f WaitingFile) reference() string { return f.Upload + " " + f.Name }

// ParseWaitingFile reads what a form says of a file that waits.
func ParseWaitingFile(text string) (WaitingFile, error) {
	upload, name, _ := strings.Cut(text, " ")
	if upload == "" || len(upload) > 100 || strings.Trim(upload, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return WaitingFile{}, errAttachment
	}
	return WaitingFile{upload, name}, nil
}

// ComposeFailure is a reason why a text is not saved.
type ComposeFailure string

// The reasons.
const (
	FailureSpace   ComposeFailure = "space"   // no room, or too much of it
	FailureServer  ComposeFailure = "server"  // the mail server is away
	FailureBusy    ComposeFailure = "busy"    // too much at once
	FailureExpired ComposeFailure = "expired" // the session has ended
	FailureStale   ComposeFailure = "stale"   // the form is too old
	FailureFile    ComposeFailure = "file"    // a file could not be taken, or is gone
	FailureOther   ComposeFailure = "other"
)

// composeParameters are the names of the parameters that say what a message begins
// with.
var composeParameters = map[api.ComposeKind]string{
	api.ComposeReply: "reply", api.ComposeReplyAll: "reply-all", api.ComposeReplyList: "reply-list",
	api.ComposeForward: "forward", api.ComposeForwardAttached: "forward-attached", api.ComposeDraft: "draft",
}

const composePath = "/compose"

// ComposeURL is the path of the page that writes a message about another one, or
// goes on with a draft.
func ComposeURL(kind api.ComposeKind, id api.MessageID) string {
	name := composeParameters[kind]
	if name == "" {
		return composePath
	}
	return composePath + "?" + name + "=" + url.QueryEscape(MessageReference(id))
}

// MessageReference names a message in a form or a query.
func MessageReference(id api.MessageID) string { return strings.TrimPrefix(MessageURL(id), "/mail/") }

// ParseMessageReference reads what MessageReference wrote.
func ParseMessageReference(text string) (api.MessageID, error) {
	mailbox, segment, _ := strings.Cut(text, "/")
	name, err := DecodeMailbox(mailbox)
	if err != nil {
		return api.MessageID{}, err
	}
	id := api.MessageID{Mailbox: name}
	id.UIDValidity, id.UID, err = ParseMessageSegment(segment)
	return id, err
}

// AttachmentReference names an attachment of a form: where it is and how it is
// shown.
func AttachmentReference(a api.DraftAttachment) string {
	return MessageReference(a.Source) + "/" + a.Part
}

var errAttachment = errors.New("not an attachment of a form")

// ParseAttachmentReference reads what AttachmentReference wrote.
func ParseAttachmentReference(text string) (api.AttachmentName, error) {
	cut := strings.LastIndexByte(text, '/')
	if cut < 0 {
		return api.AttachmentName{}, errAttachment
	}
	id, err := ParseMessageReference(text[:cut])
	part := text[cut+1:]
	if len(part) > 256 || strings.Trim(part, "0123456789.") != "" {
		err = errAttachment
	}
	return api.AttachmentName{Source: id, Part: part}, err
}

// ParseCompose reads the query of a page that writes a message. Parameters other
// than those of ComposeURL begin a new one, as a mailto link has them (RFC 6068).
func ParseCompose(query url.Values) (*api.ComposeQuestion, error) {
	for _, kind := range []api.ComposeKind{api.ComposeDraft, api.ComposeReply, api.ComposeReplyAll, api.ComposeReplyList, api.ComposeForward, api.ComposeForwardAttached} {
		if value := query.Get(composeParameters[kind]); value != "" {
			id, err := ParseMessageReference(value)
			return &api.ComposeQuestion{Kind: kind, ID: id}, err
		}
	}
	question := &api.ComposeQuestion{}
	if link, ok := strings.CutPrefix(query.Get("mailto"), "mailto:"); ok {
		to, rest, _ := strings.Cut(link, "?")
		// A plus sign is one here, not a space (RFC 6068 section 5).
		header, err := url.ParseQuery(strings.ReplaceAll(rest, "+", "%2B"))
		if err != nil {
			return nil, err
		}
		if to, err = url.PathUnescape(to); err != nil {
			return nil, err
		}
		addFields(&question.Fields, to, header)
		return question, nil
	}
	addFields(&question.Fields, "", query)
	return question, nil
}

// addFields takes what a link may say of a message. Fields are named in any case.
func addFields(fields *api.DraftFields, to string, values url.Values) {
	list := []string{to}
	for name, given := range values {
		text := strings.Join(given, ", ")
		switch strings.ToLower(name) {
		case "to":
			list = append(list, text)
		case "cc":
			fields.Cc = text
		case "bcc":
			fields.Bcc = text
		case "subject":
			fields.Subject = given[0]
		case "body":
			fields.Text = strings.Join(given, "\n")
		}
	}
	fields.To = strings.Trim(strings.Join(list, ", "), ", ")
}

// composeFailure says why a text is not saved.
func (l *locale) composeFailure(f ComposeFailure) string {
	switch f {
	case FailureSpace:
		return l.FailureSpace
	case FailureServer:
		return l.FailureServer
	case FailureBusy:
		return l.FailureBusy
	case FailureExpired:
		return l.FailureExpired
	case FailureStale:
		return l.FailureStale
	case FailureFile:
		return l.FailureFile
	}
	return l.FailureOther
}

// sendReason says why a message was not sent; empty for a reason of a later
// version, and where something else says it.
func (l *locale) sendReason(r api.SendReason) string {
	switch r {
	case api.ReasonServerAway:
		return l.SendServerAway
	case api.ReasonServerBusy:
		return l.SendServerBusy
	case api.ReasonPassword:
		return l.SendPassword
	case api.ReasonRefused:
		return l.SendRefused
	case api.ReasonSize:
		return l.SendSize
	case api.ReasonNoWay:
		return l.SendNoWay
	case api.ReasonInterrupted:
		return l.SendInterrupted
	case api.ReasonRecipients:
		return l.SendNobody
	case api.ReasonLimit:
		return l.SendLimit
	}
	return ""
}

// problem is a sentence about what has to be corrected.
func (l *locale) problem(p api.Problem) phrase {
	switch p.Kind {
	case api.ProblemAddress:
		return phrase{l.ProblemAddress, []string{"Address", p.Value}}
	case api.ProblemLetters:
		return phrase{l.ProblemLetters, []string{"Address", p.Value}}
	case api.ProblemNobody:
		return phrase{l.ProblemNobody, nil}
	}
	return phrase{l.ProblemOther, nil}
}

// problemsOf are those of one field.
func (p Compose) problemsOf(field string) []api.Problem {
	var found []api.Problem
	for _, one := range p.Problems {
		if one.Field == field {
			found = append(found, one)
		}
	}
	return found
}

// said is what the server said about a recipient, or about the message without one;
// empty for nothing.
func (p Compose) said(recipient string) string {
	for _, words := range p.Words {
		if words.Recipient == recipient {
			return words.Text
		}
	}
	return ""
}

// notSent tells that the reader tried to send the message in vain. What the draft
// itself says of that counts more than what brought the reader here.
func (p Compose) notSent() bool {
	return p.Draft.State == api.DraftUnsent && (len(p.Problems) > len(p.problemsOf(filesField)) || p.Reason != "" || len(p.Refused) > 0)
}

// lineHolder holds the first line of a text open, when it is empty, in browsers that
// leave out empty lines there: the author writes into that line.
const lineHolder = " "

// isHeld tells that the text of a message is shown with a lineHolder.
func (v view) isHeld(p Compose) bool {
	return v.DropsEmptyLines && strings.HasPrefix(p.Draft.Fields.Text, "\n")
}

// editable is the text of a message to go on with.
func (v view) editable(p Compose) string {
	if v.isHeld(p) {
		return lineHolder + p.Draft.Fields.Text
	}
	return p.Draft.Fields.Text
}

// WithoutHolder is a text, which was shown with a lineHolder, as its author means it.
func WithoutHolder(text string) string { return strings.TrimPrefix(text, lineHolder) }

// filesField is the field of problems with files, which keep nothing from being
// sent.
const filesField = "attachments"

// canFind tells whether addresses can be found for a field.
func canFind(field string) bool { return field == "to" || field == "cc" || field == "bcc" }

// fieldID is the id of the control of a field, which links lead to.
func fieldID(field string) string { return strings.ReplaceAll(field, "_", "-") }

// listed tells that a message came by a mailing list.
func listed(p *messageView) bool {
	for _, field := range p.Headers {
		if strings.EqualFold(field.Name, "List-Post") {
			return true
		}
	}
	return false
}

// shared tells that others than its author and the reader got a message.
func (v view) shared(p *messageView) bool {
	count := 0
	for _, list := range [][]api.Address{p.To, p.Cc} {
		for i := range list {
			if !strings.EqualFold(list[i].Email, v.Account) {
				count++
			}
		}
	}
	return count > 0
}
