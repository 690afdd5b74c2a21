package account

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/text/unicode/norm"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

const (
	// maxLevelName bounds the name of a level, in bytes: servers store it as a file
	// name.
	maxLevelName = 200
	// maxChildren bounds the folders whose subscriptions follow a rename.
	maxChildren = 200
)

// folderWork is a change of a folder under way.
type folderWork struct {
	*Account
	question *api.FolderQuestion
	repeated bool
	answer   *api.FolderAnswer
}

// Folder changes the user's folders. Errors: auth_failed, backend_down, busy,
// not_found, invalid, deadline; what cannot be done for another reason is told in
// the answer.
func (a *Account) Folder(ctx context.Context, repeated bool, question *api.FolderQuestion) (answer *api.FolderAnswer, err error) {
	named := question.Action == api.FolderCreate || question.Action == api.FolderRename
	if named == (len(question.Path) == 0) || len(question.Path) > api.MaxFolderLevels || question.Action != api.FolderCreate && !validMailbox(question.Mailbox) {
		return nil, api.NewError(api.CodeInvalid, "There is no such folder.", nil)
	}
	err = a.ask(ctx, func(ctx context.Context) error {
		if err := a.readFolders(ctx); err != nil {
			return err
		}
		w := &folderWork{Account: a, question: question, repeated: repeated, answer: &api.FolderAnswer{}}
		mailbox, err := w.run(ctx)
		if isRefusal(err) {
			w.answer.Problem, err = a.folderProblem(err), nil
		}
		if err == nil {
			err = a.readFolders(ctx)
		}
		if err != nil {
			return err
		}
		answer = w.answer
		answer.Folders = slices.Clone(a.folders.folders)
		if found := a.folder(mailbox); found != nil {
			answer.Folder = *found
		}
		return nil
	}, func() bool { return false })
	return answer, err
}

// run does what is asked and returns the mailbox that it is about in the end.
func (w *folderWork) run(ctx context.Context) (mailbox string, err error) {
	mailbox = canonicalMailbox(w.question.Mailbox)
	switch w.question.Action {
	case api.FolderCreate:
		return w.create(ctx)
	case api.FolderRename, api.FolderDelete:
		known := w.folder(mailbox)
		switch {
		case known == nil && w.repeated && w.question.Action == api.FolderDelete:
			return "", nil
		case known == nil:
			return "", api.NewError(api.CodeNotFound, "This folder does not exist any more.", nil)
		case known.Role != "" || known.Space != "":
			w.answer.Problem = api.FolderProtected
			return mailbox, nil
		case w.question.Action == api.FolderRename:
			return w.rename(ctx, mailbox)
		}
		return mailbox, w.delete(ctx, known)
	case api.FolderSubscribe:
		return mailbox, w.do(ctx, &imapconn.Manage{Action: imapconn.Subscribe, Mailbox: mailbox})
	case api.FolderUnsubscribe:
		return mailbox, w.do(ctx, &imapconn.Manage{Action: imapconn.Unsubscribe, Mailbox: mailbox})
	}
	return "", api.NewError(api.CodeInvalid, "There is no such action.", nil)
}

func (w *folderWork) create(ctx context.Context) (string, error) {
	name, problem := w.nameOf(w.question.Path)
	if problem == "" && w.folder(name) != nil && !w.repeated {
		problem = api.FolderExists
	}
	if w.answer.Problem = problem; problem != "" || w.folder(name) != nil {
		return name, nil
	}
	if err := w.do(ctx, &imapconn.Manage{Action: imapconn.Create, Mailbox: name}); err != nil {
		return name, err
	}
	return name, w.subscribe(ctx, imapconn.Subscribe, name)
}

// rename gives a folder, and with it all in it, another name.
func (w *folderWork) rename(ctx context.Context, mailbox string) (string, error) {
	name, problem := w.nameOf(w.question.Path)
	switch {
	case problem != "":
	case name == mailbox:
		return mailbox, nil
	case w.isInside(name, mailbox):
		problem = api.FolderInside
	case w.folder(name) != nil:
		problem = api.FolderExists
	}
	if w.answer.Problem = problem; problem != "" {
		return mailbox, nil
	}
	old := []string{mailbox}
	for _, f := range w.folders.folders {
		if w.isInside(f.Mailbox, mailbox) && len(old) <= maxChildren {
			old = append(old, f.Mailbox)
		}
	}
	if err := w.release(ctx, old); err != nil {
		return mailbox, err
	}
	if err := w.do(ctx, &imapconn.Manage{Action: imapconn.Rename, Mailbox: mailbox, To: name}); err != nil {
		return mailbox, err
	}
	fresh := make([]string, len(old))
	for i := range old {
		fresh[i] = name + strings.TrimPrefix(old[i], mailbox)
	}
	if err := w.subscribe(ctx, imapconn.Unsubscribe, old...); err != nil {
		return name, err
	}
	return name, w.subscribe(ctx, imapconn.Subscribe, fresh...)
}

