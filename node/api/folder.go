package api

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=folder.go -o=folder_msgp.go

// FolderAction is something that is done to a folder.
type FolderAction string

// The actions on folders.
const (
	FolderCreate      FolderAction = "create"
	FolderRename      FolderAction = "rename" // with all folders in it
	FolderDelete      FolderAction = "delete" // what it holds goes to Trash before
	FolderSubscribe   FolderAction = "subscribe"
	FolderUnsubscribe FolderAction = "unsubscribe"
)

// MaxFolderLevels bounds FolderQuestion.Path.
const MaxFolderLevels = 20

// FolderQuestion asks to do something to a folder of the user.
type FolderQuestion struct {
	Action FolderAction `msg:"action"`
	// Mailbox is the folder; unused for FolderCreate.
	Mailbox string `msg:"mailbox,omitempty"`
	// Path is the new name for FolderCreate and FolderRename, a level each, as in
	// Folder.Path. Levels that do not exist are made.
	Path []string `msg:"path,omitempty"`
}

// FolderAnswer tells what was done. With a Problem, the folder is as it was.
type FolderAnswer struct {
	// Folders is the list as it is now, Folder the entry that was made or
	// renamed, or the one that was deleted as it was.
	Folders []Folder `msg:"folders"`
	Folder  Folder   `msg:"folder"`
	// Moved counts the messages that went to Trash.
	Moved   int           `msg:"moved,omitempty"`
	Problem FolderProblem `msg:"problem,omitempty"`
}

// FolderProblem says in a word why a folder stays as it is.
type FolderProblem string

// The problems; empty for none.
const (
	FolderExists     FolderProblem = "exists"     // there is one of that name
	FolderBadName    FolderProblem = "name"       // no folder can be called so
	FolderSeparator  FolderProblem = "separator"  // the name has the character that the mail server keeps for itself
	FolderFlat       FolderProblem = "flat"       // the mail server has no folders in folders
	FolderInside     FolderProblem = "inside"     // a folder cannot be put into itself
	FolderProtected  FolderProblem = "protected"  // the inbox and the like stay, and folders of others
	FolderChildren   FolderProblem = "children"   // there are folders in it
	FolderNotEmpty   FolderProblem = "not_empty"  // its messages could not all be moved
	FolderPermission FolderProblem = "permission" // the user may not do that
	FolderFull       FolderProblem = "full"       // there is no more room
	FolderRefused    FolderProblem = "refused"    // the mail server refused, and does not say why
)
