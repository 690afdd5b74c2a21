package api

import "time"

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=settings.go -o=settings_msgp.go

// Settings are how a user wants to see and write mail. The zero value of each
// field is the default. They stand with these names in the user's IMAP store: a
// name is never given another meaning.
type Settings struct {
	// Language is a language tag; empty takes what the browser prefers.
	Language string `msg:"language,omitempty" json:"language,omitempty"`
	// TimeZone is a name of the IANA time zone database; empty takes that of the
	// server.
	TimeZone  string    `msg:"time_zone,omitempty" json:"time_zone,omitempty"`
	DateStyle DateStyle `msg:"date_style,omitempty" json:"date_style,omitempty"`
	// RowsPerPage is the number of rows of a list, 1 to MaxPageSize.
	RowsPerPage int `msg:"rows_per_page,omitempty" json:"rows_per_page,omitempty"`
	// NoSnippets leaves the beginnings of messages out of lists.
	NoSnippets bool `msg:"no_snippets,omitempty" json:"no_snippets,omitempty"`
	// Sort and SortReverse are the order of a list that was not asked for in
	// another one.
	Sort        Order       `msg:"sort,omitempty" json:"sort,omitempty"`
	SortReverse bool        `msg:"sort_reverse,omitempty" json:"sort_reverse,omitempty"`
	Density     Density     `msg:"density,omitempty" json:"density,omitempty"`
	Images      ImagePolicy `msg:"images,omitempty" json:"images,omitempty"`
	// StartFolder is the mailbox to show after login; empty is the inbox.
	StartFolder string `msg:"start_folder,omitempty" json:"start_folder,omitempty"`
	// RefreshInterval is after how many seconds a list shows itself anew, up to
	// MaxRefresh; 0 is never.
	RefreshInterval int `msg:"refresh_interval,omitempty" json:"refresh_interval,omitempty"`
	// HiddenFolders are mailboxes that lists of folders leave out.
	HiddenFolders []string `msg:"hidden_folders,omitempty" json:"hidden_folders,omitempty"`
	// NotBefore ends all sessions that began earlier, in seconds since 1970 in UTC.
	NotBefore int64 `msg:"not_before,omitempty" json:"not_before,omitempty"`
	// ReplyPosition is where the answer to a message begins.
	ReplyPosition ReplyPosition `msg:"reply_position,omitempty" json:"reply_position,omitempty"`
	// QuoteOriginal is how much of a message its answer quotes.
	QuoteOriginal QuoteOriginal `msg:"quote_original,omitempty" json:"quote_original,omitempty"`
	// SignatureAboveQuote puts the signature between the answer and what it quotes.
	SignatureAboveQuote bool `msg:"signature_above_quote,omitempty" json:"signature_above_quote,omitempty"`
	// DefaultIdentity is the ID of the identity to write as; empty is the first.
	DefaultIdentity string `msg:"default_identity,omitempty" json:"default_identity,omitempty"`
}

// Bounds of RefreshInterval, in seconds.
const (
	MinRefresh = 60
	MaxRefresh = 3600
)

// DateStyle is how dates are written.
type DateStyle string

// The styles of dates.
const (
	DateStyleLanguage DateStyle = ""    // as the language does
	DateStyleISO      DateStyle = "iso" // 2026-11-26 (ISO 8601)
)

// Density is how much room a list takes.
type Density string

// The densities.
const (
	DensityRoomy   Density = ""
	DensityCompact Density = "compact"
)

// ImagePolicy is whether remote images of messages are shown.
type ImagePolicy string

// The policies.
const (
	ImagesAsk    ImagePolicy = ""       // when the user asks for those of a message
	ImagesAlways ImagePolicy = "always" // always: senders learn when a message is read
)

// ReplyPosition is where an answer begins.
type ReplyPosition string

// The positions.
const (
	ReplyAbove ReplyPosition = ""      // above what is quoted
	ReplyBelow ReplyPosition = "below" // below it
)

// QuoteOriginal is how much an answer quotes.
type QuoteOriginal string

// What is quoted.
const (
	QuoteAll     QuoteOriginal = ""     // the whole text
	QuoteNothing QuoteOriginal = "none" // nothing
)

