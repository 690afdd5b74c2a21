package page

import (
	"io"
	"net/url"
	"strings"

	"alphamail/node/api"
)

// Unsubscribe is the page with the ways to leave the list that a message came by.
type Unsubscribe struct {
	// Answer is the message; it says how.
	Answer *api.MessageAnswer
	// List is as in Message.
	List api.ListView
}

// UnsubscribeURL is the path of that page.
func UnsubscribeURL(id api.MessageID) string { return MessageURL(id) + "/unsubscribe" }

// UnsubscribeTold says what came of telling a list that the reader leaves.
func UnsubscribeTold(problem api.UnsubscribeProblem) Told {
	switch problem {
	case "":
		return ToldLeft
	case api.UnsubscribeUnreached:
		return ToldUnreached
	case api.UnsubscribeElsewhere:
		return ToldElsewhere
	case api.UnsubscribeInner:
		return ToldInner
	}
	return ToldNotLeft
}

// linkHost is the host that a link leads to, with its port where that is unusual;
// the whole link where that cannot be told.
func linkHost(link string) string {
	parsed, err := url.Parse(link)
	if err != nil || parsed.Host == "" {
		return plain(link)
	}
	return plain(parsed.Host)
}

// mailtoAddress is the address of a mailto link.
func mailtoAddress(link string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(link, "mailto:"), "?")
	if decoded, err := url.PathUnescape(address); err == nil {
		address = decoded
	}
	return plain(address)
}

// isWeb tells whether a link is one to follow.
func isWeb(link string) bool {
	return strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://")
}

// isSecure tells whether a link is encrypted on the way.
func isSecure(link string) bool { return strings.HasPrefix(link, "https://") }

// mailtoURL is the path of the page that writes the message of a mailto link.
func mailtoURL(link string) string { return composePath + "?mailto=" + url.QueryEscape(link) }

// WriteUnsubscribe writes the page with the ways to leave a list.
func WriteUnsubscribe(w io.Writer, c Context, p Unsubscribe) error {
	return render(w, unsubscribePage(viewOf(c), &messageView{MessageAnswer: p.Answer, List: p.List}))
}
