package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"alphamail/node/api"
	"alphamail/node/settings"
)

// Long jobs. A job is an action on more messages than anybody waits for. It is kept
// as a record among the user's settings before it begins, so that it is nobody's
// node's: whoever serves the account next finds it and goes on (see resumeJobs). One
// goroutine of an account does its jobs (see work), one after the other, a step at a
// time, and takes the account's turn for each step like everybody else: a click
// waits for one step at most.

// job is a job that this node does, or did.
type job struct {
	settings.Job
	kept  settings.Job // as it stands in the record that was written last
	found bool         // in a record: another node began it
	stop  bool         // the user wants it to end
	away  bool         // the mail server does not answer
	ended chan struct{}

	// What follows belongs to who does the job.
	doubt   bool            // what was begun last may have been done
	copied  map[uint32]bool // messages that a copy was found of, up to copiedTo
	steps   int             // since the record was written
	written time.Time       // when it was

	copiedTo uint32
	unsaved  int // how often writing how it ended was tried; 0 if it is written. Guarded as well.
}

// jobs are those of an account that this node knows of.
type jobs struct {
	mu      sync.Mutex // guards all that follows, and the fields of each job above doubt
	all     map[string]*job
	working bool // somebody does them
	// stopped wakes who does them.
	stopped chan struct{}
}

// jobID names the job of an operation, so that one that is asked for twice is one.
func jobID(operation string) string {
	sum := sha256.Sum256([]byte("alphamail job\x00" + cmp.Or(operation, rand.Text())))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:10]))
}

// keepsJobs tells whether jobs can be kept for this user.
func (a *Account) keepsJobs(ctx context.Context) bool {
	if a.config.SettingsFolder == "" {
		return false
	}
	if _, err := a.knownBook(ctx, false); err != nil {
		a.log.Info("no job can be kept", "error", err)
		return false
	}
	return true
}

// get returns a job that this node knows of; nil if there is none.
func (js *jobs) get(id string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.all[id]
}

// add makes a job known, unless it is.
func (js *jobs) add(j *job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.all == nil {
		js.all = map[string]*job{}
	}
	for id, old := range js.all {
		if old.State.Ended() && old.unsaved == 0 {
			delete(js.all, id) // its record tells the same
		}
	}
	if js.all[j.ID] == nil {
		j.kept, j.ended, j.written = j.Job, make(chan struct{}), time.Now()
		js.all[j.ID] = j
	}
}

// change changes what is known of a job, for everybody.
func (js *jobs) change(j *job, how func()) {
	js.mu.Lock()
	defer js.mu.Unlock()
	how()
}

// next returns the job to go on with: one that is to be stopped, else the one that
// began first. Without any it returns nil, and nobody works any more.
func (js *jobs) next() *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	var first *job
	for _, j := range js.all {
		if j.State.Ended() && j.unsaved == 0 {
			continue
		}
		if first == nil || j.stop && !first.stop || j.stop == first.stop && (j.Started < first.Started || j.Started == first.Started && j.ID < first.ID) {
			first = j
		}
	}
	js.working = first != nil
	return first
}

// forget forgets the jobs that have not ended: somebody else goes on with them.
func (js *jobs) forget() {
	js.mu.Lock()
	defer js.mu.Unlock()
	for id, j := range js.all {
		if !j.State.Ended() {
			delete(js.all, id)
		}
	}
	js.working = false
}

// Working tells whether there are jobs to do.
func (a *Account) Working() bool {
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	return a.jobs.working
}

// keptJobs are the records that were read, as far as they make sense.
func (a *Account) keptJobs() (fit []settings.Job) {
	_, book := a.kept.known()
	if book == nil {
		return nil
	}
	for _, one := range book.Jobs {
		if fitJob(&one) {
			fit = append(fit, one)
		}
	}
	return fit
}

