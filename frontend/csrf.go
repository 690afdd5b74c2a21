package frontend

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// Every form carries a token that follows from a cookie: from the session's
// cookie, or before login from an anonymous one with a random value. A site
// that makes a browser send a forged form cannot read the cookie, and so cannot
// make the token; frontends need no common key to check it. The token is masked
// anew in each response, because pages are compressed and may hold text of an
// attacker: its bytes never appear twice.

const tokenSize = sha256.Size

// csrfToken derives the token from what only the browser, and we, know.
func csrfToken(secret string) [tokenSize]byte {
	return sha256.Sum256([]byte("alphamail form token\x00" + secret))
}

// maskToken hides a token behind a random pad.
func maskToken(token [tokenSize]byte) string {
	masked := make([]byte, 2*tokenSize)
	rand.Read(masked[:tokenSize])
	subtle.XORBytes(masked[tokenSize:], masked[:tokenSize], token[:])
	return base64.RawURLEncoding.EncodeToString(masked)
}

// tokenMatches tells whether a masked token follows from a secret.
func tokenMatches(masked, secret string) bool {
	data, err := base64.RawURLEncoding.DecodeString(masked)
	if err != nil || len(data) != 2*tokenSize || secret == "" {
		return false
	}
	var token [tokenSize]byte
	subtle.XORBytes(token[:], data[:tokenSize], data[tokenSize:])
	want := csrfToken(secret)
	return subtle.ConstantTimeCompare(token[:], want[:]) == 1
}

// fromElsewhere tells whether the browser says that another site made it send
// this request. Browsers that say nothing, such as lynx, are judged by the
// token alone.
func (r *request) fromElsewhere() bool {
	header := &r.ctx.Request.Header
	if site := string(header.Peek("Sec-Fetch-Site")); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := strings.ToLower(string(header.Peek("Origin")))
	if origin == "" || origin == "null" {
		return false // our own forms send null too, because of our Referrer-Policy
	}
	scheme := "http://"
	if r.https {
		scheme = "https://"
	}
	return origin != scheme+strings.ToLower(r.hostPort())
}

// fromOurForm tells whether a form was sent from a page of ours to whoever holds this
// session's cookie; token is what came in its field.
func (r *request) fromOurForm(token string) bool {
	return !r.fromElsewhere() && tokenMatches(token, r.secret)
}

// genuine is fromOurForm for a form that was read as a whole; it answers one that is
// not ours. The form names the operation: sent again as it is, it is the same one.
// What somebody else types, or he himself on the page after going back, is another,
// and so is the same from another page, where the token is masked anew.
func (r *request) genuine(token string) bool {
	if !r.fromOurForm(token) {
		r.errorPage(fasthttp.StatusForbidden, api.CodeInvalid)
		return false
	}
	sum := sha256.New()
	io.WriteString(sum, "alphamail operation\x00"+r.address+"\x00")
	sum.Write(r.ctx.PostBody())
	r.operation = hex.EncodeToString(sum.Sum(nil)[:16])
	return true
}
