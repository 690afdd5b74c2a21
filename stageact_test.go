package main

import (
	"context"
	"strings"

	"alphamail/node/api"
)

// What a staged node says when something is to be done: it is done, but for what
// the name of the goal says.

func (n stagedNode) Act(_ context.Context, _ *api.Call, q *api.ActQuestion) (*api.ActAnswer, error) {
	answer := &api.ActAnswer{Action: q.Action, Done: len(q.UIDs), Undo: []byte("handle")}
	switch q.Action {
	case api.ActRead, api.ActUnread, api.ActFlag, api.ActUnflag, api.ActErase:
	case api.ActMove, api.ActCopy:
		answer.To = n.folder(q.To)
	case api.ActNotJunk:
		answer.To = n.folder("INBOX")
	default:
		answer.To = n.folder("Trash")
	}
	if q.To == stagedBusy { // it fills up in the middle
		answer.Done, answer.Left, answer.Gone, answer.Problem = len(q.UIDs)-1, 1, 1, api.ProblemFull
	}
	return answer, nil
}

// ActAll makes a job of everything but flags.
func (n stagedNode) ActAll(_ context.Context, _ *api.Call, q *api.ActAllQuestion) (*api.ActAnswer, error) {
	switch q.Action {
	case api.ActRead, api.ActUnread, api.ActFlag, api.ActUnflag:
		return &api.ActAnswer{Action: q.Action, Done: 120, Undo: []byte("handle")}, nil
	}
	return &api.ActAnswer{Action: q.Action, Job: "running"}, nil
}

// stagedJobs are jobs in every state.
func (n stagedNode) stagedJobs() []api.Job {
	inbox, trash := n.folder("INBOX"), n.folder("Trash")
	return []api.Job{
		{ID: "running", State: api.JobRunning, Action: api.ActMove, From: inbox, To: trash, Total: 48213, Done: 12000, Gone: 500, Started: n.now},
		{ID: "waiting", State: api.JobWaiting, Away: true, Action: api.ActErase, From: trash, Total: 2000, Started: n.now},
		{ID: "done", State: api.JobDone, Action: api.ActMove, From: inbox, To: trash, Total: 5000, Done: 5000, Undoable: 5000, Started: n.now, Ended: n.now},
		{ID: "failed", State: api.JobFailed, Problem: api.ProblemFull, Action: api.ActCopy, From: inbox, To: trash, Total: 5000, Done: 2000, Left: 3000, Undoable: 1500, Started: n.now, Ended: n.now},
	}
}

func (n stagedNode) Jobs(_ context.Context, _ *api.Call, q *api.JobsQuestion) (*api.JobsAnswer, error) {
	answer := &api.JobsAnswer{}
	for _, one := range n.stagedJobs() {
		if q.ID == "" || q.ID == one.ID {
			answer.Jobs = append(answer.Jobs, one)
		}
	}
	return answer, nil
}

func (n stagedNode) ChangeJob(_ context.Context, _ *api.Call, q *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	return &api.ChangeJobAnswer{Job: api.Job{ID: "done"}}, nil
}

func (n stagedNode) Undo(context.Context, *api.Call, *api.UndoQuestion) (*api.UndoAnswer, error) {
	return &api.UndoAnswer{Action: api.ActMove, Folder: n.folder("INBOX"), Done: 2}, nil
}

func (n stagedNode) Empty(context.Context, *api.Call, *api.EmptyQuestion) (*api.ActAnswer, error) {
	return &api.ActAnswer{Action: api.ActErase, Done: 120}, nil
}

func (n stagedNode) Folder(_ context.Context, _ *api.Call, q *api.FolderQuestion) (*api.FolderAnswer, error) {
	name := strings.Join(q.Path, "/")
	answer := &api.FolderAnswer{Folders: n.folders(), Folder: api.Folder{Mailbox: name, Path: q.Path, Selectable: true}}
	for _, f := range n.folders() {
		if f.Mailbox == name {
			answer.Problem = api.FolderExists
		}
	}
	return answer, nil
}

// Search finds the rows of two folders, in the state that the query says.
func (n stagedNode) Search(_ context.Context, _ *api.Call, q *api.SearchQuestion) (*api.SearchAnswer, error) {
	answer := &api.SearchAnswer{
		Folders: n.folders(), Search: q.Search, State: api.SearchDone, Page: 1, Pages: 1, PageSize: 50, Searched: 48213, ToSearch: 48213,
		Saved: []api.SavedSearch{{ID: "one", Name: "Reports", Query: "subject:report has:attachment"}, {ID: "two", Name: "Not read", Query: "is:unread", Mailbox: "INBOX", Where: api.WhereBelow}},
	}
	switch q.Search.Query {
	case "":
		answer.Problem = &api.SearchProblem{Kind: api.SearchEmpty}
	case "form:ana":
		answer.Problem = &api.SearchProblem{Kind: api.SearchUnknownField, Term: "form:ana", Suggestion: "from"}
	case "nothing":
	default:
		answer.Rows = append(n.rows("INBOX")[:20], n.rows("Sent")[:10]...)
		answer.Found, answer.Pages = 3000, 100
		if q.Search.Query == "report" {
			answer.State, answer.Searched = api.SearchRunning, 12000
		}
	}
	return answer, nil
}

// Usage is nearly up.
func (n stagedNode) Usage(_ context.Context, _ *api.Call, q *api.UsageQuestion) (*api.UsageAnswer, error) {
	answer := &api.UsageAnswer{Quotas: []api.Quota{{Resource: api.QuotaStorage, Used: 3_900_000_000, Limit: 4_000_000_000}, {Resource: api.QuotaMessages, Used: 900, Limit: 1000}}}
	if q.Sizes {
		answer.Sizes, answer.Incomplete = []api.FolderSize{{Mailbox: "Sent", Bytes: 1_000_000}, {Mailbox: "INBOX", Bytes: 3_899_000_000}}, true
	}
	return answer, nil
}
