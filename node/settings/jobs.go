package settings

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"alphamail/node/api"
)

// kindJob is the kind of the fields of long jobs: one field a job, which whoever
// does it writes as a whole.
const kindJob = "job"

const (
	// JobKept is how long an ended job is remembered.
	JobKept = 24 * time.Hour
	// maxEndedJobs bounds those that are.
	maxEndedJobs = 20
)

// Job is what is kept of a long job, so that any node can go on with it. What is
// still to do is not kept: it is what the mailbox still holds of the selection, after
// Position.
type Job struct {
	ID    string       `json:"-"`
	State api.JobState `json:"state"` // api.JobRunning until it has ended
	// Action is what is done, as it is carried out: never api.ActDelete to messages
	// that are deleted for ever.
	Action      api.Action `json:"action"`
	Mailbox     string     `json:"mailbox"`
	UIDValidity uint32     `json:"uid_validity"`
	Filter      api.Filter `json:"filter,omitempty"`
	UpTo        uint32     `json:"up_to"`
	// Only, if it is not nil, are the messages of the selection, as account writes
	// sets of UIDs.
	Only []byte `json:"only,omitempty"`
	// To is where messages go; empty if they stay.
	To string `json:"to,omitempty"`
	// From and Goal are how people call the two folders.
	From JobFolder `json:"from"`
	Goal JobFolder `json:"goal,omitzero"`

	// Position is the UID up to which all is done.
	Position uint32 `json:"position,omitempty"`
	// ToNext is a UID of To that none of the copies of messages after Position can
	// be below; ToValidity is the UIDVALIDITY of To. 0 if not known.
	ToNext     uint32 `json:"to_next,omitempty"`
	ToValidity uint32 `json:"to_validity,omitempty"`
	// The counts are as in api.Job.
	Total  int `json:"total"`
	Done   int `json:"done,omitempty"`
	Gone   int `json:"gone,omitempty"`
	Left   int `json:"left,omitempty"`
	Marked int `json:"marked,omitempty"`

	Problem api.ActProblem `json:"problem,omitempty"`
	// Undo are the messages by which it can be taken back: those whose flag was
	// changed, or the ones that went, as they are called in To.
	Undo     []byte `json:"undo,omitempty"`
	NoUndo   bool   `json:"no_undo,omitempty"` // they are too many to be kept
	Undoes   string `json:"undoes,omitempty"`
	UndoneBy string `json:"undone_by,omitempty"`
	// OfAction is what the job Undoes did.
	OfAction api.Action `json:"of_action,omitempty"`
	// Seen tells that the user knows how it ended.
	Seen bool `json:"seen,omitempty"`
	// Started and Ended are in milliseconds since 1970 in UTC; Ended is 0 until then.
	Started int64 `json:"started"`
	Ended   int64 `json:"ended,omitempty"`
}

// JobFolder is how people call a folder.
type JobFolder struct {
	Path []string `json:"path,omitempty"`
	Role api.Role `json:"role,omitempty"`
}

// PutJobs returns the fields that write jobs over a document, and forget ended ones
// that are too old or too many. That a job was undone or seen is never taken back: who
// writes how far it is need not have heard of that, and the jobs get it here.
func PutJobs(d Document, jobs []Job, now time.Time) (Document, error) {
	c := newChanges(d, now)
	for i := range jobs {
		job, old := &jobs[i], Job{}
		if known := d[kindJob+"/"+job.ID]; !known.deleted() {
			_ = json.Unmarshal(known.Value, &old) // what cannot be read is written anew
		}
		job.UndoneBy, job.Seen = cmp.Or(job.UndoneBy, old.UndoneBy), job.Seen || old.Seen
		value, err := marshal(job)
		if err != nil {
			return nil, err
		}
		c.set(kindJob+"/"+job.ID, value)
	}
	for _, id := range forgotten(Merge(d, c.written), now) {
		c.set(kindJob+"/"+id, nil)
	}
	return c.written, nil
}

// jobsOf reads the jobs of a document, the one that began first first.
func jobsOf(d Document) (jobs []Job) {
	for name, field := range d {
		id, isJob := strings.CutPrefix(name, kindJob+"/")
		job := Job{}
		if isJob && !field.deleted() && json.Unmarshal(field.Value, &job) == nil {
			job.ID = id
			jobs = append(jobs, job)
		}
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.ID, b.ID)) })
	return jobs
}

// forgotten are the IDs of ended jobs that nobody needs any more.
func forgotten(d Document, now time.Time) (ids []string) {
	ended := 0
	for _, job := range slices.Backward(jobsOf(d)) {
		if job.Ended == 0 {
			continue
		}
		if ended++; ended > maxEndedJobs || now.Sub(time.UnixMilli(job.Ended)) > JobKept {
			ids = append(ids, job.ID)
		}
	}
	return ids
}

// pruneJobs removes the jobs that nobody needs any more, without a trace: one that
// comes back from a message that was not merged is as old.
func pruneJobs(d Document, now time.Time) {
	for _, id := range forgotten(d, now) {
		delete(d, kindJob+"/"+id)
	}
}
