package account

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"alphamail/node/api"
	"alphamail/node/search"
	"alphamail/node/settings"
)

var (
	errNotAChange   = api.NewError(api.CodeInvalid, "This cannot be saved.", nil)
	errSender       = api.NewError(api.CodeInvalid, "You cannot write as this address.", nil)
	errKeptTooLarge = api.NewError(api.CodeTooLarge, "This is more than can be kept.", nil)
	errNoOperation  = api.NewError(api.CodeInvalid, "The change has no name.", nil)
)

// checkChanges tells whether changes make sense, and keep their bounds.
func (a *Account) checkChanges(operation string, changes []api.Change) error {
	if operation == "" {
		return errNoOperation
	}
	if len(changes) == 0 || len(changes) > api.MaxChanges {
		return errNotAChange
	}
	for _, one := range changes {
		if err := a.checkChange(one); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) checkChange(one api.Change) error {
	fits, ways := false, 0
	choose := func(is bool, check func() bool) {
		if is {
			ways++
			fits = check()
		}
	}
	choose(one.Settings != nil, func() bool { return fitSettings(one.Settings) })
	choose(one.Identity != nil, func() bool { return fitIdentity(one.Identity) })
	choose(one.Contact != nil, func() bool { return fitContact(one.Contact) })
	choose(one.List != nil, func() bool { return fitList(one.List) })
	choose(one.Search != nil, func() bool { return fitSearch(one.Search) })
	choose(one.ImageSender != nil, func() bool { return settings.Addressable(one.ImageSender.Address) })
	choose(one.Delete != nil, func() bool { return fitDelete(one.Delete) })
	if ways != 1 || !fits {
		return errNotAChange
	}
	if one.Identity != nil && !(one.Identity.ID == api.OwnIdentity && one.Identity.Address == a.id) && !a.maySend(one.Identity.Address) {
		return errSender
	}
	return nil
}

func fitSettings(s *api.Settings) bool {
	return areLines(64, s.Language, s.TimeZone, s.DefaultIdentity) && areLines(1024, s.StartFolder) &&
		isZone(s.TimeZone) && len(s.HiddenFolders) <= api.MaxHidden && areLines(maxMailboxName, s.HiddenFolders...) &&
		s.NotBefore >= 0 && s.NotBefore <= time.Now().Add(time.Minute).Unix() &&
		slices.Contains([]api.DateStyle{api.DateStyleLanguage, api.DateStyleISO}, s.DateStyle) &&
		s.RowsPerPage >= 0 && s.RowsPerPage <= api.MaxPageSize &&
		slices.Contains([]api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize}, s.Sort) &&
		slices.Contains([]api.Density{api.DensityRoomy, api.DensityCompact}, s.Density) &&
		slices.Contains([]api.ImagePolicy{api.ImagesAsk, api.ImagesAlways}, s.Images) &&
		(s.RefreshInterval == 0 || s.RefreshInterval >= api.MinRefresh && s.RefreshInterval <= api.MaxRefresh) &&
		slices.Contains([]api.ReplyPosition{api.ReplyAbove, api.ReplyBelow}, s.ReplyPosition) &&
		slices.Contains([]api.QuoteOriginal{api.QuoteAll, api.QuoteNothing}, s.QuoteOriginal)
}

// isZone tells whether a text names a time zone; the local one of a machine is
// none.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return name == "" || err == nil && name != "Local"
}

func fitIdentity(one *api.Identity) bool {
	for _, signature := range one.Signatures {
		if !areLines(api.MaxWords, signature.Name) || !isText(signature.Text, api.MaxSignature) {
			return false
		}
	}
	return fitID(one.ID) && areLines(api.MaxWords, one.Name, one.Organization) && (one.ReplyTo == "" || settings.Addressable(one.ReplyTo)) &&
		len(one.Signatures) <= api.MaxSignatures &&
		slices.Contains([]api.SignatureChoice{api.SignatureFirst, api.SignatureRandom, api.SignatureNone}, one.SignatureChoice)
}

func fitContact(one *api.Contact) bool {
	return fitID(one.ID) && areLines(api.MaxWords, one.Name, one.Organization, one.Phone) && isText(one.Note, api.MaxNote) &&
		(settings.ContactName(*one) != "" || one.Phone != "") &&
		len(one.Addresses) <= api.MaxAddresses && !slices.ContainsFunc(one.Addresses, isNoAddress)
}

func fitList(one *api.ContactList) bool {
	return fitID(one.ID) && one.Name != "" && areLines(api.MaxWords, one.Name) &&
		len(one.Members) <= api.MaxListMembers && !slices.ContainsFunc(one.Members, isNoAddress)
}

func fitSearch(one *api.SavedSearch) bool {
	return fitID(one.ID) && one.Name != "" && areLines(api.MaxWords, one.Name) && one.Query != "" && areLines(search.MaxLength, one.Query) &&
		areLines(maxMailboxName, one.Mailbox) && slices.Contains([]api.Where{"", api.WhereHere, api.WhereBelow, api.WhereEverywhere}, one.Where)
}

func isNoAddress(text string) bool { return !settings.Addressable(text) }

func fitDelete(one *api.Record) bool {
	switch one.Kind {
	case api.RecordAddress, api.RecordImageSender:
		return settings.Addressable(one.ID)
	case api.RecordIdentity:
		return fitID(one.ID) && one.ID != "" && one.ID != api.OwnIdentity
	case api.RecordContact, api.RecordList, api.RecordSearch:
		return fitID(one.ID) && one.ID != ""
	}
	return false
}

// fitID tells whether a text is empty, or could be an ID that we have given.
func fitID(id string) bool {
	return len(id) <= 32 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// areLines tells whether texts are single lines of at most so many bytes.
func areLines(most int, texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool {
		return len(text) > most || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl)
	})
}

// isText tells the same of a text of several lines.
func isText(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// oneLine makes a line of a name that mail chose.
func oneLine(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, name)
	return settings.Shorten(strings.TrimSpace(name), api.MaxWords)
}

// checkBounds tells whether there is more than is kept.
func checkBounds(book *settings.Book) error {
	if len(book.Identities) > api.MaxIdentities || len(book.Contacts) > api.MaxContacts || len(book.Lists) > api.MaxContactLists || len(book.Searches) > api.MaxSearches || len(book.ImageSenders) > api.MaxImageSenders {
		return errKeptTooLarge
	}
	return nil
}
