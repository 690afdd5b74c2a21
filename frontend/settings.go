package frontend

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// applySettings makes a page as the user's settings say.
func (r *request) applySettings(c *page.Context) {
	c.Settings = *r.settings
	if slices.Contains(page.Languages(), r.settings.Language) {
		c.Language = r.settings.Language
	}
	if page.IsZone(r.settings.TimeZone) {
		if zone, err := time.LoadLocation(r.settings.TimeZone); err == nil {
			c.Now = c.Now.In(zone)
		}
	}
}

// field is a field of the form that was sent.
func (r *request) field(name string) string { return string(r.ctx.PostArgs().Peek(name)) }

// lines is a field of several lines. Browsers send them with CRLF.
func (r *request) lines(name string) string {
	return strings.TrimRight(strings.ReplaceAll(strings.ReplaceAll(r.field(name), "\r\n", "\n"), "\r", "\n"), " \n\t")
}

func (r *request) line(name string) string { return strings.TrimSpace(r.field(name)) }

// keep makes changes. What the user can mend comes back as a problem; other errors
// are answered, and done is then true.
func (r *request) keep(changes ...api.Change) (problem page.FormProblem, done bool) {
	_, err := ask(r, api.Service.Save, &api.SaveQuestion{Changes: changes})
	if err == nil {
		return page.FormProblem{}, false
	}
	return r.formProblem(err)
}

func (r *request) formProblem(err error) (problem page.FormProblem, done bool) {
	switch api.AsError(err).Code {
	case api.CodeInvalid:
		problem.Kind = page.ProblemInvalid
	case api.CodeTooLarge:
		problem.Kind = page.ProblemTooLarge
	case api.CodeNotFound:
		problem.Kind = page.ProblemGone
	case api.CodeUnsupported:
		problem.Kind = page.ProblemUnkept
	case api.CodeBackendDown, api.CodeBusy, api.CodeDeadline:
		problem.Kind = page.ProblemAway
	default:
		r.fail(err)
		return problem, true
	}
	return problem, false
}

// formStatus is the status of a page that shows a form again.
func formStatus(problem page.FormProblem) int {
	switch problem.Kind {
	case "":
		return fasthttp.StatusOK
	case page.ProblemAway:
		return fasthttp.StatusBadGateway
	}
	return fasthttp.StatusBadRequest
}

// showForm sends a page with a form.
func (r *request) showForm(problem page.FormProblem, write func(io.Writer, page.Context) error) {
	r.html(formStatus(problem), page.PagePolicy(), func(w io.Writer) error { return write(w, r.context(r.secret)) })
}

// settingsPage shows the settings, or takes those of one section.
func (r *request) settingsPage(query url.Values) {
	if r.ctx.IsPost() && !r.genuine(r.field("csrf")) {
		return
	}
	answer, err := ask(r, api.Service.Settings, &api.SettingsQuestion{Fresh: true, Folders: true})
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = &answer.Settings
	shown := page.Settings{Answer: answer, Settings: answer.Settings}
	if saved := query.Get("saved"); page.IsSection(saved) {
		shown.Saved = saved
	}
	if r.ctx.IsPost() {
		section := r.field("section")
		var change api.Change
		if section == page.SectionImages {
			change.Delete = &api.Record{Kind: api.RecordImageSender, ID: r.field("forget")}
		} else {
			shown.Settings, shown.Problem = r.sectionOf(section, answer.Settings)
			change.Settings = &shown.Settings
		}
		if shown.Problem.Kind == "" {
			var done bool
			if shown.Problem, done = r.keep(change); done {
				return
			}
		}
		if shown.Problem.Kind == "" && page.IsSection(section) {
			r.redirect(fasthttp.StatusSeeOther, page.SettingsURL(section))
			return
		}
		shown.ProblemIn = section
	}
	r.showForm(shown.Problem, func(w io.Writer, c page.Context) error { return page.WriteSettings(w, c, shown) })
}

