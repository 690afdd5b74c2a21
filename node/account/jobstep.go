package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/settings"
)

var errStepAway = errors.New("account: the mail server went away in the middle of a step")

// jobStep does the next step of a job. over tells that nothing is left to do, problem
// why it can never be done; an error passes. The caller has the turn.
//
// A step takes the messages that are left by their order of arrival. So when a step
// was cut off, those that it was about are the first ones that are left, and the next
// step looks what became of them.
func (a *Account) jobStep(ctx context.Context, j *job) (over bool, problem api.ActProblem, err error) {
	if !a.connected() && a.silent() {
		return false, "", notNow()
	}
	if err := a.connect(ctx); err != nil {
		return false, "", err
	}
	s := &acting{
		Account: a, mailbox: j.Mailbox, uidValidity: j.UIDValidity, action: j.Action, to: j.To, repeated: j.doubt,
		answer: &api.ActAnswer{Action: j.Action}, undo: undoing{ToValidity: j.ToValidity},
	}
	if err := s.choose(ctx); err != nil {
		if problem = lastingProblem(err); problem != "" {
			err = nil
		}
		return false, problem, err
	}
	if j.doubt && j.Action == api.ActCopy {
		if problem, err = s.findCopies(ctx, j); problem != "" || err != nil {
			return false, problem, err
		}
		s.repeated = false
	}
	uids, count := s.due(&j.Job, j.copied, a.config.JobStep)
	if j.doubt && j.Action != api.ActCopy {
		// What was left when it was noted last, and is not any more, was done.
		a.jobs.change(j, func() { j.Done = max(j.Done, j.Total-j.Gone-count) })
	}
	if len(uids) == 0 {
		return true, "", nil
	}
	if err := s.untellJunk(ctx, j.OfAction, uids); err != nil {
		return false, "", err
	}
	s.step(ctx, uids)
	if s.answer.Problem == api.ProblemAway {
		j.doubt = true
		return false, "", errStepAway
	}
	s.note()
	j.doubt = false
	j.steps++
	a.jobs.change(j, func() { j.took(s, uids) })
	if j.Position >= j.copiedTo {
		j.copied = nil
	}
	if j.recordDue() {
		s.mark(ctx, j)
	}
	return false, s.answer.Problem, nil
}

// took adds what a step did. Who calls it holds the mu of jobs.
func (j *job) took(s *acting, uids []uint32) {
	j.Done += s.answer.Done
	j.Gone += s.answer.Gone
	j.Marked += s.answer.Marked
	if s.answer.Problem == "" {
		j.Position = uids[len(uids)-1]
	}
	moved := s.undo.Dest
	if j.To == "" {
		moved = s.undo.Source
	}
	j.ToValidity = s.undo.ToValidity
	j.keepUndo(moved)
}

// keepUndo notes messages by which the job can be taken back.
func (j *job) keepUndo(more []byte) {
	if len(more) == 0 || j.NoUndo || j.Undoes != "" {
		return
	}
	if j.Undo = joinRuns(j.Undo, more); len(j.Undo) > maxRuns {
		j.Undo, j.NoUndo = nil, true
	}
}

// lastingProblem tells a failure for good from one that passes.
func lastingProblem(err error) api.ActProblem {
	switch {
	case isCode(err, api.CodeConflict):
		return api.ProblemReplaced
	case isCode(err, api.CodeNotFound):
		return api.ProblemNoSource
	}
	return ""
}

// untellJunk takes back what a job that is taken back told the mail server's filter.
func (s *acting) untellJunk(ctx context.Context, undone api.Action, uids []uint32) error {
	if !s.selected.keywords {
		return nil
	}
	switch undone {
	case api.ActJunk:
		return s.keywords(ctx, uids, "", flagJunk)
	case api.ActNotJunk:
		return s.keywords(ctx, uids, flagJunk, flagNotJunk)
	}
	return nil
}

// mark notes where the copies will be that a job makes from now on. Without that, as
// long as it is not known, some may be made twice.
func (s *acting) mark(ctx context.Context, j *job) {
	if j.Action != api.ActCopy {
		return
	}
	next, validity, err := s.nextIn(ctx, j.To)
	if err != nil || next == 0 {
		return
	}
	s.jobs.change(j, func() { j.ToNext, j.ToValidity = next, validity })
}

