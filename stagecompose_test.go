package main

import (
	"context"
	"strings"

	"alphamail/node/api"
)

// The drafts of the stage, by UID.
const (
	stagedReply = 1 + iota
	stagedUnclear
	stagedSent
)

func (n stagedNode) Compose(_ context.Context, _ *api.Call, q *api.ComposeQuestion) (*api.Draft, error) {
	draft := &api.Draft{
		Folders: n.folders(), Fields: q.Fields, OperationID: "stage@example.edu", MaxSize: 25 << 20, CanSend: true,
		Identities: []api.Identity{{ID: "1", Name: "Maria Lopez", Address: "maria@example.edu"}, {ID: "2", Name: "Registrar’s office of the Department of Linguistics", Address: "registrar@example.edu"}},
	}
	if q.Kind == api.ComposeNew {
		return draft, nil
	}
	at := api.MessageID{Mailbox: "Drafts", UIDValidity: 7, UID: q.ID.UID}
	draft.Origin = &api.Origin{Kind: api.ComposeReply, ID: api.MessageID{Mailbox: "INBOX", UIDValidity: 7, UID: 9}}
	draft.Fields = api.DraftFields{
		Identity: "1", To: "Ana Ruiz <ana.ruiz@example.edu>, نور حداد <noor@example.edu>, bob", Cc: "zoe@example.edu", Subject: "Re: Field trip on Friday",
		Text: "Got it, thanks. I will bring the recorders.\n\nMaria\n\nOn 23 November 2026, Ana Ruiz wrote:\n> Take two, in the yellow cases.\n",
	}
	if q.Kind != api.ComposeDraft {
		return draft, nil
	}
	draft.ID = &at
	for i, name := range []string{"recorders.pdf", "الخريطة.png", strings.Repeat("long-name-", 15) + ".txt"} {
		draft.Attachments = append(draft.Attachments, api.DraftAttachment{AttachmentName: api.AttachmentName{Source: at, Part: "2"}, Name: name, MediaType: "application/pdf", Size: int64(i+1) * 182_000})
	}
	switch q.ID.UID {
	case stagedUnclear:
		draft.State = api.DraftUnclear
	case stagedSent:
		draft.State = api.DraftSent
	}
	return draft, nil
}

func (n stagedNode) SaveDraft(context.Context, *api.Call, *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
	return nil, &api.Error{Code: api.CodeBackendDown}
}

// stagedWriting are states of the page that writes.
var stagedWriting = map[string]string{
	"write-new": "/compose", "write-reply": "/compose?reply=INBOX/7-990", "write-draft": "/compose?draft=Drafts/7-1&saved=1",
	"write-changed": "/compose?draft=Drafts/7-1&saved=1&change=elsewhere&other=Drafts/7-2",
	"write-unclear": "/compose?draft=Drafts/7-2", "write-sent": "/compose?draft=Drafts/7-3",
	"write-wrong": "/compose?draft=Drafts/7-1&problem=address+to+bob&problem=letters+cc+zoe@example.edu&refused=noor@example.edu&reason=recipients&problem=too_many+attachments",
	"write-away":  "/compose?draft=Drafts/7-1&reason=server_away", "write-done": "/mail/INBOX?done=sent&refused=noor@example.edu",
}
