package node

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/seal"
)

// Mailbox implements api.Service.
func (n *Node) Mailbox(ctx context.Context, call *api.Call, question *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	return ask(ctx, n, "mailbox", call, question, (*account.Account).Mailbox)
}

// Message implements api.Service.
func (n *Node) Message(ctx context.Context, call *api.Call, question *api.MessageQuestion) (*api.MessageAnswer, error) {
	return ask(ctx, n, "message", call, question, (*account.Account).Message)
}

// Body implements api.Service.
func (n *Node) Body(ctx context.Context, call *api.Call, question *api.BodyQuestion) (*api.BodyAnswer, error) {
	return ask(ctx, n, "body", call, question, (*account.Account).Body)
}

// Part implements api.Service.
func (n *Node) Part(ctx context.Context, call *api.Call, question *api.PartQuestion) (*api.Stream, error) {
	return ask(ctx, n, "part", call, question, (*account.Account).Part)
}

// Attachments implements api.Service.
func (n *Node) Attachments(ctx context.Context, call *api.Call, question *api.AttachmentsQuestion) (*api.Stream, error) {
	return ask(ctx, n, "attachments", call, question, (*account.Account).Attachments)
}

// Unsubscribe implements api.Service.
func (n *Node) Unsubscribe(ctx context.Context, call *api.Call, question *api.UnsubscribeQuestion) (*api.UnsubscribeAnswer, error) {
	return ask(ctx, n, "unsubscribe", call, question, (*account.Account).Unsubscribe)
}

// Raw implements api.Service.
func (n *Node) Raw(ctx context.Context, call *api.Call, question *api.RawQuestion) (*api.Stream, error) {
	return ask(ctx, n, "raw", call, question, (*account.Account).Raw)
}

// Compose implements api.Service.
func (n *Node) Compose(ctx context.Context, call *api.Call, question *api.ComposeQuestion) (*api.Draft, error) {
	return ask(ctx, n, "compose", call, question, (*account.Account).Compose)
}

// Upload implements api.Service.
func (n *Node) Upload(ctx context.Context, call *api.Call, question *api.UploadQuestion) (*api.UploadAnswer, error) {
	return ask(ctx, n, "upload", call, question, (*account.Account).Upload)
}

// SaveDraft implements api.Service.
func (n *Node) SaveDraft(ctx context.Context, call *api.Call, question *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
	return ask(ctx, n, "save-draft", call, question, func(one *account.Account, ctx context.Context, question *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
		return one.SaveDraft(ctx, call.OperationID, question)
	})
}

// Send implements api.Service.
func (n *Node) Send(ctx context.Context, call *api.Call, question *api.SendQuestion) (*api.SendAnswer, error) {
	return ask(ctx, n, "send", call, question, (*account.Account).Send)
}

// Discard implements api.Service.
func (n *Node) Discard(ctx context.Context, call *api.Call, question *api.DiscardQuestion) (*api.DiscardAnswer, error) {
	return ask(ctx, n, "discard", call, question, (*account.Account).Discard)
}

// Settle implements api.Service.
func (n *Node) Settle(ctx context.Context, call *api.Call, question *api.SettleQuestion) (*api.SettleAnswer, error) {
	return ask(ctx, n, "settle", call, question, (*account.Account).Settle)
}

// FindAddresses implements api.Service.
func (n *Node) FindAddresses(ctx context.Context, call *api.Call, question *api.FindAddressesQuestion) (*api.FindAddressesAnswer, error) {
	return ask(ctx, n, "find-addresses", call, question, (*account.Account).FindAddresses)
}

// Settings implements api.Service.
func (n *Node) Settings(ctx context.Context, call *api.Call, question *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	return ask(ctx, n, "settings", call, question, (*account.Account).Settings)
}

// Save implements api.Service.
func (n *Node) Save(ctx context.Context, call *api.Call, question *api.SaveQuestion) (*api.SaveAnswer, error) {
	return ask(ctx, n, "save", call, question, func(one *account.Account, ctx context.Context, question *api.SaveQuestion) (*api.SaveAnswer, error) {
		return one.Save(ctx, call.OperationID, question)
	})
}

// Contacts implements api.Service.
func (n *Node) Contacts(ctx context.Context, call *api.Call, question *api.ContactsQuestion) (*api.ContactsAnswer, error) {
	return ask(ctx, n, "contacts", call, question, (*account.Account).Contacts)
}

// ImportContacts implements api.Service.
func (n *Node) ImportContacts(ctx context.Context, call *api.Call, question *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
	return ask(ctx, n, "import-contacts", call, question, func(one *account.Account, ctx context.Context, question *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
		return one.ImportContacts(ctx, call.OperationID, question)
	})
}

// ExportContacts implements api.Service.
func (n *Node) ExportContacts(ctx context.Context, call *api.Call, question *api.ExportContactsQuestion) (*api.Stream, error) {
	return ask(ctx, n, "export-contacts", call, question, (*account.Account).ExportContacts)
}

// Act implements api.Service.
func (n *Node) Act(ctx context.Context, call *api.Call, question *api.ActQuestion) (*api.ActAnswer, error) {
	return ask(ctx, n, "act", call, question, func(one *account.Account, ctx context.Context, question *api.ActQuestion) (*api.ActAnswer, error) {
		answer, err := one.Act(ctx, call.OperationID, call.Repeated, question)
		return n.sealUndo(call, answer), err
	})
}

// sealUndo returns an answer with its undo handle sealed.
func (n *Node) sealUndo(call *api.Call, answer *api.ActAnswer) *api.ActAnswer {
	if answer == nil || len(answer.Undo) == 0 {
		return answer
	}
	sealed := *answer // the account may give the same one again
	sealed.Undo = n.keyring.Load().SealNote(undoNote, n.accountBinding(call), answer.Undo)
	return &sealed
}

