package mime

import (
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