// Identity is who a user writes as.
type Identity struct {
	// ID names it for as long as it exists. OwnIdentity is the one of the login
	// address, which cannot be deleted.
	ID   string `msg:"id" json:"-"`
	Name string `msg:"name,omitempty" json:"name,omitempty"`
	// Address is local-part@domain, one that the user may write as.
	Address      string `msg:"address,omitempty" json:"address,omitempty"`
	ReplyTo      string `msg:"reply_to,omitempty" json:"reply_to,omitempty"`
	Organization string `msg:"organization,omitempty" json:"organization,omitempty"`
	// Signatures are to choose from.
	Signatures      []Signature     `msg:"signatures,omitempty" json:"signatures,omitempty"`
	SignatureChoice SignatureChoice `msg:"signature_choice,omitempty" json:"signature_choice,omitempty"`
}

// OwnIdentity is the ID of the identity that everybody has.
const OwnIdentity = "own"

// Signature is a text below a message.
type Signature struct {
	Name string `msg:"name,omitempty" json:"name,omitempty"`
	Text string `msg:"text" json:"text"`
}

// SignatureChoice says which signature a new message has.
type SignatureChoice string

// The choices.
const (
	SignatureFirst  SignatureChoice = ""       // the first one
	SignatureRandom SignatureChoice = "random" // one by chance
	SignatureNone   SignatureChoice = "none"   // none, until one is chosen
)

// Contact is an entry of the address book.
type Contact struct {
	ID           string   `msg:"id" json:"-"`
	Name         string   `msg:"name,omitempty" json:"name,omitempty"`
	Addresses    []string `msg:"addresses,omitempty" json:"addresses,omitempty"`
	Organization string   `msg:"organization,omitempty" json:"organization,omitempty"`
	Phone        string   `msg:"phone,omitempty" json:"phone,omitempty"`
	Note         string   `msg:"note,omitempty" json:"note,omitempty"`
}

// ContactList is a name for several addresses.
type ContactList struct {
	ID   string `msg:"id" json:"-"`
	Name string `msg:"name,omitempty" json:"name,omitempty"`
	// Members are addresses.
	Members []string `msg:"members,omitempty" json:"members,omitempty"`
}

// CollectedAddress is one that the user wrote to.
type CollectedAddress struct {
	Name    string `msg:"name,omitempty" json:"name,omitempty"`
	Address string `msg:"address" json:"-"`
	// Used is when it was last written to, Times how often.
	Used  time.Time `msg:"used" json:"used"`
	Times int       `msg:"times" json:"times"`
}

// ImageSender is somebody whose remote images are always shown, as far as it is
// proven that a message is from there; see MessageAnswer.Images.
type ImageSender struct {
	Address string `msg:"address" json:"-"`
	// Added is when the user chose so.
	Added time.Time `msg:"added" json:"added"`
}

// SavedSearch is a search to be made again.
type SavedSearch struct {
	ID    string `msg:"id" json:"-"`
	Name  string `msg:"name,omitempty" json:"name,omitempty"`
	Query string `msg:"query,omitempty" json:"query,omitempty"`
	// Mailbox and Where are as in Search; Where is WhereEverywhere if it is empty.
	Mailbox string `msg:"mailbox,omitempty" json:"mailbox,omitempty"`
	Where   Where  `msg:"where,omitempty" json:"where,omitempty"`
}

// Bounds of what is kept.
const (
	MaxIdentities   = 20
	MaxHidden       = 500 // of Settings.HiddenFolders
	MaxSignatures   = 20
	MaxSignature    = 4096 // bytes of a signature's text
	MaxContacts     = 5000
	MaxContactLists = 200
	MaxListMembers  = 500
	MaxAddresses    = 10 // of a contact
	MaxCollected    = 1000
	MaxSearches     = 50
	MaxImageSenders = 500
	MaxWords        = 250  // bytes of a name or another short text
	MaxNote         = 2000 // bytes of a note
)

// SettingsQuestion asks for settings and identities.
type SettingsQuestion struct {
	// Fresh reads them again from the mail server, unless that was done just now.
	Fresh bool `msg:"fresh,omitempty"`
	// Folders asks for the folder list too.
	Folders bool `msg:"folders,omitempty"`
}

