package frontend

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"alphamail/frontend/page"
)

// A notice tells on the page after a redirect what was done. The browser brings it
// along in a cookie, so that no frontend has to remember it, and shows it once. It
// is authenticated by a key that follows from the session's cookie: only who has
// that could make one, so nobody can put words onto a page by a link, or by a cookie
// from another host of the domain.

const (
	noticeCookie = "alphamail-notice"
	// noticeTime is how long a notice waits for its page.
	noticeTime = time.Minute
)

func noticeTag(notice, secret string) []byte {
	key := sha256.Sum256([]byte("alphamail notice\x00" + secret))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(notice))
	return mac.Sum(nil)
}

// notify gives the browser a notice for the page of its address. One that is too
// large for a cookie does without Undo, then without the last words of servers.
func (r *request) notify(notice *page.Notice) {
	for {
		data, err := json.Marshal(notice)
		if err != nil {
			return
		}
		text := base64.RawURLEncoding.EncodeToString(data)
		value := text + "." + base64.RawURLEncoding.EncodeToString(noticeTag(text, r.secret))
		if len(value) <= maxCookie {
			r.setCookie(noticeCookie, value, time.Now().Add(noticeTime))
			return
		}
		switch {
		case notice.Undo != nil:
			notice.Undo = nil
		case len(notice.Words) > 0:
			notice.Words = notice.Words[:len(notice.Words)-1]
		default:
			return
		}
	}
}

// takeNotice returns the notice for this page, if the browser brings one, and
// takes it from the browser. A page that is fetched in advance leaves it.
func (r *request) takeNotice() *page.Notice {
	value := r.readCookie(noticeCookie)
	text, tag, found := strings.Cut(value, ".")
	if !found || len(value) > maxCookie || !r.isRead() {
		return nil
	}
	sent, err := base64.RawURLEncoding.DecodeString(tag)
	if err != nil || !hmac.Equal(sent, noticeTag(text, r.secret)) {
		return nil
	}
	notice := &page.Notice{}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, notice) != nil || notice.Address != r.address {
		return nil
	}
	r.dropCookie(noticeCookie)
	return notice
}
