package page

import (
	"errors"
	"io"
	"strings"
	"time"

	"alphamail/node/api"
)

// Jobs is the page of all long jobs.
type Jobs struct {
	Jobs []api.Job
}

// Job is the page of one.
type Job struct {
	Job *api.Job
	// Refresh is how often the page is loaded again while the job goes on, in seconds;
	// Still tells that the reader does not want that.
	Refresh int
	Still   bool
}

// WriteJobs writes the page of all long jobs.
func WriteJobs(w io.Writer, c Context, p Jobs) error { return render(w, jobsPage(viewOf(c), p)) }

// WriteJob writes the page of a long job.
func WriteJob(w io.Writer, c Context, p Job) error { return render(w, jobPage(viewOf(c), p)) }

// jobsURL is the path of the page of all long jobs.
const jobsURL = "/jobs"

// JobURL is the path of the page of a job.
func JobURL(id string) string { return jobsURL + "/" + EncodeMailbox(id) }

// maxJobID bounds the ID of a job, in bytes.
const maxJobID = 64

// ParseJobID reads the segment that JobURL writes.
func ParseJobID(segment string) (string, error) {
	if segment == "" || len(segment) > maxJobID || strings.Trim(segment, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", errors.New("not the URL segment of a job")
	}
	return segment, nil
}

// SelectAllURL is the path of a list page on which all messages of the list are
// selected, those on its other pages too.
func SelectAllURL(q api.MailboxQuestion) string {
	to := appendListURL(make([]byte, 0, 128), &q)
	to = append(to, strings.TrimSuffix(selectParameter(to), "page")...)
	return string(append(to, "all"...))
}

// jobPhrase is what a job does.
func (l *locale) jobPhrase(job *api.Job) phrase {
	words := l.JobMove
	switch job.Action {
	case api.ActRead:
		words = l.JobRead
	case api.ActUnread:
		words = l.JobUnread
	case api.ActFlag:
		words = l.JobFlag
	case api.ActUnflag:
		words = l.JobUnflag
	case api.ActCopy:
		words = l.JobCopy
	case api.ActErase:
		words = l.JobErase
	}
	pairs := []string{"From", l.folderName(&job.From), "To", l.folderName(&job.To)}
	if job.Undoes != "" {
		return phrase{l.JobUndoes, []string{"Job", words.fill(pairs...)}}
	}
	return phrase{words, pairs}
}

// jobTitle is jobPhrase for a title.
func (l *locale) jobTitle(job *api.Job) string {
	p := l.jobPhrase(job)
	return plain(p.pattern.fill(p.pairs...))
}

// jobState says how far a job is, in a sentence.
func (l *locale) jobState(job *api.Job) string {
	switch {
	case job.State == api.JobDone:
		return l.JobDone
	case job.State == api.JobStopped:
		return l.JobStopped
	case job.State == api.JobFailed:
		return l.JobFailed
	case job.Stopping:
		return l.JobStopping
	case job.Away:
		return l.JobAway
	case job.State == api.JobWaiting:
		return l.JobWaiting
	}
	return l.JobRunning
}

// jobProgress says how many messages are done.
func (l *locale) jobProgress(job *api.Job) string {
	return l.JobProgress.form(job.Total).fill("Done", l.number(job.Done+job.Gone), "Count", l.number(job.Total))
}

// jobDate is when a job began.
func (v view) jobDate(started time.Time) string {
	return string(v.appendFullDate(nil, started.In(v.Now.Location())))
}

// percent is how much of a job is done.
func percent(job *api.Job) int {
	return min(100, (job.Done+job.Gone)*100/max(1, job.Total))
}

// jobHeading is the title of the page of a job: how far it is comes first, so that
// it is heard first.
func (l *locale) jobHeading(job *api.Job) string {
	if job.State.Ended() {
		return l.jobState(job) + " " + l.jobTitle(job)
	}
	return l.JobPercent.fill("Number", l.number(percent(job)), "Job", l.jobTitle(job))
}

// jobNotice tells what came of a job that has ended.
func jobNotice(job *api.Job) *Notice {
	return &Notice{
		Action: job.Action, Undone: job.Undoes != "" && job.Done > 0, Done: job.Done, Gone: job.Gone, Left: job.Left, Marked: job.Marked, Problem: job.Problem,
		Path: job.To.Path, Role: roleOf(&job.To),
	}
}

// jobUndoWords are on the button that takes a job back.
func (l *locale) jobUndoWords(job *api.Job) string {
	if job.Undoable < job.Done {
		return l.JobUndoSome.fill(job.Undoable, l.number(job.Undoable))
	}
	return l.Undo
}

// jobFolder is the folder to go back to; nil if it is gone.
func jobFolder(job *api.Job) *api.Folder {
	if job.Problem == api.ProblemNoSource {
		return nil
	}
	return &job.From
}

func jobBack(job *api.Job) string {
	if f := jobFolder(job); f != nil {
		return MailboxURL(f.Mailbox, 1)
	}
	return inboxURL
}

func (l *locale) jobBackWords(job *api.Job) string {
	if f := jobFolder(job); f != nil {
		return l.BackToFolder.fill("Folder", plain(l.folderName(f)))
	}
	return l.GoToInbox
}

// jobAddress is the address of the page of a job, which is loaded again by itself or
// not.
func jobAddress(p Job, still bool) string {
	if still {
		return JobURL(p.Job.ID) + "?still=1"
	}
	return JobURL(p.Job.ID)
}

// wholeWords tell that all messages of a list are selected, or offer that.
func (v view) wholeWords(p *api.MailboxAnswer, selected bool) string {
	words := &v.SelectAllIn
	switch {
	case selected && p.Filter == api.FilterNone:
		words = &v.AllInSelected
	case selected:
		words = &v.AllMatchingSelected
	case p.Filter != api.FilterNone:
		words = &v.SelectAllMatching
	}
	return words.fill(matching(p), v.number(matching(p)))
}
