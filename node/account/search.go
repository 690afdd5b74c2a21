package account

import (
	"context"
	"slices"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/search"
)

// Search tells what a search has found so far, and begins it where it is not known.
// What is wrong with it is no error. Errors: auth_failed, backend_down, busy,
// invalid, deadline.
func (a *Account) Search(ctx context.Context, question *api.SearchQuestion) (*api.SearchAnswer, error) {
	if err := a.learnSettings(ctx); err != nil {
		return nil, err
	}
	asked, err := checkSearch(question)
	if err != nil {
		return nil, err
	}
	answer := &api.SearchAnswer{Search: asked, Page: 1, Pages: 1, PageSize: question.PageSize, Settings: a.kept.shown.Load()}
	if answer.PageSize == 0 {
		answer.PageSize = a.usualPageSize()
	}
	if _, book := a.kept.known(); book != nil {
		answer.Saved = book.Searches
	}
	if answer.Folders, err = a.foldersNow(ctx); err != nil {
		return nil, err
	}
	s, problem := a.searchFor(question, asked, answer.Folders)
	if answer.Problem = problem; problem == nil {
		a.searches.wait(ctx, s, max(1, question.Page)*answer.PageSize)
		err = a.showFound(ctx, s, max(1, question.Page), answer)
	}
	answer.Jobs = a.jobNews()
	return answer, err
}

// checkSearch refuses what no page of ours asks, and fills in what is not said.
func checkSearch(question *api.SearchQuestion) (api.Search, error) {
	asked := question.Search
	asked.Mailbox = canonicalMailbox(asked.Mailbox)
	if asked.Where == "" || asked.Mailbox == "" {
		asked.Where = api.WhereEverywhere
	}
	known := asked.Where == api.WhereHere || asked.Where == api.WhereBelow || asked.Where == api.WhereEverywhere
	if !known || asked.Mailbox != "" && !validMailbox(asked.Mailbox) || question.PageSize < 0 || question.PageSize > api.MaxPageSize || question.Page < 0 {
		return asked, api.NewError(api.CodeInvalid, "There is no such page.", nil)
	}
	return asked, nil
}

// foldersNow are the folders, as recent as on other pages. While the mail server is
// away, they are those that were known.
func (a *Account) foldersNow(ctx context.Context) (folders []api.Folder, err error) {
	err = a.ask(ctx, func(ctx context.Context) error {
		here := inbox
		if a.selected != nil {
			here = a.selected.mailbox
		}
		_, err := a.ensure(ctx, here, false)
		folders = slices.Clone(a.folders.folders)
		return err
	}, func() bool {
		folders = slices.Clone(a.folders.folders)
		return len(folders) > 0
	})
	return folders, err
}

// searchFor returns the search that a question means, which may have to begin; or
// what is wrong with it.
func (a *Account) searchFor(question *api.SearchQuestion, asked api.Search, folders []api.Folder) (*aSearch, *api.SearchProblem) {
	s := a.searches.get(&asked)
	switch {
	case s != nil && question.Stop:
		s.stop()
		return s, nil
	case s != nil && !question.Again:
		return s, nil
	}
	terms, problem := search.Parse(asked.Query, a.now())
	if problem != nil {
		return nil, &api.SearchProblem{Kind: api.SearchProblemKind(problem.Kind), Term: problem.Term, Suggestion: problem.Suggestion}
	}
	plan, wrong := newSearchPlan(terms, &asked, folders)
	if wrong != nil {
		return nil, wrong
	}
	return a.beginSearch(asked, plan, question.Again), nil
}

// now is the time in the user's zone.
func (a *Account) now() time.Time {
	if shown := a.kept.shown.Load(); shown != nil && shown.TimeZone != "" {
		if zone, err := time.LoadLocation(shown.TimeZone); err == nil {
			return time.Now().In(zone)
		}
	}
	return time.Now()
}

// maxGone bounds how often a page is made anew because messages on it are gone.
const maxGone = 5

