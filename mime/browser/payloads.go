// Package browser holds hostile HTML as tests mail it and show it to a real
// browser. Its tests do so with what mime makes of it; it is a package by itself
// because they take minutes.
package browser

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Payload is HTML that runs a script, or loads something, when a browser gets it
// as it is.
type Payload struct {
	Kind string // "run" or "leak"
	Name string
	HTML string // with gaps for Fill
}

// ReadPayloads reads payloads.txt of mime's testdata, whose beginning explains its
// form.
func ReadPayloads(path string) ([]Payload, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Payload
	for _, text := range strings.Split(string(data), "\n# ")[1:] {
		head, markup, _ := strings.Cut(text, "\n")
		kind, name, _ := strings.Cut(head, " ")
		all = append(all, Payload{kind, name, unescape(strings.TrimSuffix(markup, "\n"))})
	}
	return all, nil
}

func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'f':
			out.WriteByte('\f')
		case 'x':
			value, _ := strconv.ParseUint(text[i+1:i+3], 16, 8)
			out.WriteByte(byte(value))
			i += 2
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// Fill puts the addresses of a server at host, which speaks HTTPS, into a payload.
// They are /kind/wall/number, so that it is known who asked.
func (p Payload) Fill(host, wall string, number int) string {
	path := fmt.Sprintf("/%s/%s/%d", p.Kind, wall, number)
	address := "https://" + host + path
	run := "fetch(`" + address + "`)"
	return strings.NewReplacer("{run}", run, "{hit}", address, "{leak}", address, "{bare}", "//"+host+path, "{host}", host, "{path}", path,
		"{run64}", base64.StdEncoding.EncodeToString([]byte(run)), "{page64}", base64.StdEncoding.EncodeToString([]byte("<script>"+run+"</script>"))).Replace(p.HTML)
}

// HarmlessWords stand in every mail beside the payload.
const HarmlessWords = "These words are harmless."

// Mail makes a message of HTML, in a charset and a transfer encoding that change
// from one number to the next.
func Mail(markup string, number int) []byte {
	markup = "<p>" + HarmlessWords + "</p>" + markup
	charset, encoding := "utf-8", "8bit"
	body := []byte(markup)
	switch number % 4 {
	case 1:
		encoding = "base64"
	case 2:
		charset, body = "utf-16le", nil
		for _, unit := range utf16.Encode([]rune(markup)) {
			body = append(body, byte(unit), byte(unit>>8))
		}
		encoding = "base64"
	case 3:
		charset, body = "utf-7", []byte(strings.NewReplacer("+", "+-", "<", "+ADw-").Replace(markup))
	}
	if encoding == "base64" {
		body = []byte(base64.StdEncoding.EncodeToString(body))
	}
	return append([]byte("From: a@example.edu\r\nContent-Type: text/html; charset="+charset+"\r\nContent-Transfer-Encoding: "+encoding+"\r\n\r\n"), body...)
}
