package account

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/mime/compose"
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
		fields.Text = resigned(fields.Text, identities, before, identity, book.Settings.SignatureAboveQuote)
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

// spool writes a message into the spool. Who gets it closes it.
func (a *Account) spool(write func(io.Writer) error) (*spooled, error) {
	if a.config.Spool == nil {
		return nil, api.NewError(api.CodeUnsupported, "Messages cannot be written here.", nil)
	}
	file, err := a.config.Spool.create(a.id)
	if err != nil {
		return nil, err
	}
	if err := write(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// longMessage is the size in bytes from which on a message goes to the mail server
// over a connection of its own, so that no page waits for it.
const longMessage = 1 << 20

// slowest is how many bytes a second a mail server takes at least.
const slowest = 64 << 10

// put puts a message into a mailbox and returns where it stands.
func (a *Account) put(ctx context.Context, mailbox string, message *letter, flags []imap.Flag, messageID string) (api.MessageID, error) {
	command := func() *imapconn.Append {
		return &imapconn.Append{Mailbox: mailbox, Flags: flags, Message: message.reader(), Size: message.size, Parts: message.parts()}
	}
	if message.size > longMessage {
		done := command()
		if err := a.putAlone(ctx, done); err != nil {
			return api.MessageID{}, a.translate(ctx, putError(err))
		}
		return a.placed(ctx, done, messageID)
	}
	var id api.MessageID
	tried := false
	err := a.ask(ctx, func(ctx context.Context) error {
		if tried { // the connection ended: it may be there
			if found, err := a.newestOf(ctx, mailbox, messageID, message.whole()); err != nil || found.UID != 0 {
				id = found
				return err
			}
		}
		tried = true
		done := command()
		if err := a.do(ctx, done); err != nil {
			return putError(err)
		}
		if done.UID != 0 {
			id = api.MessageID{Mailbox: mailbox, UIDValidity: done.UIDValidity, UID: uint32(done.UID)}
			return nil
		}
		var err error
		id, err = a.newestOf(ctx, mailbox, messageID, 0)
		return err
	}, func() bool { return false })
	return id, err
}

// putAlone appends over a connection of its own.
func (a *Account) putAlone(ctx context.Context, command *imapconn.Append) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	conn, err := a.dial(ctx, urgent)
	if err != nil {
		return err
	}
	defer conn.Logout()
	timeout := a.config.CommandTimeout + time.Duration(command.Size/slowest)*time.Second
	return bounded(ctx, timeout, func(ctx context.Context) error { return conn.Do(ctx, command) })
}

// placed returns where an appended message stands.
func (a *Account) placed(ctx context.Context, done *imapconn.Append, messageID string) (api.MessageID, error) {
	if done.UID != 0 {
		return api.MessageID{Mailbox: done.Mailbox, UIDValidity: done.UIDValidity, UID: uint32(done.UID)}, nil
	}
	var id api.MessageID
	err := a.ask(ctx, func(ctx context.Context) (err error) {
		id, err = a.newestOf(ctx, done.Mailbox, messageID, 0)
		return err
	}, func() bool { return false })
	if err == nil && id.UID == 0 {
		err = errNotThere
	}
	return id, err
}

var errNotThere = api.NewError(api.CodeBackendDown, "The mail server did not keep the message.", nil)

// newestOf finds the latest message with a Message-ID in a mailbox, with exactly
// that size unless it is 0; without UID when there is none. The caller has the
// turn and a connection.
func (a *Account) newestOf(ctx context.Context, mailbox, messageID string, size int64) (api.MessageID, error) {
	if _, err := a.ensure(ctx, mailbox, true); err != nil {
		return api.MessageID{}, err
	}
	search := &imapconn.Search{Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: messageID}}}}
	if err := a.do(ctx, search); err != nil || len(search.UIDs) == 0 {
		return api.MessageID{}, err
	}
	fetch := &imapconn.Fetch{UIDs: search.UIDs, Items: &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{draftFields}}}
	if err := a.do(ctx, fetch); err != nil {
		return api.MessageID{}, err
	}
	var newest uint32
	for _, message := range fetch.Messages {
		ids := mime.ParseHeader(message.Section(draftFields)).IDs("Message-ID")
		if slices.Contains(ids, messageID) && (size == 0 || message.Size == size) {
			newest = max(newest, uint32(message.UID))
		}
	}
	if newest == 0 {
		return api.MessageID{}, nil
	}
	return a.selected.id(newest), nil
}

// putError tells a full mailbox from other refusals (RFC 9208, RFC 7889).
func putError(err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	if !refused {
		return err
	}
	switch refusal.Code {
	case "OVERQUOTA":
		return api.NewError(api.CodeTooLarge, "The mailbox is full.", err)
	case imap.ResponseCodeTooBig, imap.ResponseCodeLimit:
		return api.NewError(api.CodeTooLarge, "The mail server does not take so large a message.", err)
	}
	return err
}

// remove removes a message of the selected mailbox. Without UIDPLUS it stays,
// marked as deleted: a bare EXPUNGE would remove what others marked.
func (a *Account) remove(ctx context.Context, uid uint32) error {
	if _, found := a.selected.find(uid); !found {
		return nil
	}
	commands := []imapconn.Command{&imapconn.AddFlags{UIDs: singleSet(uid), Flags: []imap.Flag{imap.FlagDeleted}}}
	if a.conn.Has(imap.CapUIDPlus) {
		commands = append(commands, &imapconn.Expunge{UIDs: singleSet(uid)})
	}
	return a.do(ctx, commands...)
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
