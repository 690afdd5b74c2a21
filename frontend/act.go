package frontend

import (
	"encoding/base64"
	"io"
	"net/url"
	"strconv"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// number reads a number of a form, 0 for anything else.
func (r *request) number(name string) uint32 {
	number, err := strconv.ParseUint(r.field(name), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(number)
}

var errNoForm = api.NewError(api.CodeInvalid, "This form cannot be read.", nil)

// actOnList does something to the messages that are selected in a list, and shows
// the same page of that list again.
func (r *request) actOnList(mailbox string, query url.Values) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	list, err := page.ParseList(mailbox, query)
	if err != nil {
		r.fail(errNoForm)
		return
	}
	if len(r.ctx.PostArgs().Peek("upto")) > 0 {
		r.actOnAll(list)
		return
	}
	question := r.actQuestion(mailbox, r.number("validity"))
	for _, value := range r.ctx.PostArgs().PeekMulti("uid") {
		uid, err := strconv.ParseUint(string(value), 10, 32)
		if err != nil || uid == 0 {
			r.fail(errNoForm)
			return
		}
		question.UIDs = append(question.UIDs, uint32(uid))
	}
	r.act(question, page.ListURL(*list), page.SelectURL(*list, question.UIDValidity, question.UIDs))
}

// actOnMessage does something to the message that is open. Then it shows the
// message, where it still is; the next one of the list that it was opened from, if
// that was chosen; or that list.
func (r *request) actOnMessage(id api.MessageID, query url.Values) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	list, err := page.ParseListView(query)
	if err != nil {
		r.fail(errNoForm)
		return
	}
	switch here := page.MessageInURL(id, list); r.field("do") {
	case page.DoImages:
		r.alwaysImages(id, here)
		return
	case page.DoContact:
		r.addSender(id, here)
		return
	case page.DoUnsubscribe:
		r.unsubscribe(id, here)
		return
	}
	question := r.actQuestion(id.Mailbox, id.UIDValidity)
	question.UIDs = []uint32{id.UID}
	back := page.ListViewURL(id.Mailbox, list, int(max(1, r.number("page"))))
	next := id
	next.UID = r.number("next")
	here := page.MessageInURL(id, list)
	switch {
	case question.Action == api.ActFlag || question.Action == api.ActUnflag || question.Action == api.ActCopy:
		back = here
	case string(r.ctx.PostArgs().Peek("then")) == "next" && next.UID != 0:
		back = page.MessageInURL(next, list, "then=next")
	}
	r.act(question, back, here)
}

func (r *request) actQuestion(mailbox string, uidValidity uint32) *api.ActQuestion {
	arguments := r.ctx.PostArgs()
	question := &api.ActQuestion{Action: api.Action(arguments.Peek("do")), Mailbox: mailbox, UIDValidity: uidValidity}
	if question.Action == api.ActMove || question.Action == api.ActCopy {
		question.To = string(arguments.Peek("to"))
	}
	return question
}

// act puts the question, and leads back to a page that tells what was done; or here
// again, if something is missing.
func (r *request) act(question *api.ActQuestion, back, here string) {
	switch {
	case question.Action != "" && len(question.UIDs) == 0:
		r.lacks(page.MissingMessages, here)
		return
	case r.isIncomplete(question, here):
		return
	}
	answer, err := ask(r, api.Service.Act, question)
	if err != nil {
		r.fail(err)
		return
	}
	r.acted(answer, back)
}

// isIncomplete leads back to a form without an action, in which somebody pressed
// Enter in a field, or without a folder to go to; it reports whether it did.
func (r *request) isIncomplete(question *api.ActQuestion, here string) bool {
	switch {
	case question.Action == "":
		r.redirect(fasthttp.StatusSeeOther, here)
		return true
	case question.To == "" && (question.Action == api.ActMove || question.Action == api.ActCopy):
		r.lacks(page.MissingGoal, here)
		return true
	}
	return false
}

// lacks leads back to a form, and says what is missing.
func (r *request) lacks(missing page.Missing, here string) {
	r.notify(&page.Notice{Missing: missing, Address: here})
	r.redirect(fasthttp.StatusSeeOther, here)
}

// undo takes back what a notice told of, and leads back to the page of that.
func (r *request) undo() {
	if !r.genuine(r.field("csrf")) {
		return
	}
	arguments := r.ctx.PostArgs()
	back := localPath(string(arguments.Peek("back")))
	handles := arguments.PeekMulti("handle")
	if back == "" || len(handles) == 0 || len(handles) > maxFoundFolders {
		r.fail(errNoForm)
		return
	}
	var notice *page.Notice
	operation := r.operation
	for i, encoded := range handles {
		handle, err := base64.RawURLEncoding.DecodeString(string(encoded))
		if err != nil {
			r.fail(errNoForm)
			return
		}
		r.operation = numbered(operation, i)
		answer, err := ask(r, api.Service.Undo, &api.UndoQuestion{Handle: handle})
		if err != nil {
			r.fail(err)
			return
		}
		notice = added(notice, page.UndoneNotice(answer, back))
	}
	r.notify(notice)
	r.redirect(fasthttp.StatusSeeOther, back)
}

// numbered names a part of an operation. The first has its name, so that the same
// form sent to an older frontend does the same.
func numbered(operation string, part int) string {
	if part == 0 || operation == "" {
		return operation
	}
	return operation + "." + strconv.Itoa(part)
}

// added adds a notice to another one, which may be nil.
func added(notice, more *page.Notice) *page.Notice {
	if notice == nil {
		return more
	}
	notice.Add(more)
	return notice
}

// purge asks whether Trash or Junk shall be emptied.
func (r *request) purge(mailbox string) {
	answer, err := ask(r, api.Service.Mailbox, &api.MailboxQuestion{Mailbox: mailbox, Page: 1, PageSize: 1})
	if err == nil && !answer.AsOf.IsZero() {
		err = api.NewError(api.CodeBackendDown, "The mail server cannot be reached.", nil)
	}
	if err == nil && !page.IsPurged(&answer.Folder) {
		err = errNoPage
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	r.show(func(w io.Writer, c page.Context) error { return page.WritePurge(w, c, page.Mailbox{Answer: answer}) })
}

// purgeNow empties Trash or Junk, as far as the reader has seen what is there.
func (r *request) purgeNow(mailbox string) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	answer, err := ask(r, api.Service.Empty, &api.EmptyQuestion{Mailbox: mailbox, UIDValidity: r.number("validity"), UpTo: r.number("upto")})
	if err != nil {
		r.fail(err)
		return
	}
	r.acted(answer, page.MailboxURL(mailbox, 1))
}
