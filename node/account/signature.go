package account

import (
	"math/rand/v2"
	"slices"
	"strings"

	"alphamail/node/api"
)

// signatureMark is the line above a signature (RFC 3676 section 4.3).
const signatureMark = "-- "

// signatureOf chooses a signature of an identity; empty for none.
func signatureOf(identity *api.Identity) string {
	all := identity.Signatures
	switch {
	case len(all) == 0 || identity.SignatureChoice == api.SignatureNone:
		return ""
	case identity.SignatureChoice == api.SignatureRandom:
		return signatureText(all[rand.IntN(len(all))])
	}
	return signatureText(all[0])
}

func signatureText(signature api.Signature) string {
	return strings.Trim(cleanLines(signature.Text), "\n")
}

// below is a signature as it stands below a text that ends with "\n".
func below(signature string) string {
	if signature == "" {
		return ""
	}
	return "\n" + signatureMark + "\n" + signature + "\n"
}

// signed puts a signature below a text.
func signed(text, signature string) string {
	if signature == "" {
		return text
	}
	return strings.TrimRight(text, "\n") + "\n" + below(signature)
}

// answering lays out what an answer begins with: room to write, the signature, and
// what it quotes or passes on, which may be empty.
func answering(quoted, signature string, position api.ReplyPosition, signatureAboveQuote bool) string {
	switch {
	case quoted == "":
		return signed("", signature)
	case position == api.ReplyBelow && signature == "":
		return quoted + "\n"
	case position == api.ReplyBelow:
		return quoted + "\n\n" + below(signature)
	case signatureAboveQuote:
		return "\n" + below(signature) + "\n" + quoted
	}
	return signed("\n"+quoted, signature)
}

// resigned is a text whose signature, if it stands there as one of the identities
// has it, gave way to that of another identity. What its author changed stays. A
// text that was written as an identity without signatures gets one above the line
// quotedFrom, or at its end if that is negative.
func resigned(text string, identities []api.Identity, before, after *api.Identity, signatureAboveQuote bool, quotedFrom int) string {
	signature := signatureOf(after)
	lines := strings.Split(text, "\n")
	from, to := findSignature(lines, identities, signatureAboveQuote)
	switch {
	case from >= 0 && signature == "":
		return strings.Join(slices.Delete(lines, from, to), "\n")
	case from >= 0:
		return strings.Join(slices.Replace(lines, from, to, signatureMark, signature), "\n")
	case signature == "" || signatureOf(before) != "":
		return text
	}
	own, quoted := lines, []string(nil)
	if quotedFrom >= 0 {
		own, quoted = lines[:quotedFrom], lines[quotedFrom:]
	}
	switch {
	case slices.ContainsFunc(own, isMark):
		return text
	case quoted == nil:
		return signed(text, signature)
	}
	return signed(strings.Join(own, "\n"), signature) + "\n" + strings.Join(quoted, "\n")
}

// aboveQuote is the line in which begins what a text quotes or passes on, if its
// signature belongs above that; negative otherwise.
func aboveQuote(text string, origin *api.Origin, settings *api.Settings) int {
	if origin == nil || !settings.SignatureAboveQuote {
		return -1
	}
	switch origin.Kind {
	case api.ComposeForwardAttached:
		return -1
	case api.ComposeForward:
		return forwardedFrom(strings.Split(text, "\n"))
	}
	if settings.ReplyPosition == api.ReplyBelow {
		return -1
	}
	return quotedFrom(strings.Split(text, "\n"))
}

// quotedFrom is the line in which a quotation begins: that which says who wrote it,
// or else the first one with a mark; negative when there is none.
func quotedFrom(lines []string) int {
	first := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, ">") })
	if first < 1 {
		return first
	}
	above := strings.TrimSpace(lines[first-1])
	if strings.HasSuffix(above, ":") || strings.HasSuffix(above, "：") {
		return first - 1
	}
	return first
}

// forwardedFrom is the line in which a message begins that is passed on.
func forwardedFrom(lines []string) int {
	const rule = "----------"
	return slices.IndexFunc(lines, func(line string) bool {
		line = strings.TrimSpace(line)
		return strings.HasPrefix(line, rule+" ") && strings.HasSuffix(line, " "+rule)
	})
}

// marked is a text whose signature stands below the line that it should: text
// browsers take blanks from the ends of lines.
func marked(text string, identities []api.Identity) string {
	lines := strings.Split(text, "\n")
	from, _ := findSignature(lines, identities, false)
	if from < 0 || lines[from] == signatureMark {
		return text
	}
	lines[from] = signatureMark
	return strings.Join(lines, "\n")
}

func isMark(line string) bool { return strings.TrimRight(line, " ") == "--" }

// findSignature finds the lines of a signature, from the mark to the one behind it,
// that stands just as one of the identities has it; -1 when there is none. The last
// one counts, or the first: what a message passes on may be signed too.
func findSignature(lines []string, identities []api.Identity, first bool) (from, to int) {
	from, to = -1, -1
	for i, line := range lines {
		if !isMark(line) {
			continue
		}
		for _, identity := range identities {
			for _, signature := range identity.Signatures {
				end := i + 1 + signedLines(lines[i+1:], signature)
				if end > i+1 && (end == len(lines) || strings.TrimSpace(lines[end]) == "") && (from != i || end > to) {
					from, to = i, end
				}
			}
		}
		if first && from >= 0 {
			break
		}
	}
	return from, to
}

// signedLines is how many lines a signature takes at the beginning of others; 0 when
// it is not there.
func signedLines(lines []string, signature api.Signature) int {
	wanted := strings.Split(signatureText(signature), "\n")
	if len(wanted) > len(lines) {
		return 0
	}
	for i := range wanted {
		if strings.TrimRight(lines[i], " \t") != strings.TrimRight(wanted[i], " \t") {
			return 0
		}
	}
	return len(wanted)
}
