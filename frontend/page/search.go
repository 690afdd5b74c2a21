package page

import (
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"alphamail/node/api"
)

// Search is the page of what a search has found so far; without a query, the page
// on which to search.
type Search struct {
	Answer *api.SearchAnswer
	// Refresh is how often the page is loaded again while the search goes on, in
	// seconds; Still tells that the reader does not want that.
	Refresh int
	Still   bool
	// AllSelected checks the boxes of all rows.
	AllSelected bool
	// Name is what stands in the field for the name of a saved search, Unnamed tells
	// that it must not be empty.
	Name    string
	Unnamed bool
	// Notice is as in Mailbox.
	Notice *Notice
}

// WriteSearch writes the page of a search.
func WriteSearch(w io.Writer, c Context, p Search) error {
	return render(w, searchPage(viewOf(c), p))
}

// searchURL is the path of all searches.
const searchURL = "/search"

// SearchURL is the path of a page of what a search finds; options are further
// parameters, name=value.
func SearchURL(s api.Search, number int, options ...string) string {
	if number > 1 {
		options = append(options, "page="+strconv.Itoa(number))
	}
	return inList(searchURL, api.ListView{Search: &s}, options...)
}

// appendSearch adds a search to a query that begins after path.
func appendSearch(to []byte, path int, s *api.Search) []byte {
	to = appendParameter(to, path, "q", url.QueryEscape(s.Query))
	to = appendParameter(to, path, "in", url.QueryEscape(s.Mailbox))
	if s.Where != usualWhere(s.Mailbox) {
		to = appendParameter(to, path, "where", url.QueryEscape(string(s.Where)))
	}
	return to
}

// usualWhere is where a search goes if it does not say: through the folder that was
// open.
func usualWhere(mailbox string) api.Where {
	if mailbox == "" {
		return api.WhereEverywhere
	}
	return api.WhereHere
}

// ParseSearch reads the search of an address; an empty query is none. It returns an
// error for a place that there is not and for a parameter that stands twice.
func ParseSearch(query url.Values) (api.Search, error) {
	s := api.Search{Query: query.Get("q"), Mailbox: query.Get("in"), Where: api.Where(query.Get("where"))}
	for _, name := range [...]string{"q", "in", "where"} {
		if len(query[name]) > 1 {
			return s, errList
		}
	}
	switch s.Where {
	case "":
		s.Where = usualWhere(s.Mailbox)
	case api.WhereHere, api.WhereBelow, api.WhereEverywhere:
	default:
		return s, errList
	}
	return s, nil
}

// errFound is the error of ParseFound.
var errFound = errors.New("not the name of a message that was found")

// foundName names a message that was found, for its check box.
func appendFound(to []byte, id api.MessageID) []byte {
	return append(to, strings.TrimPrefix(MessageURL(id), "/mail/")...)
}

// ParseFound reads the value of a check box of a message that was found.
func ParseFound(value string) (id api.MessageID, err error) {
	segment, name, _ := strings.Cut(value, "/")
	if id.Mailbox, err = DecodeMailbox(segment); err != nil {
		return id, errFound
	}
	id.UIDValidity, id.UID, err = ParseMessageSegment(name)
	return id, err
}

// searchTitle is never empty.
func (l *locale) searchTitle(s *api.Search) string {
	if strings.TrimSpace(s.Query) == "" {
		return l.SearchLabel
	}
	return l.SearchTitle.fill("Query", plain(s.Query))
}

// searchRange says which of the messages that were found are shown.
func (l *locale) searchRange(p *api.SearchAnswer) string {
	before := (p.Page - 1) * p.PageSize
	return l.MessageRange.fill("First", l.number(before+1), "Last", l.number(before+len(p.Rows)), "Total", l.number(p.Found))
}

// searchState says how far a search is, in a sentence.
func (l *locale) searchState(p *api.SearchAnswer) string {
	switch p.State {
	case api.SearchWaiting:
		return l.SearchWaiting
	case api.SearchRunning:
		return l.SearchRunning.form(p.ToSearch).fill("Done", l.number(p.Searched), "Count", l.number(p.ToSearch))
	case api.SearchStopped:
		return l.SearchStopped.form(p.ToSearch).fill("Done", l.number(p.Searched), "Count", l.number(p.ToSearch))
	case api.SearchFull:
		return l.SearchFull.fill(p.Found, l.number(p.Found))
	case api.SearchFailed:
		return l.SearchFailed
	}
	if p.Found == 0 {
		return l.SearchNothing
	}
	return l.SearchDone.fill(p.Found, l.number(p.Found))
}