// delete removes a folder. What it holds goes to Trash first.
func (w *folderWork) delete(ctx context.Context, known *api.Folder) error {
	was, mailbox := *known, known.Mailbox // the list is read again meanwhile
	if slices.ContainsFunc(w.folders.folders, func(f api.Folder) bool { return w.isInside(f.Mailbox, mailbox) }) {
		w.answer.Problem = api.FolderChildren
		return nil
	}
	if known.Selectable {
		if empty, err := w.clear(ctx, mailbox); err != nil || !empty {
			return err
		}
	}
	if err := w.release(ctx, []string{mailbox}); err != nil {
		return err
	}
	if err := w.do(ctx, &imapconn.Manage{Action: imapconn.Delete, Mailbox: mailbox}); err != nil {
		return err
	}
	w.answer.Folder = was
	return w.subscribe(ctx, imapconn.Unsubscribe, mailbox)
}

// clear moves the messages of a folder to Trash, and reports whether none is left.
func (w *folderWork) clear(ctx context.Context, mailbox string) (bool, error) {
	if _, err := w.ensure(ctx, mailbox, true); err != nil {
		return false, err
	}
	x := w.selected
	if len(x.uids) == x.deleted {
		return true, nil
	}
	s := &acting{Account: w.Account, mailbox: mailbox, uidValidity: x.uidValidity, action: api.ActDelete, repeated: w.repeated}
	if err := s.begin(ctx, ""); err != nil {
		return false, err
	}
	done := s.run(ctx, w.selected.uids, actedAtOnce)
	w.answer.Moved = done.Done
	if done.Problem == api.ProblemFull {
		w.answer.Problem = api.FolderFull
	}
	if w.answer.Problem == "" && w.connected() {
		if err := s.choose(ctx); err != nil {
			return false, err
		}
		if len(w.selected.uids) == w.selected.deleted {
			return true, nil
		}
	}
	if w.answer.Problem == "" {
		w.answer.Problem = api.FolderNotEmpty
	}
	return false, nil
}

// release makes sure that none of some mailboxes is selected, which some servers do
// not like while a mailbox changes its name or goes, and forgets what is known of
// them.
func (w *folderWork) release(ctx context.Context, mailboxes []string) error {
	if _, err := w.ensure(ctx, inbox, false); err != nil {
		return err
	}
	for _, mailbox := range mailboxes {
		w.indexes.drop(mailbox)
		delete(w.folders.counted, mailbox)
	}
	return nil
}

// subscribe changes subscriptions. They matter to other programs only, so that a
// refusal is none of the user's business.
func (w *folderWork) subscribe(ctx context.Context, action imapconn.Action, mailboxes ...string) error {
	commands := make([]imapconn.Command, len(mailboxes))
	for i, mailbox := range mailboxes {
		commands[i] = &imapconn.Manage{Action: action, Mailbox: mailbox}
	}
	if err := w.do(ctx, commands...); err != nil && !isRefusal(err) {
		return err
	}
	return nil
}

// isInside tells whether a mailbox is below another one.
func (a *Account) isInside(mailbox, other string) bool {
	return a.folders.separator != 0 && strings.HasPrefix(mailbox, other+string(a.folders.separator))
}

// nameOf makes the server's name of a folder. Names are in the normal form of RFC
// 5198, so that one name is one folder.
func (a *Account) nameOf(path []string) (string, api.FolderProblem) {
	separator := string(a.folders.separator)
	levels := make([]string, len(path))
	for i, level := range path {
		level = norm.NFC.String(strings.TrimSpace(level))
		switch {
		case level == "" || len(level) > maxLevelName || !utf8.ValidString(level) || level == "." || level == ".." ||
			strings.ContainsFunc(level, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune("*%\u2028\u2029", r) }):
			return "", api.FolderBadName
		case i == 0 && strings.ContainsRune("#~", rune(level[0])): // RFC 9051 section 5.1
			return "", api.FolderBadName
		case a.folders.separator != 0 && strings.Contains(level, separator):
			return "", api.FolderSeparator
		}
		levels[i] = level
	}
	if len(levels) > 1 && a.folders.separator == 0 {
		return "", api.FolderFlat
	}
	levels[0] = canonicalMailbox(levels[0])
	name := strings.Join(levels, separator)
	if levels[0] != inbox {
		name = a.personalPrefix() + name
	}
	if len(name) > maxMailboxName {
		return "", api.FolderBadName
	}
	return name, ""
}

// folderProblem says what a refusal means, as problemOf does.
func (a *Account) folderProblem(err error) api.FolderProblem {
	refusal, _ := imapconn.IsRefusal(err)
	words := strings.ToLower(refusal.Text)
	switch {
	case refusal.Code == imap.ResponseCodeAlreadyExists || strings.Contains(words, "already exists"):
		return api.FolderExists
	case refusal.Code == imap.ResponseCodeHasChildren:
		return api.FolderChildren
	case refusal.Code == imap.ResponseCodeCannot || strings.Contains(words, "invalid mailbox name"):
		return api.FolderBadName
	}
	switch a.problemOf(err) {
	case api.ProblemFull:
		return api.FolderFull
	case api.ProblemPermission:
		return api.FolderPermission
	}
	return api.FolderRefused
}
