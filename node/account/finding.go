package account

import (
	"context"
	"slices"
	"strings"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/settings"
)

// FindAddresses looks for recipients while a message is written, or adds to a field
// those that were chosen.
func (a *Account) FindAddresses(ctx context.Context, question *api.FindAddressesQuestion) (*api.FindAddressesAnswer, error) {
	if len(question.Text) > api.MaxDraftField || len(question.Add) > api.MaxRecipients {
		return nil, errNoRoom
	}
	book, err := a.knownBook(ctx, false)
	if err != nil {
		return nil, err
	}
	all := entries(strings.ToValidUTF8(question.Text, "\uFFFD"))
	words := all[len(all)-1]
	if len(question.Add) == 0 {
		answer := &api.FindAddressesAnswer{Text: question.Text, Words: words}
		answer.Found, answer.More = findAddresses(book, words)
		return answer, nil
	}
	if words == question.Words {
		all = all[:len(all)-1]
	}
	text := strings.Join(slices.DeleteFunc(all, func(entry string) bool { return entry == "" }), ", ")
	text, err = withAddresses(text, chosen(book, question.Add))
	if err != nil {
		return nil, err
	}
	return &api.FindAddressesAnswer{Text: text}, nil
}

var errNoRoom = api.NewError(api.CodeTooLarge, "These are too many recipients for one message.", nil)

// findAddresses returns whom a user may mean by some words, and how many there are
// besides: the addresses of contacts, lists, then addresses that the user wrote to,
// the ones used last first.
func findAddresses(book *settings.Book, words string) (found []api.FoundAddress, more int) {
	wanted := newSought(words)
	taken := map[string]bool{}
	take := func(one api.FoundAddress) {
		key := strings.ToLower(one.ID)
		switch {
		case taken[key]:
		case len(found) < api.MaxFound:
			found = append(found, one)
		default:
			more++
		}
		taken[key] = true
	}
	for _, contact := range book.Contacts {
		for _, address := range contact.Addresses {
			if wanted.is(contact.Name, contact.Organization, address) {
				take(api.FoundAddress{ID: address, Name: contact.Name, Address: address})
			}
		}
	}
	for _, list := range only(book.Lists, wanted.isList) {
		if len(list.Members) > 0 {
			take(api.FoundAddress{ID: list.ID, Name: list.Name, Members: len(list.Members)})
		}
	}
	for _, one := range unknown(book) {
		if wanted.is(one.Name, one.Address) {
			take(api.FoundAddress{ID: one.Address, Name: one.Name, Address: one.Address})
		}
	}
	return found, more
}

// chosen are the addresses that IDs of what was found stand for. A list that is not
// there any more stands for none.
func chosen(book *settings.Book, ids []string) (all []mime.Address) {
	names := map[string]string{}
	for _, one := range book.Collected {
		names[strings.ToLower(one.Address)] = one.Name
	}
	for _, contact := range book.Contacts {
		for _, address := range contact.Addresses {
			names[strings.ToLower(address)] = contact.Name
		}
	}
	for _, id := range ids {
		addresses := []string{id}
		if i := slices.IndexFunc(book.Lists, func(list api.ContactList) bool { return list.ID == id }); i >= 0 {
			addresses = book.Lists[i].Members
		}
		for _, address := range addresses {
			if settings.Addressable(address) {
				all = append(all, mime.Address{Name: oneLine(names[strings.ToLower(address)]), Email: address})
			}
		}
	}
	return all
}

// withAddresses adds addresses to a field, as people write them, unless they stand
// there already.
func withAddresses(text string, added []mime.Address) (string, error) {
	known := map[string]bool{}
	count := 0
	for _, address := range parseRecipients(text) {
		known[strings.ToLower(address.Email)] = true
		count++
	}
	added = only(added, func(one mime.Address) bool {
		key := strings.ToLower(one.Email)
		isNew := !known[key]
		known[key] = true
		return isNew
	})
	if more := writeRecipients(added); text == "" || more == "" {
		text += more
	} else {
		text += ", " + more
	}
	if count+len(added) > api.MaxRecipients || len(text) > api.MaxDraftField {
		return "", errNoRoom
	}
	return text, nil
}