// searchProblem explains what is wrong with a query; empty where nothing was asked.
func (l *locale) searchProblem(p *api.SearchProblem) phrase {
	words := pattern(nil)
	switch p.Kind {
	case api.SearchTooLong:
		words = pattern{{text: l.SearchTooLong}}
	case api.SearchUnknownField:
		if words = l.SearchUnknownField; p.Suggestion != "" {
			words = l.SearchMeant
		}
	case api.SearchNoValue:
		words = l.SearchNoValue
	case api.SearchBadDate:
		words = l.SearchBadDate
	case api.SearchBadSize:
		words = l.SearchBadSize
	case api.SearchBadWord:
		words = l.SearchBadWord
	case api.SearchNoFolder:
		words = l.SearchNoFolder
	case api.SearchCharset:
		words = pattern{{text: l.SearchCharset}}
	}
	return phrase{words, []string{"Term", p.Term, "Suggestion", p.Suggestion}}
}

// searchPlace is a choice of where to search.
type searchPlace struct {
	where   api.Where
	words   string
	current bool
}

// searchPlaces are the choices that a search has.
func (l *locale) searchPlaces(p *api.SearchAnswer) (places []searchPlace) {
	if p.Search.Mailbox == "" {
		return nil
	}
	for _, one := range []searchPlace{
		{api.WhereHere, l.SearchOnly.fill("Folder", plain(l.folderName(folderCalled(p.Folders, p.Search.Mailbox)))), false},
		{api.WhereBelow, l.SearchBelow, false},
		{api.WhereEverywhere, l.SearchEverywhere, false},
	} {
		if one.where == api.WhereBelow && !hasBelow(p.Folders, p.Search.Mailbox) {
			continue
		}
		one.current = one.where == p.Search.Where
		places = append(places, one)
	}
	return places
}

// elsewhere is the address of the same search in another place.
func (p Search) elsewhere(where api.Where) templ.SafeURL {
	s := p.Answer.Search
	s.Where = where
	return templ.SafeURL(SearchURL(s, 1))
}

// pageOf is the address of another page of what was found.
func (p Search) pageOf(number int) templ.SafeURL {
	if p.Still {
		return templ.SafeURL(SearchURL(p.Answer.Search, number, "still=1"))
	}
	return templ.SafeURL(SearchURL(p.Answer.Search, number))
}

// folderCalled is the folder of a mailbox, as far as it is listed.
func folderCalled(folders []api.Folder, mailbox string) *api.Folder {
	if i := slices.IndexFunc(folders, func(f api.Folder) bool { return f.Mailbox == mailbox }); i >= 0 {
		return &folders[i]
	}
	return &api.Folder{Mailbox: mailbox, Path: []string{mailbox}, Selectable: true}
}

// hasBelow tells whether there are folders below a mailbox.
func hasBelow(folders []api.Folder, mailbox string) bool {
	here := folderCalled(folders, mailbox)
	return slices.ContainsFunc(folders, func(f api.Folder) bool {
		return f.Space == here.Space && len(f.Path) > len(here.Path) && slices.Equal(f.Path[:len(here.Path)], here.Path)
	})
}

// foundRows are the rows of what was found.
func (v view) foundRows(p Search) rowList {
	answer := p.Answer
	several := slices.ContainsFunc(answer.Rows, func(row api.Row) bool { return row.ID.Mailbox != answer.Search.Mailbox })
	return rowList{
		view: v, folder: &api.Folder{}, rows: answer.Rows, boxes: true, all: p.AllSelected, found: true, named: several, folders: answer.Folders,
		query: string(appendEscaped(nil, inList("", api.ListView{Search: &answer.Search}))),
	}
}

// savedURL is the address of a search that the reader keeps.
func savedURL(one api.SavedSearch) templ.SafeURL {
	s := api.Search{Query: one.Query, Mailbox: one.Mailbox, Where: one.Where}
	if s.Where == "" {
		s.Where = api.WhereEverywhere
	}
	return templ.SafeURL(SearchURL(s, 1))
}

// searchExample is a line of the help for searches.
type searchExample struct{ query, words string }

func (l *locale) searchExamples() []searchExample {
	return []searchExample{
		{"budget report", l.SearchHelpWords},
		{`"annual report"`, l.SearchHelpPhrase},
		{"from:anna", l.SearchHelpFrom},
		{"to:dean cc:office", l.SearchHelpTo},
		{"subject:exam", l.SearchHelpSubject},
		{"body:room", l.SearchHelpBody},
		{"has:attachment", l.SearchHelpHas},
		{"is:unread", l.SearchHelpIs},
		{"after:2026-09-01 before:2026-10", l.SearchHelpDates},
		{"after:2w", l.SearchHelpAgo},
		{"larger:2M smaller:500k", l.SearchHelpSizes},
		{`in:archive in:"Work/Old mail"`, l.SearchHelpIn},
		{"-from:list", l.SearchHelpNot},
	}
}
