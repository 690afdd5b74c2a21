package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/node/api"
)

// asWriter runs work while nobody else saves or sends a message of the account.
// It is apart from the turn: pages are answered meanwhile.
func (a *Account) asWriter(ctx context.Context, work func() error) error {
	select {
	case a.writer <- struct{}{}:
	case <-ctx.Done():
		return api.AsError(ctx.Err())
	}
	defer func() { <-a.writer }()
	return work()
}

// Names of fields that drafts have, and messages that are sent do not.
const (
	fieldSaved  = "X-AlphaMail-Draft"
	fieldOrigin = "X-AlphaMail-Origin"
	// fieldIdentity tells identities with the same address and name apart.
	fieldIdentity = "X-AlphaMail-Identity"
)

// mark is what a draft knows of how it was saved: by which press, a digest of
// its fields, and how many attachments it has.
type mark struct {
	operation, digest string
	attachments       int
}

func (m mark) String() string {
	operation := m.operation
	if operation == "" {
		operation = "-"
	}
	return fmt.Sprintf("%s %s %d", operation, m.digest, m.attachments)
}

func parseMark(text string) mark {
	words := strings.Fields(text)
	if len(words) != 3 {
		return mark{}
	}
	count, _ := strconv.Atoi(words[2])
	return mark{words[0], words[1], count}
}

// pressOf names what asks for a draft to be saved. A form without new files names
// itself, so that it is known when its author presses the button again because nobody
// answered, even if the draft that it speaks of is gone. With files, which have new
// names each time, only the operation tells.
func pressOf(operation string, question *api.SaveDraftQuestion) string {
	if len(question.Uploads) > 0 {
		return operation
	}
	encoded, err := question.MarshalMsg(nil)
	if err != nil {
		return operation
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:12])
}

// digestOf tells drafts with the same fields.
func digestOf(fields *api.DraftFields) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		fields.Identity, fields.To, fields.Cc, fields.Bcc, fields.ReplyTo, fields.Subject, fields.Text,
	}, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// writeOwnFields writes the fields that say what a draft is about, and as whom it is
// written.
func writeOwnFields(w io.Writer, identity string, origin *api.Origin) {
	if identity != "" && fitID(identity) {
		fmt.Fprintf(w, "%s: %s\r\n", fieldIdentity, identity)
	}
	if origin != nil && isOrigin(origin) {
		fmt.Fprintf(w, "%s: %s\r\n", fieldOrigin, originLine(origin))
	}
}

// originLine writes an origin as the value of a field.
func originLine(origin *api.Origin) string {
	return fmt.Sprintf("%s %s %d %d", origin.Kind, url.QueryEscape(origin.ID.Mailbox), origin.ID.UIDValidity, origin.ID.UID)
}

// parseOrigin reads what originLine wrote; nil for anything else.
func parseOrigin(text string) *api.Origin {
	words := strings.Fields(text)
	if len(words) != 4 {
		return nil
	}
	mailbox, err1 := url.QueryUnescape(words[1])
	validity, err2 := strconv.ParseUint(words[2], 10, 32)
	uid, err3 := strconv.ParseUint(words[3], 10, 32)
	origin := &api.Origin{Kind: api.ComposeKind(words[0]), ID: api.MessageID{Mailbox: mailbox, UIDValidity: uint32(validity), UID: uint32(uid)}}
	if err1 != nil || err2 != nil || err3 != nil || !isOrigin(origin) {
		return nil
	}
	return origin
}

// isOrigin tells whether an origin from outside makes sense.
func isOrigin(origin *api.Origin) bool {
	switch origin.Kind {
	case api.ComposeReply, api.ComposeReplyAll, api.ComposeReplyList, api.ComposeForward, api.ComposeForwardAttached:
		id := origin.ID
		return id.Mailbox != "" && len(id.Mailbox) <= 1000 && !strings.ContainsAny(id.Mailbox, "\x00\r\n") && id.UID != 0
	}
	return false
}

// validOperation tells whether text can name a message: it becomes a Message-ID.
func validOperation(text string) bool {
	at := strings.LastIndexByte(text, '@')
	return at > 0 && at < len(text)-1 && len(text) <= 250 && !strings.ContainsFunc(text, func(char rune) bool {
		return char <= ' ' || char >= 0x7F || strings.ContainsRune(`<>()[]\,;:"`, char)
	})
}

// newOperation makes the Message-ID of a message of the account.
func (a *Account) newOperation() string {
	_, domain := api.SplitAccount(a.id)
	return compose.NewMessageID(domain)
}

// checkFields refuses what is too much to be kept. Nothing is cut off silently.
func checkFields(fields *api.DraftFields) error {
	size := max(len(fields.To), len(fields.Cc), len(fields.Bcc), len(fields.ReplyTo), len(fields.Subject), len(fields.Identity))
	if size > api.MaxDraftField || len(fields.Text) > api.MaxDraftText {
		return api.NewError(api.CodeTooLarge, "This is too much text for one message.", nil)
	}
	count := 0
	for _, text := range []string{fields.To, fields.Cc, fields.Bcc, fields.ReplyTo} {
		for _, address := range parseRecipients(text) {
			if count++; count > api.MaxRecipients {
				return api.NewError(api.CodeTooLarge, "These are too many recipients for one message.", nil)
			}
			if len(url.QueryEscape(address.Name))+len(url.QueryEscape(address.Email)) > maxUnfinished {
				return api.NewError(api.CodeTooLarge, "One of these is too long to be an address.", nil)
			}
		}
	}
	return nil
}

