package frontend

import (
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

const (
	// searchRefresh is how often the page of a search that goes on is loaded again, in
	// seconds.
	searchRefresh = 2
	// maxFoundFolders bounds the folders of messages that something is done to at once.
	maxFoundFolders = 50
)

// search shows what a search has found so far. As long as it goes on, the page is
// loaded again by itself, unless its reader does not want that.
func (r *request) search(query url.Values) {
	r.searchWith(query, page.Search{AllSelected: query.Get("select") == "page"})
}

func (r *request) searchWith(query url.Values, shown page.Search) {
	question, err := searchQuestion(query)
	if err != nil {
		r.fail(err)
		return
	}
	if shown.Answer, err = ask(r, api.Service.Search, question); err != nil {
		r.fail(err)
		return
	}
	r.settings, r.searched = shown.Answer.Settings, shown.Answer.Search
	shown.Still, shown.Refresh, shown.Notice = query.Get("still") == "1", searchRefresh, r.takeNotice()
	if !shown.Answer.State.Ended() && !shown.Still {
		r.ctx.Response.Header.Set("Refresh", strconv.Itoa(searchRefresh))
	}
	r.show(func(w io.Writer, c page.Context) error { return page.WriteSearch(w, c, shown) })
}

// searchQuestion reads the address of the page of a search.
func searchQuestion(query url.Values) (*api.SearchQuestion, error) {
	search, err := page.ParseSearch(query)
	question := &api.SearchQuestion{Search: search, Page: 1}
	if text := query.Get("page"); err == nil && text != "" {
		if question.Page, err = strconv.Atoi(text); err == nil && question.Page < 1 {
			err = errNoPage
		}
	}
	if err != nil {
		return nil, api.NewError(api.CodeInvalid, "There is no such page.", err)
	}
	return question, nil
}

// actOnFound does something to a search, or to messages that it has found.
func (r *request) actOnFound(query url.Values) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	question, err := searchQuestion(query)
	if err != nil {
		r.fail(err)
		return
	}
	here := page.SearchURL(question.Search, question.Page)
	switch r.field("do") {
	case "again", "stop":
		question.Again, question.Stop = r.field("do") == "again", r.field("do") == "stop"
		if _, err := ask(r, api.Service.Search, question); err != nil {
			r.fail(err)
			return
		}
		r.redirect(fasthttp.StatusSeeOther, here)
	case "save":
		r.saveSearch(query, question.Search)
	case "forget":
		r.keepSearch(api.Change{Delete: &api.Record{Kind: api.RecordSearch, ID: r.field("saved")}}, &page.Notice{Told: page.ToldForgotten, Address: here})
	default:
		r.actOnMessages(here)
	}
}

// saveSearch keeps a search under a name; without one, it asks for it.
func (r *request) saveSearch(query url.Values, search api.Search) {
	name := strings.Join(strings.Fields(r.field("name")), " ")
	if name == "" {
		r.searchWith(query, page.Search{Unnamed: true})
		return
	}
	saved := &api.SavedSearch{Name: name, Query: search.Query, Mailbox: search.Mailbox, Where: search.Where}
	back := page.SearchURL(search, 1)
	r.keepSearch(api.Change{Search: saved}, &page.Notice{Told: page.ToldSearch, Who: name, Address: back})
}

// keepSearch changes the searches that are kept, and leads to the page of the notice.
func (r *request) keepSearch(change api.Change, notice *page.Notice) {
	if _, err := ask(r, api.Service.Save, &api.SaveQuestion{Changes: []api.Change{change}}); err != nil {
		r.fail(err)
		return
	}
	r.notify(notice)
	r.redirect(fasthttp.StatusSeeOther, notice.Address)
}

// actOnMessages does something to messages of several folders, one folder after the
// other, and leads back to a page that tells what was done.
func (r *request) actOnMessages(back string) {
	questions, err := r.foundQuestions()
	if err != nil {
		r.fail(err)
		return
	}
	if len(questions) == 0 {
		if r.field("do") == "" {
			r.redirect(fasthttp.StatusSeeOther, back)
		} else {
			r.lacks(page.MissingMessages, back)
		}
		return
	}
	if r.isIncomplete(questions[0], back) {
		return
	}
	var notice *page.Notice
	var staying error // of messages that are where they shall go
	operation := r.operation
	for i, question := range questions {
		r.operation = numbered(operation, i)
		answer, err := ask(r, api.Service.Act, question)
		if err != nil && api.AsError(err).Code == api.CodeInvalid {
			staying = err
			continue
		}
		if err != nil {
			if notice != nil { // what was done is told, and the rest is left
				notice.Left += len(question.UIDs)
				break
			}
			r.fail(err)
			return
		}
		notice = added(notice, page.NoticeOf(answer, back))
	}
	if notice == nil {
		r.fail(staying)
		return
	}
	r.notify(notice)
	r.redirect(fasthttp.StatusSeeOther, back)
}

// foundQuestions are what the form asks to do, one for each folder.
func (r *request) foundQuestions() (questions []*api.ActQuestion, err error) {
	values := r.ctx.PostArgs().PeekMulti("message")
	if len(values) > api.MaxPageSize {
		return nil, errNoForm
	}
	byFolder := map[api.MessageID]*api.ActQuestion{}
	for _, value := range values {
		id, err := page.ParseFound(string(value))
		if err != nil {
			return nil, errNoForm
		}
		folder := api.MessageID{Mailbox: id.Mailbox, UIDValidity: id.UIDValidity}
		if byFolder[folder] == nil {
			byFolder[folder] = r.actQuestion(id.Mailbox, id.UIDValidity)
			questions = append(questions, byFolder[folder])
		}
		byFolder[folder].UIDs = append(byFolder[folder].UIDs, id.UID)
	}
	if len(questions) > maxFoundFolders {
		return nil, errNoForm
	}
	return questions, nil
}
