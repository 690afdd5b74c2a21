package transport

import (
	"context"
	"errors"

	"github.com/tinylib/msgp/msgp"

	"alphamail/node/api"
)

// The commands as paths name them. They are the protocol: append only.
const (
	commandLogin   = "login"
	commandLogout  = "logout"
	commandMailbox = "mailbox"
	commandMessage = "message"
	commandBody    = "body"
	commandPart    = "part"
	commandRaw     = "raw"

	commandAttachments = "attachments"
	commandUnsubscribe = "unsubscribe"
	commandStatus      = "status"

	commandCompose        = "compose"
	commandUpload         = "upload"
	commandSaveDraft      = "save-draft"
	commandSend           = "send"
	commandDiscard        = "discard"
	commandSettle         = "settle"
	commandSettings       = "settings"
	commandSave           = "save"
	commandContacts       = "contacts"
	commandImportContacts = "import-contacts"
	commandExportContacts = "export-contacts"
	commandAct            = "act"
	commandActAll         = "act-all"
	commandUsage          = "usage"
	commandSearch         = "search"
	commandJobs           = "jobs"
	commandChangeJob      = "change-job"
	commandUndo           = "undo"
	commandEmpty          = "empty"
	commandFolder         = "folder"
	commandFindAddresses  = "find-addresses"
	commandRenew          = "renew"
	commandAttempt        = "attempt"
)

// The paths are pathPrefix and a command, or one of those that follow.
const (
	pathPrefix = "/v1/"
	pathCancel = "cancel"
	pathPing   = "ping"
)

var (
	_ api.Service = (*Client)(nil)

	errNoAnswer = errors.New("a service answered nothing")
)

// command decodes one question and asks the service. One of answer and stream
// is set when err is nil.
type command func(ctx context.Context, call *api.Call, question []byte) (answer msgp.Marshaler, stream *api.Stream, err error)

func commandsOf(service api.Service) map[string]command {
	return map[string]command{
		commandLogin:   page(service.Login),
		commandRenew:   page(service.Renew),
		commandAttempt: page(service.Attempt),
		commandLogout:  page(service.Logout),
		commandMailbox: page(service.Mailbox),
		commandMessage: page(service.Message),
		commandBody:    page(service.Body),
		commandPart:    stream(service.Part),
		commandRaw:     stream(service.Raw),
		commandStatus:  page(service.Status),

		commandAttachments: stream(service.Attachments),
		commandUnsubscribe: page(service.Unsubscribe),

		commandCompose:        page(service.Compose),
		commandUpload:         page(service.Upload),
		commandSaveDraft:      page(service.SaveDraft),
		commandSend:           page(service.Send),
		commandDiscard:        page(service.Discard),
		commandSettle:         page(service.Settle),
		commandSettings:       page(service.Settings),
		commandSave:           page(service.Save),
		commandContacts:       page(service.Contacts),
		commandImportContacts: page(service.ImportContacts),
		commandExportContacts: stream(service.ExportContacts),
		commandAct:            page(service.Act),
		commandActAll:         page(service.ActAll),
		commandUsage:          page(service.Usage),
		commandSearch:         page(service.Search),
		commandJobs:           page(service.Jobs),
		commandChangeJob:      page(service.ChangeJob),
		commandUndo:           page(service.Undo),
		commandEmpty:          page(service.Empty),
		commandFolder:         page(service.Folder),
		commandFindAddresses:  page(service.FindAddresses),
	}
}

// encodable and decodable are what generated types are through their pointers.
type encodable[T any] interface {
	*T
	msgp.Marshaler
}

type decodable[T any] interface {
	*T
	msgp.Unmarshaler
}

func page[Q, A any, PQ decodable[Q], PA encodable[A]](ask func(context.Context, *api.Call, PQ) (PA, error)) command {
	return func(ctx context.Context, call *api.Call, body []byte) (msgp.Marshaler, *api.Stream, error) {
		question := PQ(new(Q))
		if err := decodeQuestion(body, question); err != nil {
			return nil, nil, err
		}
		answer, err := ask(ctx, call, question)
		if err == nil && answer == nil {
			err = errNoAnswer
		}
		return answer, nil, err
	}
}

