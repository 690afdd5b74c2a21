package frontend

import (
	"io"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// foldersURL is the page of all folders.
const foldersURL = routeFolders

// folders shows the folder list alone, where folders are made.
func (r *request) folders(name string, problem api.FolderProblem) {
	answer, err := ask(r, api.Service.Mailbox, folderQuestion())
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	shown := page.Folders{Answer: answer, Name: name, Problem: problem, Notice: r.takeNotice()}
	r.showAs(statusOfProblem(problem), func(w io.Writer, c page.Context) error { return page.WriteFolders(w, c, shown) })
}

func statusOfProblem(problem api.FolderProblem) int {
	if problem != "" {
		return fasthttp.StatusConflict
	}
	return fasthttp.StatusOK
}

// makeFolder makes a folder, or shows the form again with what is wrong.
func (r *request) makeFolder() {
	if !r.genuine(r.field("csrf")) {
		return
	}
	name := string(r.ctx.PostArgs().Peek("name"))
	path := page.ParseFolderPath(name)
	if len(path) == 0 || len(path) > api.MaxFolderLevels {
		r.folders(name, api.FolderBadName)
		return
	}
	answer, err := ask(r, api.Service.Folder, &api.FolderQuestion{Action: api.FolderCreate, Path: path})
	switch {
	case err != nil:
		r.fail(err)
	case answer.Problem != "":
		r.folders(name, answer.Problem)
	default:
		r.changed(api.FolderCreate, &answer.Folder, 0)
	}
}

// changed leads to the folders with a notice.
func (r *request) changed(action api.FolderAction, f *api.Folder, moved int) {
	r.notify(&page.Notice{Change: action, Path: f.Path, Moved: moved, Address: foldersURL})
	r.redirect(fasthttp.StatusSeeOther, foldersURL)
}

// folder shows the page on which a folder is renamed or deleted.
func (r *request) folder(mailbox string) {
	r.showFolder(mailbox, page.Folder{})
}

// showFolder shows that page, with what could not be done.
func (r *request) showFolder(mailbox string, shown page.Folder) {
	answer, err := ask(r, api.Service.Mailbox, folderQuestion())
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	for i := range answer.Folders {
		if f := &answer.Folders[i]; f.Mailbox == mailbox && page.CanChange(f) {
			shown.Folder = f
		}
	}
	if shown.Folder == nil {
		r.fail(api.NewError(api.CodeNotFound, "There is no such folder.", nil))
		return
	}
	if shown.Folder.Selectable && !shown.Folder.Counted {
		held, err := ask(r, api.Service.Mailbox, &api.MailboxQuestion{Mailbox: mailbox, Page: 1, PageSize: 1})
		if err != nil {
			r.fail(err)
			return
		}
		shown.Folder.Total = uint32(held.Total)
	}
	shown.Total = int(shown.Folder.Total)
	if shown.NameProblem == "" {
		shown.Name = page.FolderPath(shown.Folder)
	}
	status := statusOfProblem(shown.NameProblem + shown.DeleteProblem)
	r.showAs(status, func(w io.Writer, c page.Context) error { return page.WriteFolder(w, c, shown) })
}

// changeFolder renames or deletes a folder.
func (r *request) changeFolder(mailbox string) {
	if !r.genuine(r.field("csrf")) {
		return
	}
	arguments := r.ctx.PostArgs()
	question := &api.FolderQuestion{Action: api.FolderAction(arguments.Peek("do")), Mailbox: mailbox}
	name := string(arguments.Peek("name"))
	switch question.Action {
	case api.FolderRename:
		question.Path = page.ParseFolderPath(name)
		if len(question.Path) == 0 || len(question.Path) > api.MaxFolderLevels {
			r.showFolder(mailbox, page.Folder{Name: name, NameProblem: api.FolderBadName})
			return
		}
	case api.FolderDelete:
	default:
		r.fail(errNoForm)
		return
	}
	answer, err := ask(r, api.Service.Folder, question)
	switch {
	case err != nil:
		r.fail(err)
	case answer.Problem != "" && question.Action == api.FolderRename:
		r.showFolder(mailbox, page.Folder{Name: name, NameProblem: answer.Problem})
	case answer.Problem != "":
		r.showFolder(mailbox, page.Folder{DeleteProblem: answer.Problem})
	default:
		r.changed(question.Action, &answer.Folder, answer.Moved)
	}
}
