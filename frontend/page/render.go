package page

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"alphamail/node/api"
)

//go:generate go tool -modfile=../../tools/go.mod templ generate

// view is what every template gets: the reader's language and the context.
type view struct {
	*locale
	Context
}

func viewOf(c Context) view { return view{localeOf(c.Language), c} }

// render writes a template. The templates take everything as arguments, so
// they need no context of the request.
func render(w io.Writer, page templ.Component) error {
	return page.Render(context.Background(), w)
}

// WriteLogin writes the login page.
func WriteLogin(w io.Writer, c Context, p Login) error {
	return render(w, loginPage(viewOf(c), p))
}

// WriteMailbox writes a list page.
func WriteMailbox(w io.Writer, c Context, p Mailbox) error {
	return render(w, mailboxPage(viewOf(c), p))
}

// WriteFolders writes the folder list as a page of its own.
func WriteFolders(w io.Writer, c Context, p Folders) error {
	return render(w, foldersPage(viewOf(c), p))
}

// AlwaysRemote tells whether the remote images of a message are shown unless the
// address says otherwise: because the user wants all, or those of its sender.
func AlwaysRemote(m *api.MessageAnswer, settings *api.Settings) bool {
	return m.Images == api.ImagesOfSender || settings != nil && settings.Images == api.ImagesAlways
}

// WriteMessage writes a message page.
func WriteMessage(w io.Writer, c Context, p Message) error {
	return render(w, messagePage(viewOf(c), &messageView{
		MessageAnswer: p.Answer, List: p.List, AsText: p.AsText, AllowRemote: p.AllowRemote, Details: p.Details,
		AlwaysRemote: AlwaysRemote(p.Answer, &c.Settings), ThenNext: p.ThenNext, Notice: p.Notice,
	}))
}

// WritePrint writes a message for paper, always as text.
func WritePrint(w io.Writer, c Context, p Print) error {
	return render(w, printPage(viewOf(c), &messageView{MessageAnswer: p.Answer, List: p.List, AsText: true}))
}

// WriteBody writes the document inside the frame of an HTML message. It must be
// sent under BodyPolicy.
func WriteBody(w io.Writer, c Context, p Body) error {
	return render(w, bodyPage(viewOf(c), p.Answer))
}

// WriteError writes an error page.
func WriteError(w io.Writer, c Context, p Error) error {
	return render(w, errorPage(viewOf(c), p))
}

// WriteCompose writes the page of a message that is written.
func WriteCompose(w io.Writer, c Context, p Compose) error {
	return render(w, composePage(viewOf(c), p))
}

// WritePurge writes the question whether a folder shall be emptied. Its rows begin
// with the newest message.
func WritePurge(w io.Writer, c Context, p Mailbox) error {
	return render(w, purgePage(viewOf(c), p.Answer))
}

// WriteFolder writes the page on which one folder is changed.
func WriteFolder(w io.Writer, c Context, p Folder) error {
	return render(w, folderPage(viewOf(c), p))
}