// SettingsAnswer are the settings of an account.
type SettingsAnswer struct {
	Settings Settings `msg:"settings"`
	// Identities are never none; the default one comes first.
	Identities []Identity    `msg:"identities"`
	Searches   []SavedSearch `msg:"searches,omitempty"`
	// ImageSenders come by their addresses.
	ImageSenders []ImageSender `msg:"image_senders,omitempty"`
	// Senders are the addresses that identities may have: AnySender, OwnSender, or
	// an address, of which the local part may be "*" for all of a domain.
	Senders []string `msg:"senders,omitempty"`
	// Unsaved tells that the node keeps no settings, so that none can be saved.
	Unsaved bool `msg:"unsaved,omitempty"`
	// Folders are those of the account, if asked for and known.
	Folders []Folder `msg:"folders,omitempty"`
}

// What SettingsAnswer.Senders may hold besides addresses.
const (
	AnySender = "any" // every address
	OwnSender = "own" // the login address, also with "+" and more in its local part
)

// Change is one change of what is kept: exactly one of the fields is set. A record
// without ID is a new one.
type Change struct {
	Settings *Settings    `msg:"settings,omitempty"`
	Identity *Identity    `msg:"identity,omitempty"`
	Contact  *Contact     `msg:"contact,omitempty"`
	List     *ContactList `msg:"list,omitempty"`
	Search   *SavedSearch `msg:"search,omitempty"`
	// ImageSender is added by its address; when is up to the node.
	ImageSender *ImageSender `msg:"image_sender,omitempty"`
	Delete      *Record      `msg:"delete,omitempty"`
}

// Record names something that is kept.
type Record struct {
	Kind RecordKind `msg:"kind"`
	// ID is that of the record; of RecordAddress and RecordImageSender, the address.
	ID string `msg:"id"`
}

// RecordKind is what a record is.
type RecordKind string

// The kinds of records.
const (
	RecordIdentity RecordKind = "identity"
	RecordContact  RecordKind = "contact"
	RecordList     RecordKind = "list"
	RecordSearch   RecordKind = "search"
	RecordAddress  RecordKind = "address"

	RecordImageSender RecordKind = "image_sender"
)

// SaveQuestion makes changes, all or none. The IDs of new records follow from the
// operation id of the call, so that a question that is put twice makes them once.
type SaveQuestion struct {
	Changes []Change `msg:"changes"`
}

// MaxChanges bounds SaveQuestion.Changes.
const MaxChanges = 100

// SaveAnswer tells the ID of the record of each change; empty for settings.
type SaveAnswer struct {
	IDs []string `msg:"ids"`
}

// ContactsQuestion asks for a page of the address book.
type ContactsQuestion struct {
	// Query is looked for in names, addresses and organizations.
	Query string `msg:"query,omitempty"`
	// Page counts from 1. A page past the end answers the last page.
	Page int `msg:"page,omitempty"`
	// ID asks for one contact or list alone.
	ID string `msg:"id,omitempty"`
	// Language is that of the order of names, where the settings have none.
	Language string `msg:"language,omitempty"`
}

// ContactsPageSize is the number of contacts on a page.
const ContactsPageSize = 50

// ContactsAnswer is a page of the address book. Contacts come by name; lists and
// collected addresses, those that were used last, come with the first page.
type ContactsAnswer struct {
	Contacts  []Contact          `msg:"contacts"`
	Lists     []ContactList      `msg:"lists,omitempty"`
	Collected []CollectedAddress `msg:"collected,omitempty"`
	// Total are the contacts of all pages, All those without the query.
	Total int `msg:"total"`
	All   int `msg:"all"`
	Page  int `msg:"page"`
	Pages int `msg:"pages"`
	// Unsaved tells that the node keeps no address book.
	Unsaved bool `msg:"unsaved,omitempty"`
}

// ImportContactsQuestion adds the contacts of a file of cards (vCard, RFC 6350 and
// earlier versions). A contact with an address that is known already is left out.
type ImportContactsQuestion struct {
	// Cards is the file, at most MaxImport bytes.
	Cards []byte `msg:"cards"`
}

// MaxImport bounds a file of cards, in bytes.
const MaxImport = 768 << 10

// ImportContactsAnswer tells what came of the cards.
type ImportContactsAnswer struct {
	Added int `msg:"added"`
	// Known were there already; Unusable had neither name nor address, or could
	// not be read.
	Known    int `msg:"known"`
	Unusable int `msg:"unusable"`
}

// ExportContactsQuestion asks for all contacts as cards.
type ExportContactsQuestion struct {
	// Version is "4.0" (RFC 6350, the default) or "3.0" (RFC 2426).
	Version string `msg:"version,omitempty"`
}
