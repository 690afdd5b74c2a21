package page

import (
	"net/http"
	"testing"
	"time"

	"alphamail/node/api"
)

func TestErrorWords(t *testing.T) {
	en := localeOf("en")
	for _, test := range []struct {
		status int
		code   api.Code
		want   string
	}{
		{400, "", en.ErrorInvalidTitle}, {400, api.CodeInvalid, en.ErrorInvalidTitle},
		{401, "", en.ErrorExpiredTitle}, {401, api.CodeAuthExpired, en.ErrorExpiredTitle},
		{403, api.CodeInvalid, en.ErrorForbiddenTitle},
		{404, "", en.ErrorNotFoundTitle}, {404, api.CodeNotFound, en.ErrorNotFoundTitle},
		{405, api.CodeInvalid, en.ErrorMethodTitle},
		{409, api.CodeConflict, en.ErrorConflictTitle},
		{413, api.CodeTooLarge, en.ErrorTooLargeTitle}, {413, "", en.ErrorTooLargeTitle},
		{414, api.CodeTooLarge, en.ErrorAddressTooLongTitle},
		{421, "", en.ErrorMisdirectedTitle},
		{431, api.CodeTooLarge, en.ErrorHeaderTooLargeTitle},
		{500, "", en.ErrorInternalTitle}, {500, api.CodeInternal, en.ErrorInternalTitle}, {500, "of a later version", en.ErrorInternalTitle},
		{501, api.CodeUnsupported, en.ErrorUnsupportedTitle},
		{502, api.CodeBackendDown, en.ErrorBackendDownTitle}, {502, "", en.ErrorBackendDownTitle},
		{503, api.CodeBusy, en.ErrorBusyTitle}, {503, api.CodeNodeDown, en.ErrorNodeDownTitle}, {429, "", en.ErrorBusyTitle},
		{504, api.CodeDeadline, en.ErrorDeadlineTitle}, {504, "", en.ErrorDeadlineTitle},
	} {
		if got := en.errorWords(test.status, test.code).title; got != test.want {
			t.Errorf("%d %s: %q, want %q", test.status, test.code, got, test.want)
		}
	}
}

// Two errors that a reader can tell apart must not share their words.
func TestErrorWordsDiffer(t *testing.T) {
	statuses := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusMisdirectedRequest,
		http.StatusRequestHeaderFieldsTooLarge, http.StatusInternalServerError, http.StatusNotImplemented,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
	for _, language := range Languages() {
		seen := map[errorWords]int{}
		for _, status := range statuses {
			words := localeOf(language).errorWords(status, "")
			if other, ok := seen[words]; ok {
				t.Errorf("%s: %d and %d say the same", language, status, other)
			}
			seen[words] = status
		}
	}
}

func TestLoginProblemsHaveWords(t *testing.T) {
	problems := []LoginProblem{
		LoginFailed, LoginEmpty, LoginUnknownDomain, LoginBadName, LoginExpired, LoginLoggedOut,
		LoginNoCookie, LoginStale, LoginBackendDown, LoginBusy, LoginThrottled,
	}
	seen := map[string]bool{}
	for _, problem := range problems {
		words := localeOf("en").loginProblem(Login{Problem: problem, Wait: time.Minute})
		if words == "" || seen[words] {
			t.Errorf("%s says %q", problem, words)
		}
		seen[words] = true
	}
}
