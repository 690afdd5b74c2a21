package api

import "time"

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=job.go -o=job_msgp.go

// Selection names all messages of a list, as its reader saw it.
type Selection struct {
	Mailbox     string `msg:"mailbox"`
	UIDValidity uint32 `msg:"uid_validity"`
	// Filter is that of the list. Which messages it leaves is decided when something
	// is done to them.
	Filter Filter `msg:"filter,omitempty"`
	// UpTo is the highest UID that the reader can have seen there: what came later is
	// not meant. See MailboxAnswer.LastUID.
	UpTo uint32 `msg:"up_to"`
}

// ActAllQuestion asks to do something to all messages of a list.
type ActAllQuestion struct {
	Action    Action    `msg:"action"`
	Selection Selection `msg:"selection"`
	// To is the mailbox that ActMove and ActCopy go to.
	To string `msg:"to,omitempty"`
}

// JobState says how far a job is.
type JobState string

// The states. A job that waits goes on by itself; the last three are for good.
const (
	JobWaiting JobState = "waiting" // for its turn, or for the mail server
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobStopped JobState = "stopped" // by the user
	JobFailed  JobState = "failed"  // see Job.Problem
)

// Ended tells that a job does nothing more.
func (s JobState) Ended() bool { return s == JobDone || s == JobStopped || s == JobFailed }

// MaxJobs is how many jobs of an account there may be that have not ended.
const MaxJobs = 3

// Job is an action on many messages that goes on while nobody waits for it.
type Job struct {
	ID     string   `msg:"id"`
	State  JobState `msg:"state"`
	Action Action   `msg:"action"`
	// From is the folder that the messages are or were in, To the one that they go to;
	// zero if they stay. Either may be gone.
	From Folder `msg:"from"`
	To   Folder `msg:"to"`
	// Total is how many messages there were in the beginning. Done, Gone, Left and
	// Marked are as in ActAnswer; of a job that has not ended, what is missing is
	// still to do.
	Total  int `msg:"total"`
	Done   int `msg:"done"`
	Gone   int `msg:"gone,omitempty"`
	Left   int `msg:"left,omitempty"`
	Marked int `msg:"marked,omitempty"`
	// Problem says why a job failed.
	Problem ActProblem `msg:"problem,omitempty"`
	// Away tells that a job waits for the mail server, Stopping that it ends after the
	// step under way.
	Away     bool `msg:"away,omitempty"`
	Stopping bool `msg:"stopping,omitempty"`
	// Started and Ended are when; Ended is zero until then.
	Started time.Time `msg:"started"`
	Ended   time.Time `msg:"ended,omitempty"`
	// Undoes is the job that this one takes back, UndoneBy the one that takes this one
	// back; empty if there is none.
	Undoes   string `msg:"undoes,omitempty"`
	UndoneBy string `msg:"undone_by,omitempty"`
	// Undoable counts the messages that can be taken back; 0 if none can, or it was
	// too long ago.
	Undoable int `msg:"undoable,omitempty"`
}

// JobsQuestion asks for the jobs of an account, the ended ones for a day.
type JobsQuestion struct {
	// ID is the one job that is asked for; empty for all.
	ID string `msg:"id,omitempty"`
	// Seen tells that the user sees the answer, so that pages need not tell how that
	// job ended.
	Seen bool `msg:"seen,omitempty"`
}

// JobsAnswer tells of jobs, the one that began last first.
type JobsAnswer struct {
	Jobs []Job `msg:"jobs"`
	// Settings are as in MailboxAnswer.
	Settings *Settings `msg:"settings,omitempty"`
}

// JobChange is what can be done to a job.
type JobChange string

// The changes.
const (
	JobStop JobChange = "stop" // after the step under way; what is done stays done
	JobUndo JobChange = "undo" // begin a job that takes back what an ended one did
)

// ChangeJobQuestion changes a job.
type ChangeJobQuestion struct {
	ID     string    `msg:"id"`
	Change JobChange `msg:"change"`
}

// ChangeJobAnswer tells the job to look at: the one that was stopped, or the one
// that takes another one back.
type ChangeJobAnswer struct {
	Job Job `msg:"job"`
}
