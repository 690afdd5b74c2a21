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

// userSettings takes the settings for a page whose answer does not tell them; it
// can do without.
func (r *request) userSettings() {
	if answer, err := ask(r, api.Service.Settings, &api.SettingsQuestion{}); err == nil {
		r.settings = &answer.Settings
	}
}

// contacts shows a page of the address book, or forgets an address.
func (r *request) contacts(query url.Values) {
	if r.ctx.IsPost() {
		if !r.genuine(r.field("csrf")) {
			return
		}
		problem, done := r.keep(api.Change{Delete: &api.Record{Kind: api.RecordAddress, ID: r.field("forget")}})
		switch {
		case done:
		case problem.Kind == "":
			r.redirect(fasthttp.StatusSeeOther, page.ContactsURL("", 1))
		default:
			r.showContacts(page.Contacts{Problem: problem}, 1)
		}
		return
	}
	shown := page.Contacts{Query: strings.TrimSpace(query.Get("q"))}
	if query.Has("added") {
		shown.Imported = &api.ImportContactsAnswer{Added: count(query.Get("added")), Known: count(query.Get("known")), Unusable: count(query.Get("unusable"))}
	}
	r.showContacts(shown, max(1, count(query.Get("page"))))
}

// count reads a number of contacts; anything else is 0.
func count(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0
	}
	return n
}

func (r *request) showContacts(shown page.Contacts, number int) {
	answer, err := ask(r, api.Service.Contacts, &api.ContactsQuestion{Query: shown.Query, Page: number, Language: r.context(r.secret).Language})
	if err != nil {
		r.fail(err)
		return
	}
	r.userSettings()
	shown.Answer = answer
	r.showForm(shown.Problem, func(w io.Writer, c page.Context) error { return page.WriteContacts(w, c, shown) })
}

// contact shows the form of a contact, or takes it.
func (r *request) contact(query url.Values) {
	shown := page.Contact{Contact: api.Contact{ID: query.Get("id")}}
	if r.ctx.IsPost() {
		if !r.genuine(r.field("csrf")) {
			return
		}
		shown.Addresses = r.lines("address")
		shown.Contact = api.Contact{
			ID: query.Get("id"), Name: r.line("name"), Addresses: fieldsOf(shown.Addresses),
			Organization: r.line("organization"), Phone: r.line("phone"), Note: r.lines("note"),
		}
		if shown.Contact.Name+shown.Contact.Organization+shown.Contact.Phone+shown.Addresses == "" {
			shown.Problem.Kind = page.ProblemName
		}
		if shown.Problem.Kind == "" {
			shown.Problem = addressProblem(shown.Contact.Addresses)
		}
		var done bool
		if shown.Problem, done = r.saveRecord(shown.Problem, api.Change{Contact: &shown.Contact}, api.RecordContact, shown.Contact.ID); done {
			return
		}
		if shown.Problem.Kind == page.ProblemGone {
			shown.Contact.ID = ""
		}
	} else if shown.Contact.ID != "" {
		answer, err := ask(r, api.Service.Contacts, &api.ContactsQuestion{ID: shown.Contact.ID})
		if err == nil && len(answer.Contacts) == 0 {
			err = errNoPage
		}
		if err != nil {
			r.fail(err)
			return
		}
		shown.Contact = answer.Contacts[0]
		shown.Addresses = strings.Join(shown.Contact.Addresses, "\n")
	} else {
		shown.Contact.Name, shown.Addresses = query.Get("name"), query.Get("address")
	}
	r.userSettings()
	r.showForm(shown.Problem, func(w io.Writer, c page.Context) error { return page.WriteContact(w, c, shown) })
}

