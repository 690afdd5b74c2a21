package page

import (
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"alphamail/node/api"
)

// Settings is the page of all settings.
type Settings struct {
	Answer *api.SettingsAnswer
	// Settings are shown in place of those of Answer: what was typed, if it could
	// not be saved.
	Settings api.Settings
	// Saved is the section that was just saved, ProblemIn the one that could not
	// be because of Problem; all may be empty.
	Saved     string
	ProblemIn string
	Problem   FormProblem
}

// The sections of the settings page. Each is a form of its own.
const (
	SectionReading  = "reading"
	SectionWriting  = "writing"
	SectionLanguage = "language"
	SectionImages   = "images"
)

// Identity is the form of an identity.
type Identity struct {
	Identity api.Identity
	// Senders are as in api.SettingsAnswer.
	Senders []string
	Problem FormProblem
}

// FormProblem is why a form was not saved. Text is what it is about.
type FormProblem struct {
	Kind FormProblemKind
	Text string
}

// FormProblemKind is a kind of problem with a form; empty for none.
type FormProblemKind string

// The problems that forms can explain.
const (
	ProblemAddress  FormProblemKind = "address"   // Text is not an address
	ProblemName     FormProblemKind = "name"      // a name is missing
	ProblemZone     FormProblemKind = "zone"      // there is no such time zone
	ProblemSender   FormProblemKind = "sender"    // the address of an identity is not allowed
	ProblemInvalid  FormProblemKind = "invalid"   // something else is missing or too long
	ProblemTooLarge FormProblemKind = "too_large" // there is no room
	ProblemGone     FormProblemKind = "gone"      // it was deleted meanwhile
	ProblemAway     FormProblemKind = "away"      // the mail server does not answer
	ProblemFile     FormProblemKind = "file"      // no file was chosen
	ProblemUnkept   FormProblemKind = "unkept"    // nothing can be kept here
)

func (l *locale) formProblem(p FormProblem) string {
	switch p.Kind {
	case "":
		return ""
	case ProblemAddress:
		return l.ProblemAddress.fill("Address", plain(p.Text))
	case ProblemName:
		return l.ProblemName
	case ProblemZone:
		return l.ProblemZone
	case ProblemSender:
		return l.ProblemSender
	case ProblemTooLarge:
		return l.ProblemTooLarge
	case ProblemGone:
		return l.ProblemGone
	case ProblemAway:
		return l.ProblemAway
	case ProblemFile:
		return l.ProblemFile
	case ProblemUnkept:
		return l.NothingKept
	}
	return l.ProblemInvalid
}

// isAbout tells that a field is where a problem is.
func (p FormProblem) isAbout(field string) bool {
	switch p.Kind {
	case ProblemAddress, ProblemSender:
		return field == "address"
	case ProblemName:
		return field == "name"
	case ProblemZone:
		return field == "zone"
	case ProblemFile:
		return field == "cards"
	}
	return false
}

// option is one of several to choose from.
type option struct {
	value, label string
	taken        bool
}

// options makes options of pairs of value and label.
func options(taken string, pairs ...string) []option {
	all := make([]option, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, option{pairs[i], pairs[i+1], pairs[i] == taken})
	}
	return all
}

// pageSizes are offered; another one that was chosen is too.
var pageSizes = []int{20, api.DefaultPageSize, 100, api.MaxPageSize}

func (l *locale) pageSizeOptions(s *api.Settings) (all []option) {
	chosen := s.RowsPerPage
	if chosen == 0 {
		chosen = api.DefaultPageSize
	}
	known := false
	for _, size := range pageSizes {
		known = known || size == chosen
		all = append(all, option{strconv.Itoa(size), l.number(size), size == chosen})
	}
	if !known {
		all = append(all, option{strconv.Itoa(chosen), l.number(chosen), true})
	}
	return all
}

func (l *locale) sortOptions(s *api.Settings) (all []option) {
	for _, order := range [...]api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize} {
		name, _, _ := l.orderWords(order)
		all = append(all, option{string(order), name, order == s.Sort})
	}
	return all
}

// refreshMinutes are offered for the refreshing of lists.
var refreshMinutes = []int{1, 5, 15, 60}

func (l *locale) refreshOptions(s *api.Settings) []option {
	all := []option{{"0", l.RefreshNever, s.RefreshInterval == 0}}
	known := s.RefreshInterval == 0
	for _, minutes := range refreshMinutes {
		taken := s.RefreshInterval == minutes*60
		known = known || taken
		all = append(all, option{strconv.Itoa(minutes * 60), l.MinutesCount.fill(minutes, l.number(minutes)), taken})
	}
	if !known {
		minutes := max(1, s.RefreshInterval/60)
		all = append(all, option{strconv.Itoa(s.RefreshInterval), l.MinutesCount.fill(minutes, l.number(minutes)), true})
	}
	return all
}

