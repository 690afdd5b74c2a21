package page

import (
	"io"
	"net/url"
	"strconv"
	"strings"

	"alphamail/node/api"
)

// Contacts is a page of the address book.
type Contacts struct {
	Answer *api.ContactsAnswer
	Query  string
	// Imported is what came of an import just now; nil without one.
	Imported *api.ImportContactsAnswer
	Problem  FormProblem
}

// Contact is the form of a contact.
type Contact struct {
	Contact api.Contact
	// Addresses are shown in place of those of the contact: as they were typed.
	Addresses string
	Problem   FormProblem
}

// ContactList is the form of a list of addresses.
type ContactList struct {
	List api.ContactList
	// Members are shown in place of those of the list: as they were typed.
	Members string
	Problem FormProblem
}

// ContactsURL is the path of a page of the address book.
func ContactsURL(query string, number int) string {
	values := url.Values{}
	if query != "" {
		values.Set("q", query)
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	if len(values) == 0 {
		return "/contacts"
	}
	return "/contacts?" + values.Encode()
}

// ContactURL is the path of the form of a contact; of a new one without id.
func ContactURL(id string) string { return "/contacts/contact?id=" + url.QueryEscape(id) }

// ContactListURL is the path of the form of a list; of a new one without id.
func ContactListURL(id string) string { return "/contacts/list?id=" + url.QueryEscape(id) }

// NewContactURL is the path of the form of a new contact that is filled in.
func NewContactURL(name, address string) string {
	return "/contacts/contact?" + url.Values{"name": {name}, "address": {address}}.Encode()
}

// contactName is what a contact is listed under.
func contactName(c *api.Contact) string {
	for _, text := range append([]string{c.Name, c.Organization}, append(c.Addresses, c.Phone)...) {
		if strings.TrimSpace(text) != "" {
			return plain(text)
		}
	}
	return "–"
}

// contactDetails are what is said of a contact beside its name.
func contactDetails(c *api.Contact) []string {
	var all []string
	for _, text := range append(append([]string(nil), c.Addresses...), c.Phone, c.Organization) {
		if text = plain(text); text != "" && text != contactName(c) {
			all = append(all, text)
		}
	}
	return all
}

func (l *locale) contactRange(p *api.ContactsAnswer) string {
	first := (max(p.Page, 1) - 1) * api.ContactsPageSize
	return l.ContactRange.fill("First", l.number(first+1), "Last", l.number(first+len(p.Contacts)), "Total", l.number(p.Total))
}

// importedWords say what came of an import.
func (l *locale) importedWords(p *api.ImportContactsAnswer) string {
	if p == nil {
		return ""
	}
	added := max(p.Added, 0)
	words := []string{l.Imported.fill(added, l.number(added))}
	if p.Known > 0 {
		words = append(words, l.ImportKnown.fill(p.Known, l.number(p.Known)))
	}
	if p.Unusable > 0 {
		words = append(words, l.ImportUnusable.fill(p.Unusable, l.number(p.Unusable)))
	}
	return strings.Join(words, " ")
}

// WriteContacts writes a page of the address book.
func WriteContacts(w io.Writer, c Context, p Contacts) error {
	return render(w, contactsPage(viewOf(c), &p))
}

// WriteContact writes the form of a contact.
func WriteContact(w io.Writer, c Context, p Contact) error {
	return render(w, contactPage(viewOf(c), &p))
}

// WriteContactList writes the form of a list of addresses.
func WriteContactList(w io.Writer, c Context, p ContactList) error {
	return render(w, contactListPage(viewOf(c), &p))
}
