package memimap

import (
	"bytes"
	"encoding/base64"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// decodeWords decodes encoded words, or returns the text as it is.
func decodeWords(v string) string {
	if s, err := words.DecodeHeader(v); err == nil {
		return utf8Text(s)
	}
	return utf8Text(v)
}

// headerText returns a header as a reader sees it.
func headerText(header []byte) string {
	var w strings.Builder
	unfolded := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(string(header))
	for line := range strings.Lines(unfolded) {
		w.WriteString(decodeWords(line))
	}
	return w.String()
}

// maxDepth bounds the parts within parts that a search looks into.
const maxDepth = 20

// bodyText returns the text parts of a body, decoded as far as they can be.
func bodyText(header, body []byte, depth int) string {
	if depth > maxDepth {
		return ""
	}
	var typ, encoding string
	params := map[string]string{}
	if msg, err := mail.ReadMessage(bytes.NewReader(header)); err == nil {
		encoding = msg.Header.Get("Content-Transfer-Encoding")
		if t, p, err := stdmime.ParseMediaType(msg.Header.Get("Content-Type")); err == nil {
			typ, params = t, p
		}
	}
	switch {
	case strings.HasPrefix(typ, "multipart/"):
		var w strings.Builder
		r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err != nil {
				break // the end, or as far as it can be read
			}
			var h bytes.Buffer
			for name, values := range p.Header {
				h.WriteString(name + ": " + values[0] + "\r\n")
			}
			h.WriteString("\r\n")
			content, _ := io.ReadAll(p)
			w.WriteString(bodyText(h.Bytes(), content, depth+1))
		}
		return w.String()
	case typ == "message/rfc822":
		h, b := splitHeader(body)
		return headerText(h) + bodyText(h, b, depth+1)
	case typ == "" || strings.HasPrefix(typ, "text/"):
		return decodeText(body, encoding, params["charset"])
	default:
		return ""
	}
}

func decodeText(body []byte, encoding, charset string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body, _ = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
	case "quoted-printable":
		body, _ = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	}
	if charset != "" {
		if r, err := charsetReader(charset, bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(r)
		}
	}
	return utf8Text(string(body))
}
