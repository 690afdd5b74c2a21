package mime

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// idPrefix keeps ids and classes of a message apart from all others.
const idPrefix = "m-"

// maxAttribute bounds an attribute's value that is kept, in bytes; style and
// the addresses of pictures have limits of their own.
const maxAttribute = 4 << 10

// attributeForms are the allowed attributes and the form of their values. No
// value of these forms can load or run anything.
var attributeForms = map[string]form{
	"title": anyText, "alt": anyText, "abbr": anyText, "summary": anyText, "datetime": anyText, "aria-label": anyText,
	"width": length, "height": length, "border": length, "cellpadding": length, "cellspacing": length, "hspace": length, "vspace": length,
	"size": length, "colspan": number, "rowspan": number, "span": number, "start": number, "value": number,
	"bgcolor": colour, "color": colour, "face": fonts,
	"dir": keyword, "lang": keyword, "align": keyword, "valign": keyword, "nowrap": keyword, "type": keyword, "reversed": keyword, "scope": keyword,
	"role": keyword, "aria-hidden": keyword, "open": keyword, "hidden": keyword, "clear": keyword, "compact": keyword, "noshade": keyword,
	"rules": keyword, "frame": keyword,
}

// attributeNames are the attributes that are looked at at all. It maps to the
// name, so that the names of a tag cost no memory.
var attributeNames = func() map[string]string {
	names := map[string]string{}
	for name := range attributeForms {
		names[name] = name
	}
	for _, name := range []string{"id", "class", "headers", "style", "href", "name", "src", "srcset", "background", "text"} {
		names[name] = name
	}
	return names
}()

// attributes writes the allowed attributes of an element.
func (s *sanitizer) attributes(t *tag) {
	style := s.declarations(t.get("style"))
	for _, attr := range t.attrs {
		key, value := attr.key, strings.TrimSpace(attr.value)
		form := attributeForms[key]
		switch {
		case key == "bgcolor" && t.name == atom.Body:
		case form != nil && len(value) <= maxAttribute && form(value):
			s.colours = s.colours || key == "bgcolor" || key == "color"
			s.attribute(key, value)
		case len(value) > maxAttribute:
		case key == "id" && value != "":
			s.attribute(key, prefixed(value))
		case key == "class" || key == "headers":
			s.classes(key, value)
		case key == "href" && t.name == atom.A:
			s.href(value)
		case key == "name" && t.name == atom.A && value != "":
			s.attribute(key, prefixed(value))
		case key == "background":
			style = joinStyles(style, s.backgroundImage(value))
		case key == "text" && t.name == atom.Body && colour(value):
			style = joinStyles("color:"+value, style)
		}
	}
	s.colours = s.colours || strings.Contains(style, "color:") || strings.Contains(style, "background:")
	if t.name == atom.Body { // it becomes a div, on which bgcolor means nothing
		if value := strings.TrimSpace(t.get("bgcolor")); colour(value) {
			style = joinStyles("background-color:"+value, style)
			s.colours = true
		}
	}
	if style != "" {
		s.attribute("style", style)
	}
}

// backgroundImage makes the old background attribute a style declaration.
func (s *sanitizer) backgroundImage(address string) string {
	url, ok := s.styleURL(address)
	if !ok {
		return ""
	}
	return "background-image:" + url
}

// joinStyles joins two lists of declarations that may be empty.
func joinStyles(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ";" + b
}

func (s *sanitizer) attribute(key, value string) {
	s.out.WriteByte(' ')
	s.out.WriteString(key)
	s.out.WriteString(`="`)
	s.escape(value)
	s.out.WriteByte('"')
}

func (s *sanitizer) classes(key, value string) {
	names := strings.Fields(value)
	for i, name := range names {
		names[i] = prefixed(name)
	}
	if len(names) > 0 {
		s.attribute(key, strings.Join(names, " "))
	}
}

// href writes the address of a link. One that leads elsewhere opens there, and
// is not told where from.
func (s *sanitizer) href(address string) {
	if anchor, ok := strings.CutPrefix(address, "#"); ok {
		if anchor != "" {
			s.attribute("href", "#"+prefixed(anchor))
		}
		return
	}
	if safe, ok := safeURL(cleanAddress(address)); ok {
		s.attribute("href", safe)
		s.link.address = safe
		s.attribute("target", "_blank")
		s.attribute("rel", "noopener noreferrer nofollow")
	}
}

// cleanAddress removes what browsers ignore in addresses (WHATWG URL, section
// 4.4).
func cleanAddress(address string) string {
	return strings.Map(func(char rune) rune {
		if char == '\t' || char == '\n' || char == '\r' {
			return -1
		}
		return char
	}, strings.TrimFunc(address, func(char rune) bool { return char <= ' ' }))
}

// prefixed puts the prefix before a name that does not have it, so that
// sanitising twice changes nothing.
func prefixed(name string) string {
	if strings.HasPrefix(name, idPrefix) {
		return name
	}
	return idPrefix + name
}
