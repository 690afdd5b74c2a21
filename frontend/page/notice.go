package page

import "alphamail/node/api"

// Notice tells on a page what the reader has just done. A frontend gives it to the
// browser to bring it along to the page after a redirect.
type Notice struct {
	// Action is what was done to messages, Undone tells that it was taken back.
	// Empty for a notice about something else.
	Action api.Action `json:"a,omitempty"`
	Undone bool       `json:"u,omitempty"`
	// The counts are those of api.ActAnswer.
	Done    int            `json:"d,omitempty"`
	Gone    int            `json:"g,omitempty"`
	Left    int            `json:"l,omitempty"`
	Unclear int            `json:"c,omitempty"`
	Marked  int            `json:"m,omitempty"`
	Problem api.ActProblem `json:"p,omitempty"`
	// Undo are the handles to take it back with, one for each folder; none where
	// nothing can be.
	Undo [][]byte `json:"hs,omitempty"`
	// Missing says what the reader did not choose.
	Missing Missing `json:"x,omitempty"`
	// Change is what was done to a folder, Moved how many messages went to Trash.
	Change api.FolderAction `json:"f,omitempty"`
	Moved  int              `json:"v,omitempty"`
	// Words are what the server that sends said against a message.
	Words []ServerWords `json:"w,omitempty"`
	// Told is something else that was done, or was not, about somebody or something:
	// Who.
	Told Told   `json:"s,omitempty"`
	Who  string `json:"o,omitempty"`
	// Path and Role are of the folder that the messages are in, or that was changed.
	Path []string `json:"n,omitempty"`
	Role api.Role `json:"r,omitempty"`
	// Address is the page that shows it, and that Undo comes back to.
	Address string `json:"to"`
}

// ServerWords are what a server said: about a recipient, or about a whole message.
type ServerWords struct {
	Recipient string `json:"r,omitempty"` // empty for the message
	Text      string `json:"t"`
}

// Told is what a notice tells that is no action on messages.
type Told string

// What there is to tell.
const (
	ToldImages       Told = "images"          // the images of Who are shown from now on
	ToldContact      Told = "contact"         // Who is among the contacts now
	ToldContactKnown Told = "contact_known"   // Who was already
	ToldSearch       Told = "search"          // the search Who is kept
	ToldForgotten    Told = "search_gone"     // a search is not kept any more
	ToldHidden       Told = "hidden"          // the folder Who is left out of lists
	ToldShown        Told = "shown"           // it is not any more
	ToldNobody       Told = "nobody"          // there is no address to add
	ToldUnkept       Told = "unkept"          // nothing can be kept here
	ToldNoRoom       Told = "no_room"         // there is no more room
	ToldLeft         Told = "left"            // the host Who took it that the reader leaves the list
	ToldNotLeft      Told = "not_left"        // the host Who refused
	ToldUnreached    Told = "not_left_away"   // the host Who could not be reached
	ToldElsewhere    Told = "not_left_moved"  // the host Who wants it at another place
	ToldInner        Told = "not_left_inside" // the address of Who is one that mail must not reach
)

// isFailure tells that it was not done.
func (t Told) isFailure() bool {
	switch t {
	case "", ToldImages, ToldContact, ToldContactKnown, ToldSearch, ToldForgotten, ToldHidden, ToldShown, ToldLeft:
		return false
	}
	return true
}

// told is the sentence for it.
func (l *locale) told(t Told) pattern {
	switch t {
	case ToldImages:
		return l.ToldImages
	case ToldContact:
		return l.ToldContact
	case ToldContactKnown:
		return l.ToldContactKnown
	case ToldSearch:
		return l.ToldSearch
	case ToldHidden:
		return l.ToldHidden
	case ToldShown:
		return l.ToldShown
	case ToldForgotten:
		return pattern{{text: l.ToldForgotten}}
	case ToldNobody:
		return pattern{{text: l.ToldNobody}}
	case ToldUnkept:
		return pattern{{text: l.NothingKept}}
	case ToldNoRoom:
		return pattern{{text: l.ProblemTooLarge}}
	case ToldLeft:
		return l.ToldLeft
	case ToldNotLeft:
		return l.ToldNotLeft
	case ToldUnreached:
		return l.ToldUnreached
	case ToldElsewhere:
		return l.ToldElsewhere
	case ToldInner:
		return l.ToldInner
	}
	return nil
}

// Missing is what a form lacked.
type Missing string

// What forms can lack.
const (
	MissingMessages Missing = "messages"
	MissingGoal     Missing = "goal"
)

// NoticeOf makes the notice of an answer, for a page.
func NoticeOf(answer *api.ActAnswer, address string) *Notice {
	notice := &Notice{
		Action: answer.Action, Done: answer.Done, Gone: answer.Gone, Left: answer.Left, Unclear: answer.Unclear, Marked: answer.Marked,
		Problem: answer.Problem, Path: answer.To.Path, Role: roleOf(&answer.To), Address: address,
	}
	if len(answer.Undo) > 0 {
		notice.Undo = [][]byte{answer.Undo}
	}
	return notice
}

