package frontend

import (
	"io"
	"net/url"
	"strconv"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// jobRefresh is how often the page of a job that goes on is loaded again, in seconds.
const jobRefresh = 3

// actOnAll does something to all messages of a list, those on its other pages too.
func (r *request) actOnAll(list *api.MailboxQuestion) {
	one := r.actQuestion(list.Mailbox, r.number("validity"))
	question := &api.ActAllQuestion{
		Action: one.Action, To: one.To,
		Selection: api.Selection{Mailbox: list.Mailbox, UIDValidity: one.UIDValidity, Filter: list.Filter, UpTo: r.number("upto")},
	}
	here := page.SelectAllURL(*list)
	if question.Selection.UpTo == 0 {
		r.fail(errNoForm)
		return
	}
	if r.isIncomplete(one, here) {
		return
	}
	answer, err := ask(r, api.Service.ActAll, question)
	if err != nil {
		r.fail(err)
		return
	}
	r.acted(answer, page.ListURL(*list))
}

// acted leads to a page that tells what was done: back, or to the job that does it.
func (r *request) acted(answer *api.ActAnswer, back string) {
	if answer.Job != "" {
		r.redirect(fasthttp.StatusSeeOther, page.JobURL(answer.Job))
		return
	}
	r.notify(page.NoticeOf(answer, back))
	r.redirect(fasthttp.StatusSeeOther, back)
}

// jobs shows all jobs.
func (r *request) jobs() {
	answer, err := ask(r, api.Service.Jobs, &api.JobsQuestion{})
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	r.show(func(w io.Writer, c page.Context) error { return page.WriteJobs(w, c, page.Jobs{Jobs: answer.Jobs}) })
}

// job shows how far a job is. As long as it goes on, the page is loaded again by
// itself, unless its reader does not want that.
func (r *request) job(id string, query url.Values) {
	answer, err := ask(r, api.Service.Jobs, &api.JobsQuestion{ID: id, Seen: r.isRead()})
	if err == nil && len(answer.Jobs) != 1 {
		err = errNoPage
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	shown := page.Job{Job: &answer.Jobs[0], Still: query.Get("still") == "1", Refresh: jobRefresh}
	if !shown.Job.State.Ended() && !shown.Still {
		r.ctx.Response.Header.Set("Refresh", strconv.Itoa(jobRefresh))
	}
	r.show(func(w io.Writer, c page.Context) error { return page.WriteJob(w, c, shown) })
}

// changeJob stops a job or takes it back, and shows the job that tells of it.
func (r *request) changeJob(id string) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	change := api.JobChange(r.ctx.PostArgs().Peek("do"))
	if change != api.JobStop && change != api.JobUndo {
		r.fail(errNoForm)
		return
	}
	answer, err := ask(r, api.Service.ChangeJob, &api.ChangeJobQuestion{ID: id, Change: change})
	if err != nil {
		r.fail(err)
		return
	}
	r.redirect(fasthttp.StatusSeeOther, page.JobURL(answer.Job.ID))
}
