package mime

import (
	"strings"
)

// Report is what a mail server or program tells about a message that was sent: a
// delivery status notification (RFC 3464) or a receipt (RFC 8098).
type Report struct {
	// Reporter is the host, or the program, that writes.
	Reporter   string
	Recipients []ReportedRecipient
	// Subject and MessageID are of the message that it is about; may be empty.
	Subject, MessageID string
}

// ReportedRecipient is what happened for one recipient.
type ReportedRecipient struct {
	Address string
	// Action is "failed", "delayed", "delivered", "relayed", "expanded"; of a
	// receipt "displayed", "deleted" and others; in lower case.
	Action string
	// Status is the code of RFC 3463, such as "5.1.1"; may be empty.
	Status string
	Reason ReportReason
	// Diagnostic is what the other server said, as one line.
	Diagnostic string
	Remote     string // the other server; may be empty
}

// ReportReason says in a word why a message was not delivered.
type ReportReason string

// The reasons.
const (
	ReasonUnknown      ReportReason = ""
	ReasonNoMailbox    ReportReason = "no_mailbox"    // there is no such address
	ReasonNoHost       ReportReason = "no_host"       // there is no such domain, or it takes no mail
	ReasonDisabled     ReportReason = "disabled"      // the mailbox is switched off
	ReasonFull         ReportReason = "full"          // the mailbox is full
	ReasonTooLarge     ReportReason = "too_large"     // the message is too large
	ReasonUnreachable  ReportReason = "unreachable"   // the server does not answer
	ReasonExpired      ReportReason = "expired"       // it was tried for too long
	ReasonLoop         ReportReason = "loop"          // mail goes round in circles
	ReasonNotAllowed   ReportReason = "not_allowed"   // the sender may not write there
	ReasonSpam         ReportReason = "spam"          // taken for unwanted mail
	ReasonUnproven     ReportReason = "unproven"      // SPF, DKIM or DMARC did not agree
	ReasonContent      ReportReason = "content"       // the content was refused
	ReasonBusy         ReportReason = "busy"          // the server asks to come back
	ReasonBadAddress   ReportReason = "bad_address"   // the address is not written correctly
	ReasonNotSupported ReportReason = "not_supported" // the server lacks what the message needs
)

// Limits on reports.
const (
	maxReport     = 256 << 10
	maxRecipients = 100
	maxDiagnostic = 1000
)

// reportOf reads the report in a message; nil when there is none.
func reportOf(m *Message) *Report {
	var found *Report
	m.walk(func(part *Part) bool {
		switch part.MediaType {
		case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification":
			if found == nil && len(part.Encoded) > 0 {
				data, _ := decodeText(part, maxReport)
				found = ParseReport(data)
			}
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
			if found != nil && found.Subject == "" {
				data, _ := decodeText(part, maxReport)
				header, _ := splitMessage(data)
				found.Subject, found.MessageID = header.Get("Subject"), strings.Trim(header.raw("Message-ID"), "<> ")
			}
		}
		return true
	})
	return found
}

// ParseReport reads the machine's part of a report: blocks of fields, the first
// about the message, the others about a recipient each. It is nil when nothing
// in it is about anybody.
func ParseReport(data []byte) *Report {
	report := &Report{}
	for len(data) > 0 && len(report.Recipients) < maxRecipients {
		block, rest := splitHeader(data)
		if len(rest) == len(data) {
			_, rest = cutLine(data) // it begins with what can be in no header
		}
		data = rest
		if len(block.fields) == 0 {
			continue
		}
		if reporter := first(block.Get("Reporting-MTA"), block.Get("Reporting-UA")); reporter != "" && report.Reporter == "" {
			report.Reporter = typed(reporter)
		}
		address := typed(first(block.Get("Final-Recipient"), block.Get("Original-Recipient")))
		if address == "" {
			continue
		}
		recipient := ReportedRecipient{
			Address: address, Action: strings.ToLower(block.Get("Action")), Status: firstWord(block.Get("Status")),
			Diagnostic: cut(typed(block.Get("Diagnostic-Code")), maxDiagnostic), Remote: typed(block.Get("Remote-MTA")),
		}
		if disposition := block.Get("Disposition"); disposition != "" {
			_, kind, _ := strings.Cut(disposition, ";")
			kind, _, _ = strings.Cut(strings.TrimSpace(kind), "/")
			recipient.Action = strings.ToLower(kind)
		}
		recipient.Reason = reasonOf(recipient.Status, recipient.Diagnostic)
		report.Recipients = append(report.Recipients, recipient)
	}
	if len(report.Recipients) == 0 {
		return nil
	}
	return report
}

