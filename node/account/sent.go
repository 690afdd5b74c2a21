package account

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime/compose"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// finish does what is left when a message was sent. What fails is done by whoever
// sends the draft again: it will not go out twice.
func (s *sending) finish(ctx context.Context, answer *api.SendAnswer) *api.SendAnswer {
	err := s.file(ctx)
	if err == nil {
		answer.Copied = true
		s.markOrigin(ctx)
		err = s.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error {
			s.remember(answer.Refused)
			return s.remove(ctx, s.id.UID)
		})
	}
	if err != nil {
		s.log.Warn("a message was sent, and its copy or draft could not be tidied", "error", err)
		return answer
	}
	s.claims.set(s.operation, false)
	return answer
}

func (s *sending) removeDraft(ctx context.Context) error {
	return s.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error { return s.remove(ctx, s.id.UID) })
}

// remember keeps, without anybody waiting, whom the message went to. The caller has
// the turn, and may call it twice.
func (s *sending) remember(refused []api.RefusedRecipient) {
	if s.remembered || s.config.SettingsFolder == "" {
		return
	}
	s.remembered = true
	var used []api.Address
	for _, one := range slices.Concat(s.draft.To, s.draft.Cc, s.draft.Bcc) {
		isRefused := slices.ContainsFunc(refused, func(r api.RefusedRecipient) bool { return strings.EqualFold(r.Address, one.Email) })
		isOwn := slices.ContainsFunc(s.own, func(own api.Identity) bool { return strings.EqualFold(own.Address, one.Email) })
		if !isRefused && !isOwn {
			used = append(used, api.Address{Name: one.Name, Email: one.Email})
		}
	}
	s.inBackground(func() { // ends with its one exchange, or when the account is closed
		ctx, cancel := context.WithTimeout(s.closing, afterSubmit)
		defer cancel()
		if err := s.collect(ctx, used); err != nil {
			s.log.Info("whom a message went to is not remembered", "error", err)
		}
	})
}

// file puts the copy into the folder of sent messages, unless there is one.
func (s *sending) file(ctx context.Context) error {
	if s.backend.Submission.FiledByServer {
		return nil
	}
	if s.spool == nil { // it was sent before
		if there, err := s.isSent(ctx, s.operation); there || err != nil {
			return err
		}
		written, err := s.Account.spool(func(w io.Writer) error {
			_, err := s.draft.Write(w, compose.Server{SMTPUTF8: true, EightBitMIME: true})
			return err
		})
		if err != nil {
			return err
		}
		defer written.Close()
		s.spool = written
	}
	copied := s.spool
	if len(s.bcc) > 0 { // the author may know
		made, err := s.Account.spool(func(w io.Writer) error {
			if _, err := w.Write(s.bcc); err != nil {
				return err
			}
			_, err := io.Copy(w, s.spool.reader())
			return err
		})
		if err != nil {
			return err
		}
		defer made.Close()
		copied = made
	}
	var mailbox string
	err := s.ask(ctx, func(ctx context.Context) (err error) {
		mailbox, err = s.special(ctx, api.RoleSent)
		return err
	}, func() bool { return false })
	if err != nil {
		return err
	}
	_, err = s.put(ctx, mailbox, &letter{spooled: copied}, []imap.Flag{imap.FlagSeen}, s.operation)
	return err
}

// markOrigin marks the message that was answered or forwarded. It may be gone.
func (s *sending) markOrigin(ctx context.Context) {
	if s.origin == nil {
		return
	}
	flag := imap.FlagAnswered
	if s.origin.Kind == api.ComposeForward || s.origin.Kind == api.ComposeForwardAttached {
		flag = imap.FlagForwarded
	}
	id := s.origin.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	err := s.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		return s.markSeen(ctx, []imapconn.Command{&imapconn.AddFlags{UIDs: singleSet(id.UID), Flags: []imap.Flag{flag}}})
	}, func(*index, int) bool { return false })
	if err != nil {
		s.log.Info("the message that was answered could not be marked", "error", err)
	}
}