// sectionOf returns settings with what the form of a section says.
func (r *request) sectionOf(section string, s api.Settings) (api.Settings, page.FormProblem) {
	number := func(name string) int {
		n, err := strconv.Atoi(r.field(name))
		if err != nil {
			return -1 // which no node takes
		}
		return n
	}
	ticked := func(name string) bool { return r.field(name) != "" }
	switch section {
	case page.SectionReading:
		if s.RowsPerPage = number("rows"); s.RowsPerPage == api.DefaultPageSize {
			s.RowsPerPage = 0
		}
		s.Sort, s.SortReverse, s.NoSnippets = api.Order(r.field("sort")), ticked("reverse"), !ticked("snippets")
		s.Density, s.Images = api.Density(r.field("density")), api.ImagePolicy(r.field("images"))
		s.StartFolder, s.RefreshInterval = r.field("start"), number("refresh")
	case page.SectionWriting:
		if r.ctx.PostArgs().Has("identity") {
			s.DefaultIdentity = r.field("identity")
		}
		s.ReplyPosition, s.SignatureAboveQuote = api.ReplyPosition(r.field("position")), ticked("above")
		if s.QuoteOriginal = api.QuoteAll; !ticked("quote") {
			s.QuoteOriginal = api.QuoteNothing
		}
	case page.SectionLanguage:
		s.Language, s.TimeZone, s.DateStyle = r.field("language"), r.line("zone"), api.DateStyle(r.field("dates"))
		if s.TimeZone != "" && !page.IsZone(s.TimeZone) {
			return s, page.FormProblem{Kind: page.ProblemZone}
		}
	default:
		return s, page.FormProblem{Kind: page.ProblemInvalid}
	}
	return s, page.FormProblem{}
}

// identity shows the form of an identity, or takes it.
func (r *request) identity(id string) {
	if r.ctx.IsPost() && !r.genuine(r.field("csrf")) {
		return
	}
	answer, err := ask(r, api.Service.Settings, &api.SettingsQuestion{Fresh: true})
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = &answer.Settings
	known := slices.IndexFunc(answer.Identities, func(one api.Identity) bool { return one.ID == id })
	shown := page.Identity{Senders: answer.Senders}
	switch {
	case known >= 0:
		shown.Identity = answer.Identities[known]
	case id != "" && !r.ctx.IsPost():
		r.errorPage(fasthttp.StatusNotFound, api.CodeNotFound)
		return
	default:
		shown.Identity = api.Identity{Address: r.session.Account}
	}
	if r.ctx.IsPost() {
		shown.Identity = r.identityForm(id, shown.Identity.Address)
		change := api.Change{Identity: &shown.Identity}
		if r.field("delete") != "" {
			change = api.Change{Delete: &api.Record{Kind: api.RecordIdentity, ID: id}}
		} else {
			shown.Problem = addressProblem(strings.Fields(shown.Identity.Address + " " + shown.Identity.ReplyTo))
		}
		if shown.Problem.Kind == "" {
			var done bool
			if shown.Problem, done = r.keep(change); done {
				return
			}
		}
		switch shown.Problem.Kind {
		case "":
			r.redirect(fasthttp.StatusSeeOther, page.SettingsURL(page.SectionIdentities))
			return
		case page.ProblemInvalid:
			shown.Problem.Kind = page.ProblemSender
		case page.ProblemGone:
			shown.Identity.ID = ""
		}
	}
	r.showForm(shown.Problem, func(w io.Writer, c page.Context) error { return page.WriteIdentity(w, c, shown) })
}

// identityForm reads the form of an identity. Signatures without text are left
// out.
func (r *request) identityForm(id, address string) api.Identity {
	one := api.Identity{
		ID: id, Name: r.line("name"), Address: address, ReplyTo: r.line("reply-to"), Organization: r.line("organization"),
		SignatureChoice: api.SignatureChoice(r.field("choice")),
	}
	if id != api.OwnIdentity {
		one.Address = r.line("address")
	}
	for i := range api.MaxSignatures {
		number := strconv.Itoa(i + 1)
		if text := r.lines("signature-text-" + number); text != "" {
			one.Signatures = append(one.Signatures, api.Signature{Name: r.line("signature-name-" + number), Text: text})
		}
	}
	return one
}

// addressProblem finds a text that cannot be an address, so that the user can be
// told which; the node judges in the end.
func addressProblem(addresses []string) page.FormProblem {
	for _, address := range addresses {
		at := strings.LastIndexByte(address, '@')
		if at < 1 || at == len(address)-1 || strings.Count(address, "@") != 1 || strings.ContainsAny(address, "<>()[],;:\\\" \t") {
			return page.FormProblem{Kind: page.ProblemAddress, Text: address}
		}
	}
	return page.FormProblem{}
}