func stream[Q any, PQ decodable[Q]](ask func(context.Context, *api.Call, PQ) (*api.Stream, error)) command {
	return func(ctx context.Context, call *api.Call, body []byte) (msgp.Marshaler, *api.Stream, error) {
		question := PQ(new(Q))
		if err := decodeQuestion(body, question); err != nil {
			return nil, nil, err
		}
		answer, err := ask(ctx, call, question)
		if err == nil && (answer == nil || answer.Content == nil) {
			err = errNoAnswer
		}
		return nil, answer, err
	}
}

func decodeQuestion(body []byte, question msgp.Unmarshaler) error {
	rest, err := decode(body, question)
	if err == nil && len(rest) > 0 {
		err = errMalformed(errors.New("bytes after the question"))
	}
	return err
}

// Login implements api.Service.
func (c *Client) Login(ctx context.Context, call *api.Call, question *api.LoginQuestion) (*api.LoginAnswer, error) {
	return ask[api.LoginAnswer](ctx, c, commandLogin, call, question)
}

// Attempt implements api.Service.
func (c *Client) Attempt(ctx context.Context, call *api.Call, question *api.AttemptQuestion) (*api.AttemptAnswer, error) {
	return ask[api.AttemptAnswer](ctx, c, commandAttempt, call, question)
}

// Renew implements api.Service.
func (c *Client) Renew(ctx context.Context, call *api.Call, question *api.RenewQuestion) (*api.LoginAnswer, error) {
	return ask[api.LoginAnswer](ctx, c, commandRenew, call, question)
}

// Logout implements api.Service.
func (c *Client) Logout(ctx context.Context, call *api.Call, question *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return ask[api.LogoutAnswer](ctx, c, commandLogout, call, question)
}

// Mailbox implements api.Service.
func (c *Client) Mailbox(ctx context.Context, call *api.Call, question *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	return ask[api.MailboxAnswer](ctx, c, commandMailbox, call, question)
}

// Message implements api.Service.
func (c *Client) Message(ctx context.Context, call *api.Call, question *api.MessageQuestion) (*api.MessageAnswer, error) {
	return ask[api.MessageAnswer](ctx, c, commandMessage, call, question)
}

// Body implements api.Service.
func (c *Client) Body(ctx context.Context, call *api.Call, question *api.BodyQuestion) (*api.BodyAnswer, error) {
	return ask[api.BodyAnswer](ctx, c, commandBody, call, question)
}

// Part implements api.Service.
func (c *Client) Part(ctx context.Context, call *api.Call, question *api.PartQuestion) (*api.Stream, error) {
	return c.stream(ctx, commandPart, call, question)
}

// Attachments implements api.Service.
func (c *Client) Attachments(ctx context.Context, call *api.Call, question *api.AttachmentsQuestion) (*api.Stream, error) {
	return c.stream(ctx, commandAttachments, call, question)
}

// Unsubscribe implements api.Service.
func (c *Client) Unsubscribe(ctx context.Context, call *api.Call, question *api.UnsubscribeQuestion) (*api.UnsubscribeAnswer, error) {
	return ask[api.UnsubscribeAnswer](ctx, c, commandUnsubscribe, call, question)
}

// Raw implements api.Service.
func (c *Client) Raw(ctx context.Context, call *api.Call, question *api.RawQuestion) (*api.Stream, error) {
	return c.stream(ctx, commandRaw, call, question)
}

// Status implements api.Service.
func (c *Client) Status(ctx context.Context, call *api.Call, question *api.StatusQuestion) (*api.StatusAnswer, error) {
	return ask[api.StatusAnswer](ctx, c, commandStatus, call, question)
}

// Compose implements api.Service.
func (c *Client) Compose(ctx context.Context, call *api.Call, question *api.ComposeQuestion) (*api.Draft, error) {
	return ask[api.Draft](ctx, c, commandCompose, call, question)
}

// Upload implements api.Service.
func (c *Client) Upload(ctx context.Context, call *api.Call, question *api.UploadQuestion) (*api.UploadAnswer, error) {
	return ask[api.UploadAnswer](ctx, c, commandUpload, call, question)
}

// SaveDraft implements api.Service.
func (c *Client) SaveDraft(ctx context.Context, call *api.Call, question *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
	return ask[api.SaveDraftAnswer](ctx, c, commandSaveDraft, call, question)
}

