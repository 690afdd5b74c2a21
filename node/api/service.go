// Package api is the page protocol: the questions that a frontend asks a
// webcache node, the answers, and the errors, as plain Go types without a
// transport.
//
// A question asks for all that one page needs and assumes nothing about IMAP
// state: no mailbox is "selected" here, no message has a sequence number. A
// message is always named by mailbox, UIDVALIDITY and UID (MessageID), so that
// a stale page can never act on another message.
//
// The types are encoded as MessagePack maps with generated code. The protocol
// is append-only: a field is never renamed, retyped or removed, and a reader
// ignores fields that it does not know, so versions N and N-1 work together.
package api

import (
	"context"
	"io"
)

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=types.go -o=types_msgp.go

// Version is the version of the page protocol that this build speaks. It also
// understands MinVersion and everything between.
const (
	Version    = 1
	MinVersion = 1
)

// Service answers page questions. A node implements it; the transport offers
// the same interface to a frontend on another machine.
//
// Every method honours the deadline and cancellation of its context. A returned
// error is always an *Error, or wraps one. Every method is safe for concurrent
// use.
type Service interface {
	// Attempt admits a login from an address, or counts one that has failed. Errors:
	// throttled, invalid, not_owner.
	Attempt(context.Context, *Call, *AttemptQuestion) (*AttemptAnswer, error)
	// Login verifies a password with the mail server and seals a session.
	// Errors: auth_failed, throttled, backend_down, busy, invalid, not_owner.
	Login(context.Context, *Call, *LoginQuestion) (*LoginAnswer, error)
	// Renew seals the session of the call anew, which delays its end, but never over
	// its greatest age. Errors: auth_expired, those of the mail server.
	Renew(context.Context, *Call, *RenewQuestion) (*LoginAnswer, error)
	// Logout revokes the session of the call, or all of the account. It succeeds for a
	// session that has already ended. Errors, of the latter alone: unsupported where
	// nothing can be kept, and those of the mail server.
	Logout(context.Context, *Call, *LogoutQuestion) (*LogoutAnswer, error)
	// Mailbox lists one page of a mailbox together with the folder list.
	Mailbox(context.Context, *Call, *MailboxQuestion) (*MailboxAnswer, error)
	// Message returns one message, ready to show, with its neighbours.
	Message(context.Context, *Call, *MessageQuestion) (*MessageAnswer, error)
	// Body returns the sanitised HTML of a message.
	Body(context.Context, *Call, *BodyQuestion) (*BodyAnswer, error)
	// Part streams the decoded content of one part.
	Part(context.Context, *Call, *PartQuestion) (*Stream, error)
	// Attachments streams the attachments of a message as one archive. Errors:
	// besides the usual ones, not_found for a message without any, busy.
	Attachments(context.Context, *Call, *AttachmentsQuestion) (*Stream, error)
	// Unsubscribe tells the list of a message that the user leaves it. Asked twice,
	// it tells it twice, which changes nothing. Errors: besides the usual ones, invalid
	// for a message whose list does not take this, busy.
	Unsubscribe(context.Context, *Call, *UnsubscribeQuestion) (*UnsubscribeAnswer, error)
	// Raw streams the whole message as the mail server holds it (RFC 5322).
	Raw(context.Context, *Call, *RawQuestion) (*Stream, error)
	// Status tells how the node sees itself and the ring. It needs no session.
	Status(context.Context, *Call, *StatusQuestion) (*StatusAnswer, error)
	// Compose begins a message, or opens a draft.
	Compose(context.Context, *Call, *ComposeQuestion) (*Draft, error)
	// Upload brings a piece of a file that is to be attached.
	Upload(context.Context, *Call, *UploadQuestion) (*UploadAnswer, error)
	// SaveDraft puts a draft into the folder of drafts. Asked again with the same
	// operation in its call, it saves once. It is answered for a while after the
	// session has expired, so that no text is lost. Errors: besides the usual ones,
	// too_large, also for a full quota.
	SaveDraft(context.Context, *Call, *SaveDraftQuestion) (*SaveDraftAnswer, error)
	// Send sends a draft: once, however often it is asked.
	Send(context.Context, *Call, *SendQuestion) (*SendAnswer, error)
	// Discard removes a draft. It succeeds for one that is gone.
	Discard(context.Context, *Call, *DiscardQuestion) (*DiscardAnswer, error)
	// Settle ends the doubt about a draft that may have been sent.
	Settle(context.Context, *Call, *SettleQuestion) (*SettleAnswer, error)
	// FindAddresses looks for recipients while a message is written. Errors: besides
	// the usual ones, too_large for what has no room in the field.
	FindAddresses(context.Context, *Call, *FindAddressesQuestion) (*FindAddressesAnswer, error)
	// Settings tells the user's settings and identities.
	Settings(context.Context, *Call, *SettingsQuestion) (*SettingsAnswer, error)
	// Save changes settings, identities, contacts and what else is kept for a user,
	// all of it or nothing. Errors: conflict and not_found for a record that is not
	// there any more, invalid, too_large, unsupported where nothing can be kept.
	Save(context.Context, *Call, *SaveQuestion) (*SaveAnswer, error)
	// Contacts tells a page of the address book.
	Contacts(context.Context, *Call, *ContactsQuestion) (*ContactsAnswer, error)
	// ImportContacts adds contacts from a file of cards.
	ImportContacts(context.Context, *Call, *ImportContactsQuestion) (*ImportContactsAnswer, error)
	// ExportContacts streams the address book as a file of cards.
	ExportContacts(context.Context, *Call, *ExportContactsQuestion) (*Stream, error)
	// Act does something to messages. What the mail server refuses in the middle is
	// no error, but told in the answer. Asked again with the same operation in its
	// call, it does nothing twice. Errors: not_found and conflict for the mailbox,
	// invalid.
	Act(context.Context, *Call, *ActQuestion) (*ActAnswer, error)
	// ActAll does something to all messages of a list: at once if they are few, else
	// by a job, which goes on when it is answered. Asked again with the same operation
	// it is the same job. Errors: as Act, and busy while there are MaxJobs already.
	ActAll(context.Context, *Call, *ActAllQuestion) (*ActAnswer, error)
	// Usage tells how much room the user's mail takes.
	Usage(context.Context, *Call, *UsageQuestion) (*UsageAnswer, error)
	// Search finds messages. It answers as soon as there is something to show, with
	// what was found so far.
	Search(context.Context, *Call, *SearchQuestion) (*SearchAnswer, error)
	// Jobs tells how far the long jobs of the account are. Errors: not_found.
	Jobs(context.Context, *Call, *JobsQuestion) (*JobsAnswer, error)
	// ChangeJob stops a job or takes it back. Errors: not_found, invalid for what
	// cannot be taken back, busy as ActAll.
	ChangeJob(context.Context, *Call, *ChangeJobQuestion) (*ChangeJobAnswer, error)
	// Undo takes back what Act did, as far as the messages are still where it left
	// them. Errors: as Act, and invalid for a handle that is not of this account.
	Undo(context.Context, *Call, *UndoQuestion) (*UndoAnswer, error)
	// Empty deletes for ever what Trash or Junk holds. Errors: as ActAll.
	Empty(context.Context, *Call, *EmptyQuestion) (*ActAnswer, error)
	// Folder makes, renames and deletes folders. Errors: not_found, invalid.
	Folder(context.Context, *Call, *FolderQuestion) (*FolderAnswer, error)
}

// Stream is an answer whose content follows as bytes. The receiver closes
// Content; closing it early cancels the rest. Over a transport the context of
// the question ends the content too, so a receiver keeps it alive until then and
// bounds only the time until the stream begins.
type Stream struct {
	StreamHead
	Content io.ReadCloser
}
