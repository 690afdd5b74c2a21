package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

const (
	// actedAtOnce is how many messages one command is about: so much is in doubt
	// when the mail server goes away in the middle.
	actedAtOnce = 500
	// actReserve is the time that must be left to begin with more of them.
	actReserve = 2 * time.Second
	// maxRemembered is how many answers are kept for questions that come again.
	maxRemembered = 8
)

// acted is an answer, with the question, of one kind or the other, and the operation
// that it is of.
type acted struct {
	operation string
	question  *api.ActQuestion
	all       *api.ActAllQuestion
	answer    *api.ActAnswer
}

// acting is an action under way. The index of the mailbox tells what came of it:
// the mail server says what it does while it does it.
type acting struct {
	*Account
	mailbox     string
	uidValidity uint32
	action      api.Action // as it is carried out
	to          string     // where messages go; empty if they stay
	repeated    bool
	answer      *api.ActAnswer
	undo        undoing
	unread      int // of those that went to another mailbox
}

// Act does something to messages of a mailbox. A question of the same operation is
// answered again as it was, where doing it again would do more. Errors:
// auth_failed, backend_down, busy, not_found, conflict, invalid, deadline; once
// something may have been done, the answer tells what, and there is no error.
func (a *Account) Act(ctx context.Context, operation string, repeated bool, question *api.ActQuestion) (answer *api.ActAnswer, err error) {
	if err := checkAct(question); err != nil {
		return nil, err
	}
	err = a.ask(ctx, func(ctx context.Context) error {
		if answer = a.recallAct(operation, question); answer != nil {
			return nil
		}
		s := &acting{Account: a, mailbox: canonicalMailbox(question.Mailbox), uidValidity: question.UIDValidity, action: question.Action, repeated: repeated}
		if err := s.begin(ctx, question.To); err != nil {
			return err
		}
		answer = s.run(ctx, question.UIDs, actedAtOnce)
		if s.to != "" && operation != "" {
			a.rememberAct(acted{operation: operation, question: question, answer: answer})
		}
		return nil
	}, func() bool { return false })
	return answer, err
}

// recallAct returns the answer that was given to the same question of the same
// operation; nil if there is none.
func (a *Account) recallAct(operation string, question *api.ActQuestion) *api.ActAnswer {
	for _, one := range a.acted {
		q := one.question
		if operation != "" && one.operation == operation && q != nil && q.Action == question.Action && q.Mailbox == question.Mailbox && q.To == question.To &&
			q.UIDValidity == question.UIDValidity && slices.Equal(q.UIDs, question.UIDs) {
			return one.answer
		}
	}
	return nil
}

// checkAct refuses what no page of ours asks.
func checkAct(q *api.ActQuestion) error {
	goes := q.Action == api.ActMove || q.Action == api.ActCopy
	switch q.Action {
	case api.ActRead, api.ActUnread, api.ActFlag, api.ActUnflag, api.ActMove, api.ActCopy, api.ActArchive, api.ActJunk, api.ActNotJunk, api.ActDelete, api.ActErase:
	default:
		return api.NewError(api.CodeInvalid, "There is no such action.", nil)
	}
	if len(q.UIDs) > api.MaxActed {
		return api.NewError(api.CodeTooLarge, "These are too many messages at once.", nil)
	}
	if !validMailbox(q.Mailbox) || len(q.UIDs) == 0 || slices.Contains(q.UIDs, 0) || goes != (q.To != "") || goes && !validMailbox(q.To) {
		return api.NewError(api.CodeInvalid, "There are no such messages.", nil)
	}
	return nil
}

// maxMailboxName bounds the name of a mailbox, in bytes.
const maxMailboxName = 1000

func validMailbox(name string) bool {
	return name != "" && len(name) <= maxMailboxName && !strings.ContainsAny(name, "\x00\r\n")
}

