package api

import "time"

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=search.go -o=search_msgp.go

// Where says which folders a search goes through.
type Where string

// The folders. Those that a search itself names (in:) come before these.
const (
	WhereHere       Where = "here"  // the one that is open
	WhereBelow      Where = "below" // that one and those below it
	WhereEverywhere Where = "all"   // all, Trash and Junk last
)

// Search is a search, as its reader wrote it.
type Search struct {
	// Query is in the language of searches; see docs/page-protocol.md.
	Query string `msg:"query"`
	// Mailbox is the folder that WhereHere and WhereBelow mean.
	Mailbox string `msg:"mailbox,omitempty"`
	Where   Where  `msg:"where"`
}

// SearchQuestion asks for a page of what a search finds. The first question begins
// it; it goes on in the background, and later ones tell how far it is.
type SearchQuestion struct {
	Search Search `msg:"search"`
	// Page and PageSize are as in MailboxQuestion.
	Page     int `msg:"page"`
	PageSize int `msg:"page_size,omitempty"`
	// Again begins it anew, so that what has changed is found.
	Again bool `msg:"again,omitempty"`
	// Stop ends it with what was found.
	Stop bool `msg:"stop,omitempty"`
}

// SearchState says how far a search is.
type SearchState string

// The states. SearchRunning and SearchWaiting go on by themselves.
const (
	SearchNone    SearchState = ""        // nothing is searched: see SearchAnswer.Problem
	SearchWaiting SearchState = "waiting" // for the mail server, or for another search
	SearchRunning SearchState = "running"
	SearchDone    SearchState = "done"
	SearchStopped SearchState = "stopped" // by the user
	SearchFull    SearchState = "full"    // more than MaxFoundMessages were found
	SearchFailed  SearchState = "failed"  // the mail server gave up
)

// Ended tells that a search finds nothing more.
func (s SearchState) Ended() bool { return s != SearchWaiting && s != SearchRunning }

// MaxFoundMessages bounds what a search finds.
const MaxFoundMessages = 5000

// SearchProblemKind says what is wrong with a query.
type SearchProblemKind string

// The problems. Term is SearchProblem.Term.
const (
	SearchEmpty        SearchProblemKind = "empty"         // there is nothing to search for
	SearchTooLong      SearchProblemKind = "too_long"      // it is longer than anybody needs
	SearchUnknownField SearchProblemKind = "unknown_field" // Term names a field that there is not
	SearchNoValue      SearchProblemKind = "no_value"      // nothing stands behind the colon of Term
	SearchBadDate      SearchProblemKind = "bad_date"      // Term has no date that can be read
	SearchBadSize      SearchProblemKind = "bad_size"      // Term has no size that can be read
	SearchBadWord      SearchProblemKind = "bad_word"      // Term has a word that its field does not take
	SearchNoFolder     SearchProblemKind = "no_folder"     // Term names a folder that there is not
	SearchCharset      SearchProblemKind = "charset"       // the mail server does not know such letters
)

// SearchProblem is what is wrong with a query.
type SearchProblem struct {
	Kind SearchProblemKind `msg:"kind"`
	// Term is the one that is wrong, as it was written; may be empty.
	Term string `msg:"term,omitempty"`
	// Suggestion is the field that may have been meant; may be empty.
	Suggestion string `msg:"suggestion,omitempty"`
}

// SearchAnswer is a page of what a search has found so far, newest first by arrival.
type SearchAnswer struct {
	Folders []Folder `msg:"folders"`
	// Search is that of the question, its mailbox and place as they were understood.
	Search  Search         `msg:"search"`
	State   SearchState    `msg:"state,omitempty"`
	Problem *SearchProblem `msg:"problem,omitempty"`
	// Rows are of several mailboxes: see their IDs.
	Rows  []Row `msg:"rows"`
	Found int   `msg:"found"`
	// Page of Pages, of what was found so far.
	Page     int `msg:"page"`
	Pages    int `msg:"pages"`
	PageSize int `msg:"page_size"`
	// Searched of ToSearch messages are done. What the folder list does not count is
	// added when it is opened.
	Searched int `msg:"searched"`
	ToSearch int `msg:"to_search"`
	// Skipped are folders that could not be opened.
	Skipped []Folder `msg:"skipped,omitempty"`
	// Begun is when the search began.
	Begun time.Time `msg:"begun,omitempty"`
	// Saved are the searches that the user keeps.
	Saved []SavedSearch `msg:"saved,omitempty"`
	// Settings and Jobs are as in MailboxAnswer.
	Settings *Settings `msg:"settings,omitempty"`
	Jobs     []Job     `msg:"jobs,omitempty"`
}
