package frontend

import (
	"crypto/rand"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// compose shows the page of a message that is written.
func (r *request) compose(query url.Values) {
	question, err := page.ParseCompose(query)
	if err != nil {
		r.fail(api.NewError(api.CodeInvalid, "There is no such message.", err))
		return
	}
	question.Language = r.context(r.secret).Language
	question.Zone = r.config.Location.String()
	draft, err := ask(r, api.Service.Compose, question)
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = draft.Settings
	shown := page.Compose{Draft: draft, Saved: query.Get("saved") == "1", Reason: api.SendReason(query.Get("reason"))}
	switch change := api.DraftChange(query.Get("change")); change {
	case api.ChangeElsewhere, api.ChangeSending:
		shown.Change = change
	}
	if other, err := page.ParseMessageReference(query.Get("other")); err == nil {
		shown.Other = &other
	}
	for _, text := range query["problem"] {
		if problem, ok := parseProblem(text, draft); ok {
			shown.Problems = append(shown.Problems, problem)
		}
	}
	for _, address := range query["refused"] {
		if isSpaceless(address) && mentions(draft, address) {
			shown.Refused = append(shown.Refused, address)
		}
	}
	if notice := r.takeNotice(); notice != nil {
		shown.Words = notice.Words
	}
	r.show(func(w io.Writer, c page.Context) error { return page.WriteCompose(w, c, shown) })
}

// mentions tells whether a draft is to go to an address. What a link says about a
// draft is only believed where that agrees.
func mentions(draft *api.Draft, address string) bool {
	fields := draft.Fields
	return strings.Contains(strings.ToLower(fields.To+","+fields.Cc+","+fields.Bcc+","+fields.ReplyTo), strings.ToLower(address))
}

// maxShown bounds how many problems, or refused recipients, an address carries.
const maxShown = 10

// parseProblem reads a problem of an address.
func parseProblem(text string, draft *api.Draft) (api.Problem, bool) {
	words := strings.SplitN(text, " ", 3)
	if len(words) < 2 {
		return api.Problem{}, false
	}
	problem := api.Problem{Kind: api.ProblemKind(words[0]), Field: words[1]}
	if len(words) == 3 {
		problem.Value = words[2]
	}
	known := slices.Contains([]string{"to", "cc", "bcc", "reply_to", "identity", "attachments"}, problem.Field)
	return problem, known && (problem.Value == "" || mentions(draft, problem.Value))
}

// write answers the form of a message: whatever was pressed, it is saved first.
func (r *request) write() {
	if r.fromElsewhere() {
		r.refuseRest(fasthttp.StatusForbidden, api.CodeInvalid)
		return
	}
	genuine := false
	sent, err := r.readForm(func(token string) bool {
		genuine = r.session != nil && tokenMatches(token, r.secret)
		return genuine
	})
	if err != nil {
		r.lingers()
	}
	if sent == nil {
		r.fail(err)
		return
	}
	question, ok := parseDraftForm(sent)
	if !ok {
		r.errorPage(fasthttp.StatusBadRequest, api.CodeInvalid)
		return
	}
	press, field, _ := strings.Cut(sent.get("do"), "-")
	switch {
	case r.session == nil:
		r.unsaved(fasthttp.StatusUnauthorized, question, sent, page.FailureExpired)
	case !genuine:
		r.unsaved(fasthttp.StatusForbidden, question, sent, page.FailureStale)
	case sent.cut:
		r.unsaved(fasthttp.StatusRequestEntityTooLarge, question, sent, page.FailureSpace)
	case press == "discard" && err == nil:
		r.discard(question)
	case (press == "find" || press == "add") && err == nil && recipientsIn(&question.Fields, field) != nil:
		r.find(question, sent, field, press == "add")
	default:
		r.save(question, sent, err)
	}
}

// parseDraftForm makes the question of a form. A form that our page did not make
// has none.
func parseDraftForm(sent *form) (*api.SaveDraftQuestion, bool) {
	question := &api.SaveDraftQuestion{
		Fields: api.DraftFields{
			Identity: sent.get("identity"), To: sent.get("to"), Cc: sent.get("cc"), Bcc: sent.get("bcc"), ReplyTo: sent.get("reply_to"),
			Subject: sent.get("subject"), Text: strings.ReplaceAll(strings.ToValidUTF8(sent.get("text"), "\uFFFD"), "\r\n", "\n"),
		},
		OperationID: sent.get("operation"),
	}
	if sent.get("held") != "" {
		question.Fields.Text = page.WithoutHolder(question.Fields.Text)
	}
	if sent.get("do") == "identity" {
		question.WrittenAs = sent.get("written_as")
	}
	for _, text := range sent.fields["upload"] {
		waiting, err := page.ParseWaitingFile(text)
		if err != nil {
			return nil, false
		}
		sent.uploads = append(sent.uploads, waiting)
	}
	for _, waiting := range sent.uploads {
		question.Uploads = append(question.Uploads, waiting.Upload)
	}
	if question.OperationID == "" {
		return nil, false
	}
	if text := sent.get("draft"); text != "" {
		id, err := page.ParseMessageReference(text)
		if err != nil {
			return nil, false
		}
		question.ID = &id
	}
	if name, reference, ok := strings.Cut(sent.get("origin"), " "); ok {
		begun, err := page.ParseCompose(url.Values{name: {reference}})
		if err != nil || begun.Kind == api.ComposeNew || begun.Kind == api.ComposeDraft {
			return nil, false
		}
		question.Origin = &api.Origin{Kind: begun.Kind, ID: begun.ID}
	}
	for _, text := range sent.fields["keep"] {
		kept, err := page.ParseAttachmentReference(text)
		if err != nil {
			return nil, false
		}
		question.Keep = append(question.Keep, kept)
	}
	return question, true
}

// save saves what was written and goes on with what was pressed. problem is why the
// form could not be read to its end.
func (r *request) save(question *api.SaveDraftQuestion, sent *form, problem error) {
	saved, err := askLong(r, rand.Text(), api.Service.SaveDraft, question)
	if err != nil {
		failure := api.AsError(err)
		r.log.Info("a draft was not saved", "request", r.id, "code", string(failure.Code), "error", failure.Error())
		status, reason := whyUnsaved(failure)
		r.unsaved(status, question, sent, reason)
		return
	}
	query := url.Values{"draft": {page.MessageReference(saved.ID)}, "saved": {"1"}}
	switch {
	case saved.Change == api.ChangeSent:
		r.redirect(fasthttp.StatusSeeOther, page.MailboxURL("INBOX", 1)+"?done="+string(page.DoneSent))
		return
	case saved.Change != api.ChangeNone:
		query.Set("change", string(saved.Change))
		if saved.Other != nil && *saved.Other != saved.ID {
			query.Set("other", page.MessageReference(*saved.Other))
		}
	case sent.failure != nil || problem != nil:
		kind := api.ProblemGone
		if isTooLarge(sent.failure) || isTooLarge(api.AsError(problem)) {
			kind = api.ProblemTooMany
		}
		query.Add("problem", string(kind)+" attachments")
	case sent.get("do") == "send":
		r.send(saved)
		return
	}
	r.redirect(fasthttp.StatusSeeOther, routeCompose+"?"+query.Encode())
}

// whyUnsaved chooses the words for a draft that could not be saved.
func whyUnsaved(failure *api.Error) (int, page.ComposeFailure) {
	status := statusOf(failure.Code)
	switch failure.Code {
	case api.CodeTooLarge:
		return status, page.FailureSpace
	case api.CodeBackendDown, api.CodeDeadline, api.CodeCanceled:
		return status, page.FailureServer
	case api.CodeBusy, api.CodeNodeDown, api.CodeNotOwner:
		return status, page.FailureBusy
	case api.CodeAuthExpired, api.CodeAuthFailed:
		return status, page.FailureExpired
	case api.CodeConflict, api.CodeNotFound:
		return status, page.FailureFile
	}
	return status, page.FailureOther
}

// unsaved gives the text back in its form, with the reason why it is not saved.
func (r *request) unsaved(status int, question *api.SaveDraftQuestion, sent *form, reason page.ComposeFailure) {
	shown := r.asWritten(question, sent)
	if shown.Failure = reason; reason == page.FailureFile {
		shown.Waiting = nil // one of them is what is gone
	}
	r.showWritten(status, shown)
}

// asWritten is the page of a form that goes back, with nothing of it saved.
func (r *request) asWritten(question *api.SaveDraftQuestion, sent *form) page.Compose {
	draft := &api.Draft{Fields: question.Fields, ID: question.ID, OperationID: question.OperationID, Origin: question.Origin, CanSend: true}
	for _, kept := range question.Keep {
		name := kept.Part
		if name == "" {
			name = page.MessageReference(kept.Source)
		}
		draft.Attachments = append(draft.Attachments, api.DraftAttachment{AttachmentName: kept, Name: name})
	}
	if r.session != nil {
		r.completeForm(draft, question)
	}
	return page.Compose{Draft: draft, Waiting: sent.uploads}
}

func (r *request) showWritten(status int, shown page.Compose) {
	r.html(status, page.PagePolicy(), func(w io.Writer) error { return page.WriteCompose(w, r.context(r.secret), shown) })
}

// recipientsIn is a field in which addresses can be found; nil for any other name.
func recipientsIn(fields *api.DraftFields, name string) *string {
	switch name {
	case "to":
		return &fields.To
	case "cc":
		return &fields.Cc
	case "bcc":
		return &fields.Bcc
	}
	return nil
}

// find shows whom the last words of a field may mean, or adds to the field those who
// were ticked. Nothing is saved.
func (r *request) find(question *api.SaveDraftQuestion, sent *form, field string, adding bool) {
	text := recipientsIn(&question.Fields, field)
	asked := &api.FindAddressesQuestion{Text: *text}
	if adding {
		asked.Add, asked.Words = sent.fields["add"], sent.get("words")
	}
	var answer *api.FindAddressesAnswer
	if !adding || len(asked.Add) > 0 {
		var err error
		if answer, err = ask(r, api.Service.FindAddresses, asked); err != nil {
			status, reason := whyUnsaved(api.AsError(err))
			r.unsaved(status, question, sent, reason)
			return
		}
		*text = answer.Text
	}
	shown := r.asWritten(question, sent)
	if sent.failure != nil {
		shown.Problems = []api.Problem{{Field: "attachments", Kind: api.ProblemGone}}
	}
	if !adding {
		shown.Found, shown.FoundIn = answer, field
	}
	r.showWritten(fasthttp.StatusOK, shown)
}

// completeForm adds what the node remembers to a form that goes back: it may not
// answer.
func (r *request) completeForm(draft *api.Draft, question *api.SaveDraftQuestion) {
	begun := &api.ComposeQuestion{}
	switch {
	case question.ID != nil:
		begun.Kind, begun.ID = api.ComposeDraft, *question.ID
	case question.Origin != nil:
		begun.Kind, begun.ID = question.Origin.Kind, question.Origin.ID
	}
	known, err := ask(r, api.Service.Compose, begun)
	if err != nil {
		return
	}
	r.settings = known.Settings
	draft.Folders, draft.Identities, draft.MaxSize, draft.CanSend, draft.State = known.Folders, known.Identities, known.MaxSize, known.CanSend, known.State
	for i := range draft.Attachments {
		for _, one := range known.Attachments {
			if one.AttachmentName == draft.Attachments[i].AttachmentName {
				draft.Attachments[i] = one
			}
		}
	}
}

// send sends a draft that is saved.
func (r *request) send(saved *api.SaveDraftAnswer) {
	answer, err := askLong(r, saved.OperationID, api.Service.Send, &api.SendQuestion{ID: saved.ID, OperationID: saved.OperationID})
	query := url.Values{}
	if err != nil {
		failure := api.AsError(err)
		if failure.Code == api.CodeAuthExpired || failure.Code == api.CodeAuthFailed {
			r.toLogin(page.LoginExpired)
			return
		}
		r.log.Warn("whether a draft was sent is found out when it is opened", "request", r.id, "error", err)
		query.Set("draft", page.MessageReference(saved.ID))
		query.Set("reason", string(api.ReasonInterrupted))
		r.redirect(fasthttp.StatusSeeOther, routeCompose+"?"+query.Encode())
		return
	}
	for _, refused := range answer.Refused[:min(len(answer.Refused), maxShown)] {
		query.Add("refused", refused.Address)
	}
	if answer.State == api.SendSent {
		done := page.DoneSent
		if !answer.Copied {
			done = page.DoneNotCopied
		}
		query.Set("done", string(done))
		r.redirect(fasthttp.StatusSeeOther, page.MailboxURL("INBOX", 1)+"?"+query.Encode())
		return
	}
	query.Set("draft", page.MessageReference(saved.ID))
	if answer.State == api.SendRejected {
		if answer.Reason != "" {
			query.Set("reason", string(answer.Reason))
		}
		for _, problem := range answer.Problems[:min(len(answer.Problems), maxShown)] {
			query.Add("problem", strings.TrimSpace(string(problem.Kind)+" "+problem.Field+" "+problem.Value))
		}
	}
	address := routeCompose + "?" + query.Encode()
	if words := wordsAgainst(answer); len(words) > 0 {
		r.notify(&page.Notice{Words: words, Address: address})
	}
	r.redirect(fasthttp.StatusSeeOther, address)
}

// wordsAgainst are what the server that sends said. They come to the page as a notice,
// because a link could say anything.
func wordsAgainst(answer *api.SendAnswer) (words []page.ServerWords) {
	if answer.Said != "" {
		words = append(words, page.ServerWords{Text: answer.Said})
	}
	for _, refused := range answer.Refused[:min(len(answer.Refused), maxShown)] {
		if refused.Text != "" {
			words = append(words, page.ServerWords{Recipient: refused.Address, Text: refused.Text})
		}
	}
	return words
}

// discard throws a draft away.
func (r *request) discard(question *api.SaveDraftQuestion) {
	if question.ID != nil {
		if _, err := ask(r, api.Service.Discard, &api.DiscardQuestion{ID: *question.ID}); err != nil {
			r.fail(err)
			return
		}
	}
	r.redirect(fasthttp.StatusSeeOther, page.MailboxURL("INBOX", 1)+"?done="+string(page.DoneDiscarded))
}

// settle answers what a draft is that may have been sent.
func (r *request) settle() {
	arguments := r.ctx.PostArgs()
	if !r.genuine(r.field("csrf")) {
		return
	}
	id, err := page.ParseMessageReference(string(arguments.Peek("draft")))
	if err != nil {
		r.errorPage(fasthttp.StatusBadRequest, api.CodeInvalid)
		return
	}
	answer, err := askLong(r, r.operation, api.Service.Settle, &api.SettleQuestion{ID: id, Sent: string(arguments.Peek("do")) == "sent"})
	switch {
	case err != nil:
		r.fail(err)
	case answer.ID == nil:
		r.redirect(fasthttp.StatusSeeOther, page.MailboxURL("INBOX", 1)+"?done="+string(page.DoneSent))
	default:
		r.redirect(fasthttp.StatusSeeOther, page.ComposeURL(api.ComposeDraft, *answer.ID))
	}
}

// doneOf reads what a list page is to confirm.
func doneOf(query url.Values) (done page.Done, refused []string) {
	switch done = page.Done(query.Get("done")); done {
	case page.DoneSent, page.DoneNotCopied, page.DoneDiscarded:
	default:
		return "", nil
	}
	for _, address := range query["refused"] {
		if isSpaceless(address) && strings.Contains(address, "@") && len(refused) < maxShown {
			refused = append(refused, address)
		}
	}
	return done, refused
}
