package mime

import (
	"net/url"
	"slices"
	"strings"
)

// Unsubscribing is what a message says about how to leave the list that it came by
// (RFC 2369 section 3.2).
type Unsubscribing struct {
	// Link is empty, or an absolute https or http URL, the first of its kind.
	Link string
	// Mailto is empty, or a mailto URL.
	Mailto string
	// OneClick tells that a POST to Link leaves the list (RFC 8058), and that the
	// receiving host proved a signature that covers this: nobody put a link to
	// somewhere else into the message on its way.
	OneClick bool
}

// Host is the host of the link, with its port where that is unusual; empty without
// a link.
func (u Unsubscribing) Host() string {
	parsed, err := url.Parse(u.Link)
	if err != nil {
		return ""
	}
	return parsed.Host
}

const (
	fieldUnsubscribe = "List-Unsubscribe"
	fieldOneClick    = "List-Unsubscribe-Post"
	// maxWays bounds the URLs that are looked at.
	maxWays = 20
)

// Unsubscribe reads how to leave a list; hosts are those whose word about signatures
// is believed, as in Check.
func Unsubscribe(h Header, hosts []string) Unsubscribing {
	var u Unsubscribing
	plain := ""
	for _, way := range waysOf(h.raw(fieldUnsubscribe)) {
		address, ok := safeURL(way)
		scheme, _, _ := strings.Cut(asciiLower(address), ":")
		switch {
		case !ok:
		case scheme == "https":
			u.Link = first(u.Link, address)
		case scheme == "http":
			plain = first(plain, address)
		case scheme == "mailto":
			u.Mailto = first(u.Mailto, "mailto:"+address[len("mailto:"):])
		}
	}
	u.OneClick = u.Link != "" && takesOneClick(h) && signsUnsubscribe(h, hosts)
	u.Link = first(u.Link, plain)
	return u
}

// waysOf takes the URLs of List-Unsubscribe out of their angle brackets. White space
// in them means nothing, and neither do comments around them.
func waysOf(field string) (ways []string) {
	for len(ways) < maxWays {
		_, rest, ok := strings.Cut(field, "<")
		if !ok {
			break
		}
		var way string
		if way, field, ok = strings.Cut(rest, ">"); !ok {
			break
		}
		ways = append(ways, strings.Join(strings.Fields(way), ""))
	}
	return ways
}

// takesOneClick tells whether the list takes a POST (RFC 8058 section 3.1). Where a
// field stands twice, a signature may cover the other one.
func takesOneClick(h Header) bool {
	return h.count(fieldUnsubscribe) == 1 && h.count(fieldOneClick) == 1 &&
		strings.EqualFold(strings.Join(strings.Fields(h.raw(fieldOneClick)), ""), "List-Unsubscribe=One-Click")
}

// signsUnsubscribe tells whether a signature that the receiving host found to be
// good covers both fields (RFC 8058 section 4). Of several signatures that the word
// of the host may be about, each must.
func signsUnsubscribe(h Header, hosts []string) bool {
	_, verdicts := judgements(h, hosts)
	signatures := signaturesOf(h)
	for _, verdict := range verdicts {
		if verdict.Method != "dkim" || verdict.Result != "pass" || verdict.Domain == "" {
			continue
		}
		about := slices.DeleteFunc(slices.Clone(signatures), func(s dkimSignature) bool { return !s.mayBe(verdict) })
		if len(about) > 0 && !slices.ContainsFunc(about, func(s dkimSignature) bool {
			return !slices.Contains(s.fields, asciiLower(fieldUnsubscribe)) || !slices.Contains(s.fields, asciiLower(fieldOneClick))
		}) {
			return true
		}
	}
	return false
}

// dkimSignature is a DKIM signature (RFC 6376 section 3.5), which nobody here checks.
type dkimSignature struct {
	domain, selector string   // in lower case
	value            string   // without white space
	fields           []string // that it covers, in lower case
}

// mayBe tells whether a verdict may be about the signature.
func (s dkimSignature) mayBe(v judged) bool {
	return s.domain == v.Domain && (v.selector == "" || s.selector == v.selector) && strings.HasPrefix(s.value, v.signature)
}

// maxSignatures bounds the signatures of a message that are looked at. Of more,
// nothing is believed.
const maxSignatures = 50

func signaturesOf(h Header) (all []dkimSignature) {
	for i := range h.fields {
		field := &h.fields[i]
		if asciiLower(field.name) != "dkim-signature" {
			continue
		}
		if len(all) == maxSignatures {
			return nil
		}
		all = append(all, readSignature(h.text(field)))
	}
	return all
}

// readSignature reads the tags of a signature (RFC 6376 section 3.2). Of a tag that
// stands twice, nothing is certain: it counts as not there.
func readSignature(text string) dkimSignature {
	tags, twice := map[string]string{}, map[string]bool{}
	for tag := range strings.SplitSeq(text[:min(len(text), maxResults)], ";") {
		name, value, _ := strings.Cut(tag, "=")
		name = strings.TrimSpace(name)
		if _, known := tags[name]; known {
			twice[name] = true
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	for name := range twice {
		delete(tags, name)
	}
	s := dkimSignature{
		domain: strings.TrimSuffix(strings.ToLower(tags["d"]), "."), selector: asciiLower(tags["s"]), value: tags["b"],
	}
	for name := range strings.SplitSeq(tags["h"], ":") {
		s.fields = append(s.fields, asciiLower(name))
	}
	return s
}
