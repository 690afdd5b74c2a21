package frontend

import (
	"context"
	"crypto/rand"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// shownProblems are the reasons that the address of the login page may give.
var shownProblems = []page.LoginProblem{page.LoginExpired, page.LoginLoggedOut}

// toLogin leads to the login page, and back here afterwards.
func (r *request) toLogin(problem page.LoginProblem) {
	query := url.Values{}
	if problem != "" {
		query.Set("problem", string(problem))
	}
	if (r.ctx.IsGet() || r.ctx.IsHead()) && r.address != page.MailboxURL("INBOX", 1) {
		query.Set("next", r.address)
	}
	address := routeLogin
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r.redirect(fasthttp.StatusSeeOther, address)
}

// loginForm shows the login page.
func (r *request) loginForm(query url.Values) {
	form := page.Login{Next: localPath(query.Get("next"))}
	if problem := page.LoginProblem(query.Get("problem")); slices.Contains(shownProblems, problem) {
		form.Problem = problem
	}
	r.showLogin(fasthttp.StatusOK, form)
}

// showLogin sends the login page with a token that follows from the anonymous
// cookie, which it sets unless the browser has one.
func (r *request) showLogin(status int, form page.Login) {
	anonymous := r.readCookie(loginCookie)
	if len(anonymous) != len(rand.Text()) {
		anonymous = rand.Text()
		r.setCookie(loginCookie, anonymous, time.Time{})
	}
	for _, domain := range r.config.Domains {
		form.Domains = append(form.Domains, domain.Name)
	}
	r.session = nil
	r.html(status, page.PagePolicy(), func(w io.Writer) error {
		return page.WriteLogin(w, r.context(anonymous), form)
	})
}

// savingGrace is how long a cookie outlives its session: nodes still save a draft
// under it then, so that no text is lost, and nothing else.
const savingGrace = 24 * time.Hour

// logIn answers the login form.
func (r *request) logIn() {
	arguments := r.ctx.PostArgs()
	user, password := string(arguments.Peek("user")), string(arguments.Peek("password"))
	form := page.Login{User: user, Domain: string(arguments.Peek("domain")), Next: localPath(string(arguments.Peek("next")))}
	again := func(status int, problem page.LoginProblem) {
		form.Problem = problem
		r.showLogin(status, form)
	}
	anonymous := r.readCookie(loginCookie)
	switch {
	case r.fromElsewhere():
		r.errorPage(fasthttp.StatusForbidden, api.CodeInvalid)
		return
	case anonymous == "":
		again(fasthttp.StatusBadRequest, page.LoginNoCookie)
		return
	case !tokenMatches(string(arguments.Peek("csrf")), anonymous):
		again(fasthttp.StatusBadRequest, page.LoginStale)
		return
	case strings.TrimSpace(user) == "" || password == "":
		again(fasthttp.StatusBadRequest, page.LoginEmpty)
		return
	}
	domain, ok := r.chooseDomain(user, form.Domain)
	if !ok {
		again(fasthttp.StatusBadRequest, page.LoginUnknownDomain)
		return
	}
	account, err := api.CanonicalAccount(user, domain.Name, domain.CaseSensitive)
	if err != nil {
		again(fasthttp.StatusBadRequest, page.LoginBadName)
		return
	}
	login, err := r.attempt(account, password)
	if err != nil {
		failure := api.AsError(err)
		form.Wait = failure.RetryAfter
		r.loginFailed(failure, again)
		return
	}
	r.setSession(login)
	r.dropCookie(loginCookie)
	next := form.Next
	if next == "" {
		r.session = &login.Session
		next = r.startPage()
	}
	r.redirect(fasthttp.StatusSeeOther, next)
}

// chooseDomain finds the domain of a login: the one in the user name, the one
// chosen in the form, or the only one there is.
func (r *request) chooseDomain(user, chosen string) (Domain, bool) {
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		chosen = strings.TrimSpace(user[at+1:])
	}
	if chosen == "" && len(r.config.Domains) == 1 {
		return r.config.Domains[0], true
	}
	for _, domain := range r.config.Domains {
		if strings.EqualFold(domain.Name, strings.TrimSuffix(chosen, ".")) {
			return domain, true
		}
	}
	return Domain{}, false
}

