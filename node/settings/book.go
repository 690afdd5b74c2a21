package settings

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"alphamail/node/api"
)

// Kinds of fields; see the package comment.
const (
	kindSetting = "setting"
	kindAddress = string(api.RecordAddress)

	kindImageSender = string(api.RecordImageSender)
)

// Book is a document as the rest of the program knows it.
type Book struct {
	Settings   api.Settings
	Identities []api.Identity // in the order in which they were made
	Contacts   []api.Contact  // by name, in the order of Settings.Language
	Lists      []api.ContactList
	Searches   []api.SavedSearch
	Collected  []api.CollectedAddress // the one used last first
	// ImageSenders come by their addresses, which are in lower case.
	ImageSenders []api.ImageSender
	Jobs         []Job // the one that began first first
}

// record is a record of a document that is being read.
type record struct {
	id     string
	made   int64 // when it was made; 0 if it was not
	fields map[string]json.RawMessage
}

// NewBook reads a document. A value that makes no sense counts as not there.
func NewBook(d Document) *Book {
	settings := record{fields: map[string]json.RawMessage{}}
	kinds := map[api.RecordKind]map[string]*record{
		api.RecordIdentity: {}, api.RecordContact: {}, api.RecordList: {}, api.RecordSearch: {},
	}
	book := &Book{}
	for name, field := range d {
		if field.deleted() {
			continue
		}
		kind, rest, _ := strings.Cut(name, "/")
		switch kind {
		case kindSetting:
			settings.fields[rest] = field.Value
			continue
		case kindAddress:
			one := api.CollectedAddress{Address: rest}
			if json.Unmarshal(field.Value, &one) == nil {
				book.Collected = append(book.Collected, one)
			}
			continue
		case kindImageSender:
			one := api.ImageSender{Address: rest}
			if json.Unmarshal(field.Value, &one) == nil {
				book.ImageSenders = append(book.ImageSenders, one)
			}
			continue
		}
		known := kinds[api.RecordKind(kind)]
		if known == nil {
			continue
		}
		id, part, isPart := strings.Cut(rest, "/")
		if known[id] == nil {
			known[id] = &record{id: id, fields: map[string]json.RawMessage{}}
		}
		if isPart {
			known[id].fields[part] = field.Value
		} else {
			known[id].made = max(field.Time, 1)
		}
	}
	settings.decode(&book.Settings)
	book.Jobs = jobsOf(d)
	book.Identities = decodeAll(kinds[api.RecordIdentity], func(one *api.Identity, id string) { one.ID = id })
	book.Contacts = decodeAll(kinds[api.RecordContact], func(one *api.Contact, id string) { one.ID = id })
	book.Lists = decodeAll(kinds[api.RecordList], func(one *api.ContactList, id string) { one.ID = id })
	book.Searches = decodeAll(kinds[api.RecordSearch], func(one *api.SavedSearch, id string) { one.ID = id })
	book.Contacts = ByName(book.Contacts, book.Settings.Language, ContactName)
	book.Lists = ByName(book.Lists, book.Settings.Language, func(list api.ContactList) string { return list.Name })
	slices.SortFunc(book.Collected, compareCollected)
	slices.SortFunc(book.ImageSenders, func(a, b api.ImageSender) int { return cmp.Compare(a.Address, b.Address) })
	return book
}

// decodeAll returns the records that exist, in the order in which they were made.
func decodeAll[T any](records map[string]*record, name func(*T, string)) []T {
	var made []*record
	for _, one := range records {
		if one.made > 0 {
			made = append(made, one)
		}
	}
	slices.SortFunc(made, func(a, b *record) int { return cmp.Or(cmp.Compare(a.made, b.made), cmp.Compare(a.id, b.id)) })
	all := make([]T, len(made))
	for i, one := range made {
		one.decode(&all[i])
		name(&all[i], one.id)
	}
	return all
}

// decode fills in the fields of a value; those that do not fit stay zero.
func (r *record) decode(value any) {
	if object, err := json.Marshal(r.fields); err == nil {
		_ = json.Unmarshal(object, value) // goes on behind what does not fit
	}
}

// ContactName is what a contact is listed under: its name, else what else is
// known.
func ContactName(c api.Contact) string {
	if c.Name == "" && c.Organization == "" && len(c.Addresses) > 0 {
		return c.Addresses[0]
	}
	return cmp.Or(c.Name, c.Organization)
}

func compareCollected(a, b api.CollectedAddress) int {
	return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Address, b.Address))
}

// surplus are the fields of the collected addresses that were not used for
// longest, beyond those that are kept.
func surplus(d Document) []string {
	var collected []api.CollectedAddress
	for name, field := range d {
		address, ok := strings.CutPrefix(name, kindAddress+"/")
		if !ok || field.deleted() {
			continue
		}
		one := api.CollectedAddress{}
		_ = json.Unmarshal(field.Value, &one) // one that cannot be read goes first
		one.Address = address
		collected = append(collected, one)
	}
	if len(collected) <= api.MaxCollected {
		return nil
	}
	slices.SortFunc(collected, compareCollected)
	var names []string
	for _, one := range collected[api.MaxCollected:] {
		names = append(names, kindAddress+"/"+one.Address)
	}
	return names
}