// showFound makes a page of what a search has found.
func (a *Account) showFound(ctx context.Context, s *aSearch, page int, answer *api.SearchAnswer) error {
	var shown []foundMessage
	for range maxGone {
		shown = a.searches.window(s, page, answer)
		var gone []foundMessage
		err := a.withTurn(ctx, func(context.Context) error {
			gone = a.refresh(s, shown)
			return nil
		})
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			break
		}
		a.searches.drop(s, gone)
	}
	records, err := a.foundRecords(ctx, s, shown)
	if err != nil {
		a.log.Info("what was found is shown in part", "error", err)
	}
	noSnippets := answer.Settings != nil && answer.Settings.NoSnippets
	answer.Rows = make([]api.Row, len(shown))
	for i, one := range shown {
		row := &answer.Rows[i]
		row.ID, row.Flags, row.Date = one.id(s), one.flags.api(), time.Unix(one.arrived, 0)
		if records[i] != nil {
			role := s.plan.folders[one.folder].Role
			records[i].show(row, role == api.RoleSent || role == api.RoleDrafts, noSnippets)
		}
	}
	return nil
}

// window returns what was found of a page, and fills in how far the search is.
func (ss *searches) window(s *aSearch, page int, answer *api.SearchAnswer) []foundMessage {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	size := answer.PageSize
	answer.State, answer.Problem, answer.Found, answer.Begun = s.state, s.problem, len(s.found), s.begun
	answer.Searched, answer.ToSearch, answer.Skipped = s.searched, s.toSearch, slices.Clone(s.skipped)
	answer.Pages = max(1, (len(s.found)+size-1)/size)
	answer.Page = min(page, answer.Pages)
	from := (answer.Page - 1) * size
	return slices.Clone(s.found[from:min(from+size, len(s.found))])
}

// refresh gives messages the flags that they are known to have now, and returns those
// that are known to be gone. The caller has the turn.
func (a *Account) refresh(s *aSearch, shown []foundMessage) (gone []foundMessage) {
	indexes := map[int]*index{}
	for i := range shown {
		one := &shown[i]
		x, looked := indexes[one.folder]
		if !looked {
			x = a.known(s.plan.folders[one.folder].Mailbox)
			indexes[one.folder] = x
		}
		if x == nil || x.uidValidity != one.uidValidity {
			continue
		}
		if at, found := x.find(one.uid); found {
			one.flags = x.flags[at]
		} else if one.uid <= x.lastUID() {
			gone = append(gone, *one)
		}
	}
	return gone
}

// foundRecords returns the records of messages, fetching those that are not known.
func (a *Account) foundRecords(ctx context.Context, s *aSearch, shown []foundMessage) ([]*record, error) {
	records := make([]*record, len(shown))
	missing := map[int][]uint32{} // by folder
	at := map[foundKey]int{}
	for i, one := range shown {
		at[one.foundKey] = i
		x := &index{mailbox: s.plan.folders[one.folder].Mailbox, uidValidity: one.uidValidity}
		if held := a.block(x, blockNumber(one.uid)); held != nil {
			records[i] = held[one.uid%blockSize]
		}
		if records[i] == nil {
			missing[one.folder] = append(missing[one.folder], one.uid)
		}
	}
	if len(missing) == 0 {
		return records, nil
	}
	err := a.aside(ctx, urgent, func(ctx context.Context, conn *connection) error {
		say := func(ctx context.Context, commands ...imapconn.Command) error {
			return a.exchange(ctx, conn, commands...)
		}
		for folder, uids := range missing {
			open := &imapconn.Select{Name: s.plan.folders[folder].Mailbox, ReadOnly: true}
			if err := say(ctx, open); err != nil {
				return err
			}
			x := &index{mailbox: open.Name, uidValidity: open.Data.UIDValidity}
			made, err := rowSource{a, conn, x, say}.complete(ctx, uids, make([]*record, len(uids)))
			if err != nil {
				return err
			}
			for i, uid := range uids {
				if j, shown := at[foundKey{folder, x.uidValidity, uid}]; shown {
					records[j] = made[i]
				}
			}
		}
		return nil
	})
	return records, err
}