// maxUnfinished bounds what stands in place of an address, in bytes, so that a
// line of a draft can hold it (RFC 5322 section 2.1.1).
const maxUnfinished = 800

// parseRecipients reads addresses as people write them; lines separate them too.
// In what others send, the best is made of anything; here nothing is guessed: what
// is not just one address stands as a name without one, so that its author corrects
// it. More than MaxRecipients are not all read.
func parseRecipients(text string) []mime.Address {
	var list []mime.Address
	for _, entry := range entries(strings.ToValidUTF8(text, "\uFFFD")) {
		if entry == "" {
			continue
		}
		if len(list) > api.MaxRecipients {
			break
		}
		parsed := mime.ParseHeader([]byte("To: " + entry + "\r\n\r\n")).Addresses("To")
		bare := !strings.ContainsAny(entry, "<>")
		if len(parsed) != 1 || !strings.Contains(parsed[0].Email, "@") || bare && strings.ContainsFunc(entry, unicode.IsSpace) || strings.Count(entry, "<") > 1 {
			parsed = []mime.Address{{Name: entry}}
		}
		list = append(list, parsed[0])
	}
	return list
}

// entries cuts a list at the commas, semicolons and ends of lines that are not
// quoted.
func entries(text string) []string {
	var all []string
	var entry strings.Builder
	quoted, escaped := false, false
	end := func() {
		all = append(all, strings.TrimSpace(entry.String()))
		entry.Reset()
	}
	if strings.Count(text, `"`)%2 == 1 {
		text = strings.ReplaceAll(text, `"`, " ") // one without an end quotes nothing
	}
	for _, char := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && char == '\\':
			escaped = true
		case char == '"':
			quoted = !quoted
		case !quoted && strings.ContainsRune(",;\r\n", char):
			end()
			continue
		}
		if unicode.IsControl(char) {
			char = ' '
		}
		entry.WriteRune(char)
	}
	end()
	return all
}

// writeRecipients writes addresses for people to edit.
func writeRecipients(list []mime.Address) string {
	words := make([]string, 0, len(list))
	for _, address := range list {
		name := address.Name
		if strings.ContainsAny(name, `()<>[]:;@\,."`) && address.Email != "" {
			name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		}
		switch {
		case address.Email == "":
			words = append(words, name)
		case name == "":
			words = append(words, address.Email)
		default:
			words = append(words, name+" <"+address.Email+">")
		}
	}
	return strings.Join(words, ", ")
}

// cleanLines makes a text one that mail can carry: valid UTF-8 with plain ends of
// lines. Browsers send CRLF.
func cleanLines(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(text)
}

// newDraft makes a message of what a person wrote.
func newDraft(fields *api.DraftFields, identity *api.Identity) *compose.Draft {
	return &compose.Draft{
		From: mime.Address{Name: identity.Name, Email: identity.Address},
		To:   parseRecipients(fields.To), Cc: parseRecipients(fields.Cc), Bcc: parseRecipients(fields.Bcc),
		ReplyTo: parseRecipients(fields.ReplyTo), Subject: fields.Subject, Text: cleanLines(fields.Text),
	}
}

// chooseIdentity finds an identity by its ID, the first one by default.
func chooseIdentity(identities []api.Identity, id string) *api.Identity {
	for i := range identities {
		if identities[i].ID == id {
			return &identities[i]
		}
	}
	return &identities[0]
}

// identityOf finds the identity that a draft was written as. The ID that it was
// saved with counts as long as it has the address of the draft.
func identityOf(identities []api.Identity, id string, from mime.Address) *api.Identity {
	if one := chooseIdentity(identities, id); one.ID == id && strings.EqualFold(one.Address, from.Email) {
		return one
	}
	best := &identities[0]
	for i := range identities {
		one := &identities[i]
		if strings.EqualFold(one.Address, from.Email) {
			if one.Name == from.Name {
				return one
			}
			if !strings.EqualFold(best.Address, from.Email) {
				best = one
			}
		}
	}
	return best
}

// problems are what keeps a draft from being sent.
func problems(draft *compose.Draft, server compose.Server) []api.Problem {
	var found []api.Problem
	if len(draft.To)+len(draft.Cc)+len(draft.Bcc) == 0 {
		found = append(found, api.Problem{Field: "to", Kind: api.ProblemNobody})
	}
	for _, field := range []struct {
		name string
		list []mime.Address
	}{{"identity", []mime.Address{draft.From}}, {"to", draft.To}, {"cc", draft.Cc}, {"bcc", draft.Bcc}, {"reply_to", draft.ReplyTo}} {
		for _, address := range field.list {
			alone := &compose.Draft{From: address}
			_, err := alone.Write(io.Discard, server)
			shown := address.Email
			if shown == "" {
				shown = address.Name
			}
			switch {
			case errors.Is(err, compose.ErrNeedsSMTPUTF8):
				found = append(found, api.Problem{Field: field.name, Kind: api.ProblemLetters, Value: shown})
			case err != nil:
				found = append(found, api.Problem{Field: field.name, Kind: api.ProblemAddress, Value: shown})
			}
		}
	}
	return found
}

// recipients are the addresses of the envelope, each once. Bcc is nowhere else.
func recipients(draft *compose.Draft) []string {
	var all []string
	seen := map[string]bool{}
	for _, list := range [][]mime.Address{draft.To, draft.Cc, draft.Bcc} {
		for _, address := range list {
			if key := strings.ToLower(address.Email); !seen[key] {
				seen[key] = true
				all = append(all, address.Email)
			}
		}
	}
	return all
}