// saveRecord saves a record of the address book, or deletes it if its form says so.
// When it reports true, the request is answered.
func (r *request) saveRecord(problem page.FormProblem, change api.Change, kind api.RecordKind, id string) (page.FormProblem, bool) {
	if r.field("delete") != "" && id != "" {
		change, problem = api.Change{Delete: &api.Record{Kind: kind, ID: id}}, page.FormProblem{}
	}
	if problem.Kind != "" {
		return problem, false
	}
	problem, done := r.keep(change)
	if done || problem.Kind != "" {
		return problem, done
	}
	r.redirect(fasthttp.StatusSeeOther, page.ContactsURL("", 1))
	return problem, true
}

// fieldsOf are the addresses of a text: a line each, commas or spaces between them.
func fieldsOf(text string) []string {
	var all []string
	seen := map[string]bool{}
	for _, address := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' || r == ';' || r == ' ' || r == '\t' }) {
		if !seen[address] {
			seen[address] = true
			all = append(all, address)
		}
	}
	return all
}

// contactList shows the form of a list of addresses, or takes it.
func (r *request) contactList(id string) {
	shown := page.ContactList{List: api.ContactList{ID: id}}
	if r.ctx.IsPost() {
		if !r.genuine(r.field("csrf")) {
			return
		}
		shown.Members = r.lines("address")
		shown.List = api.ContactList{ID: id, Name: r.line("name"), Members: fieldsOf(shown.Members)}
		if shown.List.Name == "" {
			shown.Problem.Kind = page.ProblemName
		} else {
			shown.Problem = addressProblem(shown.List.Members)
		}
		var done bool
		if shown.Problem, done = r.saveRecord(shown.Problem, api.Change{List: &shown.List}, api.RecordList, id); done {
			return
		}
		if shown.Problem.Kind == page.ProblemGone {
			shown.List.ID = ""
		}
	} else if id != "" {
		answer, err := ask(r, api.Service.Contacts, &api.ContactsQuestion{ID: id})
		if err == nil && len(answer.Lists) == 0 {
			err = errNoPage
		}
		if err != nil {
			r.fail(err)
			return
		}
		shown.List = answer.Lists[0]
		shown.Members = strings.Join(shown.List.Members, "\n")
	}
	r.userSettings()
	r.showForm(shown.Problem, func(w io.Writer, c page.Context) error { return page.WriteContactList(w, c, shown) })
}

// importContacts takes a file of cards.
func (r *request) importContacts() {
	form, err := r.ctx.MultipartForm()
	if err != nil {
		r.errorPage(fasthttp.StatusBadRequest, api.CodeInvalid)
		return
	}
	field := func(name string) string {
		if values := form.Value[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	if !r.genuine(field("csrf")) {
		return
	}
	var cards []byte
	if files := form.File["cards"]; len(files) > 0 {
		if file, err := files[0].Open(); err == nil {
			cards, err = io.ReadAll(io.LimitReader(file, api.MaxImport+1))
			file.Close()
			if err != nil {
				cards = nil
			}
		}
	}
	if len(cards) == 0 {
		r.showContacts(page.Contacts{Problem: page.FormProblem{Kind: page.ProblemFile}}, 1)
		return
	}
	answer, err := ask(r, api.Service.ImportContacts, &api.ImportContactsQuestion{Cards: cards})
	if err != nil {
		if problem, done := r.formProblem(err); !done {
			r.showContacts(page.Contacts{Problem: problem}, 1)
		}
		return
	}
	told := url.Values{"added": {strconv.Itoa(answer.Added)}, "known": {strconv.Itoa(answer.Known)}, "unusable": {strconv.Itoa(answer.Unusable)}}
	r.redirect(fasthttp.StatusSeeOther, routeContacts+"?"+told.Encode())
}

// exportContacts sends the address book as a file of cards.
func (r *request) exportContacts(version string) {
	stream, err := askStream(r, api.Service.ExportContacts, &api.ExportContactsQuestion{Version: version})
	if err != nil {
		r.fail(err)
		return
	}
	r.stream(stream, "text/vcard; charset=utf-8", "attachment", sandboxPolicy)
}
