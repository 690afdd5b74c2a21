package webuser

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"

	"alphamail/bench/inventory"
)

// Reasons that more than one driver gives.
const (
	loggedOut = "the session was over"
	noForm    = "a login page without the form"
	refused   = "the login was refused"
	noRow     = "a list without a row it must hold"
	extraRows = "a list with rows it must not hold"
	noSubject = "a message without its subject"
	noWord    = "a message without its text"
	noHits    = "a search that does not find what is there"
)

// unexpected is an answer with another status than the one that must come.
func unexpected(a *answer) *Failure {
	if strings.HasPrefix(a.location, "/login") || strings.Contains(a.location, "_task=login") {
		return &Failure{loggedOut, a.location}
	}
	return &Failure{fmt.Sprintf("status %d", a.status), a.location}
}

// rowsInOrder checks that the rows of a list are those of the mail server and in
// its order. A row is recognised by what stands before and after its UID.
func rowsInOrder(body []byte, before, after string, uids []uint32) error {
	rest := body
	mark := make([]byte, 0, 64)
	for i, uid := range uids {
		mark = append(strconv.AppendUint(append(mark[:0], before...), uint64(uid), 10), after...)
		at := bytes.Index(rest, mark)
		if at < 0 {
			return &Failure{noRow, fmt.Sprintf("UID %d, row %d of %d", uid, i+1, len(uids))}
		}
		rest = rest[at+len(mark):]
	}
	if n := bytes.Count(body, []byte(before)); n > len(uids) {
		return &Failure{extraRows, fmt.Sprintf("%d instead of %d", n, len(uids))}
	}
	return nil
}

// shown checks that a message is there: its subject on the page, the word in any
// of the parts.
func shown(m *inventory.Message, page []byte, parts ...[]byte) error {
	if !bytes.Contains(page, []byte(m.Subject)) {
		return &Failure{noSubject, m.Subject}
	}
	if bytes.Contains(page, []byte(m.Word)) {
		return nil
	}
	for _, part := range parts {
		if bytes.Contains(part, []byte(m.Word)) {
			return nil
		}
	}
	return &Failure{noWord, fmt.Sprintf("%q of UID %d", m.Word, m.UID)}
}

// between returns the text between two marks, HTML decoded; empty if they are
// not there.
func between(body []byte, before, after string) string {
	_, rest, found := bytes.Cut(body, []byte(before))
	if !found {
		return ""
	}
	text, _, found := bytes.Cut(rest, []byte(after))
	if !found {
		return ""
	}
	return html.UnescapeString(string(text))
}