// ActAll implements api.Service.
func (n *Node) ActAll(ctx context.Context, call *api.Call, question *api.ActAllQuestion) (*api.ActAnswer, error) {
	return ask(ctx, n, "act-all", call, question, func(one *account.Account, ctx context.Context, question *api.ActAllQuestion) (*api.ActAnswer, error) {
		answer, err := one.ActAll(ctx, call.OperationID, call.Repeated, question)
		return n.sealUndo(call, answer), err
	})
}

// Usage implements api.Service.
func (n *Node) Usage(ctx context.Context, call *api.Call, question *api.UsageQuestion) (*api.UsageAnswer, error) {
	return ask(ctx, n, "usage", call, question, (*account.Account).Usage)
}

// Search implements api.Service.
func (n *Node) Search(ctx context.Context, call *api.Call, question *api.SearchQuestion) (*api.SearchAnswer, error) {
	return ask(ctx, n, "search", call, question, (*account.Account).Search)
}

// Jobs implements api.Service.
func (n *Node) Jobs(ctx context.Context, call *api.Call, question *api.JobsQuestion) (*api.JobsAnswer, error) {
	return ask(ctx, n, "jobs", call, question, (*account.Account).Jobs)
}

// ChangeJob implements api.Service.
func (n *Node) ChangeJob(ctx context.Context, call *api.Call, question *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	return ask(ctx, n, "change-job", call, question, func(one *account.Account, ctx context.Context, question *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
		return one.ChangeJob(ctx, call.OperationID, question)
	})
}

// Undo implements api.Service.
func (n *Node) Undo(ctx context.Context, call *api.Call, question *api.UndoQuestion) (*api.UndoAnswer, error) {
	return ask(ctx, n, "undo", call, question, func(one *account.Account, ctx context.Context, question *api.UndoQuestion) (*api.UndoAnswer, error) {
		handle, err := n.keyring.Load().OpenNote(undoNote, n.accountBinding(call), question.Handle)
		if err != nil {
			return nil, api.NewError(api.CodeInvalid, "This cannot be undone.", err)
		}
		return one.Undo(ctx, call.Repeated, handle)
	})
}

// undoNote is the purpose of undo handles (see seal.Keyring.SealNote).
const undoNote = "undo"

// accountBinding is of what any session of an account may use, on any host.
func (n *Node) accountBinding(call *api.Call) seal.Binding {
	return seal.Binding{Cluster: n.config.Cluster, Account: call.Session.Account}
}

// Empty implements api.Service.
func (n *Node) Empty(ctx context.Context, call *api.Call, question *api.EmptyQuestion) (*api.ActAnswer, error) {
	return ask(ctx, n, "empty", call, question, func(one *account.Account, ctx context.Context, question *api.EmptyQuestion) (*api.ActAnswer, error) {
		return one.Empty(ctx, call.OperationID, call.Repeated, question)
	})
}

// Folder implements api.Service.
func (n *Node) Folder(ctx context.Context, call *api.Call, question *api.FolderQuestion) (*api.FolderAnswer, error) {
	return ask(ctx, n, "folder", call, question, func(one *account.Account, ctx context.Context, question *api.FolderQuestion) (*api.FolderAnswer, error) {
		return one.Folder(ctx, call.Repeated, question)
	})
}

// ask puts a question to the account of the call's session.
func ask[Q, A any](ctx context.Context, n *Node, command string, call *api.Call, question Q, method func(*account.Account, context.Context, Q) (A, error)) (A, error) {
	return answer(ctx, n, command, call, func(ctx context.Context) (result A, err error) {
		err = n.withAccount(ctx, call, command, func(one *account.Account) (err error) {
			result, err = method(one, ctx, question)
			return err
		})
		return result, err
	})
}

// answer measures and logs one command, and turns a panic into an error, so
// that a defect costs one answer and not the node.
func answer[A any](ctx context.Context, n *Node, command string, call *api.Call, work func(context.Context) (A, error)) (result A, err error) {
	start := time.Now()
	n.load.begin()
	defer func() {
		n.load.end()
		if defect := recover(); defect != nil {
			n.log.Error("defect", "request", call.RequestID, "command", command, "panic", fmt.Sprint(defect), "stack", string(debug.Stack()))
			var none A
			result, err = none, api.NewError(api.CodeInternal, "Something went wrong on our side.", nil)
		}
		n.record(command, call, time.Since(start), api.AsError(err))
	}()
	result, err = work(ctx)
	if err != nil {
		return result, api.AsError(err)
	}
	return result, nil
}

// record writes the log line and the metrics of one command.
func (n *Node) record(command string, call *api.Call, elapsed time.Duration, failure *api.Error) {
	code, level := api.Code("ok"), slog.LevelInfo
	if failure != nil {
		code = failure.Code
		if code == api.CodeInternal {
			level = slog.LevelError
		}
	}
	n.metrics.command(command, code, elapsed)
	if !n.log.Enabled(context.Background(), level) {
		return
	}
	// Every question writes a line, so it is made without what slog's methods for
	// every occasion cost: a search for the caller, and a box for each value.
	line := slog.NewRecord(time.Now(), level, "answered", 0)
	line.AddAttrs(slog.String("request", call.RequestID), slog.String("command", command), slog.String("account", call.Session.Account),
		slog.Float64("ms", float64(elapsed.Microseconds())/1000))
	if failure != nil {
		line.AddAttrs(slog.String("code", string(code)), slog.String("error", failure.Error()))
	}
	n.log.Handler().Handle(context.Background(), line)
}
