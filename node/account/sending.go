package account

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/submit"
)

// A draft is sent in steps, so that whatever dies between two of them, it is known
// or said to be unknown whether the message went out:
//
//	connect and log in to the server that sends; write the message into the spool
//	claim the draft: keyword $SubmitPending        from here on: "may have been sent"
//	submit; right before the end, check the time
//	keyword $Submitted                             from here on: "was sent"
//	put the copy into the folder of sent messages
//	mark the original as answered or forwarded
//	remove the draft
//
// The operation of a draft is the Message-ID that is sent: a draft that is gone was
// sent if a message with that Message-ID is among those sent.

// afterSubmit bounds what is done when a message was sent, whether or not anybody
// still waits for the answer.
const afterSubmit = time.Minute

// Send sends a draft, once. Errors: as Message; what the server that sends says is
// an answer.
func (a *Account) Send(ctx context.Context, question *api.SendQuestion) (answer *api.SendAnswer, err error) {
	if !validOperation(question.OperationID) {
		return nil, api.NewError(api.CodeInvalid, "This form cannot be read.", nil)
	}
	err = a.asWriter(ctx, func() error {
		s := &sending{Account: a, id: question.ID, operation: question.OperationID}
		answer, err = s.run(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// sending is one draft being sent.
type sending struct {
	*Account
	id        api.MessageID
	operation string

	stored storedDraft
	draft  *compose.Draft
	origin *api.Origin
	own    []api.Identity
	// identity is the ID of the one that the draft was written as.
	identity string
	bcc      []byte // the field as the draft has it
	spool    *spooled

	remembered bool
}

func (s *sending) run(ctx context.Context) (*api.SendAnswer, error) {
	if answer, err := s.find(ctx); answer != nil || err != nil {
		return answer, err
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	if s.stored.state == api.DraftSent {
		return s.finish(ctx, &api.SendAnswer{State: api.SendSent}), nil
	}
	if found := problems(s.draft, compose.Server{SMTPUTF8: true}); len(found) > 0 {
		return &api.SendAnswer{State: api.SendRejected, Problems: found}, nil
	}
	submitter := s.submitter()
	if submitter == nil {
		return &api.SendAnswer{State: api.SendRejected, Reason: api.ReasonNoWay}, nil
	}
	server, err := submitter.Dial(ctx, s.user, s.password)
	if err != nil {
		return s.rejected(err), nil
	}
	defer server.Close()
	return s.through(ctx, server)
}

// find finds the draft, or what became of it.
func (s *sending) find(ctx context.Context) (answer *api.SendAnswer, err error) {
	gone, remains := false, false
	err = s.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error {
		if canonicalMailbox(s.id.Mailbox) != s.selected.mailbox || s.id.UIDValidity != s.selected.uidValidity {
			gone = true
			return nil
		}
		s.id.Mailbox = s.selected.mailbox
		stored, err := s.draftsAndRemains(ctx, s.operation, s.id.UID)
		if err != nil {
			return err
		}
		remains = slices.ContainsFunc(stored, func(one storedDraft) bool { return one.uid == s.id.UID && one.deleted })
		stored = slices.DeleteFunc(stored, func(one storedDraft) bool { return one.deleted })
		i := slices.IndexFunc(stored, func(one storedDraft) bool { return one.uid == s.id.UID })
		if gone = i < 0; gone {
			if j := slices.IndexFunc(stored, func(one storedDraft) bool { return one.state != api.DraftUnsent }); j >= 0 {
				answer, gone = &api.SendAnswer{State: api.SendUnclear}, false
			}
			return nil
		}
		s.stored = stored[i]
		for _, one := range stored { // an older copy of it that was claimed counts too
			if one.state == api.DraftUnclear || one.state == api.DraftSent && one.uid != s.id.UID {
				answer = &api.SendAnswer{State: api.SendUnclear}
			}
		}
		return nil
	})
	if err != nil || answer != nil || s.stored.state == api.DraftSent {
		return answer, err
	}
	sent, err := s.isSent(ctx, s.operation)
	switch {
	case err != nil:
		return nil, err
	case sent: // whatever stands among the drafts now
		if remains {
			err := s.removeDraft(ctx)
			s.log.Info("the removal of a draft that was sent is ended", "error", err)
		}
		return &api.SendAnswer{State: api.SendSent, Copied: true}, nil
	case !gone:
		return nil, nil
	}
	return nil, api.NewError(api.CodeConflict, "This draft is not there any more. It was sent, discarded or saved elsewhere.", nil)
}

// isSent looks for the message among those sent.
func (a *Account) isSent(ctx context.Context, operation string) (sent bool, err error) {
	err = a.ask(ctx, func(ctx context.Context) error {
		mailbox, err := a.special(ctx, api.RoleSent)
		if err != nil {
			return err
		}
		found, err := a.newestOf(ctx, mailbox, operation, 0)
		sent = found.UID != 0
		return err
	}, func() bool { return false })
	return sent, err
}

var bccField = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Bcc"}, Peek: true}

// read makes the message of the draft. Its files stay on the mail server until they
// are written.
func (s *sending) read(ctx context.Context) (err error) {
	if s.own, err = s.identities(ctx); err != nil { // which may need the turn
		return err
	}
	return s.onMessage(ctx, s.id, func(ctx context.Context, _ int) error {
		message, err := s.load(ctx, s.id)
		if err != nil {
			return err
		}
		s.draft = compose.Read(message.Message)
		s.origin = parseOrigin(message.Header.Get(fieldOrigin))
		if strings.TrimSpace(s.draft.Text) == "" && s.draft.HTML != "" {
			s.draft.Text = compose.PlainText(mime.TextOfHTML(s.draft.HTML))
		}
		s.draft.HTML, s.draft.Inline, s.draft.Attachments = "", nil, nil
		for _, part := range draftFiles(message.Root) {
			file := s.keep(context.WithoutCancel(ctx), api.AttachmentName{Source: s.id, Part: part.ID})
			file.Name, file.MediaType = partName(part), part.MediaType
			s.draft.Attachments = append(s.draft.Attachments, file)
		}
		identity := identityOf(s.own, message.Header.Get(fieldIdentity), s.draft.From)
		s.identity = identity.ID
		s.draft.From = mime.Address{Name: identity.Name, Email: identity.Address}
		s.draft.Organization = identity.Organization
		if len(s.draft.ReplyTo) == 0 && identity.ReplyTo != "" {
			s.draft.ReplyTo = parseRecipients(identity.ReplyTo)
		}
		s.draft.MessageID, s.draft.Date = s.operation, time.Now()
		if len(s.draft.Bcc) == 0 {
			return nil
		}
		fetch := &imapconn.Fetch{UIDs: singleSet(s.id.UID), Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{bccField}}}
		if err := s.do(ctx, fetch); err != nil {
			return err
		}
		if len(fetch.Messages) > 0 {
			s.bcc = []byte(strings.TrimRight(string(fetch.Messages[0].Section(bccField)), "\r\n") + "\r\n")
		}
		return nil
	}, func(*index, int) bool { return false })
}

// through writes the message, claims the draft and submits it.
func (s *sending) through(ctx context.Context, server Submission) (*api.SendAnswer, error) {
	features := server.Features()
	if found := problems(s.draft, features); len(found) > 0 {
		return &api.SendAnswer{State: api.SendRejected, Problems: found}, nil
	}
	message := submit.Message{From: s.draft.From.Email, Recipients: recipients(s.draft)}
	written, err := s.Account.spool(func(w io.Writer) (err error) {
		message.Needs, err = s.draft.Write(w, features)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer written.Close()
	s.spool = written
	message.Size = written.size
	if most := server.Size(); most > 0 && message.Size > most {
		return &api.SendAnswer{State: api.SendRejected, Reason: api.ReasonSize}, nil
	}
	message.Write = func(w io.Writer) error {
		_, err := io.Copy(w, written.reader())
		return err
	}
	message.Confirm = ctx.Err
	giveBack, err := s.backend.Submission.Limiter.Take(s.Account.id, len(message.Recipients))
	if err != nil {
		return s.rejected(err), nil
	}
	if claimed, err := s.claim(ctx); err != nil || !claimed {
		giveBack()
		return &api.SendAnswer{State: api.SendUnclear}, err
	}
	result, err := server.Send(ctx, message)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterSubmit)
	defer cancel()
	if err == nil {
		s.claims.sent(s.operation, s.stored.mark.digest)
		s.keyword(after, imap.StoreFlagsAdd, flagSubmitted)
		return s.finish(after, &api.SendAnswer{State: api.SendSent, Refused: refusedOf(result)}), nil
	}
	if submit.KindOf(err) == submit.Unclear {
		s.log.Warn("nobody knows whether a message was sent", "error", err)
		return &api.SendAnswer{State: api.SendUnclear}, nil
	}
	if kind := submit.KindOf(err); kind == submit.NotSent || kind == submit.Busy {
		giveBack() // what was refused counts: nobody shall try addresses for free
	}
	if !s.keyword(after, imap.StoreFlagsDel, flagPending) {
		return &api.SendAnswer{State: api.SendUnclear}, nil // the next owner could not know
	}
	s.claims.set(s.operation, false)
	answer := s.rejected(err)
	if answer.Refused = refusedOf(result); len(answer.Refused) > 0 {
		answer.Reason, answer.Said = api.ReasonRecipients, ""
	}
	return answer, nil
}

// rejected says why a message was not sent.
func (s *sending) rejected(err error) *api.SendAnswer {
	answer := &api.SendAnswer{State: api.SendRejected, Reason: api.ReasonServerAway}
	var limit *submit.LimitError
	var answered *submit.Error
	kind := submit.KindOf(err)
	if errors.As(err, &answered) && (kind == submit.Refused || kind == submit.Busy) {
		answer.Said = answered.Text
	}
	switch {
	case errors.As(err, &limit):
		answer.Reason = api.ReasonLimit
	case kind == submit.Authentication:
		answer.Reason = api.ReasonPassword
	case kind == submit.Busy:
		answer.Reason = api.ReasonServerBusy
	case kind == submit.Refused:
		answer.Reason = api.ReasonRefused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		answer.Reason = api.ReasonInterrupted
	}
	s.log.Info("a message was not sent", "reason", string(answer.Reason), "error", err)
	return answer
}

func refusedOf(result submit.Result) []api.RefusedRecipient {
	var refused []api.RefusedRecipient
	for _, one := range result.Refused {
		refused = append(refused, api.RefusedRecipient{Address: one.Recipient, Status: one.Enhanced, Text: one.Text})
	}
	return refused
}

// claim marks the draft as being sent: false when somebody else did, or changed it,
// since it was read. Where no keywords can be kept, only this node knows.
func (s *sending) claim(ctx context.Context) (claimed bool, err error) {
	err = s.onMessage(ctx, s.id, func(ctx context.Context, _ int) error {
		store := &imapconn.Store{UIDs: singleSet(s.id.UID), Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{flagPending}}}
		if s.countsChanges() {
			store.UnchangedSince = s.stored.modSeq
		}
		if err := s.do(ctx, store); err != nil && !isRefusal(err) {
			return err
		}
		claimed = len(store.Modified) == 0
		return nil
	}, func(*index, int) bool { return false })
	if err == nil && claimed {
		s.claims.set(s.operation, true)
	}
	return claimed, err
}

// keyword changes a keyword of the draft, and reports whether that was done.
func (s *sending) keyword(ctx context.Context, op imap.StoreFlagsOp, flag imap.Flag) bool {
	err := s.onMessage(ctx, s.id, func(ctx context.Context, _ int) error {
		err := s.do(ctx, &imapconn.Store{UIDs: singleSet(s.id.UID), Change: imap.StoreFlags{Op: op, Silent: true, Flags: []imap.Flag{flag}}})
		if isRefusal(err) {
			return nil // a server that keeps no keywords
		}
		return err
	}, func(*index, int) bool { return false })
	if err != nil {
		s.log.Warn("how far a message has come could not be kept", "keyword", string(flag), "error", err)
	}
	return err == nil
}
