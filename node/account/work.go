package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"alphamail/node/api"
	"alphamail/node/settings"
)

const (
	// recordSteps and recordEvery are how often the record of a job is written while
	// it goes on: after so many steps, and after so long.
	recordSteps = 10
	recordEvery = 10 * time.Second
	// stepTimeout bounds a step, closingGrace what is left of one for when the account
	// is closed: a command that is cut off leaves a doubt.
	stepTimeout  = 40 * time.Second
	closingGrace = 5 * time.Second
	// writeTimeout bounds the writing of a record, maxUnsaved how often it is tried to
	// write how a job ended.
	writeTimeout = 30 * time.Second
	maxUnsaved   = 5
	// While the mail server is away, a job tries again after firstPause and then ever
	// less often, at least after maxPause. Jobs are left alone after maxAway, until
	// the user comes again.
	firstPause = time.Second
	maxPause   = 30 * time.Second
	maxAway    = 10 * time.Minute
)

// startWork lets somebody do the jobs, unless somebody does. The caller has the turn.
func (a *Account) startWork() {
	a.jobs.mu.Lock()
	starts := !a.jobs.working && len(a.jobs.all) > 0 && !a.closed
	a.jobs.working = a.jobs.working || starts
	a.jobs.mu.Unlock()
	if starts {
		a.inBackground(a.work) // ends when there is nothing to do, or when the account is closed
	}
}

// work does the jobs of the account, until none is left, or another node owns the
// account. Whoever serves it then finds their records.
func (a *Account) work() {
	done := false
	defer func() {
		if !done {
			a.jobs.forget()
		}
	}()
	var away time.Time // since when the mail server has been
	pause := firstPause
	for a.closing.Err() == nil {
		j := a.jobs.next()
		if j == nil {
			done = true
			return
		}
		if !a.owned() {
			return
		}
		err := a.workOn(j)
		switch {
		case err == nil:
			away, pause = time.Time{}, firstPause
			continue
		case errors.Is(err, ErrClosed), isCode(err, api.CodeAuthFailed):
			return
		case away.IsZero():
			away = time.Now()
		case time.Since(away) > maxAway:
			a.log.Info("jobs wait until the user comes again", "error", err)
			return
		}
		a.log.Info("a job waits for the mail server", "job", j.ID, "error", err)
		a.jobs.change(j, func() { j.away = !j.State.Ended() })
		a.pause(pause)
		pause = min(2*pause, maxPause)
	}
}

// pause waits, but not when a job is to be stopped, or the account is closed.
func (a *Account) pause(length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.jobs.stopped:
	case <-a.closing.Done():
	}
}

// workOn does what is next for a job. An error means that it is to be tried again.
func (a *Account) workOn(j *job) error {
	switch {
	case j.State.Ended():
		return a.saveEnd(j)
	case j.found:
		return a.takeOver(j)
	case a.isStopped(j):
		return a.endJob(j, api.JobStopped, "")
	}
	var over bool
	var problem api.ActProblem
	err := a.stepTurn(func(ctx context.Context) (err error) {
		over, problem, err = a.jobStep(ctx, j)
		return err
	})
	switch {
	case err != nil:
		return err
	case problem != "":
		return a.endJob(j, api.JobFailed, problem)
	case over:
		return a.endJob(j, api.JobDone, "")
	}
	a.jobs.change(j, func() { j.away = false })
	if j.recordDue() {
		a.record(j)
	}
	return nil
}

func (a *Account) isStopped(j *job) bool {
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	return j.stop
}

// stepTurn runs a step of a job with the turn. It goes to its end although the
// account is closed meanwhile, if it does not take long.
func (a *Account) stepTurn(work func(context.Context) error) error {
	select {
	case a.turn <- struct{}{}:
	case <-a.closing.Done():
		return ErrClosed
	}
	defer func() { <-a.turn }()
	if a.closed {
		return ErrClosed
	}
	a.lastUse.Store(time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	defer context.AfterFunc(a.closing, func() { time.AfterFunc(closingGrace, cancel) })()
	return work(ctx)
}

// takeOver makes sure that a job that was found is still to do: a moment later, by
// what is written now.
func (a *Account) takeOver(j *job) error {
	a.pause(a.config.TakeOver)
	ctx, cancel := context.WithTimeout(a.closing, writeTimeout)
	defer cancel()
	a.kept.mu.Lock()
	a.kept.read = time.Time{}
	a.kept.mu.Unlock()
	if _, err := a.knownBook(ctx, true); err != nil {
		return err
	}
	if !a.owned() {
		return ErrClosed
	}
	kept := a.keptJobs()
	i := slices.IndexFunc(kept, func(now settings.Job) bool { return now.ID == j.ID })
	a.jobs.change(j, func() {
		if j.found = false; i < 0 {
			return
		}
		if j.Job, j.kept = kept[i], kept[i]; j.State.Ended() {
			close(j.ended)
		}
	})
	a.log.Info("a job goes on here", "job", j.ID, "action", j.Action)
	return nil
}

// recordDue tells whether it has to be written how far a job is. That waits until the
// position is beyond all copies that were found: by the record, they are none of
// those that may be found.
func (j *job) recordDue() bool {
	return j.copied == nil && (j.steps >= recordSteps || time.Since(j.written) >= recordEvery)
}

// record writes how far a job is. If that fails, the one before is good enough: what
// was done since is found out.
func (a *Account) record(j *job) {
	ctx, cancel := context.WithTimeout(a.closing, writeTimeout)
	defer cancel()
	err := a.writeJobs(ctx, func() []settings.Job { return []settings.Job{*a.jobRecord(j.ID)} })
	j.steps, j.written = 0, time.Now()
	if err != nil {
		a.log.Info("it is not kept how far a job is", "job", j.ID, "error", err)
	}
}

// endJob ends a job for good.
func (a *Account) endJob(j *job, state api.JobState, problem api.ActProblem) error {
	a.jobs.change(j, func() {
		j.State, j.Problem, j.Ended, j.away, j.unsaved = state, problem, time.Now().UnixMilli(), false, 1
		if rest := j.Total - j.Done - j.Gone - j.Left; state == api.JobDone {
			j.Gone += max(0, rest) // others took them away
		} else {
			j.Left += max(0, rest)
		}
		j.Only = nil // nobody needs it any more
		close(j.ended)
	})
	a.log.Info("a job ended", "job", j.ID, "action", j.Action, "state", state, "problem", problem, "done", j.Done, "gone", j.Gone, "left", j.Left)
	return a.saveEnd(j)
}

// saveEnd writes how a job ended. Where that cannot be written, whoever goes on with
// the job finds nothing left to do.
func (a *Account) saveEnd(j *job) error {
	ctx, cancel := context.WithTimeout(a.closing, writeTimeout)
	defer cancel()
	err := a.writeJobs(ctx, func() []settings.Job { return []settings.Job{*a.jobRecord(j.ID)} })
	full := isCode(err, api.CodeTooLarge)
	a.jobs.change(j, func() {
		if j.unsaved++; err == nil || full || j.unsaved > maxUnsaved {
			j.unsaved = 0
		}
	})
	if full {
		a.log.Info("there is no room to keep how a job ended", "job", j.ID)
		return nil
	}
	return err
}

// isCode tells whether an error is one of the protocol with a code.
func isCode(err error, code api.Code) bool {
	known := api.AsError(err)
	return known != nil && known.Code == code
}
