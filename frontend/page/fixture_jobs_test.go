package page

import (
	"time"

	"alphamail/node/api"
)

// sampleJobs are long jobs in every state, the one that began last first.
func sampleJobs() []api.Job {
	folders := sampleFolders()
	at := func(minutes int) time.Time {
		return contextIn("en").Now.Add(-time.Duration(minutes) * time.Minute).UTC()
	}
	evil := api.Folder{Mailbox: "x", Path: []string{"a\u202eb", "<b>c"}, Selectable: true}
	return []api.Job{
		{ID: "waiting", State: api.JobWaiting, Action: api.ActCopy, From: folders[0], To: evil, Total: 48213, Started: at(1)},
		{ID: "running", State: api.JobRunning, Action: api.ActMove, From: folders[0], To: folders[1], Total: 48213, Done: 12000, Gone: 500, Started: at(2)},
		{ID: "stopping", State: api.JobRunning, Stopping: true, Action: api.ActRead, From: folders[5], Total: 2000, Done: 500, Started: at(3)},
		{ID: "away", State: api.JobWaiting, Away: true, Action: api.ActErase, From: folders[9], Total: 200_000, Done: 199_500, Started: at(4)},
		{ID: "done", State: api.JobDone, Action: api.ActArchive, From: folders[0], To: folders[1], Total: 5000, Done: 4990, Gone: 10, Started: at(20), Ended: at(10), Undoable: 4990},
		{ID: "part", State: api.JobStopped, Action: api.ActMove, From: folders[0], To: folders[3], Total: 5000, Done: 2000, Left: 3000, Started: at(30), Ended: at(29), Undoable: 1500},
		{ID: "failed", State: api.JobFailed, Action: api.ActMove, From: folders[0], To: folders[3], Total: 5000, Done: 2000, Left: 3000, Problem: api.ProblemFull, Started: at(40), Ended: at(39), UndoneBy: "undo"},
		{ID: "undo", State: api.JobDone, Action: api.ActMove, From: folders[3], To: folders[0], Total: 2000, Done: 2000, Started: at(38), Ended: at(37), Undoes: "failed"},
		{ID: "gone", State: api.JobFailed, Action: api.ActFlag, From: evil, Total: 7000, Done: 500, Left: 6500, Problem: api.ProblemNoSource, Started: at(50), Ended: at(49)},
	}
}

func sampleJob(id string) *api.Job {
	all := sampleJobs()
	for i := range all {
		if all[i].ID == id {
			return &all[i]
		}
	}
	return nil
}

// working is a list while jobs go on.
func working(filter api.Filter) *api.MailboxAnswer {
	answer := sampleMailbox()
	answer.LastUID, answer.Filter, answer.Matching, answer.Jobs = 52000, filter, 230, sampleJobs()[:5]
	return answer
}
