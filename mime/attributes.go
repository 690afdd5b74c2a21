package mime

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// idPrefix keeps ids and classes of a message apart from all others.
const idPrefix = "m-"

// plainAttributes are allowed on every element; their values can do nothing.
var plainAttributes = map[string]bool{
	"title": true, "dir": true, "lang": true, "align": true, "valign": true, "width": true, "height": true, "alt": true, "border": true,
	"cellpadding": true, "cellspacing": true, "colspan": true, "rowspan": true, "bgcolor": true, "color": true, "face": true, "size": true,
	"hspace": true, "vspace": true, "nowrap": true, "start": true, "type": true, "value": true, "reversed": true, "scope": true, "abbr": true,
	"summary": true, "span": true, "datetime": true, "role": true, "aria-label": true, "aria-hidden": true, "open": true,
	"hidden": true, "char": true, "charoff": true, "clear": true, "compact": true, "noshade": true, "rules": true, "frame": true, "text": true,
}

// maxAttribute bounds an attribute's value, in bytes.
const maxAttribute = 8 << 10

// attributes writes the allowed attributes of an element.
func (s *sanitizer) attributes(node *html.Node) {
	link := false
	seen := map[string]bool{}
	for _, attr := range node.Attr {
		key := attr.Key
		if attr.Namespace != "" || seen[key] {
			continue
		}
		seen[key] = true
		switch {
		case plainAttributes[key] && len(attr.Val) <= maxAttribute:
			s.attribute(key, attr.Val)
		case key == "id" && len(attr.Val) <= maxAttribute:
			s.attribute(key, prefixed(attr.Val))
		case key == "class" || key == "headers":
			var names []string
			for _, name := range strings.Fields(attr.Val) {
				names = append(names, prefixed(name))
			}
			if len(names) > 0 && len(attr.Val) <= maxAttribute {
				s.attribute(key, strings.Join(names, " "))
			}
		case key == "style":
			if style := s.declarations(attr.Val); style != "" {
				s.attribute(key, style)
			}
		case key == "href" && node.DataAtom == atom.A:
			link = s.href(attr.Val) || link
		case key == "name" && node.DataAtom == atom.A && attr.Val != "":
			s.attribute("name", prefixed(attr.Val))
		case key == "src" && node.DataAtom == atom.Img:
			if address, ok := s.imageURL(attr.Val); ok {
				s.attribute(key, address)
			}
		case key == "srcset" || key == "background" || key == "poster" || key == "lowsrc" || key == "dynsrc":
			if isRemote(strings.ToLower(attr.Val)) {
				s.blocked++
			}
		}
	}
	if link {
		s.attribute("target", "_blank")
		s.attribute("rel", "noopener noreferrer nofollow")
	}
}

func (s *sanitizer) attribute(key, value string) {
	s.out.WriteByte(' ')
	s.out.WriteString(key)
	s.out.WriteString(`="`)
	s.out.WriteString(html.EscapeString(value))
	s.out.WriteByte('"')
}

// href writes the address of a link, and tells whether it leads elsewhere.
func (s *sanitizer) href(address string) bool {
	if anchor, ok := strings.CutPrefix(strings.TrimSpace(address), "#"); ok {
		if anchor != "" && len(anchor) <= maxAttribute {
			s.attribute("href", "#"+prefixed(anchor))
		}
		return false
	}
	safe, ok := safeURL(cleanAddress(address))
	if ok {
		s.attribute("href", safe)
	}
	return ok
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
