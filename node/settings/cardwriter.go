package settings

import (
	"bufio"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"alphamail/node/api"
)

// The versions of cards that can be written.
const (
	Card4 = "4.0" // RFC 6350
	Card3 = "3.0" // RFC 2426: has no lists
)

// WriteCards writes contacts and lists as a file of cards.
func WriteCards(w io.Writer, version string, book *Book) error {
	buffered := bufio.NewWriter(w)
	for _, contact := range book.Contacts {
		writeContact(buffered, version, contact)
	}
	if version == Card4 {
		for _, list := range book.Lists {
			writeList(buffered, list)
		}
	}
	return buffered.Flush()
}

func writeContact(w *bufio.Writer, version string, contact api.Contact) {
	name := firstOf(ContactName(contact), contact.Phone)
	writeLine(w, "BEGIN:VCARD")
	writeLine(w, "VERSION:"+version)
	writeLine(w, "FN:"+escape(name))
	if version == Card3 {
		writeLine(w, "N:"+escape(name)+";;;;") // must be there; who knows which word is which
	}
	for _, address := range contact.Addresses {
		writeLine(w, "EMAIL:"+escape(address))
	}
	for _, field := range [...][2]string{{"ORG", contact.Organization}, {"TEL", contact.Phone}, {"NOTE", contact.Note}} {
		if field[1] != "" {
			writeLine(w, field[0]+":"+escape(field[1]))
		}
	}
	writeLine(w, "END:VCARD")
}

func writeList(w *bufio.Writer, list api.ContactList) {
	writeLine(w, "BEGIN:VCARD")
	writeLine(w, "VERSION:"+Card4)
	writeLine(w, "KIND:group")
	writeLine(w, "FN:"+escape(list.Name))
	for _, member := range list.Members {
		writeLine(w, "MEMBER:"+(&url.URL{Scheme: "mailto", Opaque: url.PathEscape(member)}).String())
	}
	writeLine(w, "END:VCARD")
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `;`, `\;`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

func escape(text string) string { return escaper.Replace(text) }

// foldAt is the length of a line in bytes (RFC 6350 section 3.2).
const foldAt = 75

// writeLine writes a line, folded between characters.
func writeLine(w *bufio.Writer, line string) {
	most := foldAt
	for len(line) > most {
		cut := most
		for cut > 1 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		w.WriteString(line[:cut] + "\r\n ")
		line, most = line[cut:], foldAt-1
	}
	w.WriteString(line + "\r\n")
}
