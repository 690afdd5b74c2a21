package page

import (
	"slices"
	"strings"

	"alphamail/node/api"
)

// isReceipt tells what a reader's program sends from what a mail server does.
func isReceipt(r *api.Report) bool {
	for i := range r.Recipients {
		switch r.Recipients[i].Action {
		case "displayed", "deleted", "dispatched", "processed", "denied":
		default:
			return false
		}
	}
	return true
}

// reported says what happened for a recipient.
func (l *locale) reported(r *api.ReportedRecipient) phrase {
	words := l.ReportOther
	switch r.Action {
	case "failed":
		words = l.ReportFailed
	case "delayed":
		words = l.ReportDelayed
	case "delivered":
		words = l.ReportDelivered
	case "relayed":
		words = l.ReportRelayed
	case "expanded":
		words = l.ReportExpanded
	case "displayed":
		words = l.ReportDisplayed
	case "deleted":
		words = l.ReportDeleted
	}
	return phrase{words, []string{"Address", r.Address}}
}

// reason says why a message did not arrive; empty when that is not known, or
// when it did.
func (l *locale) reason(r *api.ReportedRecipient) string {
	if r.Action != "failed" && r.Action != "delayed" {
		return ""
	}
	switch r.Reason {
	case api.ReasonNoMailbox:
		return l.ReasonNoMailbox
	case api.ReasonNoHost:
		return l.ReasonNoHost
	case api.ReasonDisabled:
		return l.ReasonDisabled
	case api.ReasonFull:
		return l.ReasonFull
	case api.ReasonTooLarge:
		return l.ReasonTooLarge
	case api.ReasonUnreachable:
		return l.ReasonUnreachable
	case api.ReasonExpired:
		return l.ReasonExpired
	case api.ReasonLoop:
		return l.ReasonLoop
	case api.ReasonNotAllowed:
		return l.ReasonNotAllowed
	case api.ReasonSpam:
		return l.ReasonSpam
	case api.ReasonUnproven:
		return l.ReasonUnproven
	case api.ReasonContent:
		return l.ReasonContent
	case api.ReasonBusy:
		return l.ReasonBusy
	case api.ReasonBadAddress:
		return l.ReasonBadAddress
	case api.ReasonNotSupported:
		return l.ReasonNotSupported
	}
	return ""
}

// technical is what a server said, for those who can help; empty when it said
// nothing that is not in the words.
func technical(r *api.ReportedRecipient) string {
	if r.Status+r.Remote+r.Diagnostic == "" {
		return ""
	}
	said := []string{plain(r.Action), plain(r.Status), plain(r.Remote), plain(r.Diagnostic)}
	said = slices.DeleteFunc(said, func(part string) bool { return part == "" })
	return strings.Join(said, " · ")
}