// typed takes the type off a value such as "rfc822; a@b".
func typed(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if !ok || strings.ContainsAny(strings.TrimSpace(kind), " @.") {
		return strings.Trim(strings.TrimSpace(value), "<>")
	}
	return strings.Trim(strings.TrimSpace(rest), "<>")
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}

// statusReasons are the codes of RFC 3463 and its registry, without the class.
var statusReasons = map[string]ReportReason{
	"1.1": ReasonNoMailbox, "1.2": ReasonNoHost, "1.3": ReasonBadAddress, "1.6": ReasonNoMailbox, "1.10": ReasonNoHost, "1.7": ReasonBadAddress, "1.8": ReasonUnproven,
	"2.1": ReasonDisabled, "2.2": ReasonFull, "2.3": ReasonTooLarge, "3.1": ReasonFull, "3.2": ReasonBusy, "3.3": ReasonNotSupported, "3.4": ReasonTooLarge,
	"4.1": ReasonUnreachable, "4.2": ReasonUnreachable, "4.4": ReasonNoHost, "4.5": ReasonBusy, "4.6": ReasonLoop, "4.7": ReasonExpired,
	"6.1": ReasonContent, "6.3": ReasonNotSupported, "6.7": ReasonNotSupported, "6.9": ReasonNotSupported, "7.1": ReasonNotAllowed, "7.2": ReasonNotAllowed, "7.20": ReasonUnproven, "7.21": ReasonUnproven, "7.22": ReasonUnproven,
	"7.23": ReasonUnproven, "7.24": ReasonUnproven, "7.25": ReasonUnproven, "7.26": ReasonUnproven, "7.27": ReasonUnproven, "7.28": ReasonBusy,
}

// diagnosticReasons are words with which servers say more than their code does.
var diagnosticReasons = []struct {
	words  string
	reason ReportReason
}{
	{"user unknown", ReasonNoMailbox}, {"no such user", ReasonNoMailbox}, {"unknown user", ReasonNoMailbox}, {"does not exist", ReasonNoMailbox}, {"recipient rejected", ReasonNoMailbox}, {"mailbox unavailable", ReasonNoMailbox}, {"user not found", ReasonNoMailbox}, {"invalid recipient", ReasonNoMailbox},
	{"mailbox full", ReasonFull}, {"over quota", ReasonFull}, {"quota exceeded", ReasonFull}, {"mailbox is full", ReasonFull}, {"insufficient storage", ReasonFull},
	{"host not found", ReasonNoHost}, {"domain not found", ReasonNoHost}, {"name service error", ReasonNoHost}, {"nxdomain", ReasonNoHost},
	{"too large", ReasonTooLarge}, {"size limit", ReasonTooLarge}, {"message size", ReasonTooLarge},
	{"spam", ReasonSpam}, {"blacklist", ReasonSpam}, {"blocklist", ReasonSpam}, {"blocked using", ReasonSpam}, {"reputation", ReasonSpam}, {"unsolicited", ReasonSpam},
	{"spf", ReasonUnproven}, {"dkim", ReasonUnproven}, {"dmarc", ReasonUnproven}, {"unauthenticated", ReasonUnproven},
	{"virus", ReasonContent}, {"attachment", ReasonContent}, {"greylist", ReasonBusy}, {"try again", ReasonBusy}, {"timed out", ReasonUnreachable}, {"connection refused", ReasonUnreachable},
	{"relay", ReasonNotAllowed}, {"access denied", ReasonNotAllowed}, {"not permitted", ReasonNotAllowed}, {"disabled", ReasonDisabled}, {"inactive", ReasonDisabled},
}

// reasonOf finds the reason. The code decides, except where it says as little as
// "refused" and the words say why.
func reasonOf(status, diagnostic string) ReportReason {
	class, detail, _ := strings.Cut(status, ".")
	if class == "2" {
		return ReasonUnknown
	}
	reason := statusReasons[detail]
	if reason != ReasonUnknown && reason != ReasonNotAllowed {
		return reason
	}
	lower := strings.ToLower(diagnostic)
	for _, known := range diagnosticReasons {
		if strings.Contains(lower, known.words) {
			return known.reason
		}
	}
	return reason
}
