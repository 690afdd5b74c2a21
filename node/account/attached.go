package account

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// keep makes an attachment of what stands in a message on the mail server. Its
// name and type are the caller's.
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

// attach gives the draft its attachments, and refuses more than may be attached.
func (s *saving) attach(ctx context.Context) error {
	var total int64
	known := map[api.MessageID]*loaded{}
	for _, kept := range s.question.Keep {
		kept.Source.Mailbox = canonicalMailbox(kept.Source.Mailbox)
		var found *api.DraftAttachment
		var at reference
		err := s.onMessage(ctx, kept.Source, func(ctx context.Context, _ int) (err error) {
			message := known[kept.Source]
			switch {
			case message != nil:
			case kept.Part == "":
				message, err = s.load(ctx, kept.Source)
			default:
				message, err = s.loadStructure(ctx, kept.Source)
				known[kept.Source] = message
			}
			if err == nil {
				found = attachmentIn(message, kept)
				at = referenceTo(message, kept)
			}
			return err
		}, func(*index, int) bool { return false })
		if failure := api.AsError(err); failure != nil && failure.Code != api.CodeNotFound && failure.Code != api.CodeConflict {
			return err
		}
		if found == nil {
			return api.NewError(api.CodeConflict, "An attachment is not there any more.", err)
		}
		one := s.keep(ctx, kept)
		one.Name, one.MediaType = found.Name, found.MediaType
		s.draft.Attachments = append(s.draft.Attachments, one)
		s.references = append(s.references, at)
		total += found.Size
	}
	for _, upload := range s.question.Uploads {
		file := s.config.Spool.uploaded(s.id, upload)
		if file == nil {
			return errUploadLost
		}
		s.draft.Attachments = append(s.draft.Attachments, compose.Attachment{
			Name: file.name, MediaType: file.mediaType, Open: func() (io.ReadCloser, error) { return io.NopCloser(file.reader()), nil },
		})
		total += file.size
	}
	if total > s.config.MaxAttached {
		return api.NewError(api.CodeTooLarge, "The attachments are too large together.", nil)
	}
	return nil
}

// loadStructure returns the parts of a message of the selected mailbox, perhaps
// without their contents.
func (a *Account) loadStructure(ctx context.Context, id api.MessageID) (*loaded, error) {
	if known := a.loadKnown(a.selected, id); known != nil {
		return known, nil
	}
	fetch := &imapconn.Fetch{UIDs: singleSet(id.UID), Items: &imap.FetchOptions{RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}}
	if err := a.do(ctx, fetch); err != nil {
		return nil, err
	}
	if len(fetch.Messages) == 0 || fetch.Messages[0].Structure == nil {
		return nil, errGone
	}
	return &loaded{Message: &mime.Message{Root: partTree(fetch.Messages[0].Structure, nil)}, size: fetch.Messages[0].Size}, nil
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

// reference names, for the mail server, an attachment that it has in just the form
// in which it is written.
type reference struct {
	url  string // empty for none
	size int64  // in bytes
}

// referenceTo makes the reference to a part: only base64 is written as it was.
func referenceTo(message *loaded, kept api.AttachmentName) reference {
	part := message.Part(kept.Part)
	if part == nil || part.Encoding != "base64" || len(part.Children) > 0 || part.MediaType == "message/rfc822" || part.EncodedSize == 0 {
		return reference{}
	}
	source := kept.Source
	return reference{imapconn.MessageURL(source.Mailbox, source.UIDValidity, imap.UID(source.UID), kept.Part), part.EncodedSize}
}

// letter is a message in the spool. In places it has marks that stand for what the
// mail server has.
type letter struct {
	*spooled
	splices []splice
}

// splice is a mark in a letter and what it stands for.
type splice struct {
	reference
	mark string
	at   int64 // where it begins
}

// markBytes are the random bytes of a mark: in base64 they make one line.
const markBytes = 48

// stand lets marks stand for the attachments that have a reference. They are the
// first ones.
func (l *letter) stand(references []reference, attachments []compose.Attachment) {
	for i, one := range references {
		if one.url == "" {
			continue
		}
		content := make([]byte, markBytes)
		_, _ = rand.Read(content) // never fails
		attachments[i].Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		l.splices = append(l.splices, splice{reference: one, mark: base64.StdEncoding.EncodeToString(content)})
	}
}

var errMark = errors.New("account: a mark is missing in a message")

// find finds the marks, which are lines of their own and stand in order.
func (l *letter) find() error {
	reader := bufio.NewReader(l.reader())
	var offset int64
	for i := range l.splices {
		for {
			line, err := reader.ReadSlice('\n')
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return errMark
			}
			found := strings.TrimRight(string(line), "\r\n") == l.splices[i].mark
			if found {
				l.splices[i].at = offset
			}
			if offset += int64(len(line)); found {
				break
			}
		}
	}
	return nil
}

// parts are the pieces that the mail server puts together; none for a letter that
// is whole.
func (l *letter) parts() []imapconn.Part {
	if len(l.splices) == 0 {
		return nil
	}
	var parts []imapconn.Part
	var from int64
	for _, one := range l.splices {
		parts = append(parts, imapconn.Part{Text: l.section(from, one.at), Size: one.at - from}, imapconn.Part{URL: one.url})
		from = one.at + int64(len(one.mark))
	}
	return append(parts, imapconn.Part{Text: l.section(from, l.size), Size: l.size - from})
}

// whole is the size of the message when it is put together, in bytes.
func (l *letter) whole() int64 {
	size := l.size
	for _, one := range l.splices {
		size += one.reference.size - int64(len(one.mark))
	}
	return size
}
