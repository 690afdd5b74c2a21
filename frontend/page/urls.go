package page

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"alphamail/node/api"
)

// The errors of the functions that read URLs back.
var (
	errMailbox = errors.New("not the URL segment of a mailbox")
	errMessage = errors.New("not the URL segment of a message")
)

// MailboxURL is the path of a list page in the usual order. Pages count from 1,
// and the first one has no query.
func MailboxURL(mailbox string, pageNumber int) string {
	return ListURL(api.MailboxQuestion{Mailbox: mailbox, Page: pageNumber})
}

// MessageURL is the path of a message page.
func MessageURL(id api.MessageID) string {
	return string(appendMessageURL(make([]byte, 0, 64), id))
}

func appendMessageURL(to []byte, id api.MessageID) []byte {
	to = append(to, "/mail/"...)
	to = appendSegment(to, id.Mailbox)
	to = append(to, '/')
	to = strconv.AppendUint(to, uint64(id.UIDValidity), 10)
	to = append(to, '-')
	return strconv.AppendUint(to, uint64(id.UID), 10)
}

// PartURL is the path of the decoded content of a part, named by its section
// number. With download the browser saves it whatever it is.
func PartURL(id api.MessageID, part string, download bool) string {
	path := MessageURL(id) + "/part/" + EncodeMailbox(part)
	if download {
		path += "?download=1"
	}
	return path
}

// BodyURL is the path of the document that shows the HTML of a message.
func BodyURL(id api.MessageID, allowRemote bool) string {
	path := MessageURL(id) + "/body"
	if allowRemote {
		path += "?remote=1"
	}
	return path
}

// PrintURL is the path of a message on its own, for paper.
func PrintURL(id api.MessageID) string { return MessageURL(id) + "/print" }

// RawURL is the path of a message as the mail server holds it.
func RawURL(id api.MessageID) string { return MessageURL(id) + "/raw" }

// RawHeaderURL is the path of its header alone.
func RawHeaderURL(id api.MessageID) string { return RawURL(id) + "?header=1" }

// SaveURL is the path of the same as a file to save.
func SaveURL(id api.MessageID) string { return RawURL(id) + "?download=1" }

// AttachmentsURL is the path of all attachments of a message as one file; inline
// takes those too that the HTML view shows by itself.
func AttachmentsURL(id api.MessageID, inline bool) string {
	path := MessageURL(id) + "/attachments"
	if inline {
		path += "?inline=1"
	}
	return path
}

// EncodeMailbox writes the name of a mailbox as one path segment: UTF-8,
// percent-encoded, with "~" written "~0" and "/" written "~1". Browsers take
// the segments "." and ".." away, percent-encoded or not; in these two names
// the dot is written "~2".
func EncodeMailbox(name string) string {
	return string(appendSegment(make([]byte, 0, len(name)+8), name))
}

func appendSegment(to []byte, name string) []byte {
	const hex = "0123456789ABCDEF"
	onlyDots := name == "." || name == ".."
	for i := range len(name) {
		switch b := name[i]; {
		case b == '~':
			to = append(to, "~0"...)
		case b == '/':
			to = append(to, "~1"...)
		case b == '.' && onlyDots:
			to = append(to, "~2"...)
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '.', b == '_':
			to = append(to, b)
		default:
			to = append(to, '%', hex[b>>4], hex[b&15])
		}
	}
	return to
}

// DecodeMailbox reads a segment that is still percent-encoded. It returns an
// error for an empty segment, bad escapes, invalid UTF-8 and NUL.
func DecodeMailbox(segment string) (string, error) {
	if strings.ContainsAny(segment, "/?#") {
		return "", errMailbox
	}
	plain, err := url.PathUnescape(segment)
	if err != nil || plain == "" || !utf8.ValidString(plain) || strings.ContainsAny(plain, "\x00/") {
		return "", errMailbox
	}
	var name strings.Builder
	for {
		before, after, found := strings.Cut(plain, "~")
		name.WriteString(before)
		if !found {
			return name.String(), nil
		}
		switch {
		case strings.HasPrefix(after, "0"):
			name.WriteByte('~')
		case strings.HasPrefix(after, "1"):
			name.WriteByte('/')
		case strings.HasPrefix(after, "2"):
			name.WriteByte('.')
		default:
			return "", errMailbox
		}
		plain = after[1:]
	}
}

// ParseMessageSegment reads "{uidvalidity}-{uid}": two nonzero decimal numbers
// of 32 bits without sign or leading zeros (RFC 9051 section 9, nz-number).
func ParseMessageSegment(s string) (uidValidity, uid uint32, err error) {
	first, second, _ := strings.Cut(s, "-")
	if uidValidity, err = parseNumber(first); err != nil {
		return 0, 0, err
	}
	if uid, err = parseNumber(second); err != nil {
		return 0, 0, err
	}
	return uidValidity, uid, nil
}

func parseNumber(s string) (uint32, error) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, errMessage
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, errMessage
	}
	return uint32(n), nil
}