// folderOptions offer the folders; one that is not there any more stays chosen.
func (l *locale) folderOptions(s *api.Settings, folders []api.Folder) []option {
	all := []option{{"", l.RoleInbox, s.StartFolder == ""}}
	known := s.StartFolder == ""
	for _, group := range l.folderGroups(folders) {
		for _, f := range group.folders {
			if roleOf(f) == api.RoleInbox {
				continue
			}
			taken := f.Mailbox == s.StartFolder
			known = known || taken
			all = append(all, option{f.Mailbox, l.folderName(f), taken})
		}
	}
	if !known {
		all = append(all, option{s.StartFolder, plain(s.StartFolder), true})
	}
	return all
}

func (l *locale) languageOptions(s *api.Settings) []option {
	all := []option{{"", l.LanguageOfBrowser, s.Language == ""}}
	for _, name := range languages {
		all = append(all, option{name, localeOf(name).LanguageName, name == s.Language})
	}
	return all
}

func (l *locale) identityOptions(s *api.Settings, identities []api.Identity) (all []option) {
	for i := range identities {
		one := &identities[i]
		all = append(all, option{one.ID, identityName(one), one.ID == s.DefaultIdentity || s.DefaultIdentity == "" && i == 0})
	}
	return all
}

// identityName is the name and the address of an identity.
func identityName(one *api.Identity) string {
	if one.Name == "" {
		return plain(one.Address)
	}
	return plain(one.Name) + " <" + plain(one.Address) + ">"
}

func (l *locale) signatureOptions(one *api.Identity) []option {
	return options(string(one.SignatureChoice), string(api.SignatureFirst), l.SignatureFirst,
		string(api.SignatureRandom), l.SignatureRandom, string(api.SignatureNone), l.SignatureNone)
}

// sendersHint says which addresses an identity may have; empty if any.
func (l *locale) sendersHint(senders []string) string {
	var some []string
	for _, sender := range senders {
		switch sender {
		case api.AnySender:
			return ""
		case api.OwnSender:
			some = append(some, l.SendersOwnShort)
		default:
			some = append(some, plain(sender))
		}
	}
	if len(senders) == 0 || len(senders) == 1 && senders[0] == api.OwnSender {
		return l.SendersOwn
	}
	return l.SendersSome.fill("Addresses", strings.Join(some, l.ListSeparator))
}

// signatureFields are those that there are, and an empty one while there may be
// more.
func signatureFields(one *api.Identity) []api.Signature {
	all := append([]api.Signature(nil), one.Signatures...)
	if len(all) < api.MaxSignatures {
		all = append(all, api.Signature{})
	}
	return all
}

// zones are offered beside what may be typed.
var zones = strings.Fields(`
	Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Africa/Nairobi
	America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Caracas America/Chicago America/Denver America/Halifax
	America/Lima America/Los_Angeles America/Mexico_City America/New_York America/Phoenix America/Santiago America/Sao_Paulo America/St_Johns America/Toronto
	Asia/Baghdad Asia/Bangkok Asia/Dhaka Asia/Dubai Asia/Hong_Kong Asia/Jakarta Asia/Jerusalem Asia/Karachi Asia/Kathmandu Asia/Kolkata
	Asia/Manila Asia/Riyadh Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tehran Asia/Tokyo
	Atlantic/Azores Atlantic/Reykjavik Australia/Adelaide Australia/Brisbane Australia/Perth Australia/Sydney
	Europe/Athens Europe/Berlin Europe/Brussels Europe/Budapest Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London
	Europe/Madrid Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich
	Pacific/Auckland Pacific/Honolulu UTC`)

// IsZone tells whether a text names a time zone.
func IsZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

// SettingsURL is the path of the settings page, at a section or not.
func SettingsURL(saved string) string {
	if saved == "" {
		return "/settings"
	}
	return "/settings?saved=" + saved + "#" + saved + "-section"
}

// IsSection tells whether the settings page has a section of that name.
func IsSection(name string) bool {
	return name == SectionReading || name == SectionWriting || name == SectionLanguage || name == SectionImages || name == SectionIdentities
}

// SectionIdentities is the list of the identities.
const SectionIdentities = "identities"

// IdentityURL is the path of the form of an identity; of a new one without id.
func IdentityURL(id string) string { return "/settings/identity?id=" + url.QueryEscape(id) }

// WriteSettings writes the settings page.
func WriteSettings(w io.Writer, c Context, p Settings) error {
	return render(w, settingsPage(viewOf(c), &p))
}

// WriteIdentity writes the form of an identity.
func WriteIdentity(w io.Writer, c Context, p Identity) error {
	return render(w, identityPage(viewOf(c), &p))
}