// begin selects the mailbox and finds out what the action is there, and where it
// goes. Nothing is changed but that a folder may be made.
func (s *acting) begin(ctx context.Context, to string) error {
	if err := s.choose(ctx); err != nil {
		return err
	}
	role := api.Role("")
	if here := s.folder(s.mailbox); here != nil && here.Space == "" {
		role = here.Role
	}
	var err error
	switch s.action {
	case api.ActMove, api.ActCopy:
		s.to = canonicalMailbox(to)
	case api.ActArchive:
		s.to, err = s.special(ctx, api.RoleArchive)
	case api.ActJunk:
		s.to, err = s.special(ctx, api.RoleJunk)
	case api.ActNotJunk:
		s.to = inbox
	case api.ActDelete:
		if role == api.RoleTrash || role == api.RoleJunk {
			s.action = api.ActErase
		} else {
			s.to, err = s.special(ctx, api.RoleTrash)
		}
	}
	if err == nil && s.to == s.mailbox {
		err = api.NewError(api.CodeInvalid, "The messages are in that folder already.", nil)
	}
	s.answer = &api.ActAnswer{Action: s.action}
	s.undo = undoing{Action: string(s.action), Mailbox: s.mailbox, UIDValidity: s.uidValidity, To: s.to}
	return err
}

// choose selects the mailbox, with everything that is known of it.
func (s *acting) choose(ctx context.Context) error {
	if _, err := s.ensure(ctx, s.mailbox, true); err != nil {
		return err
	}
	if found := s.selected.uidValidity; found != s.uidValidity {
		return api.NewError(api.CodeConflict, "This folder was replaced; the messages have other names now.", fmt.Errorf("UIDVALIDITY is %d, not %d", found, s.uidValidity))
	}
	return nil
}

// run does it to messages, so many at once, and makes the answer.
func (s *acting) run(ctx context.Context, uids []uint32, atOnce int) *api.ActAnswer {
	uids = slices.Clone(uids)
	slices.Sort(uids)
	uids = slices.Compact(uids)
	there := slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { _, found := s.selected.find(uid); return !found })
	s.answer.Gone += len(uids) - len(there)
	for i := 0; i < len(there); i += atOnce {
		if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < actReserve {
			s.answer.Problem = api.ProblemTime
		}
		if s.answer.Problem != "" {
			s.answer.Left += len(there) - i
			break
		}
		s.step(ctx, there[i:min(i+atOnce, len(there))])
	}
	s.note()
	if !s.undo.empty() {
		s.undo.At = time.Now().Unix()
		s.answer.Undo, _ = s.undo.MarshalMsg(nil)
	}
	return s.answer
}

// step does it to some messages, and once more if the connection ended meanwhile.
func (s *acting) step(ctx context.Context, uids []uint32) {
	work := s.erase
	switch s.action {
	case api.ActRead, api.ActUnread, api.ActFlag, api.ActUnflag:
		work = s.store
	case api.ActCopy:
		work = s.copy
	case api.ActErase:
	default:
		work = s.move
	}
	err := work(ctx, uids, s.repeated)
	if err != nil && !s.connected() && s.action != api.ActCopy {
		if err = s.connect(ctx); err == nil {
			if err = s.choose(ctx); err == nil {
				err = work(ctx, uids, true)
			}
		}
	}
	switch lost := lastingProblem(err); {
	case err == nil:
	case lost != "": // the mailbox itself, while the connection was
		s.answer.Problem = lost
		s.answer.Unclear += len(uids)
		return
	case s.connected() && isRefusal(err):
		s.answer.Problem = s.problemOf(err)
	default:
		s.log.Info("an action was cut off", "action", s.action, "error", err)
		s.answer.Problem = api.ProblemAway
		s.answer.Unclear += len(uids)
		return
	}
	s.count(uids)
}

// count counts what came of a step by what is known of its messages now.
func (s *acting) count(uids []uint32) {
	x, left := s.selected, 0
	bit, set := flagOf(s.action)
	for _, uid := range uids {
		i, there := x.find(uid)
		switch {
		case s.action == api.ActCopy:
			if s.answer.Problem != "" {
				left++
			}
		case bit != 0 && !there:
			s.answer.Gone++
			s.answer.Done--
		case bit != 0:
			if (x.flags[i]&bit != 0) != set {
				left++
			}
		case !there:
		case x.flags[i]&flagDeleted != 0 && s.answer.Problem == "" && !s.conn.Has(imap.CapUIDPlus):
			s.answer.Marked++
			if s.to != "" {
				s.undo.mark(uid)
			}
		default:
			left++
		}
	}
	s.answer.Done += len(uids) - left
	s.answer.Left += left
	if left > 0 && s.answer.Problem == "" {
		s.answer.Problem = api.ProblemPermission // the server keeps silent about what is not allowed
	}
}