// attempt logs in, unless too many logins from the browser's address have failed.
// That is counted by one node for all frontends; when it cannot be asked, nobody is
// locked out.
func (r *request) attempt(account, password string) (*api.LoginAnswer, error) {
	address := r.clientAddress()
	key, known := api.AddressKey(address)
	count := func(failed bool) error {
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
		defer cancel()
		_, err := r.questionIn(ctx, key, func(ctx context.Context, node api.Service, call *api.Call) error {
			call.Session = api.Session{}
			_, err := node.Attempt(ctx, call, &api.AttemptQuestion{Address: address, Failed: failed})
			return err
		})
		if err != nil && api.AsError(err).Code != api.CodeThrottled {
			r.log.Warn("logins from an address are not counted", "request", r.id, "error", err)
			return nil
		}
		return err
	}
	if known {
		if err := count(false); err != nil {
			return nil, err
		}
	}
	login, err := r.askLogin(account, password)
	if known && err != nil && api.AsError(err).Code == api.CodeAuthFailed {
		count(true)
	}
	return login, err
}

// attemptTimeout bounds counting: it must not hold up a login.
const attemptTimeout = 2 * time.Second

func (r *request) askLogin(account, password string) (login *api.LoginAnswer, err error) {
	question := &api.LoginQuestion{Account: account, Password: password, Host: r.host}
	r.node, err = r.question(account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		call.Session = api.Session{}
		login, err = node.Login(ctx, call, question)
		return err
	})
	if err == nil && len(encodeSession(login.Session, login.Renew)) > maxCookie {
		err = api.NewError(api.CodeInvalid, "This password is too long.", nil)
	}
	return login, err
}

// loginFailed explains a login that a node refused. What can be tried again
// here keeps the form.
func (r *request) loginFailed(failure *api.Error, again func(int, page.LoginProblem)) {
	switch failure.Code {
	case api.CodeAuthFailed:
		again(fasthttp.StatusUnauthorized, page.LoginFailed)
	case api.CodeBackendDown:
		again(fasthttp.StatusBadGateway, page.LoginBackendDown)
	case api.CodeDeadline:
		again(fasthttp.StatusGatewayTimeout, page.LoginBackendDown)
	case api.CodeThrottled:
		r.setRetryAfter(failure.RetryAfter)
		again(fasthttp.StatusTooManyRequests, page.LoginThrottled)
	case api.CodeBusy:
		again(fasthttp.StatusServiceUnavailable, page.LoginBusy)
	case api.CodeInvalid:
		again(fasthttp.StatusBadRequest, page.LoginBadName)
	default:
		r.fail(failure)
		return
	}
	if failure.Cause != nil {
		r.log.Info("login failed", "request", r.id, "code", string(failure.Code), "error", failure.Error())
	}
}

// logOut ends the session. The cookie goes even when no node can be told.
func (r *request) logOut() {
	if !r.fromOurForm(r.field("csrf")) {
		r.errorPage(fasthttp.StatusForbidden, api.CodeInvalid)
		return
	}
	everywhere := r.field("everywhere") != ""
	var err error
	r.node, err = r.question(r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) error {
		_, err := node.Logout(ctx, call, &api.LogoutQuestion{Everywhere: everywhere})
		return err
	})
	if err != nil && everywhere {
		r.fail(err) // who wants this has to know that it was not done
		return
	}
	if err != nil {
		r.log.Warn("a session could not be revoked", "request", r.id, "error", err)
	}
	r.dropCookie(sessionCookie)
	r.redirect(fasthttp.StatusSeeOther, routeLogin+"?problem="+string(page.LoginLoggedOut))
}

// localPath returns a path of ours, and nothing for anything that a browser
// could take for another site's address.
func localPath(path string) string {
	parsed, err := url.Parse(path)
	switch {
	case err != nil, parsed.IsAbs(), parsed.Host != "", parsed.User != nil,
		!strings.HasPrefix(path, "/"), strings.HasPrefix(path, "//"), len(path) > 2048,
		strings.ContainsFunc(path, func(char rune) bool { return char == '\\' || char < ' ' || char == 0x7f }):
		return ""
	}
	if found, err := parsePath(parsed.EscapedPath()); err != nil || found.route == routeLogout || found.route == routeLogin || found.route == routeUndo {
		return ""
	}
	return path
}
