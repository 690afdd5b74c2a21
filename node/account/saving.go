package account

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime/compose"
	"alphamail/node/api"
)

// SaveDraft puts a draft into the folder of drafts, as operation. It saves the new
// one before it removes the old. Errors: as Message, and too_large.
func (a *Account) SaveDraft(ctx context.Context, operation string, question *api.SaveDraftQuestion) (answer *api.SaveDraftAnswer, err error) {
	err = a.asWriter(ctx, func() error {
		save, err := a.newSaving(ctx, operation, question)
		if err == nil {
			answer, err = save.run(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// saving is one draft being saved.
type saving struct {
	*Account
	question *api.SaveDraftQuestion
	identity string // the ID of the one that the draft is written as
	draft    *compose.Draft
	mark     mark
	answer   api.SaveDraftAnswer

	mailbox    string
	catenates  bool         // the server puts messages together (RFC 4469)
	references []reference  // to kept attachments, by position; empty for those that are fetched
	named      *storedDraft // the one that was edited, if it is still there or was not wholly removed
	ended      *storedDraft // what this very press saved before, if its removal was begun since
	settled    bool         // the answer is known: nothing is to be saved
	fresh      bool         // there is no draft of this operation, or no longer
}

func (a *Account) newSaving(ctx context.Context, operation string, question *api.SaveDraftQuestion) (*saving, error) {
	switch {
	case !validOperation(question.OperationID) || strings.ContainsAny(operation, " \t\r\n") || len(operation) > 100:
		return nil, api.NewError(api.CodeInvalid, "This form cannot be read.", nil)
	case len(question.Keep)+len(question.Uploads) > api.MaxAttachments:
		return nil, api.NewError(api.CodeTooLarge, "These are too many attachments.", nil)
	case len(question.Uploads) > 0 && a.config.Spool == nil:
		return nil, api.NewError(api.CodeUnsupported, "Files cannot be attached here.", nil)
	}
	if err := checkFields(&question.Fields); err != nil {
		return nil, err
	}
	book, err := a.knownBook(ctx, false)
	if err != nil {
		return nil, err
	}
	identities := a.identitiesOf(book)
	identity := chooseIdentity(identities, question.Fields.Identity)
	asked := *question
	fields := &asked.Fields
	fields.Text = marked(cleanLines(fields.Text), identities)
	if question.WrittenAs != "" {
		before := chooseIdentity(identities, question.WrittenAs)
		above := aboveQuote(fields.Text, question.Origin, &book.Settings)
		fields.Text = resigned(fields.Text, identities, before, identity, book.Settings.SignatureAboveQuote, above)
	}
	s := &saving{Account: a, question: &asked, identity: identity.ID, draft: newDraft(fields, identity)}
	s.mark = mark{pressOf(operation, question), digestOf(fields), len(question.Keep) + len(question.Uploads)}
	s.answer.OperationID = question.OperationID
	return s, nil
}

func (s *saving) run(ctx context.Context) (*api.SaveDraftAnswer, error) {
	if err := s.inSpecial(ctx, api.RoleDrafts, s.look); err != nil {
		return nil, err
	}
	if s.fresh {
		if err := s.lookAmongSent(ctx); err != nil {
			return nil, err
		}
	}
	if s.settled {
		if s.isLeftOver() {
			s.removeNamed(ctx)
		}
		return &s.answer, nil
	}
	s.draft.MessageID = s.answer.OperationID
	if err := s.thread(ctx); err != nil {
		return nil, err
	}
	if err := s.attach(ctx); err != nil {
		return nil, err
	}
	if err := s.store(ctx); err != nil {
		return nil, err
	}
	for _, upload := range s.question.Uploads {
		s.config.Spool.drop(s.id, upload)
	}
	if s.named != nil && s.answer.Change == api.ChangeNone {
		s.removeNamed(ctx)
	}
	return &s.answer, nil
}

// isLeftOver tells whether the draft that was edited stands beside what became of it:
// whoever saved or sent it first did not come to its removal.
func (s *saving) isLeftOver() bool {
	if s.named == nil || s.named.uid == s.answer.ID.UID {
		return false
	}
	return s.named.deleted || s.answer.Change == api.ChangeNone && s.named.state == api.DraftUnsent
}

// removeNamed removes the draft that was edited. The new one is safe: that the old one
// is still there is no reason to fail.
func (s *saving) removeNamed(ctx context.Context) {
	err := s.inSpecial(ctx, api.RoleDrafts, func(ctx context.Context) error { return s.remove(ctx, s.named.uid) })
	if err != nil {
		s.log.Info("a draft that was saved anew could not be removed", "error", err)
	}
}

// look finds out what became of the draft since it was shown, and so what is to
// be done. The mailbox of drafts is selected.
func (s *saving) look(ctx context.Context) error {
	s.mailbox, s.named, s.ended, s.answer.Change, s.answer.Other, s.fresh = s.selected.mailbox, nil, nil, api.ChangeNone, nil, false
	s.catenates = s.conn.Has(imap.CapCatenate)
	var uids []uint32
	if id := s.question.ID; id != nil && canonicalMailbox(id.Mailbox) == s.mailbox && id.UIDValidity == s.selected.uidValidity {
		uids = append(uids, id.UID)
	}
	stored, err := s.draftsAndRemains(ctx, s.question.OperationID, uids...)
	if err != nil {
		return err
	}
	var newest *storedDraft
	for i := range stored {
		one := &stored[i]
		if len(uids) > 0 && one.uid == uids[0] {
			s.named = one
		}
		switch {
		case !one.deleted:
			newest = one
		case one.mark.operation != "" && one.mark.operation == s.mark.operation:
			s.ended = one
		}
	}
	switch {
	case newest == nil:
		s.fresh = true
		return nil
	case newest.mark.operation != "" && newest.mark.operation == s.mark.operation || newest.state == api.DraftUnsent && s.unchanged(newest):
		s.settled, s.answer.ID = true, s.selected.id(newest.uid)
		return nil
	case newest.state != api.DraftUnsent:
		s.answer.Change = api.ChangeSending
	case s.named == nil || s.named != newest:
		s.answer.Change = api.ChangeElsewhere
	default:
		return nil
	}
	other := s.selected.id(newest.uid)
	s.answer.Other = &other
	if newest.state != api.DraftUnsent && s.unchanged(newest) {
		s.settled, s.answer.ID = true, other
		return nil
	}
	s.answer.OperationID = s.newOperation()
	return nil
}

// lookAmongSent finds out whether the message was sent already: the same form may
// come twice, and an old one from the back button. What differs is kept as a draft
// of its own; files that went out with the message are with its copy.
func (s *saving) lookAmongSent(ctx context.Context) error {
	if s.claims.sentAs(s.question.OperationID) == s.mark.digest {
		s.settled, s.answer.Change = true, api.ChangeSent
		return nil
	}
	sent, err := s.isSent(ctx, s.question.OperationID)
	if err != nil || !sent {
		return err
	}
	if s.ended != nil {
		s.settled, s.answer.Change, s.named = true, api.ChangeSent, s.ended
		return nil
	}
	s.answer.Change, s.answer.OperationID = api.ChangeSending, s.newOperation()
	kept := slices.DeleteFunc(slices.Clone(s.question.Keep), func(kept api.AttachmentName) bool {
		return s.question.ID != nil && kept.Source == *s.question.ID
	})
	changed := *s.question
	changed.Keep = kept
	s.question, s.mark.attachments = &changed, len(kept)+len(changed.Uploads)
	return nil
}

// unchanged tells whether a draft holds just what is to be saved.
func (s *saving) unchanged(stored *storedDraft) bool {
	if stored.mark.digest != s.mark.digest || stored.mark.attachments != s.mark.attachments || len(s.question.Uploads) > 0 {
		return false
	}
	own := s.selected.id(stored.uid)
	return !slices.ContainsFunc(s.question.Keep, func(kept api.AttachmentName) bool { return kept.Source != own || kept.Part == "" })
}

// thread says which conversation the draft belongs to: as the draft before did, or
// that of the message that it answers. That may be gone.
func (s *saving) thread(ctx context.Context) error {
	if s.named != nil {
		s.draft.InReplyTo, s.draft.References = s.named.inReplyTo, s.named.references
		return nil
	}
	origin := s.question.Origin
	if origin == nil || !isOrigin(origin) {
		return nil
	}
	id := origin.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	var message *loaded
	err := s.onMessage(ctx, id, func(ctx context.Context, _ int) (err error) {
		message, err = s.load(ctx, id)
		return err
	}, func(*index, int) bool { return false })
	if failure := api.AsError(err); failure != nil {
		if failure.Code == api.CodeNotFound || failure.Code == api.CodeConflict {
			return nil
		}
		return err
	}
	s.draft.InReplyTo, s.draft.References = compose.Threading(message.Header)
	if origin.Kind == api.ComposeForward || origin.Kind == api.ComposeForwardAttached {
		s.draft.InReplyTo = nil
	}
	return nil
}

// store writes the draft and puts it into the mailbox. Where the server can put
// messages together, attachments that it has are not fetched and sent again.
func (s *saving) store(ctx context.Context) error {
	for {
		message, err := s.compose(ctx)
		if err != nil {
			return err
		}
		s.answer.ID, err = s.put(ctx, s.mailbox, message, []imap.Flag{imap.FlagDraft, imap.FlagSeen}, s.draft.MessageID)
		message.Close()
		full := err != nil && api.AsError(err).Code == api.CodeTooLarge
		if err == nil || full || !isRefusal(err) || len(message.splices) == 0 {
			return err
		}
		s.log.Info("the mail server does not put a draft together", "error", err)
		s.catenates = false
	}
}

// compose writes the draft into the spool, so that its size is known.
func (s *saving) compose(ctx context.Context) (*letter, error) {
	made := &letter{}
	draft := *s.draft
	draft.Attachments = slices.Clone(draft.Attachments)
	if s.catenates {
		made.stand(s.references, draft.Attachments)
	}
	file, err := s.spool(func(w io.Writer) error {
		fmt.Fprintf(w, "%s: %s\r\n", fieldSaved, s.mark)
		writeOwnFields(w, s.identity, s.question.Origin)
		return draft.WriteDraft(w)
	})
	if err != nil {
		return nil, err
	}
	made.spooled = file
	if err := made.find(); err != nil {
		made.Close()
		return nil, err
	}
	return made, nil
}