// Send implements api.Service.
func (c *Client) Send(ctx context.Context, call *api.Call, question *api.SendQuestion) (*api.SendAnswer, error) {
	return ask[api.SendAnswer](ctx, c, commandSend, call, question)
}

// Discard implements api.Service.
func (c *Client) Discard(ctx context.Context, call *api.Call, question *api.DiscardQuestion) (*api.DiscardAnswer, error) {
	return ask[api.DiscardAnswer](ctx, c, commandDiscard, call, question)
}

// Settle implements api.Service.
func (c *Client) Settle(ctx context.Context, call *api.Call, question *api.SettleQuestion) (*api.SettleAnswer, error) {
	return ask[api.SettleAnswer](ctx, c, commandSettle, call, question)
}

// Settings implements api.Service.
func (c *Client) Settings(ctx context.Context, call *api.Call, question *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	return ask[api.SettingsAnswer](ctx, c, commandSettings, call, question)
}

// Save implements api.Service.
func (c *Client) Save(ctx context.Context, call *api.Call, question *api.SaveQuestion) (*api.SaveAnswer, error) {
	return ask[api.SaveAnswer](ctx, c, commandSave, call, question)
}

// Contacts implements api.Service.
func (c *Client) Contacts(ctx context.Context, call *api.Call, question *api.ContactsQuestion) (*api.ContactsAnswer, error) {
	return ask[api.ContactsAnswer](ctx, c, commandContacts, call, question)
}

// ImportContacts implements api.Service.
func (c *Client) ImportContacts(ctx context.Context, call *api.Call, question *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
	return ask[api.ImportContactsAnswer](ctx, c, commandImportContacts, call, question)
}

// ExportContacts implements api.Service.
func (c *Client) ExportContacts(ctx context.Context, call *api.Call, question *api.ExportContactsQuestion) (*api.Stream, error) {
	return c.stream(ctx, commandExportContacts, call, question)
}

// Act implements api.Service.
func (c *Client) Act(ctx context.Context, call *api.Call, question *api.ActQuestion) (*api.ActAnswer, error) {
	return ask[api.ActAnswer](ctx, c, commandAct, call, question)
}

// ActAll implements api.Service.
func (c *Client) ActAll(ctx context.Context, call *api.Call, question *api.ActAllQuestion) (*api.ActAnswer, error) {
	return ask[api.ActAnswer](ctx, c, commandActAll, call, question)
}

// Usage implements api.Service.
func (c *Client) Usage(ctx context.Context, call *api.Call, question *api.UsageQuestion) (*api.UsageAnswer, error) {
	return ask[api.UsageAnswer](ctx, c, commandUsage, call, question)
}

// Search implements api.Service.
func (c *Client) Search(ctx context.Context, call *api.Call, question *api.SearchQuestion) (*api.SearchAnswer, error) {
	return ask[api.SearchAnswer](ctx, c, commandSearch, call, question)
}

// Jobs implements api.Service.
func (c *Client) Jobs(ctx context.Context, call *api.Call, question *api.JobsQuestion) (*api.JobsAnswer, error) {
	return ask[api.JobsAnswer](ctx, c, commandJobs, call, question)
}

// ChangeJob implements api.Service.
func (c *Client) ChangeJob(ctx context.Context, call *api.Call, question *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	return ask[api.ChangeJobAnswer](ctx, c, commandChangeJob, call, question)
}

// Undo implements api.Service.
func (c *Client) Undo(ctx context.Context, call *api.Call, question *api.UndoQuestion) (*api.UndoAnswer, error) {
	return ask[api.UndoAnswer](ctx, c, commandUndo, call, question)
}

// Empty implements api.Service.
func (c *Client) Empty(ctx context.Context, call *api.Call, question *api.EmptyQuestion) (*api.ActAnswer, error) {
	return ask[api.ActAnswer](ctx, c, commandEmpty, call, question)
}

// Folder implements api.Service.
func (c *Client) Folder(ctx context.Context, call *api.Call, question *api.FolderQuestion) (*api.FolderAnswer, error) {
	return ask[api.FolderAnswer](ctx, c, commandFolder, call, question)
}

// FindAddresses implements api.Service.
func (c *Client) FindAddresses(ctx context.Context, call *api.Call, question *api.FindAddressesQuestion) (*api.FindAddressesAnswer, error) {
	return ask[api.FindAddressesAnswer](ctx, c, commandFindAddresses, call, question)
}
