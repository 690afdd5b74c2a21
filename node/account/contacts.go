package account

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"alphamail/node/api"
	"alphamail/node/settings"
)

// Contacts answers a page of the address book.
func (a *Account) Contacts(ctx context.Context, question *api.ContactsQuestion) (*api.ContactsAnswer, error) {
	book, err := a.knownBook(ctx, true)
	if err != nil {
		return nil, err
	}
	answer := &api.ContactsAnswer{All: len(book.Contacts), Page: 1, Pages: 1, Unsaved: a.config.SettingsFolder == ""}
	if question.ID != "" {
		answer.Contacts = only(book.Contacts, func(one api.Contact) bool { return one.ID == question.ID })
		answer.Lists = only(book.Lists, func(one api.ContactList) bool { return one.ID == question.ID })
		if len(answer.Contacts)+len(answer.Lists) == 0 {
			return nil, api.NewError(api.CodeNotFound, "It is not there any more.", nil)
		}
		answer.Total = len(answer.Contacts)
		return answer, nil
	}
	wanted := newSought(question.Query)
	found := only(book.Contacts, wanted.isContact)
	if book.Settings.Language == "" && question.Language != "" {
		found = settings.ByName(found, question.Language, settings.ContactName)
	}
	answer.Total = len(found)
	answer.Pages = max(1, (len(found)+api.ContactsPageSize-1)/api.ContactsPageSize)
	answer.Page = min(max(question.Page, 1), answer.Pages)
	first := (answer.Page - 1) * api.ContactsPageSize
	answer.Contacts = found[first:min(first+api.ContactsPageSize, len(found))]
	if answer.Page == 1 {
		answer.Lists = only(book.Lists, wanted.isList)
		answer.Collected = only(unknown(book), func(one api.CollectedAddress) bool { return wanted.is(one.Name, one.Address) })
		answer.Collected = answer.Collected[:min(len(answer.Collected), api.ContactsPageSize)]
	}
	return answer, nil
}

func only[T any](all []T, wanted func(T) bool) (found []T) {
	for _, one := range all {
		if wanted(one) {
			found = append(found, one)
		}
	}
	return found
}

// unknown are the collected addresses that are not those of contacts.
func unknown(book *settings.Book) []api.CollectedAddress {
	known := addressesOf(book)
	return only(book.Collected, func(one api.CollectedAddress) bool { return !known[strings.ToLower(one.Address)] })
}

func addressesOf(book *settings.Book) map[string]bool {
	known := map[string]bool{}
	for _, contact := range book.Contacts {
		for _, address := range contact.Addresses {
			known[strings.ToLower(address)] = true
		}
	}
	return known
}

// sought are words of which each must occur.
type sought []string

// maxSought bounds the words that are looked for.
const maxSought = 10

func newSought(query string) sought {
	words := strings.Fields(strings.ToLower(settings.Shorten(query, api.MaxWords)))
	return words[:min(len(words), maxSought)]
}

func (s sought) is(texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	return !slices.ContainsFunc(s, func(word string) bool { return !strings.Contains(all, word) })
}

func (s sought) isContact(one api.Contact) bool {
	return s.is(append(slices.Clone(one.Addresses), one.Name, one.Organization)...)
}

func (s sought) isList(one api.ContactList) bool { return s.is(one.Name) }

// maxCollectedAtOnce bounds the addresses of one message that are remembered.
const maxCollectedAtOnce = 100

// collect remembers that the user wrote to addresses. Nothing depends on it, so
// that whoever sends does not wait for it, or fail with it.
func (a *Account) collect(ctx context.Context, addresses []api.Address) error {
	used := only(addresses, func(one api.Address) bool {
		return settings.Addressable(one.Email) && !strings.EqualFold(one.Email, a.id)
	})
	used = slices.Clone(used[:min(len(used), maxCollectedAtOnce)])
	for i := range used {
		used[i].Name = oneLine(used[i].Name)
	}
	return a.write(ctx, func(known settings.Document, now time.Time) (settings.Document, error) {
		return settings.Collect(known, used, now)
	})
}

// ImportContacts adds the contacts of a file of cards that are not known yet.
func (a *Account) ImportContacts(ctx context.Context, operation string, question *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
	if len(question.Cards) > api.MaxImport {
		return nil, errKeptTooLarge
	}
	if operation == "" {
		return nil, errNoOperation
	}
	cards := settings.ReadCards(question.Cards)
	answer := &api.ImportContactsAnswer{}
	err := a.write(ctx, func(known settings.Document, now time.Time) (settings.Document, error) {
		*answer = api.ImportContactsAnswer{Unusable: cards.Unusable}
		changes := newOnes(settings.NewBook(known), cards, answer)
		written, _, err := settings.Changed(known, changes, operation, now)
		return written, err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// newOnes are the contacts and lists of cards that are not known.
func newOnes(book *settings.Book, cards settings.Cards, answer *api.ImportContactsAnswer) (changes []api.Change) {
	addresses, names, lists := addressesOf(book), map[string]bool{}, map[string]bool{}
	for _, contact := range book.Contacts {
		names[contact.Name] = true
	}
	for _, list := range book.Lists {
		lists[list.Name] = true
	}
	for i := range cards.Contacts {
		one := &cards.Contacts[i]
		isKnown := len(one.Addresses) == 0 && names[one.Name] ||
			slices.ContainsFunc(one.Addresses, func(address string) bool { return addresses[strings.ToLower(address)] })
		if isKnown {
			answer.Known++
			continue
		}
		names[one.Name] = true
		for _, address := range one.Addresses {
			addresses[strings.ToLower(address)] = true
		}
		changes = append(changes, api.Change{Contact: one})
		answer.Added++
	}
	for i := range cards.Lists {
		one := &cards.Lists[i]
		if lists[one.Name] {
			answer.Known++
			continue
		}
		lists[one.Name] = true
		changes = append(changes, api.Change{List: one})
		answer.Added++
	}
	return changes
}

// ExportContacts streams the address book as a file of cards.
func (a *Account) ExportContacts(ctx context.Context, question *api.ExportContactsQuestion) (*api.Stream, error) {
	version := question.Version
	if version == "" {
		version = settings.Card4
	}
	if version != settings.Card4 && version != settings.Card3 {
		return nil, api.NewError(api.CodeInvalid, "There is no such version of cards.", nil)
	}
	book, err := a.knownBook(ctx, true)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := settings.WriteCards(&file, version, book); err != nil {
		return nil, err
	}
	return &api.Stream{
		StreamHead: api.StreamHead{MediaType: "text/vcard", Charset: "utf-8", Name: "contacts.vcf", Size: int64(file.Len())},
		Content:    io.NopCloser(&file),
	}, nil
}
