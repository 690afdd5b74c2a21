package frontend

import (
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// target is what a path names.
type target struct {
	route   string // pattern
	mailbox string
	message api.MessageID
	part    string
	job     string
}

// The routes, as patterns.
const (
	routeHome    = "/"
	routeLogin   = "/login"
	routeLogout  = "/logout"
	routeFolders = "/folders"

	routeSettings = "/settings"
	routeIdentity = "/settings/identity"
	routeContacts = "/contacts"
	routeContact  = "/contacts/contact"
	routeList     = "/contacts/list"
	routeImport   = "/contacts/import"
	routeExport   = "/contacts/export"

	routeReady   = "/readyz"
	routeAssets  = "/assets"
	routeRobots  = "/robots.txt"
	routeIcon    = "/favicon.ico"
	routeMailbox = "/mail/{mailbox}"
	routeMessage = "/mail/{mailbox}/{message}"
	routeBody    = "/mail/{mailbox}/{message}/body"
	routePrint   = "/mail/{mailbox}/{message}/print"
	routeRaw     = "/mail/{mailbox}/{message}/raw"
	routePart    = "/mail/{mailbox}/{message}/part/{part}"
	routeFiles   = "/mail/{mailbox}/{message}/attachments"
	routeLeave   = "/mail/{mailbox}/{message}/unsubscribe"
	routeCompose = "/compose"
	routeSettle  = "/compose/settle"
	routePurge   = "/mail/{mailbox}/empty"
	routeUndo    = "/undo"
	routeFolder  = "/folders/{mailbox}"
	routeJobs    = "/jobs"
	routeSearch  = "/search"
	routeJob     = "/jobs/{id}"
)

// parsePath finds the route of a path as it was sent. A path that is no
// address of ours is not_found; one that names a mailbox or a message in a way
// that cannot be read is invalid.
func parsePath(path string) (target, error) {
	switch path {
	case routeHome, routeLogin, routeLogout, routeFolders, routeRobots, routeIcon, routeCompose, routeSettle, routeUndo, routeJobs, routeSearch,
		routeSettings, routeIdentity, routeContacts, routeContact, routeList, routeImport, routeExport:
		return target{route: path}, nil
	}
	if strings.HasPrefix(path, routeAssets+"/") {
		return target{route: routeAssets}, nil
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if segments[0] == "folders" && len(segments) == 2 {
		mailbox, err := page.DecodeMailbox(segments[1])
		if err != nil {
			return target{}, api.NewError(api.CodeInvalid, "This is not the name of a folder.", err)
		}
		return target{route: routeFolder, mailbox: mailbox}, nil
	}
	if segments[0] == "jobs" && len(segments) == 2 {
		id, err := page.ParseJobID(segments[1])
		if err != nil {
			return target{}, errNoPage
		}
		return target{route: routeJob, job: id}, nil
	}
	if segments[0] != "mail" || len(segments) < 2 || len(segments) > 5 {
		return target{}, errNoPage
	}
	mailbox, err := page.DecodeMailbox(segments[1])
	if err != nil {
		return target{}, api.NewError(api.CodeInvalid, "This is not the name of a folder.", err)
	}
	if len(segments) == 2 {
		return target{route: routeMailbox, mailbox: mailbox}, nil
	}
	if len(segments) == 3 && segments[2] == "empty" {
		return target{route: routePurge, mailbox: mailbox}, nil
	}
	uidValidity, uid, err := page.ParseMessageSegment(segments[2])
	if err != nil {
		return target{}, api.NewError(api.CodeInvalid, "This is not the name of a message.", err)
	}
	found := target{mailbox: mailbox, message: api.MessageID{Mailbox: mailbox, UIDValidity: uidValidity, UID: uid}}
	switch rest := segments[3:]; {
	case len(rest) == 0:
		found.route = routeMessage
	case len(rest) == 1 && rest[0] == "body":
		found.route = routeBody
	case len(rest) == 1 && rest[0] == "print":
		found.route = routePrint
	case len(rest) == 1 && rest[0] == "raw":
		found.route = routeRaw
	case len(rest) == 1 && rest[0] == "unsubscribe":
		found.route = routeLeave
	case len(rest) == 1 && rest[0] == "attachments":
		found.route = routeFiles
	case len(rest) == 2 && rest[0] == "part" && isSection(rest[1]):
		found.route, found.part = routePart, rest[1]
	default:
		return target{}, errNoPage
	}
	return found, nil
}

var errNoPage = api.NewError(api.CodeNotFound, "There is no such page.", nil)

// isSection tells whether text is a section number such as "1.2" (RFC 9051
// section 6.4.5.1).
func isSection(text string) bool {
	for number := range strings.SplitSeq(text, ".") {
		if number == "" || len(number) > 4 || strings.Trim(number, "0123456789") != "" {
			return false
		}
	}
	return len(text) <= 256
}

// answer finds the route of the request and serves it.
func (r *request) answer() {
	uri := string(r.ctx.Request.Header.RequestURI())
	if len(uri) > r.config.MaxURL {
		r.errorPage(fasthttp.StatusRequestURITooLong, api.CodeTooLarge)
		return
	}
	var query string
	r.path, query, _ = strings.Cut(uri, "?")
	r.address = r.path
	if absolute, err := url.Parse(r.path); err == nil && absolute.IsAbs() {
		r.path = absolute.EscapedPath() // RFC 9112 section 3.2.2: a proxy's way to ask
	}
	if r.path == routeReady {
		r.ready()
		return
	}
	if !r.settleHost() {
		return
	}
	r.readSession()
	found, err := parsePath(r.path)
	if err != nil {
		r.fail(err)
		return
	}
	r.route = found.route
	if query != "" {
		r.address += "?" + query
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		r.fail(api.NewError(api.CodeInvalid, "This address cannot be read.", err))
		return
	}
	allowed := "GET, HEAD"
	switch found.route {
	case routeLogin, routeCompose, routeSettings, routeIdentity, routeContacts, routeContact, routeList,
		routeMailbox, routeMessage, routePurge, routeFolders, routeFolder, routeJob, routeSearch:
		allowed = "GET, HEAD, POST"
	case routeLogout, routeSettle, routeImport, routeUndo:
		allowed = "POST"
	}
	if method := string(r.ctx.Method()); !strings.Contains(", "+allowed+",", ", "+method+",") {
		r.ctx.Response.Header.Set("Allow", allowed)
		r.errorPage(fasthttp.StatusMethodNotAllowed, api.CodeInvalid)
		return
	}
	if found.route == routeCompose && r.ctx.IsPost() {
		r.write() // reads its body itself, and keeps the text when the session is over
	} else if r.gather() {
		r.serve(found, values)
	}
	r.keepSession()
}

// ready answers a balancer, which knows no host name.
func (r *request) ready() {
	r.route = routeReady
	if r.config.Ready != nil && r.config.Ready() != nil {
		r.plain(fasthttp.StatusServiceUnavailable, "not ready")
		return
	}
	r.plain(fasthttp.StatusOK, "ready")
}

// serve runs the handler of a route.
func (r *request) serve(found target, query url.Values) {
	switch found.route {
	case routeHome:
		r.home()
		return
	case routeLogin:
		if r.ctx.IsPost() {
			r.logIn()
		} else {
			r.loginForm(query)
		}
		return
	case routeAssets:
		r.asset()
		return
	case routeRobots:
		r.plain(fasthttp.StatusOK, "User-agent: *\nDisallow: /")
		return
	case routeIcon:
		r.errorPage(fasthttp.StatusNotFound, api.CodeNotFound) // pages name the icon that there is
		return
	}
	if r.session == nil {
		if r.cookie != "" {
			r.dropCookie(sessionCookie)
			r.toLogin(page.LoginExpired)
		} else {
			r.toLogin("")
		}
		return
	}
	if r.ctx.IsPost() {
		r.change(found, query)
	} else {
		r.open(found, query)
	}
}

// open runs the handler of a page.
func (r *request) open(found target, query url.Values) {
	switch found.route {
	case routeFolders:
		r.folders("", "", query.Get("sizes") == "1")
	case routeFolder:
		r.folder(found.mailbox)
	case routePurge:
		r.purge(found.mailbox)
	case routeJobs:
		r.jobs()
	case routeSearch:
		r.search(query)
	case routeJob:
		r.job(found.job, query)
	case routeMailbox:
		r.mailbox(found.mailbox, query)
	case routeMessage:
		r.message(found.message, query)
	case routeBody:
		r.body(found.message, query)
	case routePrint:
		r.print(found.message, query)
	case routePart:
		r.part(found.message, found.part, query)
	case routeRaw:
		r.raw(found.message, query)
	case routeLeave:
		r.leave(found.message, query)
	case routeFiles:
		r.attachments(found.message, query)
	case routeCompose:
		r.compose(query)
	case routeSettings:
		r.settingsPage(query)
	case routeIdentity:
		r.identity(query.Get("id"))
	case routeContacts:
		r.contacts(query)
	case routeContact:
		r.contact(query)
	case routeList:
		r.contactList(query.Get("id"))
	case routeExport:
		r.exportContacts(query.Get("version"))
	}
}

// change runs the handler of a form.
func (r *request) change(found target, query url.Values) {
	switch found.route {
	case routeLogout:
		r.logOut()
	case routeMailbox:
		r.actOnList(found.mailbox, query)
	case routeMessage:
		r.actOnMessage(found.message, query)
	case routePurge:
		r.purgeNow(found.mailbox)
	case routeUndo:
		r.undo()
	case routeJob:
		r.changeJob(found.job)
	case routeSearch:
		r.actOnFound(query)
	case routeFolders:
		r.makeFolder()
	case routeFolder:
		r.changeFolder(found.mailbox)
	case routeSettle:
		r.settle()
	case routeImport:
		r.importContacts()
	default:
		r.open(found, query) // its handler knows forms too
	}
}

// home leads to the first folder, or to the login page.
func (r *request) home() {
	if r.session == nil {
		r.redirect(fasthttp.StatusSeeOther, routeLogin)
		return
	}
	r.redirect(fasthttp.StatusSeeOther, r.startPage())
}

// startPage is where a user begins: the folder that the settings say, else the
// inbox.
func (r *request) startPage() string {
	if answer, err := ask(r, api.Service.Settings, &api.SettingsQuestion{}); err == nil && answer.Settings.StartFolder != "" {
		return page.MailboxURL(answer.Settings.StartFolder, 1)
	}
	return page.MailboxURL("INBOX", 1)
}

// asset sends a file that never changes under its name.
func (r *request) asset() {
	content, ok := page.Asset(r.path)
	if !ok {
		r.errorPage(fasthttp.StatusNotFound, api.CodeNotFound)
		return
	}
	r.secure("default-src 'none'; style-src 'unsafe-inline'")
	header := &r.ctx.Response.Header
	header.SetContentType(content.Type)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	body := content.Plain
	for _, encoding := range []struct {
		name string
		body []byte
	}{{"zstd", content.Zstd}, {"br", content.Brotli}, {"gzip", content.Gzip}} {
		if r.ctx.Request.Header.HasAcceptEncoding(encoding.name) {
			header.Set("Content-Encoding", encoding.name)
			body = encoding.body
			break
		}
	}
	r.ctx.Response.SetBodyRaw(body)
}
