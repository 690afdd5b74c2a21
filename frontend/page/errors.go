package page

import (
	"net/http"
	"time"

	"alphamail/node/api"
)

// errorWords say what happened and what to do.
type errorWords struct{ title, what, advice string }

// errorWords chooses by what HTTP alone decides, then by the code, then by the
// status.
func (l *locale) errorWords(status int, code api.Code) errorWords {
	switch status {
	case http.StatusForbidden:
		return errorWords{l.ErrorForbiddenTitle, l.ErrorForbiddenWhat, l.ErrorForbiddenAdvice}
	case http.StatusMethodNotAllowed:
		return errorWords{l.ErrorMethodTitle, l.ErrorMethodWhat, l.ErrorMethodAdvice}
	case http.StatusRequestURITooLong:
		return errorWords{l.ErrorAddressTooLongTitle, l.ErrorAddressTooLongWhat, l.ErrorAddressTooLongAdvice}
	case http.StatusRequestHeaderFieldsTooLarge:
		return errorWords{l.ErrorHeaderTooLargeTitle, l.ErrorHeaderTooLargeWhat, l.ErrorHeaderTooLargeAdvice}
	case http.StatusMisdirectedRequest:
		return errorWords{l.ErrorMisdirectedTitle, l.ErrorMisdirectedWhat, l.ErrorMisdirectedAdvice}
	}
	if code == "" {
		code = codeOfStatus(status)
	}
	switch code {
	case api.CodeInvalid:
		return errorWords{l.ErrorInvalidTitle, l.ErrorInvalidWhat, l.ErrorInvalidAdvice}
	case api.CodeAuthFailed, api.CodeAuthExpired:
		return errorWords{l.ErrorExpiredTitle, l.ErrorExpiredWhat, l.ErrorExpiredAdvice}
	case api.CodeNotFound:
		return errorWords{l.ErrorNotFoundTitle, l.ErrorNotFoundWhat, l.ErrorNotFoundAdvice}
	case api.CodeConflict:
		return errorWords{l.ErrorConflictTitle, l.ErrorConflictWhat, l.ErrorConflictAdvice}
	case api.CodeTooLarge:
		return errorWords{l.ErrorTooLargeTitle, l.ErrorTooLargeWhat, l.ErrorTooLargeAdvice}
	case api.CodeBackendDown:
		return errorWords{l.ErrorBackendDownTitle, l.ErrorBackendDownWhat, l.ErrorBackendDownAdvice}
	case api.CodeBusy, api.CodeThrottled:
		return errorWords{l.ErrorBusyTitle, l.ErrorBusyWhat, l.ErrorBusyAdvice}
	case api.CodeNodeDown, api.CodeNotOwner:
		return errorWords{l.ErrorNodeDownTitle, l.ErrorNodeDownWhat, l.ErrorNodeDownAdvice}
	case api.CodeDeadline, api.CodeCanceled:
		return errorWords{l.ErrorDeadlineTitle, l.ErrorDeadlineWhat, l.ErrorDeadlineAdvice}
	case api.CodeUnsupported:
		return errorWords{l.ErrorUnsupportedTitle, l.ErrorUnsupportedWhat, l.ErrorUnsupportedAdvice}
	default:
		return errorWords{l.ErrorInternalTitle, l.ErrorInternalWhat, l.ErrorInternalAdvice}
	}
}

// advice is what to do, with the time to wait where an overload tells it.
func (l *locale) advice(p Error, words errorWords) string {
	if p.RetryAfter <= 0 || words.advice != l.ErrorBusyAdvice {
		return words.advice
	}
	return l.wait(p.RetryAfter)
}

// wait asks to wait, in whole seconds.
func (l *locale) wait(delay time.Duration) string {
	seconds := int((delay + time.Second - 1) / time.Second)
	return l.WaitSeconds.fill(seconds, l.number(seconds))
}

func codeOfStatus(status int) api.Code {
	switch status {
	case http.StatusBadRequest:
		return api.CodeInvalid
	case http.StatusUnauthorized:
		return api.CodeAuthExpired
	case http.StatusNotFound, http.StatusGone:
		return api.CodeNotFound
	case http.StatusConflict:
		return api.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return api.CodeTooLarge
	case http.StatusBadGateway:
		return api.CodeBackendDown
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return api.CodeBusy
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return api.CodeDeadline
	case http.StatusNotImplemented:
		return api.CodeUnsupported
	}
	return api.CodeInternal
}
