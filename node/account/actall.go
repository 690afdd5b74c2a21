package account

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/settings"
)

var errNoList = api.NewError(api.CodeInvalid, "There is no such list.", nil)

// ActAll does something to all messages of a list: at once if they are few, else by
// a job. Where no job can be kept, as much is done at once as there is time for, and
// the answer tells what is left. Errors: as Act, and busy while there are as many
// jobs as there may be.
func (a *Account) ActAll(ctx context.Context, operation string, repeated bool, question *api.ActAllQuestion) (*api.ActAnswer, error) {
	of := &question.Selection
	err := checkAct(&api.ActQuestion{Action: question.Action, Mailbox: of.Mailbox, UIDValidity: of.UIDValidity, UIDs: []uint32{of.UpTo}, To: question.To})
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]api.Filter{api.FilterNone, api.FilterUnread, api.FilterFlagged}, of.Filter) {
		return nil, errNoList
	}
	return a.actAll(ctx, operation, repeated, question, func(*acting) error { return nil })
}

// Empty deletes for ever what Trash or Junk holds, up to a UID. Errors: as ActAll.
func (a *Account) Empty(ctx context.Context, operation string, repeated bool, question *api.EmptyQuestion) (*api.ActAnswer, error) {
	if !validMailbox(question.Mailbox) {
		return nil, api.NewError(api.CodeInvalid, "There is no such folder.", nil)
	}
	all := &api.ActAllQuestion{Action: api.ActDelete, Selection: api.Selection{Mailbox: question.Mailbox, UIDValidity: question.UIDValidity, UpTo: question.UpTo}}
	return a.actAll(ctx, operation, repeated, all, func(s *acting) error {
		if s.action != api.ActErase {
			return api.NewError(api.CodeInvalid, "Only Trash and Junk can be emptied.", nil)
		}
		return nil
	})
}

// actAll is ActAll for a question that was checked; may tells whether it makes sense
// in the mailbox.
func (a *Account) actAll(ctx context.Context, operation string, repeated bool, question *api.ActAllQuestion, may func(*acting) error) (answer *api.ActAnswer, err error) {
	id, kept := jobID(operation), a.keepsJobs(ctx)
	if known := a.knownJob(id); known != nil {
		return &api.ActAnswer{Action: known.Action, Job: id}, nil
	}
	for {
		var long *settings.Job
		err := a.ask(ctx, func(ctx context.Context) error {
			if answer = a.recallAll(operation, question); answer != nil {
				return nil
			}
			s := &acting{Account: a, mailbox: canonicalMailbox(question.Selection.Mailbox), uidValidity: question.Selection.UIDValidity, action: question.Action, repeated: repeated}
			if err := s.begin(ctx, question.To); err != nil {
				return err
			}
			if err := may(s); err != nil {
				return err
			}
			j := s.newJob(id, &question.Selection)
			uids, due := s.due(j, nil, math.MaxInt)
			if kept && due > 2*a.config.JobStep {
				long, j.Total = j, due
				return s.markCopies(ctx, j)
			}
			answer = s.run(ctx, uids, actedAtOnce)
			if s.to != "" && operation != "" {
				a.rememberAct(acted{operation: operation, all: question, answer: answer})
			}
			return nil
		}, func() bool { return false })
		if err != nil || long == nil {
			return answer, err
		}
		err = a.beginJob(ctx, nil, long)
		switch known := api.AsError(err); {
		case err == nil:
			return &api.ActAnswer{Action: long.Action, Job: id}, nil
		case known.Code != api.CodeTooLarge:
			return nil, err
		}
		// The mailbox is so full that not even the record of a job has room. Deleting
		// must work all the same.
		kept = false
	}
}

// recallAll is recallAct for ActAll.
func (a *Account) recallAll(operation string, question *api.ActAllQuestion) *api.ActAnswer {
	for _, one := range a.acted {
		if operation != "" && one.operation == operation && one.all != nil && *one.all == *question {
			return one.answer
		}
	}
	return nil
}

// rememberAct keeps an answer for a question that comes again.
func (a *Account) rememberAct(one acted) {
	a.acted = append(a.acted[max(0, len(a.acted)-maxRemembered+1):], one)
}

// newJob describes what has begun as a job.
func (s *acting) newJob(id string, of *api.Selection) *settings.Job {
	j := &settings.Job{
		ID: id, State: api.JobRunning, Action: s.action, Mailbox: s.mailbox, UIDValidity: s.uidValidity, Filter: of.Filter, UpTo: of.UpTo,
		To: s.to, From: s.called(s.mailbox), Started: time.Now().UnixMilli(),
	}
	if s.to != "" {
		j.Goal = s.called(s.to)
	}
	return j
}

// called is how people call a folder.
func (a *Account) called(mailbox string) settings.JobFolder {
	if known := a.folder(mailbox); known != nil {
		return settings.JobFolder{Path: known.Path, Role: known.Role}
	}
	return settings.JobFolder{Path: []string{mailbox}}
}

// due returns the messages of the selected mailbox that a job still has to do
// something to, so many at most, in the order of arrival, and how many there are. What
// another client did already is done. skip, if it is not nil, tells which are done.
func (s *acting) due(j *settings.Job, skip map[uint32]bool, most int) (uids []uint32, count int) {
	x := s.selected
	only, _ := readRuns(j.Only)
	bit, set := flagOf(j.Action)
	// Where the server removes no message by its name, those that are done stay,
	// marked as deleted.
	stay := !s.conn.Has(imap.CapUIDPlus) && bit == 0 && j.Action != api.ActCopy
	from, _ := x.find(j.Position + 1)
	for i := from; i < len(x.uids) && x.uids[i] <= j.UpTo; i++ {
		uid, flags := x.uids[i], x.flags[i]
		switch {
		case !matches(flags, j.Filter), bit != 0 && (flags&bit != 0) == set, stay && flags&flagDeleted != 0:
			continue
		case j.Only != nil && !only.Contains(imap.UID(uid)), skip[uid]:
			continue
		}
		if count++; count <= most {
			uids = append(uids, uid)
		}
	}
	return uids, count
}
