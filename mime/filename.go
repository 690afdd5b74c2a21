package mime

import (
	stdmime "mime"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilename bounds a file name, in bytes: what file systems take.
const maxFilename = 200

// SafeFilename makes a name that a browser can save and a page can show: no
// path, no control characters, nothing that turns the reading direction. It may
// be empty.
func SafeFilename(name string) string {
	name = strings.Map(func(char rune) rune {
		switch {
		case char == utf8.RuneError, unicode.IsControl(char), unicode.Is(unicode.Cf, char):
			return -1
		case unicode.IsSpace(char):
			return ' '
		case strings.ContainsRune(`<>:"|?*`, char):
			return '_'
		}
		return char
	}, name)
	if cut := strings.LastIndexAny(name, `/\`); cut >= 0 {
		name = name[cut+1:]
	}
	name = strings.TrimLeft(strings.TrimSpace(name), ".")
	if len(name) > maxFilename {
		stem, extension := name, ""
		if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 10 {
			stem, extension = name[:dot], name[dot:]
		}
		name = string(wholeCharacters([]byte(stem[:maxFilename-len(extension)]))) + extension
	}
	return strings.TrimSpace(name)
}

// extensions are the ones that people expect; the system's list differs from
// machine to machine.
var extensions = map[string]string{
	"text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics", "text/csv": ".csv", "text/vcard": ".vcf", "text/x-vcard": ".vcf",
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/svg+xml": ".svg", "image/tiff": ".tif",
	"application/pdf": ".pdf", "application/zip": ".zip", "application/gzip": ".gz", "application/json": ".json", "application/xml": ".xml",
	"message/rfc822": ".eml", "message/delivery-status": ".txt", "audio/mpeg": ".mp3", "video/mp4": ".mp4",
}

// Extension is the usual file name extension of a media type, with its dot;
// empty when there is none.
func Extension(mediaType string) string { return extensions[mediaType] }

// parseParameters reads the value of Content-Type or Content-Disposition: the
// value itself, lower-cased, and its parameters with lower-case names, decoded
// by RFC 2231 and, as much mail wrongly does, by RFC 2047.
func parseParameters(field string) (string, map[string]string) {
	value, rest, _ := strings.Cut(field, ";")
	params := map[string]string{}
	if _, parsed, err := stdmime.ParseMediaType(field); err == nil {
		for name, text := range parsed {
			params[name] = DecodeWords(text)
		}
		// Go keeps to UTF-8 and ASCII in RFC 2231: the rest is done below.
	}
	for name, text := range looseParameters(rest) {
		if _, known := params[name]; !known {
			params[name] = text
		}
	}
	return strings.ToLower(strings.TrimSpace(value)), params
}

// looseParameters reads parameters however they are written.
func looseParameters(text string) map[string]string {
	type piece struct{ charset, text string }
	params := map[string]string{}
	pieces := map[string]map[int]piece{}
	for _, field := range splitParameters(text) {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		value = unquote(strings.TrimSpace(value))
		base, extended := strings.CutSuffix(name, "*")
		charset := ""
		if extended {
			if fields := strings.SplitN(value, "'", 3); len(fields) == 3 {
				charset, value = fields[0], fields[2]
			}
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
		}
		stem, index, continued := strings.Cut(base, "*")
		number, err := strconv.Atoi(index)
		if continued && err == nil && number >= 0 && number < 100 {
			if pieces[stem] == nil {
				pieces[stem] = map[int]piece{}
			}
			pieces[stem][number] = piece{charset, value}
			continue
		}
		if _, known := params[base]; known && !extended {
			continue
		}
		if extended && charset != "" {
			params[base], _ = decodeCharset(charset, []byte(value))
		} else {
			params[base] = DecodeWords(value)
		}
	}
	for name, list := range pieces {
		var whole string
		for i := 0; ; i++ {
			next, ok := list[i]
			if !ok {
				break
			}
			whole += next.text
		}
		if params[name], _ = decodeCharset(list[0].charset, []byte(whole)); list[0].charset == "" {
			params[name] = DecodeWords(whole)
		}
	}
	return params
}

// splitParameters splits at semicolons outside of quotes.
func splitParameters(text string) []string {
	var fields []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case ';':
			if !quoted {
				fields, start = append(fields, text[start:i]), i+1
			}
		}
	}
	return append(fields, text[min(start, len(text)):])
}

func unquote(value string) string {
	inside, ok := strings.CutPrefix(value, `"`)
	if !ok {
		return value
	}
	var out strings.Builder
	for i := 0; i < len(inside) && inside[i] != '"'; i++ {
		if inside[i] == '\\' && i+1 < len(inside) {
			i++
		}
		out.WriteByte(inside[i])
	}
	return out.String()
}
