package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// Keywords that tell how far sending a draft has come (RFC 5788 has them
// registered as $SubmitPending and $Submitted).
const (
	flagPending   = imap.Flag("$SubmitPending")
	flagSubmitted = imap.Flag("$Submitted")
)

// storedDraft is a draft in the selected mailbox.
type storedDraft struct {
	uid       uint32
	modSeq    uint64
	operation string // its Message-ID
	mark      mark
	state     api.DraftState
	deleted   bool // marked as deleted: whoever began to remove it did not come to the end
	// inReplyTo and references are its threading.
	inReplyTo, references []string
}

var draftFields = &imap.FetchItemBodySection{
	Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID", fieldSaved, "In-Reply-To", "References"}, Peek: true,
}

// storedDrafts finds the drafts of an operation, and those with some UIDs, in the
// selected mailbox; the oldest first. What is marked as deleted is none.
func (a *Account) storedDrafts(ctx context.Context, operation string, uids ...uint32) ([]storedDraft, error) {
	stored, err := a.draftsAndRemains(ctx, operation, uids...)
	return slices.DeleteFunc(stored, func(one storedDraft) bool { return one.deleted }), err
}

// draftsAndRemains is storedDrafts with those that are marked as deleted.
func (a *Account) draftsAndRemains(ctx context.Context, operation string, uids ...uint32) ([]storedDraft, error) {
	var wanted imap.UIDSet
	if operation != "" {
		search := &imapconn.Search{Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: operation}}}}
		if err := a.do(ctx, search); err != nil {
			return nil, err
		}
		wanted = search.UIDs
	}
	for _, uid := range uids {
		if _, found := a.selected.find(uid); found {
			wanted.AddNum(imap.UID(uid))
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	items := &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{draftFields}}
	items.ModSeq = a.countsChanges()
	fetch := &imapconn.Fetch{UIDs: wanted, Items: items}
	if err := a.do(ctx, fetch); err != nil {
		return nil, err
	}
	var stored []storedDraft
	for _, message := range fetch.Messages {
		header := mime.ParseHeader(message.Section(draftFields))
		one := storedDraft{
			uid: uint32(message.UID), modSeq: message.ModSeq, mark: parseMark(header.Get(fieldSaved)),
			inReplyTo: header.IDs("In-Reply-To"), references: header.IDs("References"),
		}
		if ids := header.IDs("Message-ID"); len(ids) > 0 {
			one.operation = ids[0]
		}
		one.deleted = newFlagSet(message.Flags)&flagDeleted != 0
		if operation != "" && one.operation != operation && !slices.Contains(uids, one.uid) {
			continue
		}
		for _, flag := range message.Flags {
			switch {
			case strings.EqualFold(string(flag), string(flagSubmitted)):
				one.state = api.DraftSent
			case strings.EqualFold(string(flag), string(flagPending)) && one.state == api.DraftUnsent:
				one.state = api.DraftUnclear
			}
		}
		if a.claims.has(one.operation) && one.state == api.DraftUnsent {
			one.state = api.DraftUnclear
		}
		stored = append(stored, one)
	}
	slices.SortFunc(stored, func(x, y storedDraft) int { return int(int64(x.uid) - int64(y.uid)) })
	return stored, nil
}

// countsChanges tells whether the server counts changes (RFC 7162).
func (a *Account) countsChanges() bool {
	return a.conn.Enabled(imap.CapCondStore) || a.conn.Enabled(imap.CapQResync)
}

// inSpecial runs work with the turn while the mailbox of a role is selected and
// all of it known. Work must be safe to repeat: the connection may have been dead.
func (a *Account) inSpecial(ctx context.Context, role api.Role, work func(ctx context.Context) error) error {
	open := func(ctx context.Context) error {
		mailbox, err := a.special(ctx, role)
		if err == nil {
			_, err = a.ensure(ctx, mailbox, true)
		}
		return err
	}
	return a.ask(ctx, func(ctx context.Context) error {
		err := open(ctx)
		if failure := api.AsError(err); failure != nil && failure.Code == api.CodeNotFound {
			a.folders.read = time.Time{} // somebody took the folder away or renamed it
			err = open(ctx)
		}
		if err != nil {
			return err
		}
		return work(ctx)
	}, func() bool { return false })
}

// Discard removes a draft for good: only a draft, and only from the folder of
// drafts.
func (a *Account) Discard(ctx context.Context, question *api.DiscardQuestion) (*api.DiscardAnswer, error) {
	id := question.ID
	err := a.asWriter(ctx, func() error {
		return a.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error {
			if canonicalMailbox(id.Mailbox) != a.selected.mailbox || id.UIDValidity != a.selected.uidValidity {
				return api.NewError(api.CodeConflict, "This is not a draft any more.", nil)
			}
			return a.remove(ctx, id.UID)
		})
	})
	if err != nil {
		return nil, err
	}
	return &api.DiscardAnswer{}, nil
}

// Upload keeps a piece of a file that is to be attached.
func (a *Account) Upload(_ context.Context, piece *api.UploadQuestion) (*api.UploadAnswer, error) {
	switch {
	case a.config.Spool == nil:
		return nil, api.NewError(api.CodeUnsupported, "Files cannot be attached here.", nil)
	case piece.Upload == "" || len(piece.Upload) > 100 || len(piece.Data) > api.MaxUploadChunk || len(piece.Name) > 4096 || len(piece.MediaType) > 256:
		return nil, api.NewError(api.CodeInvalid, "This file cannot be read.", nil)
	case piece.Offset+int64(len(piece.Data)) > a.config.MaxAttached:
		return nil, api.NewError(api.CodeTooLarge, "This file is too large to be attached.", nil)
	}
	a.lastUse.Store(time.Now().UnixNano())
	size, err := a.config.Spool.upload(a.id, piece)
	if err != nil {
		return nil, err
	}
	return &api.UploadAnswer{Size: size}, nil
}
