package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/node/api"
)

// Compose begins a message, or opens a draft. Errors: as Message.
func (a *Account) Compose(ctx context.Context, question *api.ComposeQuestion) (*api.Draft, error) {
	if err := checkFields(&question.Fields); err != nil {
		return nil, err
	}
	book, err := a.knownBook(ctx, false)
	if err != nil {
		return nil, err
	}
	identities := a.identitiesOf(book)
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	answer := &api.Draft{
		Settings: &book.Settings, Identities: identities, Fields: question.Fields, OperationID: a.newOperation(),
		MaxSize: a.config.MaxAttached, CanSend: a.submitter() != nil,
	}
	switch question.Kind {
	case api.ComposeNew:
		identity := chooseIdentity(identities, question.Fields.Identity)
		answer.Fields.Identity = identity.ID
		answer.Fields.Text = signed(cleanLines(question.Fields.Text), signatureOf(identity))
		answer.Folders, err = a.folderList(ctx)
	case api.ComposeDraft:
		err = a.openDraft(ctx, id, answer)
	default:
		answer.Origin = &api.Origin{Kind: question.Kind, ID: id}
		if !isOrigin(answer.Origin) {
			return nil, api.NewError(api.CodeInvalid, "There is no such message to answer.", nil)
		}
		err = a.answerTo(ctx, question, answer)
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// folderList returns the folders, for a page that is about none of them.
func (a *Account) folderList(ctx context.Context) (folders []api.Folder, err error) {
	known := func() bool {
		folders = slices.Clone(a.folders.folders)
		return true
	}
	err = a.ask(ctx, func(ctx context.Context) error {
		if a.foldersStale() {
			if err := a.readFolders(ctx); err != nil {
				return err
			}
		}
		known()
		return nil
	}, known)
	return folders, err
}

// answerTo begins a reply or a forward.
func (a *Account) answerTo(ctx context.Context, question *api.ComposeQuestion, answer *api.Draft) error {
	id := answer.Origin.ID
	return a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		message, err := a.load(ctx, id)
		if err != nil {
			return err
		}
		answer.Folders, _ = a.folderAnswer(a.selected)
		answered(question, answer, message)
		return nil
	}, func(x *index, _ int) bool {
		message := a.loadKnown(x, id)
		if message == nil {
			return false
		}
		answer.Folders, _ = a.folderAnswer(x)
		answered(question, answer, message)
		return true
	})
}

// answered fills a draft with what a reply or a forward begins with.
func answered(question *api.ComposeQuestion, answer *api.Draft, message *loaded) {
	words, zone := quoting(question, answer.Settings)
	var own []string
	for _, identity := range answer.Identities {
		own = append(own, identity.Address)
	}
	identity := addressed(answer.Identities, message.Header)
	signature := signatureOf(identity)
	above := answer.Settings.SignatureAboveQuote
	id := answer.Origin.ID
	var draft *compose.Draft
	switch question.Kind {
	case api.ComposeForward:
		draft = compose.Forward(message.Message, words, zone)
		draft.Text = answering(shortened(draft.Text), signature, api.ReplyAbove, above)
		for _, part := range mime.Render(message.Message).Parts {
			answer.Attachments = append(answer.Attachments, newAttachment(id, part))
		}
	case api.ComposeForwardAttached:
		draft = compose.ForwardAttached(message.Header, compose.Attachment{})
		draft.Text = answering("", signature, api.ReplyAbove, above)
		answer.Attachments = []api.DraftAttachment{{
			AttachmentName: api.AttachmentName{Source: id}, Name: draft.Attachments[0].Name, MediaType: "message/rfc822", Size: message.size,
		}}
	default:
		mode := map[api.ComposeKind]compose.Mode{api.ComposeReply: compose.ReplyAuthor, api.ComposeReplyAll: compose.ReplyAll, api.ComposeReplyList: compose.ReplyList}[question.Kind]
		draft = compose.Reply(message.Message, own, mode)
		quotation := ""
		if answer.Settings.QuoteOriginal == api.QuoteAll {
			quotation = shortened(compose.Quote(message.Message, words, zone))
		}
		draft.Text = answering(quotation, signature, answer.Settings.ReplyPosition, above)
	}
	answer.Fields = fieldsOf(draft, identity)
}

