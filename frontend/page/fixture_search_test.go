package page

import "alphamail/node/api"

// sampleFound is what a search has found in several folders.
func sampleFound(state api.SearchState) *api.SearchAnswer {
	rows := append(sampleRows("INBOX")[:3], sampleRows("Sent")[:2]...)
	rows = append(rows, sampleRows("Courses/Linguistics 201")[:1]...)
	return &api.SearchAnswer{
		Folders: sampleFolders(), Search: api.Search{Query: `"a <b>" from:ana & co`, Mailbox: "Courses", Where: api.WhereEverywhere},
		State: state, Rows: rows, Found: 5000, Page: 2, Pages: 3, PageSize: 6, Searched: 12000, ToSearch: 48213,
		Skipped: []api.Folder{{Mailbox: "x", Path: []string{"<i>locked"}}},
		Saved: []api.SavedSearch{
			{ID: "one", Name: "Reports", Query: "subject:report has:attachment"},
			{ID: "two", Name: "<script>\u202e", Query: "is:unread", Mailbox: "INBOX", Where: api.WhereBelow},
		},
		Jobs: sampleJobs()[:1],
	}
}

// nothingFound is a search in one folder without a result.
func nothingFound(state api.SearchState) *api.SearchAnswer {
	return &api.SearchAnswer{
		Folders: sampleFolders(), Search: api.Search{Query: "budget", Mailbox: "Library", Where: api.WhereHere},
		State: state, Page: 1, Pages: 1, PageSize: 50, Searched: 1, ToSearch: 1,
	}
}

// problemFound is a search that cannot be made.
func problemFound(kind api.SearchProblemKind, term, suggestion string) *api.SearchAnswer {
	answer := nothingFound("")
	answer.Search = api.Search{Query: term, Where: api.WhereEverywhere}
	answer.Problem = &api.SearchProblem{Kind: kind, Term: term, Suggestion: suggestion}
	answer.Saved = sampleFound("").Saved
	return answer
}