// nextIn is the UID that the next message of a mailbox gets, and its UIDVALIDITY; 0 if
// the server does not say.
func (a *Account) nextIn(ctx context.Context, mailbox string) (next, validity uint32, err error) {
	status := &imapconn.Status{Mailbox: mailbox, Options: &imap.StatusOptions{UIDNext: true, UIDValidity: true}}
	if err := a.do(ctx, status); err != nil && !isRefusal(err) {
		return 0, 0, err
	}
	if status.Data == nil {
		return 0, 0, nil
	}
	return uint32(status.Data.UIDNext), status.Data.UIDValidity, nil
}

// likeness is what a copy has in common with its original, and few others have.
var likeness = &imap.FetchItemBodySection{
	Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID", "Date", "From", "To", "Subject"}, Peek: true,
}

func likenessOf(message *imapconn.Message) string {
	sum := sha256.Sum256(message.Section(likeness))
	return fmt.Sprintf("%d %s", message.Size, sum[:])
}

// pairedSteps is of how many steps the copies are looked for: more than there are
// between two records.
const pairedSteps = 2 * recordSteps

// findCopies finds out of which messages there are copies although that is not noted
// yet: a job that copies goes back to its record, and looks. A message that reached
// the other mailbox meanwhile by another way, and has the same header and size, is
// taken for one.
func (s *acting) findCopies(ctx context.Context, j *job) (api.ActProblem, error) {
	s.jobs.change(j, func() {
		seen, undone := j.Seen, j.UndoneBy
		j.Job = j.kept
		j.Seen, j.UndoneBy = seen, undone
	})
	j.copied = nil
	uids, _ := s.due(&j.Job, nil, pairedSteps*s.config.JobStep)
	if j.ToNext == 0 || len(uids) == 0 {
		return "", nil
	}
	items := &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{likeness}}
	originals := &imapconn.Fetch{UIDs: setOf(uids), Items: items}
	if err := s.do(ctx, originals); err != nil && !isRefusal(err) {
		return "", err
	}
	s.leave()
	open := &imapconn.Select{Name: j.To, ReadOnly: true}
	copies := &imapconn.Fetch{UIDs: rangeSet(j.ToNext, 0), Items: items}
	err := s.do(ctx, open, copies)
	switch {
	case err != nil && !isRefusal(err):
		return "", err
	case open.Data == nil:
		return api.ProblemNoFolder, nil
	case j.ToValidity != 0 && open.Data.UIDValidity != j.ToValidity:
		return api.ProblemReplaced, nil
	}
	if err := s.choose(ctx); err != nil {
		if problem := lastingProblem(err); problem != "" {
			return problem, nil
		}
		return "", err
	}
	found, made := pair(originals.Messages, copies.Messages, j.ToNext)
	j.copied, j.copiedTo = found, 0
	for uid := range found {
		j.copiedTo = max(j.copiedTo, uid)
	}
	s.jobs.change(j, func() {
		j.Done += len(found)
		j.keepUndo(made)
	})
	return "", nil
}

// pair finds a copy for each original, from a UID on. It returns the originals that
// have one, and the copies as appendUIDs writes them.
func pair(originals, copies []*imapconn.Message, from uint32) (found map[uint32]bool, made []byte) {
	waiting := map[string][]uint32{}
	for _, one := range originals {
		key := likenessOf(one)
		waiting[key] = append(waiting[key], uint32(one.UID))
	}
	found = map[uint32]bool{}
	for _, one := range copies {
		key := likenessOf(one)
		if list := waiting[key]; len(list) > 0 && uint32(one.UID) >= from {
			found[list[0]] = true
			waiting[key] = list[1:]
			made = appendUIDs(made, []uint32{uint32(one.UID)})
		}
	}
	return found, made
}

// markCopies is mark for a job that has not begun.
func (s *acting) markCopies(ctx context.Context, j *settings.Job) (err error) {
	if j.Action == api.ActCopy {
		j.ToNext, j.ToValidity, err = s.nextIn(ctx, j.To)
	}
	return err
}
