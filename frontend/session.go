package frontend

import (
	"encoding/base64"
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
	sessionFormat = "1"
	// maxCookie bounds a cookie's value, in bytes; browsers keep about 4 KiB.
	maxCookie = 3800
)

// encodeSession writes a session as a cookie's value: format, account, session
// id and seal. The host is not part of it: it is the one that the cookie comes
// back to.
func encodeSession(session api.Session) string {
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{sessionFormat, encode([]byte(session.Account)), session.ID, encode(session.Seal)}, ".")
}

// decodeSession reads a cookie's value; false for anything that encodeSession
// would not write. Whether the seal is genuine only a node can tell.
func decodeSession(value, host string) (*api.Session, bool) {
	fields := strings.Split(value, ".")
	if len(value) > maxCookie || len(fields) != 4 || fields[0] != sessionFormat || fields[2] == "" {
		return nil, false
	}
	account, err1 := base64.RawURLEncoding.Strict().DecodeString(fields[1])
	seal, err2 := base64.RawURLEncoding.Strict().DecodeString(fields[3])
	if err1 != nil || err2 != nil || len(account) == 0 || len(account) > api.MaxAccountLength || len(seal) == 0 {
		return nil, false
	}
	for _, char := range []byte(fields[2]) {
		if !('A' <= char && char <= 'Z' || '0' <= char && char <= '9') {
			return nil, false
		}
	}
	return &api.Session{Account: string(account), ID: fields[2], Host: host, Seal: seal}, true
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

func (r *request) dropCookie(name string) { r.setCookie(name, "", fasthttp.CookieExpireDelete) }

// readSession takes the session from the cookie, if there is one.
func (r *request) readSession() {
	r.cookie = r.readCookie(sessionCookie)
	if session, ok := decodeSession(r.cookie, r.host); ok {
		r.session = session
	}
}
