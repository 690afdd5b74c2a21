package mime

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// pictures are the pictures that the HTML of a message may show.
type pictures struct {
	known map[string]*picture // by the address behind "cid:"
	size  int                 // decoded bytes of all that were used
	// written counts the bytes of data URIs that were handed out, shown how often.
	written, shown int
}

// picture is a picture of the message; its data URI is made when it is shown.
type picture struct {
	part *Part
	data string // base64 of a data URI
	uri  string
	done bool
}

// dataTypes are the types of pictures that may be part of the HTML.
var dataTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}

func (p *pictures) add(address string, made *picture) {
	if p.known == nil {
		p.known = map[string]*picture{}
	}
	if p.known[address] == nil && len(p.known) < maxParts {
		p.known[address] = made
	}
}

// addPart makes a part known that HTML may name. Programs call such pictures
// attachments too: what HTML names counts.
func (p *pictures) addPart(part *Part) {
	if len(part.Encoded) == 0 {
		return
	}
	made := &picture{part: part}
	if part.ContentID != "" {
		p.add(part.ContentID, made)
	}
	if location := cleanAddress(part.Header.raw("Content-Location")); location != "" {
		p.add(locationKey+location, made)
	}
}

// locationKey is before the addresses of Content-Location (RFC 2557), which HTML
// names as they are.
const locationKey = "location@alphamail.invalid/"

// maxPictures bounds how many pictures are put into the HTML.
const maxPictures = 1000

// dataKey is where pictures of data URIs are kept.
const dataKey = "data@alphamail.invalid/"

// minPulled is from when on a data URI is worth pulling out, in bytes.
const minPulled = 4 << 10

// pullData replaces the content of large data URIs by references, so that tags
// stay small. The result is HTML as before.
func (p *pictures) pullData(text string) string {
	const marker = ";base64,"
	var out strings.Builder
	for from := 0; ; {
		at := strings.Index(text[from:], marker)
		if at < 0 {
			if out.Len() == 0 {
				return text
			}
			out.WriteString(text)
			return out.String()
		}
		content := from + at + len(marker)
		end := content
		for end < len(text) && (isBase64(text[end]) || text[end] == '=') {
			end++
		}
		head := strings.ToLower(text[max(from, content-40):content])
		scheme := strings.LastIndex(head, "data:image/")
		if scheme < 0 || end-content < minPulled {
			from = content
			continue
		}
		key := dataKey + strconv.Itoa(len(p.known))
		p.add(key, &picture{data: text[content:end]})
		out.WriteString(text[:content-len(head)+scheme] + "cid:" + key)
		text, from = text[end:], 0
	}
}

// find returns where a picture comes from: a data URI, an https address, or
// nothing when it cannot be shown. remote tells that another machine would be
// asked for it.
func (p *pictures) find(address string) (source string, remote bool) {
	address = cleanAddress(address)
	if known := p.known[locationKey+address]; known != nil {
		return p.embed(known), false
	}
	scheme, rest, _ := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "cid":
		known := p.known[rest]
		if known == nil {
			if plain, err := url.PathUnescape(rest); err == nil {
				known = p.known[plain]
			}
		}
		return p.embed(known), false
	case "data":
		head, content, _ := strings.Cut(rest, ",")
		if !strings.HasSuffix(strings.ToLower(head), ";base64") {
			return "", false
		}
		return p.embed(&picture{data: content}), false
	case "http":
		address = "https" + address[len("http"):]
	}
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	safe, ok := safeURL(address)
	if !ok || !strings.HasPrefix(safe, "https://") {
		return "", false
	}
	return safe, true
}

// embed returns the data URI of a picture within the limits. Its type is what
// its bytes say.
func (p *pictures) embed(known *picture) string {
	if known == nil || p.shown == maxPictures {
		return ""
	}
	p.shown++
	if !known.done {
		known.done = true
		data, kind := known.content()
		if p.size+len(data) <= maxImages && slices.Contains(dataTypes, kind) {
			p.size += len(data)
			known.uri = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
		}
	}
	if p.written+len(known.uri) > 2*maxImages {
		return "" // the same picture again and again
	}
	p.written += len(known.uri)
	return known.uri
}

// content decodes a picture; nothing when it is too large.
func (p *picture) content() (data []byte, kind string) {
	var source io.Reader
	if p.part != nil {
		source = p.part.Decode()
	} else {
		source = NewDecoder("base64", strings.NewReader(p.data))
	}
	data, err := io.ReadAll(io.LimitReader(source, maxImage+1))
	if err != nil || len(data) > maxImage || len(data) == 0 {
		return nil, ""
	}
	return data, http.DetectContentType(data)
}