// note brings the folder list up to date with what was done.
func (s *acting) note() {
	if x := s.selected; x != nil && x.mailbox == s.mailbox {
		if here := s.folder(s.mailbox); here != nil {
			here.Total, here.Unread, here.Counted = uint32(len(x.uids)), uint32(x.unread), true
		}
	}
	switch to := s.folder(s.to); {
	case s.answer.Problem == api.ProblemNoFolder:
		s.folders.read = time.Time{}
	case to != nil:
		if to.Counted {
			to.Total += uint32(s.answer.Done)
			to.Unread += uint32(s.unread)
		}
		s.answer.To = *to
	case s.to != "":
		s.answer.To = api.Folder{Mailbox: s.to, Path: []string{s.to}, Selectable: true}
	}
}

// flagOf is the flag that an action is about, and whether it sets it; 0 for other
// actions.
func flagOf(action api.Action) (bit flagSet, set bool) {
	switch action {
	case api.ActRead, api.ActUnread:
		return flagSeen, action == api.ActRead
	case api.ActFlag, api.ActUnflag:
		return flagFlagged, action == api.ActFlag
	}
	return 0, false
}

// store sets or takes away a flag, of those messages that have it otherwise.
func (s *acting) store(ctx context.Context, uids []uint32, _ bool) error {
	bit, set := flagOf(s.action)
	change := imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{imap.FlagSeen}}
	if bit == flagFlagged {
		change.Flags[0] = imap.FlagFlagged
	}
	if set {
		change.Op = imap.StoreFlagsAdd
	}
	x := s.selected
	var changed []uint32
	for _, uid := range uids {
		if i, found := x.find(uid); found && (x.flags[i]&bit != 0) != set {
			changed = append(changed, uid)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	s.undo.source(changed)
	return s.do(ctx, &imapconn.Store{UIDs: setOf(changed), Change: change})
}

// copy copies messages. It is not done twice: nobody would know which are the
// copies.
func (s *acting) copy(ctx context.Context, uids []uint32, again bool) error {
	if again {
		return errors.New("account: perhaps the messages are copied already")
	}
	command := &imapconn.Copy{UIDs: setOf(uids), To: s.to}
	s.unread += s.unreadOf(uids)
	err := s.do(ctx, command)
	if err == nil && s.conn.Has(imap.CapUIDPlus) {
		s.undo.went(&command.Copied, len(uids))
	}
	return err
}

// unreadOf counts the unread ones among messages.
func (s *acting) unreadOf(uids []uint32) (unread int) {
	x := s.selected
	for _, uid := range uids {
		if i, found := x.find(uid); found && x.flags[i]&flagSeen == 0 {
			unread++
		}
	}
	return unread
}

// move moves messages, as far as they are still there. Again: some may be in both
// mailboxes, unless the server moves by itself.
func (s *acting) move(ctx context.Context, uids []uint32, again bool) error {
	x := s.selected
	uids = slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { _, found := x.find(uid); return !found })
	if len(uids) == 0 {
		return nil
	}
	before := s.unreadOf(uids)
	err := s.tellJunk(ctx, uids)
	if err == nil && again && !s.conn.Has(imap.CapMove) {
		err = s.resume(ctx, uids)
	} else if err == nil {
		err = s.moveOnce(ctx, uids)
	}
	if errors.Is(err, imapconn.ErrLeftBehind) && s.connected() {
		// Which of them are marked as deleted, the server was not asked to say.
		err = s.do(ctx, &imapconn.Fetch{UIDs: setOf(uids), Items: flagItems, Told: true})
		if err == nil && s.conn.Has(imap.CapUIDPlus) {
			s.answer.Problem = api.ProblemKept
		}
	}
	if s.connected() {
		s.unread += before - s.unreadOf(uids)
	}
	return err
}