// quoting returns the words around a quotation and the zone of its date: those of
// the user's settings, else those of the question.
func quoting(question *api.ComposeQuestion, settings *api.Settings) (compose.Phrases, *time.Location) {
	language, name := question.Language, question.Zone
	if settings.Language != "" {
		language = settings.Language
	}
	if settings.TimeZone != "" {
		name = settings.TimeZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	return compose.PhrasesFor(language), zone
}

// maxQuoted bounds what an answer quotes, in bytes, and leaves room to write.
const maxQuoted = api.MaxDraftText - 16<<10

func shortened(quoted string) string {
	if len(quoted) <= maxQuoted {
		return quoted
	}
	return strings.ToValidUTF8(quoted[:maxQuoted], "") + "\n[…]\n"
}

// addressed finds the identity that a message was sent to; of one that the user
// wrote, the identity that wrote it; else the first one.
func addressed(identities []api.Identity, header mime.Header) *api.Identity {
	for _, name := range []string{"To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "From"} {
		for _, address := range header.Addresses(name) {
			for i := range identities {
				if strings.EqualFold(identities[i].Address, address.Email) {
					return &identities[i]
				}
			}
		}
	}
	return &identities[0]
}

// fieldsOf are the fields of a draft as text.
func fieldsOf(draft *compose.Draft, identity *api.Identity) api.DraftFields {
	return api.DraftFields{
		Identity: identity.ID, To: writeRecipients(draft.To), Cc: writeRecipients(draft.Cc), Bcc: writeRecipients(draft.Bcc),
		ReplyTo: writeRecipients(draft.ReplyTo), Subject: draft.Subject, Text: draft.Text,
	}
}

func newAttachment(source api.MessageID, part *mime.Part) api.DraftAttachment {
	return api.DraftAttachment{
		AttachmentName: api.AttachmentName{Source: source, Part: part.ID},
		Name:           partName(part), MediaType: part.MediaType, Size: decodedSize(part),
	}
}

// openDraft fills an answer with a draft that stands in a mailbox.
func (a *Account) openDraft(ctx context.Context, id api.MessageID, answer *api.Draft) error {
	fill := func(message *loaded) {
		draft := compose.Read(message.Message)
		answer.Formatted = draft.HTML != ""
		if strings.TrimSpace(draft.Text) == "" && draft.HTML != "" {
			draft.Text = compose.PlainText(mime.TextOfHTML(draft.HTML))
		}
		answer.ID = &id
		answer.Fields = fieldsOf(draft, identityOf(answer.Identities, message.Header.Get(fieldIdentity), draft.From))
		answer.Origin = parseOrigin(message.Header.Get(fieldOrigin))
		if validOperation(draft.MessageID) {
			answer.OperationID = draft.MessageID
		}
		for _, part := range draftFiles(message.Root) {
			answer.Attachments = append(answer.Attachments, newAttachment(id, part))
		}
	}
	return a.onMessage(ctx, id, func(ctx context.Context, i int) error {
		message, err := a.load(ctx, id)
		if err != nil {
			return err
		}
		stored, err := a.draftsAndRemains(ctx, "", id.UID)
		if err != nil {
			return err
		}
		for _, one := range stored {
			answer.State = one.state
		}
		fill(message)
		answer.Folders, _ = a.folderAnswer(a.selected)
		return nil
	}, func(x *index, _ int) bool {
		message := a.loadKnown(x, id)
		if message == nil {
			return false
		}
		fill(message)
		answer.Folders, _ = a.folderAnswer(x)
		return true
	})
}

// draftFiles are the parts of a draft that are not its text: those, in order,
// that compose.Read makes attachments of.
func draftFiles(root *mime.Part) []*mime.Part {
	var files []*mime.Part
	var text, html bool
	var take func(*mime.Part)
	take = func(part *mime.Part) {
		file := part.Disposition == "attachment" || part.Filename != "" && part.Disposition != "inline"
		switch {
		case strings.HasPrefix(part.MediaType, "multipart/") && len(part.Children) > 0:
			for _, child := range part.Children {
				take(child)
			}
		case part.MediaType == "text/plain" && !file && !text && !html:
			text = true
		case part.MediaType == "text/html" && !file && !html:
			html = true
		default:
			files = append(files, part)
		}
	}
	if root != nil {
		take(root)
	}
	return files
}
