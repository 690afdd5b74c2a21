package frontend

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// Cookies. Over HTTPS the prefix __Host- keeps other hosts of the same domain
// from setting them; browsers refuse it over plain HTTP.
const (
	sessionCookie = "alphamail"
	loginCookie   = "alphamail-login"
	hostPrefix    = "__Host-"

	// sessionFormat begins the value of a session cookie.
	sessionFormat = "2"
	// maxCookie bounds a cookie's value, in bytes; browsers keep about 4 KiB.
	maxCookie = 3800
)

// encodeSession writes a session as a cookie's value: format, account, session id,
// seal, and the second since 1970 from which on to renew it. The host is not part of
// it: it is the one that the cookie comes back to.
func encodeSession(session api.Session, renew time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	var second int64
	if !renew.IsZero() {
		second = renew.Unix()
	}
	return strings.Join([]string{sessionFormat, encode([]byte(session.Account)), session.ID, encode(session.Seal), strconv.FormatInt(second, 10)}, ".")
}

// decodeSession reads a cookie's value; false for anything that encodeSession
// would not write. Whether the seal is genuine only a node can tell.
func decodeSession(value, host string) (session *api.Session, renew time.Time, ok bool) {
	fields := strings.Split(value, ".")
	if len(value) > maxCookie || len(fields) != 5 || fields[0] != sessionFormat || fields[2] == "" {
		return nil, time.Time{}, false
	}
	account, err1 := base64.RawURLEncoding.Strict().DecodeString(fields[1])
	seal, err2 := base64.RawURLEncoding.Strict().DecodeString(fields[3])
	second, err3 := strconv.ParseInt(fields[4], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil || len(account) == 0 || len(account) > api.MaxAccountLength || len(seal) == 0 || second < 0 {
		return nil, time.Time{}, false
	}
	if second > 0 {
		renew = time.Unix(second, 0)
	}
	for _, char := range []byte(fields[2]) {
		if !('A' <= char && char <= 'Z' || '0' <= char && char <= '9') {
			return nil, time.Time{}, false
		}
	}
	return &api.Session{Account: string(account), ID: fields[2], Host: host, Seal: seal}, renew, true
}

// cookieName is the name of a cookie over this connection.
func (r *request) cookieName(name string) string {
	if r.https {
		return hostPrefix + name
	}
	return name
}

func (r *request) readCookie(name string) string {
	return string(r.ctx.Request.Header.Cookie(r.cookieName(name)))
}

// setCookie sets a cookie until expires; the zero time means until the browser
// ends, a time in the past removes it.
func (r *request) setCookie(name, value string, expires time.Time) {
	cookie := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(cookie)
	cookie.SetKey(r.cookieName(name))
	cookie.SetValue(value)
	cookie.SetPath("/")
	cookie.SetHTTPOnly(true)
	cookie.SetSecure(r.https)
	cookie.SetSameSite(fasthttp.CookieSameSiteLaxMode)
	if !expires.IsZero() {
		cookie.SetExpire(expires)
	}
	r.ctx.Response.Header.SetCookie(cookie)
}

func (r *request) dropCookie(name string) {
	if name == sessionCookie {
		r.renew = time.Time{}
	}
	r.setCookie(name, "", fasthttp.CookieExpireDelete)
}

// readSession takes the session from the cookie, if there is one.
func (r *request) readSession() {
	r.cookie = r.readCookie(sessionCookie)
	if session, renew, ok := decodeSession(r.cookie, r.host); ok {
		r.session, r.renew = session, renew
		r.secret = session.Account + "\x00" + session.ID // the seal changes while forms are open
	}
}

// renewTimeout bounds what a page may take longer because its session is renewed.
const renewTimeout = time.Second

// keepSession renews the session when it is time, after a page that the user has
// asked for, as opposed to one that the browser loads again by itself. What fails is
// tried again with the next page.
func (r *request) keepSession() {
	if r.renew.IsZero() || time.Now().Before(r.renew) || !r.byUser() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	var renewed *api.LoginAnswer
	_, err := r.questionIn(ctx, r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		renewed, err = node.Renew(ctx, call, &api.RenewQuestion{})
		return err
	})
	if err != nil {
		r.log.Info("a session was not renewed", "request", r.id, "error", err)
		return
	}
	r.setSession(renewed)
}

// setSession gives the browser a session.
func (r *request) setSession(login *api.LoginAnswer) {
	r.renew = time.Time{}
	r.setCookie(sessionCookie, encodeSession(login.Session, login.Renew), login.Expires.Add(savingGrace))
}

// byUser tells whether the user is there: has sent a form, or asked for this page.
// Browsers that do not say so do nothing by themselves, such as lynx.
func (r *request) byUser() bool {
	header := &r.ctx.Request.Header
	return r.ctx.IsPost() || r.isRead() && (len(header.Peek("Sec-Fetch-Mode")) == 0 || string(header.Peek("Sec-Fetch-User")) == "?1")
}
