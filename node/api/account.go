package api

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxAccountLength bounds a canonical account id, in bytes: the longest address
// of RFC 5321 section 4.5.3.1 (64 + 1 + 255).
const MaxAccountLength = 320

// CanonicalAccount makes the account id that routing and sealing use: local
// part, "@", domain, lower-cased (the local part only unless caseSensitive). A
// user name without "@" takes the given domain; one with "@" must name a domain
// of its own, which the caller checks. It returns an error with CodeInvalid for
// names that no mail server could have: empty, too long, with spaces, control
// characters or invalid UTF-8.
func CanonicalAccount(user, domain string, caseSensitive bool) (string, error) {
	local := strings.TrimSpace(user)
	if at := strings.LastIndexByte(local, '@'); at >= 0 {
		local, domain = local[:at], local[at+1:]
	}
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !caseSensitive {
		local = strings.ToLower(local)
	}
	account := local + "@" + domain
	if local == "" || domain == "" || len(account) > MaxAccountLength || !utf8.ValidString(user) ||
		strings.ContainsFunc(account, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", NewError(CodeInvalid, "This is not a user name.", nil)
	}
	return account, nil
}

// SplitAccount returns local part and domain of a canonical account id.
func SplitAccount(account string) (local, domain string) {
	at := strings.LastIndexByte(account, '@')
	if at < 0 {
		return account, ""
	}
	return account[:at], account[at+1:]
}

// AddressKey is what stands for an address of a browser where attempts are counted:
// of IPv6 the network of 64 bits, since anybody can have as many addresses in one as
// he likes. It is no account. False for what is no address.
func AddressKey(address string) (key string, ok bool) {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return "", false
	}
	parsed = parsed.Unmap().WithZone("")
	if parsed.Is6() {
		network, _ := parsed.Prefix(64)
		return "address " + network.String(), true
	}
	return "address " + parsed.String(), true
}
