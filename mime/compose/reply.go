package compose

import (
	"slices"
	"strings"

	"alphamail/mime"
)

// Mode is whom a reply goes to.
type Mode int

// The modes.
const (
	ReplyAuthor Mode = iota // the author, or where he wants answers
	ReplyAll                // and all others who got the message
	ReplyList               // the mailing list
)

// Recipients finds whom a reply goes to. own are the addresses of the user, in
// any case of letters; they are left out, unless nobody else is there.
func Recipients(h mime.Header, own []string, mode Mode) (to, cc []mime.Address) {
	list := listAddress(h)
	authors := answersTo(h, list, mode)
	originalTo, originalCc := usable(h.Addresses("To")), usable(h.Addresses("Cc"))
	if mode == ReplyList && list.Email != "" {
		return []mime.Address{list}, nil
	}
	if followup := usable(h.Addresses("Mail-Followup-To")); mode != ReplyAuthor && len(followup) > 0 {
		return unique(without(followup, own)), nil
	}
	if len(without(usable(h.Addresses("From")), own)) == 0 && len(originalTo) > 0 {
		// An answer to a message of one's own goes where that one went.
		authors = originalTo
		originalTo = nil
	}
	to = unique(without(authors, own))
	if mode == ReplyAuthor {
		if len(to) == 0 {
			to = unique(authors)
		}
		return to, nil
	}
	cc = unique(without(append(slices.Clone(originalTo), originalCc...), own))
	cc = slices.DeleteFunc(cc, func(address mime.Address) bool { return contains(to, address.Email) })
	switch {
	case len(to) == 0 && len(cc) > 0:
		return cc, nil
	case len(to) == 0:
		to = unique(authors)
	}
	return to, cc
}

// answersTo is where the author wants answers. A mailing list that puts itself
// into Reply-To does not speak for him: to answer him alone must stay possible,
// and to answer all must reach him.
func answersTo(h mime.Header, list mime.Address, mode Mode) []mime.Address {
	from, replyTo := usable(h.Addresses("From")), usable(h.Addresses("Reply-To"))
	switch {
	case len(replyTo) == 0:
		return from
	case list.Email != "" && len(replyTo) == 1 && strings.EqualFold(replyTo[0].Email, list.Email):
		if mode == ReplyAuthor {
			return from
		}
		return append(slices.Clone(from), replyTo...)
	}
	return replyTo
}

// listAddress is the address of the mailing list that a message came by (RFC
// 2369); empty for none, and where nobody may write.
func listAddress(h mime.Header) mime.Address {
	_, rest, _ := strings.Cut(h.Get("List-Post"), "<")
	target, _, _ := strings.Cut(rest, ">")
	if len(target) < 8 || !strings.EqualFold(target[:7], "mailto:") {
		return mime.Address{}
	}
	email, _, _ := strings.Cut(target[7:], "?")
	return mime.Address{Email: email}
}

func usable(list []mime.Address) []mime.Address {
	return slices.DeleteFunc(slices.Clone(list), func(address mime.Address) bool {
		return !strings.Contains(address.Email, "@")
	})
}

func without(list []mime.Address, own []string) []mime.Address {
	return slices.DeleteFunc(slices.Clone(list), func(address mime.Address) bool {
		return slices.ContainsFunc(own, func(mine string) bool { return strings.EqualFold(mine, address.Email) })
	})
}

func contains(list []mime.Address, email string) bool {
	return slices.ContainsFunc(list, func(address mime.Address) bool { return strings.EqualFold(address.Email, email) })
}

func unique(list []mime.Address) []mime.Address {
	var kept []mime.Address
	seen := map[string]bool{}
	for _, address := range list {
		if key := strings.ToLower(address.Email); !seen[key] {
			seen[key] = true
			kept = append(kept, address)
		}
	}
	return kept
}

// Threading gives the In-Reply-To and References of a reply (RFC 5322 section
// 3.6.4).
func Threading(h mime.Header) (inReplyTo, references []string) {
	ids := h.IDs("Message-ID")
	if len(ids) == 0 {
		return nil, nil
	}
	references = h.IDs("References")
	if before := h.IDs("In-Reply-To"); len(references) == 0 && len(before) == 1 {
		references = before
	}
	references = slices.DeleteFunc(slices.Clone(references), func(id string) bool { return id == ids[0] })
	return ids[:1], shortReferences(append(references, ids[0]))
}

// replyMarks and forwardMarks are what programs in many languages put before a
// subject.
var (
	replyMarks   = []string{"re", "aw", "antw", "antwort", "sv", "vs", "rép", "rep", "odp", "ynt", "res", "rif", "r", "ref", "vá", "atb", "回复", "答复", "回覆", "答覆", "отв", "απ", "σχετ", "bls", "yn"}
	forwardMarks = []string{"fw", "fwd", "wg", "wtr", "tr", "rv", "enc", "i", "vl", "doorst", "vb", "pd", "ilt", "转发", "轉寄", "转寄", "пер", "πρθ", "továbbítás"}
)

// ReplySubject is the subject of a reply: "Re:" once.
func ReplySubject(subject string) string { return "Re: " + bareSubject(subject, replyMarks) }

// ForwardSubject is the subject of a forwarded message: "Fwd:" once.
func ForwardSubject(subject string) string { return "Fwd: " + bareSubject(subject, forwardMarks) }

// bareSubject takes the marks off a subject, also those with a count as "Re[2]:".
func bareSubject(subject string, marks []string) string {
	subject = oneLine(subject)
	for {
		colon := strings.IndexAny(subject, ":：")
		if colon < 0 || colon > 30 {
			return subject
		}
		mark := strings.ToLower(strings.TrimSpace(subject[:colon]))
		if open := strings.IndexAny(mark, "[(^*"); open > 0 {
			mark = mark[:open]
		}
		if !slices.Contains(marks, mark) {
			return subject
		}
		rest := subject[colon:]
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, ":"), "：")
		subject = strings.TrimSpace(rest)
	}
}

// Reply begins a reply. What is quoted is the author's own choice: see Quote.
func Reply(m *mime.Message, own []string, mode Mode) *Draft {
	d := &Draft{Subject: ReplySubject(m.Header.Get("Subject"))}
	d.To, d.Cc = Recipients(m.Header, own, mode)
	d.InReplyTo, d.References = Threading(m.Header)
	return d
}
