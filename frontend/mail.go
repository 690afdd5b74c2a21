package frontend

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// question puts a question to the node of an account under the deadline for
// questions.
func (r *request) question(account string, ask func(context.Context, api.Service, *api.Call) error) (node string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.QuestionTimeout)
	defer cancel()
	return r.questionIn(ctx, account, ask)
}

func (r *request) questionIn(ctx context.Context, account string, ask func(context.Context, api.Service, *api.Call) error) (node string, err error) {
	return r.router.do(ctx, r.call(), account, ask)
}

// call is the frame of a question of this request.
func (r *request) call() *api.Call {
	call := &api.Call{RequestID: r.id, OperationID: r.operation, ClientAddress: r.clientAddress()}
	if r.session != nil {
		call.Session = *r.session
	}
	return call
}

// ask puts a question about the session's account.
func ask[Q, A any](r *request, method func(api.Service, context.Context, *api.Call, Q) (A, error), question Q) (answer A, err error) {
	r.node, err = r.question(r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		answer, err = method(node, ctx, call, question)
		return err
	})
	return answer, err
}

// show sends a page of the session.
func (r *request) show(write func(io.Writer, page.Context) error) {
	r.showAs(fasthttp.StatusOK, write)
}

// showAs sends a page of the session with a status.
func (r *request) showAs(status int, write func(io.Writer, page.Context) error) {
	r.html(status, page.PagePolicy(), func(w io.Writer) error { return write(w, r.context(r.secret)) })
}

func (r *request) mailbox(mailbox string, query url.Values) {
	question, err := page.ParseList(mailbox, query)
	if err != nil {
		r.fail(api.NewError(api.CodeInvalid, "There is no such page.", err))
		return
	}
	answer, err := ask(r, api.Service.Mailbox, question)
	if err != nil {
		r.fail(err)
		return
	}
	r.settings, r.searched.Mailbox = answer.Settings, answer.Folder.Mailbox
	if s := r.settings; s != nil && s.RefreshInterval >= api.MinRefresh && s.RefreshInterval <= api.MaxRefresh {
		r.ctx.Response.Header.Set("Refresh", strconv.Itoa(s.RefreshInterval))
	}
	shown := page.Mailbox{
		Answer: answer, AllSelected: query.Get("select") == "page", Selected: page.ParseSelected(query.Get("select"), answer.UIDValidity),
		Notice: r.takeNotice(), WholeSelected: query.Get("select") == "all" && answer.LastUID > 0 && answer.AsOf.IsZero() && !answer.Folder.ReadOnly,
	}
	shown.Done, shown.Refused = doneOf(query)
	r.show(func(w io.Writer, c page.Context) error { return page.WriteMailbox(w, c, shown) })
}

// knownFoldersTimeout bounds the search for a way back: it comes after an answer
// that took long already.
const knownFoldersTimeout = time.Second

// knownFolders are what the node remembers of the folders while the mail server
// is away, for pages that can show them; nil when nothing is known.
func (r *request) knownFolders() []api.Folder {
	shows := r.route == routeMailbox || r.route == routeMessage
	if !shows || !r.ctx.IsGet() || r.address == page.MailboxURL("INBOX", 1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), knownFoldersTimeout)
	defer cancel()
	var answer *api.MailboxAnswer
	_, err := r.questionIn(ctx, r.session.Account, func(ctx context.Context, node api.Service, call *api.Call) (err error) {
		answer, err = node.Mailbox(ctx, call, folderQuestion())
		return err
	})
	if err != nil {
		return nil
	}
	r.settings = answer.Settings
	return answer.Folders
}

// folderQuestion asks for the folder list: it comes with the smallest page of
// the inbox.
func folderQuestion() *api.MailboxQuestion {
	return &api.MailboxQuestion{Mailbox: "INBOX", Page: 1, PageSize: 1}
}

func (r *request) message(id api.MessageID, query url.Values) {
	list, err := page.ParseListView(query)
	if err != nil {
		r.fail(api.NewError(api.CodeInvalid, "There is no such page.", err))
		return
	}
	answer, err := ask(r, api.Service.Message, &api.MessageQuestion{ID: id, List: list, MarkSeen: r.isRead()})
	if err != nil {
		r.fail(err)
		return
	}
	r.settings, r.searched.Mailbox = answer.Settings, answer.Folder.Mailbox
	if list.Search != nil {
		r.searched = *list.Search
	}
	always := page.AlwaysRemote(answer, r.settings)
	shown := page.Message{
		Answer: answer, List: list, AsText: query.Get("view") == "text", Details: query.Get("details") == "1",
		AllowRemote: query.Get("remote") == "1" || always && query.Get("remote") != "0",
		ThenNext:    query.Get("then") == "next", Notice: r.takeNotice(),
	}
	r.show(func(w io.Writer, c page.Context) error { return page.WriteMessage(w, c, shown) })
}

// isRead tells whether somebody looks at the answer: not when a browser fetches
// it in advance.
func (r *request) isRead() bool {
	header := &r.ctx.Request.Header
	purpose := string(header.Peek("Sec-Purpose")) + string(header.Peek("Purpose")) + string(header.Peek("X-Moz"))
	return r.ctx.IsGet() && !strings.Contains(purpose, "prefetch")
}

func (r *request) print(id api.MessageID, query url.Values) {
	list, err := page.ParseListView(query)
	if err != nil {
		r.fail(api.NewError(api.CodeInvalid, "There is no such page.", err))
		return
	}
	answer, err := ask(r, api.Service.Message, &api.MessageQuestion{ID: id})
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	r.show(func(w io.Writer, c page.Context) error {
		return page.WritePrint(w, c, page.Print{Answer: answer, List: list})
	})
}

// body sends the HTML of a message as a document of its own, under a policy
// that lets it do nothing.
func (r *request) body(id api.MessageID, query url.Values) {
	remote := query.Get("remote") == "1"
	answer, err := ask(r, api.Service.Body, &api.BodyQuestion{ID: id, AllowRemote: remote})
	if err != nil {
		r.fail(err)
		return
	}
	r.html(fasthttp.StatusOK, page.BodyPolicy(remote), func(w io.Writer) error {
		return page.WriteBody(w, r.context(r.secret), page.Body{Answer: answer})
	})
}