// moveOnce is move on a connection that is known to work, of messages that are
// known to be in one mailbox.
func (s *acting) moveOnce(ctx context.Context, uids []uint32) error {
	if !s.conn.Has(imap.CapUIDPlus) {
		if err := s.recognise(ctx, uids); err != nil {
			return err
		}
	}
	return s.talk(ctx, func(ctx context.Context) error {
		copied, err := s.conn.Move(ctx, setOf(uids), s.to)
		if copied != nil {
			s.undo.went(copied, len(uids))
		}
		return err
	})
}

// resume ends a move that was begun on another connection.
func (s *acting) resume(ctx context.Context, uids []uint32) error {
	s.leave() // other mailboxes are selected meanwhile
	err := s.talk(ctx, func(ctx context.Context) error {
		return s.conn.ResumeMove(ctx, s.mailbox, s.uidValidity, setOf(uids), s.to)
	})
	if !s.connected() {
		return err
	}
	if again := s.choose(ctx); again != nil {
		return again
	}
	return err
}

// Keywords that tell a mail server's filter what a user thinks of a message. See
// the registry of IMAP keywords (RFC 5788).
const (
	flagJunk    imap.Flag = "$Junk"
	flagNotJunk imap.Flag = "$NotJunk"
)

// tellJunk marks messages as junk or not, where the mailbox takes such marks.
func (s *acting) tellJunk(ctx context.Context, uids []uint32) error {
	if !s.selected.keywords || s.action != api.ActJunk && s.action != api.ActNotJunk {
		return nil
	}
	add, remove := flagJunk, flagNotJunk
	if s.action == api.ActNotJunk {
		add, remove = remove, add
	}
	return s.keywords(ctx, uids, add, remove)
}

func (s *acting) keywords(ctx context.Context, uids []uint32, add, remove imap.Flag) error {
	commands := []imapconn.Command{&imapconn.Store{UIDs: setOf(uids), Change: imap.StoreFlags{Op: imap.StoreFlagsDel, Silent: true, Flags: []imap.Flag{remove}}}}
	if add != "" {
		commands = append(commands, &imapconn.Store{UIDs: setOf(uids), Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{add}}})
	}
	if err := s.do(ctx, commands...); err != nil && !isRefusal(err) {
		return err
	}
	return nil
}

// erase deletes messages for ever. Without UIDPLUS they stay, marked as deleted: a
// bare EXPUNGE would remove what others marked.
func (s *acting) erase(ctx context.Context, uids []uint32, _ bool) error {
	deleted := []imap.Flag{imap.FlagDeleted}
	err := s.do(ctx, &imapconn.AddFlags{UIDs: setOf(uids), Flags: deleted})
	if err != nil || !s.conn.Has(imap.CapUIDPlus) {
		return err
	}
	err = s.do(ctx, &imapconn.Expunge{UIDs: setOf(uids)})
	if isRefusal(err) { // as they were
		s.do(ctx, &imapconn.Store{UIDs: setOf(uids), Change: imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: deleted}})
	}
	return err
}

// problemOf says what a refusal means. Courier gives no codes (RFC 5530, RFC 9208)
// and is read by its words.
func (a *Account) problemOf(err error) api.ActProblem {
	a.log.Info("the mail server refused an action", "error", err)
	refusal, refused := imapconn.IsRefusal(err)
	if !refused {
		return api.ProblemAway
	}
	words := strings.ToLower(refusal.Text)
	switch {
	case refusal.Code == imap.ResponseCodeOverQuota || strings.Contains(words, "quota"):
		return api.ProblemFull
	case refusal.Code == imap.ResponseCodeTryCreate || refusal.Code == imap.ResponseCodeNonExistent:
		return api.ProblemNoFolder
	case refusal.Code == imap.ResponseCodeNoPerm || strings.Contains(words, "permission") || strings.Contains(words, "read-only"):
		return api.ProblemPermission
	}
	return api.ProblemRefused
}

// setOf makes a set of UIDs in ascending order.
func setOf(uids []uint32) imap.UIDSet {
	var set imap.UIDSet
	for _, uid := range uids {
		if n := len(set); n > 0 && uint32(set[n-1].Stop)+1 == uid {
			set[n-1].Stop = imap.UID(uid)
			continue
		}
		set = append(set, imap.UIDRange{Start: imap.UID(uid), Stop: imap.UID(uid)})
	}
	return set
}
