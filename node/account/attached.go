package account

import (
	"context"
	"io"
	"strings"

	"alphamail/mime/compose"
	"alphamail/node/api"
)

// keep makes an attachment of what stands in a message on the mail server. Its
// name and type are not known before describe.
func (a *Account) keep(ctx context.Context, kept api.AttachmentName) compose.Attachment {
	kept.Source.Mailbox = canonicalMailbox(kept.Source.Mailbox)
	return compose.Attachment{Open: func() (io.ReadCloser, error) {
		stream, err := a.openKept(ctx, kept)
		if err != nil {
			return nil, err
		}
		return stream.Content, nil
	}}
}

func (a *Account) openKept(ctx context.Context, kept api.AttachmentName) (*api.Stream, error) {
	var stream *api.Stream
	var err error
	if kept.Part == "" {
		stream, err = a.Raw(ctx, &api.RawQuestion{ID: kept.Source})
	} else {
		stream, err = a.Part(ctx, &api.PartQuestion{ID: kept.Source, Part: kept.Part})
	}
	if failure := api.AsError(err); failure != nil && (failure.Code == api.CodeNotFound || failure.Code == api.CodeConflict) {
		return nil, api.NewError(api.CodeConflict, "An attachment is not there any more.", err)
	}
	return stream, err
}

// describe gives the kept attachments their names and types, and refuses more than
// may be attached.
func (s *saving) describe(ctx context.Context) error {
	var total int64
	for i, kept := range s.question.Keep {
		kept.Source.Mailbox = canonicalMailbox(kept.Source.Mailbox)
		var found *api.DraftAttachment
		err := s.onMessage(ctx, kept.Source, func(ctx context.Context, _ int) error {
			message, err := s.load(ctx, kept.Source)
			if err == nil {
				found = attachmentIn(message, kept)
			}
			return err
		}, func(*index, int) bool { return false })
		if failure := api.AsError(err); failure != nil && failure.Code != api.CodeNotFound && failure.Code != api.CodeConflict {
			return err
		}
		if found == nil {
			return api.NewError(api.CodeConflict, "An attachment is not there any more.", err)
		}
		s.draft.Attachments[i].Name, s.draft.Attachments[i].MediaType = found.Name, found.MediaType
		total += found.Size
	}
	for _, upload := range s.question.Uploads {
		if file := s.config.Spool.uploaded(s.id, upload); file != nil {
			total += file.size
		}
	}
	if total > s.config.MaxAttached {
		return api.NewError(api.CodeTooLarge, "The attachments are too large together.", nil)
	}
	return nil
}

// attachmentIn finds what is named in a message; nil if it is not there.
func attachmentIn(message *loaded, kept api.AttachmentName) *api.DraftAttachment {
	if kept.Part == "" {
		whole := compose.ForwardAttached(message.Header, compose.Attachment{}).Attachments[0]
		return &api.DraftAttachment{AttachmentName: kept, Name: whole.Name, MediaType: whole.MediaType, Size: message.size}
	}
	part := message.Part(kept.Part)
	if part == nil || part.Container() || strings.HasPrefix(part.MediaType, "multipart/") {
		return nil
	}
	found := newAttachment(kept.Source, part)
	return &found
}
