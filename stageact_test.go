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