// records are the jobs by their records, with what this node knows better, the one
// that began first first. No mail server is asked.
func (a *Account) records() (all []api.Job) {
	kept := a.keptJobs()
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	for _, one := range kept {
		if a.jobs.all[one.ID] == nil {
			all = append(all, jobAnswer(&one, nil))
		}
	}
	for _, one := range a.jobs.all {
		all = append(all, jobAnswer(&one.Job, one))
	}
	all = slices.DeleteFunc(all, func(one api.Job) bool {
		return one.State.Ended() && time.Since(one.Ended) > settings.JobKept
	})
	slices.SortFunc(all, func(x, y api.Job) int { return cmp.Or(x.Started.Compare(y.Started), cmp.Compare(x.ID, y.ID)) })
	first := true // of those that have not ended: it is the one that is done
	for i := range all {
		if all[i].State.Ended() {
			continue
		}
		if !first || all[i].Away {
			all[i].State = api.JobWaiting
		}
		first = false
	}
	return all
}

// jobAnswer is what pages know of a job; own is what this node knows besides.
func jobAnswer(of *settings.Job, own *job) api.Job {
	answer := api.Job{
		ID: of.ID, State: of.State, Action: of.Action, Total: of.Total, Done: of.Done, Gone: of.Gone, Left: of.Left, Marked: of.Marked,
		Problem: of.Problem, Started: time.UnixMilli(of.Started), Undoes: of.Undoes, UndoneBy: of.UndoneBy,
		From: api.Folder{Mailbox: of.Mailbox, Path: of.From.Path, Role: of.From.Role, Selectable: true},
	}
	if of.To != "" {
		answer.To = api.Folder{Mailbox: of.To, Path: of.Goal.Path, Role: of.Goal.Role, Selectable: true}
	}
	if of.Ended != 0 {
		answer.Ended = time.UnixMilli(of.Ended)
	}
	if canUndoJob(of) {
		_, answer.Undoable = readRuns(of.Undo)
	}
	switch {
	case of.State.Ended():
	case own == nil || own.found:
		answer.State = api.JobWaiting
	default:
		answer.Away, answer.Stopping = own.away, own.stop
	}
	return answer
}