// Add adds what was done to messages of another folder, in the same way.
func (n *Notice) Add(other *Notice) {
	n.Done += other.Done
	n.Gone += other.Gone
	n.Left += other.Left
	n.Unclear += other.Unclear
	n.Marked += other.Marked
	n.Undo = append(n.Undo, other.Undo...)
	if n.Problem == "" {
		n.Problem = other.Problem
	}
	if len(n.Path) == 0 {
		n.Path, n.Role = other.Path, other.Role
	}
}

// UndoneNotice makes the notice of something that was taken back.
func UndoneNotice(answer *api.UndoAnswer, address string) *Notice {
	return &Notice{
		Action: answer.Action, Undone: true, Done: answer.Done, Gone: answer.Gone, Left: answer.Left, Unclear: answer.Unclear,
		Problem: answer.Problem, Path: answer.Folder.Path, Role: roleOf(&answer.Folder), Address: address,
	}
}

// said are the sentences of a notice.
func (l *locale) said(n *Notice) (said []phrase) {
	say := func(p pattern, count int) {
		folder := l.folderName(&api.Folder{Path: n.Path, Role: n.Role})
		said = append(said, phrase{p.with("Count", l.number(count)), []string{"Folder", folder}})
	}
	sentence := func(text string) { said = append(said, phrase{pattern{{text: text}}, nil}) }
	switch n.Missing {
	case MissingMessages:
		sentence(l.NothingSelected)
	case MissingGoal:
		sentence(l.NoGoal)
	}
	if told := l.told(n.Told); told != nil {
		said = append(said, phrase{told, []string{"Who", n.Who}})
	}
	switch n.Change {
	case api.FolderCreate:
		say(l.FolderMade, 0)
	case api.FolderRename:
		say(l.FolderRenamed, 0)
	case api.FolderDelete:
		say(l.FolderDeleted, 0)
		if n.Moved > 0 {
			say(l.FolderMoved.form(n.Moved), n.Moved)
		}
	}
	if n.Action == "" {
		return said
	}
	switch words := l.did(n); {
	case n.Done > 0 && words != nil:
		say(words.form(n.Done), n.Done)
	case n.Done == 0 && n.Unclear == 0:
		sentence(l.NothingDone)
	}
	for _, part := range []struct {
		count int
		words *counted
	}{{n.Gone, &l.GoneCount}, {n.Left, &l.LeftCount}, {n.Unclear, &l.UnclearCount}, {n.Marked, &l.MarkedCount}} {
		if part.count > 0 {
			say(part.words.form(part.count), part.count)
		}
	}
	if reason := l.actProblem(n.Problem); reason != "" {
		sentence(reason)
	}
	return said
}

// did are the words for what was done.
func (l *locale) did(n *Notice) *counted {
	if n.Undone {
		return &l.DidUndo
	}
	switch n.Action {
	case api.ActRead:
		return &l.DidRead
	case api.ActUnread:
		return &l.DidUnread
	case api.ActFlag:
		return &l.DidFlag
	case api.ActUnflag:
		return &l.DidUnflag
	case api.ActMove, api.ActArchive, api.ActJunk, api.ActNotJunk, api.ActDelete:
		return &l.DidMove
	case api.ActCopy:
		return &l.DidCopy
	case api.ActErase:
		return &l.DidErase
	}
	return nil
}

func (l *locale) actProblem(problem api.ActProblem) string {
	switch problem {
	case "":
		return ""
	case api.ProblemFull:
		return l.ActFull
	case api.ProblemPermission:
		return l.ActPermission
	case api.ProblemNoFolder:
		return l.ActNoFolder
	case api.ProblemKept:
		return l.ActKept
	case api.ProblemAway:
		return l.ActAway
	case api.ProblemTime:
		return l.ActTime
	case api.ProblemNoSource:
		return l.ActNoSource
	case api.ProblemReplaced:
		return l.ActReplaced
	}
	return l.ActRefused
}

// isFault tells that not everything was done that was asked for.
func (n *Notice) isFault() bool {
	return n.Left > 0 || n.Unclear > 0 || n.Missing != "" || n.Told.isFailure()
}

// folderProblem says why a folder stays as it is.
func (l *locale) folderProblem(problem api.FolderProblem) string {
	switch problem {
	case "":
		return ""
	case api.FolderExists:
		return l.FolderExists
	case api.FolderBadName:
		return l.FolderBadName
	case api.FolderSeparator:
		return l.FolderSeparator
	case api.FolderFlat:
		return l.FolderFlat
	case api.FolderInside:
		return l.FolderInside
	case api.FolderProtected:
		return l.FolderProtected
	case api.FolderChildren:
		return l.FolderChildren
	case api.FolderNotEmpty:
		return l.FolderNotEmpty
	case api.FolderPermission:
		return l.FolderPermission
	case api.FolderFull:
		return l.ActFull
	}
	return l.ActRefused
}

// with returns a pattern with one of its gaps filled.
func (p pattern) with(gap, value string) pattern {
	var left pattern
	text := ""
	for i, piece := range p {
		if text += piece.text; piece.gap == gap && i < len(p)-1 {
			text += value
			continue
		}
		piece.text, text = text, ""
		left = append(left, piece)
	}
	return left
}
