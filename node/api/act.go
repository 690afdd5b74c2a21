package api

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=act.go -o=act_msgp.go

// Action is something that is done to messages.
type Action string

// The actions. All but the last can be undone.
const (
	ActRead    Action = "read"     // set \Seen
	ActUnread  Action = "unread"   // take \Seen away
	ActFlag    Action = "flag"     // set \Flagged
	ActUnflag  Action = "unflag"   // take \Flagged away
	ActMove    Action = "move"     // to ActQuestion.To
	ActCopy    Action = "copy"     // to ActQuestion.To
	ActArchive Action = "archive"  // move to the folder of that role, which is made where there is none
	ActJunk    Action = "junk"     // the same, and tell the mail server that it is junk
	ActNotJunk Action = "not_junk" // move to the inbox, and tell the mail server that it is not
	ActDelete  Action = "delete"   // move to Trash; in Trash and Junk the same as ActErase
	ActErase   Action = "delete_for_ever"
)

// MaxActed bounds ActQuestion.UIDs.
const MaxActed = 10_000

// ActQuestion asks to do something to messages of one mailbox. Those that are not
// there any more are no error.
type ActQuestion struct {
	Action      Action   `msg:"action"`
	Mailbox     string   `msg:"mailbox"`
	UIDValidity uint32   `msg:"uid_validity"`
	UIDs        []uint32 `msg:"uids"`
	// To is the mailbox that ActMove and ActCopy go to.
	To string `msg:"to,omitempty"`
}

// ActAnswer tells what was done. Done, Gone, Left and Unclear together are the
// messages of the question.
type ActAnswer struct {
	// Action is what was done: ActErase for an ActDelete in Trash.
	Action Action `msg:"action"`
	// To is the folder where the messages are now; zero if they have not moved.
	To Folder `msg:"to"`
	// Done counts messages that are as was asked for, Gone those that were not
	// there, Left those that are as before, and Unclear those of which nobody knows:
	// the mail server went away meanwhile. Each is in one of the two mailboxes, or
	// in both.
	Done    int `msg:"done"`
	Gone    int `msg:"gone,omitempty"`
	Left    int `msg:"left,omitempty"`
	Unclear int `msg:"unclear,omitempty"`
	// Marked counts those among Done whose originals stay, marked as deleted,
	// because the mail server removes none by name (it lacks UIDPLUS).
	Marked int `msg:"marked,omitempty"`
	// Problem says why there are messages Left or Unclear.
	Problem ActProblem `msg:"problem,omitempty"`
	// Undo takes back what was done, if given to Service.Undo; empty where nothing
	// can be.
	Undo []byte `msg:"undo,omitempty"`
	// Job, if not empty, is the job that does it, in place of everything else.
	Job string `msg:"job,omitempty"`
}

// ActProblem says in a word why something could not be done.
type ActProblem string

// The problems; empty for none.
const (
	ProblemFull       ActProblem = "full"       // there is no more room in the mailbox
	ProblemPermission ActProblem = "permission" // the user may not do that there
	ProblemNoFolder   ActProblem = "no_folder"  // the folder to put messages into does not exist any more
	ProblemKept       ActProblem = "kept"       // copied, but the originals could not be removed
	ProblemAway       ActProblem = "away"       // the mail server went away in the middle
	ProblemTime       ActProblem = "time"       // the time was over in the middle: ask again for the rest
	ProblemRefused    ActProblem = "refused"    // the mail server refused, and does not say why
	ProblemNoSource   ActProblem = "no_source"  // the folder of the messages does not exist any more
	ProblemReplaced   ActProblem = "replaced"   // another folder has taken the place of that one, or of the one to put messages into
)

// UndoQuestion takes back what an ActAnswer told of.
type UndoQuestion struct {
	Handle []byte `msg:"handle"`
}

// UndoAnswer tells what was taken back.
type UndoAnswer struct {
	// Action is the one that was taken back.
	Action Action `msg:"action"`
	// Folder is where the messages are again.
	Folder Folder `msg:"folder"`
	// The rest is as in ActAnswer.
	Done    int        `msg:"done"`
	Gone    int        `msg:"gone,omitempty"`
	Left    int        `msg:"left,omitempty"`
	Unclear int        `msg:"unclear,omitempty"`
	Problem ActProblem `msg:"problem,omitempty"`
}

// EmptyQuestion deletes for ever what Trash or Junk holds.
type EmptyQuestion struct {
	Mailbox     string `msg:"mailbox"`
	UIDValidity uint32 `msg:"uid_validity"`
	// UpTo is the highest UID that the user has seen there: what came later stays.
	UpTo uint32 `msg:"up_to"`
}