// knownJob returns a job by its ID; nil if none is known.
func (a *Account) knownJob(id string) *api.Job {
	all := a.records()
	if i := slices.IndexFunc(all, func(one api.Job) bool { return one.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

// jobRecord returns a copy of the record of a job; nil if none is known.
func (a *Account) jobRecord(id string) *settings.Job {
	if own := a.jobs.get(id); own != nil {
		a.jobs.mu.Lock()
		defer a.jobs.mu.Unlock()
		record := own.Job
		return &record
	}
	kept := a.keptJobs()
	if i := slices.IndexFunc(kept, func(one settings.Job) bool { return one.ID == id }); i >= 0 {
		return &kept[i]
	}
	return nil
}

// maxJobNews bounds the jobs that a page tells of.
const maxJobNews = 5

// jobNews are the jobs that pages tell of: those that go on, and those that ended
// and the user has not seen how.
func (a *Account) jobNews() (news []api.Job) {
	for _, one := range slices.Backward(a.records()) {
		if one.State.Ended() && a.jobSeen(one.ID) || len(news) == maxJobNews {
			continue
		}
		news = append(news, one)
	}
	return news
}

func (a *Account) jobSeen(id string) bool {
	record := a.jobRecord(id)
	return record != nil && record.Seen
}

var errNoJob = api.NewError(api.CodeNotFound, "There is no such job, or it ended long ago.", nil)

// Jobs tells how far the jobs are. Of one that this node does, the mail server is
// not asked. Errors: not_found, and those of the mail server.
func (a *Account) Jobs(ctx context.Context, question *api.JobsQuestion) (*api.JobsAnswer, error) {
	if a.config.SettingsFolder != "" && (question.ID == "" || a.jobs.get(question.ID) == nil) {
		if _, err := a.knownBook(ctx, true); err != nil {
			return nil, err
		}
	}
	if err := a.withTurnIf(ctx, a.jobsFound(), a.resumeJobs); err != nil {
		return nil, err
	}
	answer := &api.JobsAnswer{Settings: a.kept.shown.Load()}
	for _, one := range slices.Backward(a.records()) {
		if question.ID == "" || question.ID == one.ID {
			answer.Jobs = append(answer.Jobs, one)
		}
	}
	switch {
	case question.ID == "":
	case len(answer.Jobs) == 0:
		return nil, errNoJob
	case question.Seen && answer.Jobs[0].State.Ended() && !a.jobSeen(question.ID):
		a.sawJob(ctx, question.ID)
	}
	return answer, nil
}

// withTurnIf runs work with the turn, if it is needed.
func (a *Account) withTurnIf(ctx context.Context, needed bool, work func()) error {
	if !needed {
		return nil
	}
	return a.withTurn(ctx, func(context.Context) error {
		work()
		return nil
	})
}

// sawJob notes that the user knows how a job ended. If that cannot be kept, the next
// pages tell it again.
func (a *Account) sawJob(ctx context.Context, id string) {
	err := a.writeJobs(ctx, func() []settings.Job {
		record := a.jobRecord(id)
		if record == nil {
			return nil
		}
		record.Seen = true
		return []settings.Job{*record}
	})
	if err != nil {
		a.log.Info("it is not kept that a job was seen", "error", err)
	}
}

// writeJobs writes records, which are chosen with the turn, and takes them over.
func (a *Account) writeJobs(ctx context.Context, choose func() []settings.Job) error {
	var written []settings.Job
	err := a.write(ctx, func(known settings.Document, now time.Time) (settings.Document, error) {
		written = choose()
		return settings.PutJobs(known, written, now)
	})
	if err != nil {
		return err
	}
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	for _, record := range written {
		if own := a.jobs.all[record.ID]; own != nil {
			own.kept, own.Seen, own.UndoneBy = record, own.Seen || record.Seen, cmp.Or(own.UndoneBy, record.UndoneBy)
		}
	}
	return nil
}

// beginJob keeps the record of a job, and begins to do it; undone is the job that it
// takes back, nil if none. One that was begun before is left alone. Errors: busy if
// there are too many, too_large if there is no room for the record.
func (a *Account) beginJob(ctx context.Context, undone, begun *settings.Job) error {
	going := 0
	for _, one := range a.records() {
		if !one.State.Ended() && one.ID != begun.ID {
			going++
		}
	}
	if going >= api.MaxJobs {
		full := api.NewError(api.CodeBusy, "Several long jobs are going on already. Please wait until one of them has ended.", nil)
		full.RetryAfter = 10 * time.Second
		return full
	}
	again := false
	err := a.writeJobs(ctx, func() []settings.Job {
		// The same was asked for a moment ago, and has perhaps been done by now.
		if again = a.jobRecord(begun.ID) != nil; again {
			return nil
		}
		if undone == nil {
			return []settings.Job{*begun}
		}
		undone.UndoneBy = begun.ID
		return []settings.Job{*begun, *undone}
	})
	if err != nil || again {
		return err
	}
	return a.withTurn(ctx, func(context.Context) error {
		if a.owned() {
			a.jobs.add(&job{Job: *begun})
			a.startWork()
		}
		return nil
	})
}

// ChangeJob stops a job, or begins one that takes it back. Errors: not_found,
// invalid, busy, and those of the mail server.
func (a *Account) ChangeJob(ctx context.Context, operation string, question *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	if _, err := a.Jobs(ctx, &api.JobsQuestion{ID: question.ID}); err != nil {
		return nil, err
	}
	id, err := question.ID, error(nil)
	switch question.Change {
	case api.JobStop:
		err = a.stopJob(ctx, id)
	case api.JobUndo:
		id, err = a.undoJob(ctx, operation, id)
	default:
		err = api.NewError(api.CodeInvalid, "There is no such change.", nil)
	}
	if err != nil {
		return nil, err
	}
	if known := a.knownJob(id); known != nil {
		return &api.ChangeJobAnswer{Job: *known}, nil
	}
	return nil, errNoJob
}

// stopWait is how long somebody waits for a job to stop: a step, mostly.
const stopWait = 3 * time.Second

// stopJob lets a job end after the step under way. One that has ended stays as it
// is.
func (a *Account) stopJob(ctx context.Context, id string) error {
	own := a.jobs.get(id)
	if own == nil {
		if record := a.jobRecord(id); record != nil && !record.State.Ended() {
			return api.NewError(api.CodeBusy, "Another part of AlphaMail is busy with this job. Please try again in a few seconds.", nil)
		}
		return nil
	}
	a.jobs.change(own, func() { own.stop = true })
	select {
	case a.jobs.stopped <- struct{}{}:
	default:
	}
	timer := time.NewTimer(stopWait)
	defer timer.Stop()
	select {
	case <-own.ended:
	case <-timer.C:
	case <-a.closing.Done():
	case <-ctx.Done():
	}
	return nil
}

// undoJob begins a job that takes back what another one did, and returns its ID.
func (a *Account) undoJob(ctx context.Context, operation, id string) (string, error) {
	done := a.jobRecord(id)
	if done.UndoneBy != "" {
		return done.UndoneBy, nil
	}
	if !done.State.Ended() || !canUndoJob(done) {
		return "", api.NewError(api.CodeInvalid, "This cannot be undone.", nil)
	}
	only, count := readRuns(done.Undo)
	back := &settings.Job{
		ID: jobID(operation), State: api.JobRunning, Action: opposites[done.Action], Mailbox: done.Mailbox, UIDValidity: done.UIDValidity,
		UpTo: uint32(only[len(only)-1].Stop), Only: done.Undo, From: done.From, Total: count,
		Undoes: done.ID, OfAction: done.Action, Started: time.Now().UnixMilli(),
	}
	if done.To != "" {
		back.Mailbox, back.UIDValidity, back.From = done.To, done.ToValidity, done.Goal
		if back.Action == "" {
			back.Action, back.To, back.Goal = api.ActMove, done.Mailbox, done.From
		}
	}
	return back.ID, a.beginJob(ctx, done, back)
}

// canUndoJob tells whether what a job did can be taken back.
func canUndoJob(j *settings.Job) bool {
	return j.State.Ended() && j.UndoneBy == "" && j.Undoes == "" && len(j.Undo) > 0 && time.Since(time.UnixMilli(j.Ended)) < undoTime && (j.To == "" || j.ToValidity != 0)
}

// owned tells whether this node is the one to do the jobs of the account.
func (a *Account) owned() bool { return a.config.Owns == nil || a.config.Owns(a.id) }

// jobsFound tells whether there are records of jobs that somebody has to go on with,
// and nobody on this node does.
func (a *Account) jobsFound() bool {
	kept := slices.DeleteFunc(a.keptJobs(), func(one settings.Job) bool { return one.State.Ended() })
	if len(kept) == 0 || !a.owned() {
		return false
	}
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	return slices.ContainsFunc(kept, func(one settings.Job) bool { return a.jobs.all[one.ID] == nil })
}

// resumeJobs goes on with the jobs of another node. The caller has the turn.
func (a *Account) resumeJobs() {
	if !a.jobsFound() {
		return
	}
	for _, one := range a.keptJobs() {
		if !one.State.Ended() {
			a.jobs.add(&job{Job: one, found: true, doubt: true})
		}
	}
	a.startWork()
}

// fitJob tells whether the record of a job makes sense.
func fitJob(j *settings.Job) bool {
	err := checkAct(&api.ActQuestion{Action: j.Action, Mailbox: j.Mailbox, UIDValidity: j.UIDValidity, UIDs: []uint32{max(1, j.UpTo)}, To: goalOf(j)})
	return err == nil && (j.To == "" || validMailbox(j.To)) && j.Total >= 0 && j.Total <= math.MaxUint32
}

// goalOf is the goal that a question for a job would name.
func goalOf(j *settings.Job) string {
	if j.Action == api.ActMove || j.Action == api.ActCopy {
		return j.To
	}
	return ""
}
