package frontend

import (
	"io"
	"slices"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// foldersURL is the page of all folders.
const foldersURL = routeFolders

// folders shows the folder list alone, where folders are made, and how much room the
// mail takes; with sizes, each folder too.
func (r *request) folders(name string, problem api.FolderProblem, sizes bool) {
	answer, err := ask(r, api.Service.Mailbox, folderQuestion())
	if err != nil {
		r.fail(err)
		return
	}
	r.settings = answer.Settings
	shown := page.Folders{Answer: answer, Name: name, Problem: problem, Notice: r.takeNotice()}
	if answer.AsOf.IsZero() {
		if shown.Usage, err = ask(r, api.Service.Usage, &api.UsageQuestion{Sizes: sizes}); err != nil {
			r.log.Info("how much room mail takes is not known", "request", r.id, "error", err)
		}
	}
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
		r.folders(name, api.FolderBadName, false)
		return
	}
	answer, err := ask(r, api.Service.Folder, &api.FolderQuestion{Action: api.FolderCreate, Path: path})
	switch {
	case err != nil:
		r.fail(err)
	case answer.Problem != "":
		r.folders(name, answer.Problem, false)
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
		if f := &answer.Folders[i]; f.Mailbox == mailbox && page.HasPage(f) {
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
	if do := r.field("do"); do == "hide" || do == "show" {
		r.hideFolder(mailbox, do == "hide")
		return
	}
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

// hideFolder takes a folder out of the lists, or brings it back: here by the settings,
// and by its subscription in other programs that go by that.
func (r *request) hideFolder(mailbox string, hide bool) {
	answer, err := ask(r, api.Service.Settings, &api.SettingsQuestion{Fresh: true, Folders: true})
	if err != nil {
		r.fail(err)
		return
	}
	at := slices.IndexFunc(answer.Folders, func(f api.Folder) bool { return f.Mailbox == mailbox && page.HasPage(&f) })
	if at < 0 {
		r.fail(api.NewError(api.CodeNotFound, "There is no such folder.", nil))
		return
	}
	changed := answer.Settings
	changed.HiddenFolders = slices.DeleteFunc(slices.Clone(changed.HiddenFolders), func(name string) bool {
		gone := !slices.ContainsFunc(answer.Folders, func(f api.Folder) bool { return f.Mailbox == name })
		return gone || name == mailbox
	})
	told, action := page.ToldShown, api.FolderSubscribe
	if hide {
		told, action = page.ToldHidden, api.FolderUnsubscribe
		changed.HiddenFolders = append(changed.HiddenFolders, mailbox)
	}
	if _, err := ask(r, api.Service.Save, &api.SaveQuestion{Changes: []api.Change{{Settings: &changed}}}); err != nil {
		r.fail(err)
		return
	}
	if _, err := ask(r, api.Service.Folder, &api.FolderQuestion{Action: action, Mailbox: mailbox}); err != nil {
		r.log.Info("a subscription stays as it was", "request", r.id, "error", err)
	}
	r.notify(&page.Notice{Told: told, Who: page.FolderPath(&answer.Folders[at]), Address: foldersURL})
	r.redirect(fasthttp.StatusSeeOther, foldersURL)
}
