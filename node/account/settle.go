package account

import (
	"context"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
)

// Settle ends the doubt about a draft that may have been sent: it is filed as sent,
// or becomes a draft of another message.
func (a *Account) Settle(ctx context.Context, question *api.SettleQuestion) (answer *api.SettleAnswer, err error) {
	err = a.asWriter(ctx, func() error {
		s := &sending{Account: a, id: question.ID}
		answer, err = s.settle(ctx, question.Sent)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (s *sending) settle(ctx context.Context, sent bool) (*api.SettleAnswer, error) {
	err := s.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error {
		stored, err := s.storedDrafts(ctx, "", s.id.UID)
		if err != nil {
			return err
		}
		if canonicalMailbox(s.id.Mailbox) != s.selected.mailbox || s.id.UIDValidity != s.selected.uidValidity || len(stored) == 0 {
			return api.NewError(api.CodeConflict, "This is not a draft any more.", nil)
		}
		s.id.Mailbox, s.stored, s.operation = s.selected.mailbox, stored[0], stored[0].operation
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.stored.state == api.DraftUnsent {
		return &api.SettleAnswer{ID: &s.id}, nil
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	if sent {
		if !s.keyword(ctx, imap.StoreFlagsAdd, flagSubmitted) {
			return nil, api.NewError(api.CodeBackendDown, "The mail server cannot be reached.", nil)
		}
		if answer := s.finish(ctx, &api.SendAnswer{}); !answer.Copied {
			return nil, api.NewError(api.CodeBackendDown, "The mail server cannot be reached.", nil)
		}
		return &api.SettleAnswer{}, nil
	}
	return s.anew(ctx)
}

// anew makes the draft one of another message.
func (s *sending) anew(ctx context.Context) (*api.SettleAnswer, error) {
	s.draft.MessageID, s.draft.Date = s.newOperation(), time.Time{}
	written, err := s.Account.spool(func(w io.Writer) error {
		writeOwnFields(w, s.identity, s.origin)
		return s.draft.WriteDraft(w)
	})
	if err != nil {
		return nil, err
	}
	defer written.Close()
	id, err := s.put(ctx, s.id.Mailbox, &letter{spooled: written}, []imap.Flag{imap.FlagDraft, imap.FlagSeen}, s.draft.MessageID)
	if err != nil {
		return nil, err
	}
	if err := s.removeDraft(ctx); err != nil {
		s.log.Info("a draft that was begun anew could not be removed", "error", err)
	}
	s.claims.set(s.operation, false)
	return &api.SettleAnswer{ID: &id}, nil
}
