package mime

import (
	"strings"
	"unicode"
)

// DoubtKind says what is doubtful about who sent a message.
type DoubtKind string

// The doubts. None of them proves anything: they are what a careful reader would
// notice if all was shown.
const (
	// DoubtName: the name looks like an address that is not the sender's.
	DoubtName DoubtKind = "name_is_other_address"
	// DoubtLetters: the address has letters that pretend to be others.
	DoubtLetters DoubtKind = "letters_pretend"
	// DoubtReply: answers go to another site than the message seems to come from.
	DoubtReply DoubtKind = "reply_elsewhere"
	// DoubtSender: another site sent the message on behalf of the author.
	DoubtSender DoubtKind = "sent_by_other"
	// DoubtSeveral: there are several From fields; programs differ about which
	// counts.
	DoubtSeveral DoubtKind = "several_from"
	// DoubtNobody: there is no address of an author.
	DoubtNobody DoubtKind = "nobody"
)

// Doubt is a mark that a page sets beside a sender.
type Doubt struct {
	Kind DoubtKind
	// Field is the field that it is about: From, Sender or Reply-To.
	Field string
	// Shown is what the message shows: a name that looks like an address, an
	// address with its letters. True is what it really is. Both may be empty.
	Shown, True string
}

// Doubts looks at who claims to have sent a message. Whether the claim is true,
// nothing in the message can tell.
func Doubts(h Header) []Doubt {
	var all []Doubt
	authors := h.Addresses("From")
	for _, name := range []string{"From", "Sender", "Reply-To"} {
		for _, address := range h.Addresses(name) {
			all = append(all, addressDoubts(name, address)...)
			if len(all) > maxDoubts {
				return all
			}
		}
	}
	if count := h.count("From"); count > 1 {
		all = append(all, Doubt{Kind: DoubtSeveral, Field: "From"})
	}
	if len(authors) == 0 || authors[0].Email == "" {
		return append(all, Doubt{Kind: DoubtNobody, Field: "From"})
	}
	all = append(all, otherSite(h, authors, "Reply-To", DoubtReply)...)
	return append(all, otherSite(h, authors, "Sender", DoubtSender)...)
}

const maxDoubts = 20

// otherSite marks the first address of a field that belongs to another site than
// all authors.
func otherSite(h Header, authors []Address, name string, kind DoubtKind) []Doubt {
	list := h.Addresses(name)
	authors = authors[:min(len(authors), maxDoubts)]
	for _, address := range list[:min(len(list), maxDoubts)] {
		known := address.Email == ""
		for _, author := range authors {
			known = known || sameSite(hostOf(author.Email), hostOf(address.Email))
		}
		if !known {
			return []Doubt{{kind, name, authors[0].Email, ShownEmail(address.Email)}}
		}
	}
	return nil
}

func hostOf(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// addressDoubts looks at one address by itself.
func addressDoubts(field string, address Address) []Doubt {
	var found []Doubt
	if claimed := addressIn(address.Name); claimed != "" && !strings.EqualFold(claimed, address.Email) {
		found = append(found, Doubt{DoubtName, field, address.Name, ShownEmail(address.Email)})
	}
	if shown := ShownEmail(address.Email); shown != address.Email && strings.Contains(shown, "xn--") || strings.Contains(hostOf(address.Email), "xn--") && shown == address.Email {
		found = append(found, Doubt{DoubtLetters, field, address.Email, shown})
	}
	return found
}

// addressIn finds what looks like an address in a name, also with wider letters
// and spaces around the at sign.
func addressIn(name string) string {
	name = strings.Map(func(char rune) rune {
		switch {
		case char == '＠' || char == '﹫':
			return '@'
		case char >= '！' && char <= '～':
			return char - '！' + '!'
		case unicode.Is(unicode.Cf, char):
			return -1
		}
		return char
	}, name)
	at := strings.IndexByte(name, '@')
	if at < 0 {
		return ""
	}
	isEdge := func(char rune) bool { return unicode.IsSpace(char) || strings.ContainsRune("<>()[]\"',;:", char) }
	before, after := strings.TrimRightFunc(name[:at], isEdge), strings.TrimLeftFunc(name[at+1:], isEdge)
	before = before[strings.LastIndexFunc(before, isEdge)+1:]
	if end := strings.IndexFunc(after, isEdge); end >= 0 {
		after = after[:end]
	}
	email := strings.TrimLeft(before, "'\"") + "@" + strings.TrimRight(after, ".'\"")
	if !plausible(email) {
		return ""
	}
	return email
}

// count tells how many fields of a name there are.
func (h Header) count(name string) int {
	count := 0
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].name, name) {
			count++
		}
	}
	return count
}
