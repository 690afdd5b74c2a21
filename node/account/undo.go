package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -unexported -file=undo.go -o=undo_msgp.go

//msgp:tuple undoing

// undoing is what an undo handle holds: all that is needed to take something back.
// A node seals it and gives it away, and keeps nothing.
type undoing struct {
	Action string
	At     int64 // Unix time
	// Mailbox is where the messages were, Source are those of which a flag was
	// changed, or which stay there marked as deleted.
	Mailbox     string
	UIDValidity uint32
	Source      []byte // see appendUIDs
	// To is where they went, as Dest, if the server says so; else they are among
	// those from UID From on, known by Digests of their Message-IDs.
	To         string
	ToValidity uint32
	Dest       []byte
	From       uint32
	Digests    []byte
}

const (
	// undoTime is how long something can be taken back.
	undoTime = 24 * time.Hour
	// digestSize is the size of the digest of a Message-ID, in bytes.
	digestSize = 8
)

func (u *undoing) empty() bool { return len(u.Source)+len(u.Dest)+len(u.Digests) == 0 }

// source notes messages whose flags change.
func (u *undoing) source(uids []uint32) { u.Source = appendUIDs(u.Source, uids) }

// mark notes a message that stays, marked as deleted.
func (u *undoing) mark(uid uint32) { u.Source = appendUIDs(u.Source, []uint32{uid}) }

// went notes where messages went, so many at most: a server may say anything.
func (u *undoing) went(copied *imapconn.Copied, most int) {
	count := uint64(0)
	for _, r := range copied.Dest {
		count += uint64(max(r.Stop, r.Start)-min(r.Stop, r.Start)) + 1
	}
	if count == 0 || count > uint64(most) || u.ToValidity != 0 && u.ToValidity != copied.UIDValidity {
		return
	}
	u.ToValidity = copied.UIDValidity
	var uids []uint32
	for _, r := range copied.Dest {
		for uid := uint64(min(r.Start, r.Stop)); uid <= uint64(max(r.Start, r.Stop)); uid++ {
			uids = append(uids, uint32(uid))
		}
	}
	slices.Sort(uids)
	u.Dest = appendUIDs(u.Dest, uids)
}

// appendUIDs appends ascending UIDs by runs: the first one and how many follow.
func appendUIDs(to []byte, uids []uint32) []byte {
	for i := 0; i < len(uids); {
		end := i + 1
		for end < len(uids) && uids[end] == uids[end-1]+1 {
			end++
		}
		to = binary.AppendUvarint(to, uint64(uids[i]))
		to = binary.AppendUvarint(to, uint64(end-i-1))
		i = end
	}
	return to
}

// readUIDs reads what appendUIDs wrote, up to MaxActed of them.
func readUIDs(data []byte) (uids []uint32) {
	for len(data) > 0 {
		first, n := binary.Uvarint(data)
		if n <= 0 {
			return nil
		}
		more, m := binary.Uvarint(data[n:])
		if m <= 0 || first == 0 || more >= api.MaxActed || first+more > 1<<32-1 || len(uids)+int(more) >= api.MaxActed {
			return nil
		}
		data = data[n+m:]
		for i := range more + 1 {
			uids = append(uids, uint32(first+i))
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

// idField is the part of a header with the Message-ID.
var idField = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID"}, Peek: true}

// digestOfID is the digest of the Message-ID in a header; nil without one.
func digestOfID(header []byte) []byte {
	_, id, _ := bytes.Cut(header, []byte{':'})
	if id = bytes.TrimSpace(id); len(id) == 0 {
		return nil
	}
	sum := sha256.Sum256(id)
	return sum[:digestSize]
}

// recognise notes by what messages will be known in the mailbox that they go to,
// where the server does not say what they are called there.
func (s *acting) recognise(ctx context.Context, uids []uint32) error {
	fetch := &imapconn.Fetch{UIDs: setOf(uids), Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{idField}}}
	status := &imapconn.Status{Mailbox: s.to, Options: &imap.StatusOptions{UIDNext: true, UIDValidity: true}}
	err := s.do(ctx, fetch, status)
	if err != nil && !isRefusal(err) {
		return err
	}
	if status.Data == nil {
		return nil
	}
	if s.undo.From == 0 {
		s.undo.From, s.undo.ToValidity = uint32(status.Data.UIDNext), status.Data.UIDValidity
	}
	for _, message := range fetch.Messages {
		s.undo.Digests = append(s.undo.Digests, digestOfID(message.Section(idField))...)
	}
	return nil
}

// Undo takes back what a handle tells of, as far as the messages are where it was
// left. Errors: as Act.
func (a *Account) Undo(ctx context.Context, repeated bool, handle []byte) (answer *api.UndoAnswer, err error) {
	u := &undoing{}
	rest, err := u.UnmarshalMsg(handle)
	if err != nil || len(rest) > 0 || !validMailbox(u.Mailbox) {
		return nil, api.NewError(api.CodeInvalid, "This cannot be undone.", err)
	}
	if age := time.Since(time.Unix(u.At, 0)); age > undoTime {
		return nil, api.NewError(api.CodeInvalid, "This was too long ago to be undone.", nil)
	}
	err = a.ask(ctx, func(ctx context.Context) error {
		done, err := a.takeBack(ctx, u, repeated)
		if err != nil {
			return err
		}
		answer = &api.UndoAnswer{
			Action: api.Action(u.Action), Done: done.Done, Gone: done.Gone, Left: done.Left, Unclear: done.Unclear, Problem: done.Problem,
			Folder: api.Folder{Mailbox: u.Mailbox, Path: []string{u.Mailbox}, Selectable: true},
		}
		if known := a.folder(u.Mailbox); known != nil {
			answer.Folder = *known
		}
		return nil
	}, func() bool { return false })
	return answer, err
}

var opposites = map[api.Action]api.Action{
	api.ActRead: api.ActUnread, api.ActUnread: api.ActRead, api.ActFlag: api.ActUnflag, api.ActUnflag: api.ActFlag, api.ActCopy: api.ActErase,
}

// takeBack does the opposite.
func (a *Account) takeBack(ctx context.Context, u *undoing, repeated bool) (*api.ActAnswer, error) {
	action := api.Action(u.Action)
	back := &acting{Account: a, mailbox: u.To, uidValidity: u.ToValidity, action: opposites[action], repeated: repeated}
	if u.To == "" {
		back.mailbox, back.uidValidity = u.Mailbox, u.UIDValidity
		if err := back.begin(ctx, ""); err != nil {
			return nil, err
		}
		return back.run(ctx, readUIDs(u.Source), actedAtOnce), nil
	}
	to := ""
	if back.action == "" {
		back.action, to = api.ActMove, u.Mailbox
	}
	if err := back.begin(ctx, to); err != nil {
		return nil, err
	}
	uids, err := back.find(ctx, u)
	if err != nil {
		return nil, err
	}
	if there := a.present(uids); len(there) > 0 && a.selected.keywords {
		switch action {
		case api.ActJunk:
			err = back.keywords(ctx, there, "", flagJunk)
		case api.ActNotJunk:
			err = back.keywords(ctx, there, flagJunk, flagNotJunk)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(u.Source) == 0 {
		return back.run(ctx, uids, actedAtOnce), nil
	}
	// The originals stayed, marked as deleted: they lose that mark, and the copies
	// get it.
	back.action, back.to = api.ActErase, ""
	back.run(ctx, uids, actedAtOnce)
	return a.unmark(ctx, u)
}

// present are those of some messages that the selected mailbox has.
func (a *Account) present(uids []uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { _, found := a.selected.find(uid); return !found })
}

// unmark makes messages that were marked as deleted ordinary ones again.
func (a *Account) unmark(ctx context.Context, u *undoing) (*api.ActAnswer, error) {
	s := &acting{Account: a, mailbox: u.Mailbox, uidValidity: u.UIDValidity}
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	uids := readUIDs(u.Source)
	answer := &api.ActAnswer{}
	if there := a.present(uids); len(there) > 0 {
		err := a.do(ctx, &imapconn.Store{UIDs: setOf(there), Change: imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{imap.FlagDeleted}}})
		switch {
		case isRefusal(err):
			answer.Problem, answer.Left = a.problemOf(err), len(there)
		case err != nil:
			return nil, err
		default:
			answer.Done = len(there)
		}
	}
	answer.Gone = len(uids) - answer.Done - answer.Left
	return answer, nil
}

// find returns the messages that went, by the names that they have where they are.
// The mailbox is selected.
func (s *acting) find(ctx context.Context, u *undoing) ([]uint32, error) {
	uids := readUIDs(u.Dest)
	if len(u.Digests) == 0 {
		return uids, nil
	}
	from, _ := s.selected.find(u.From)
	candidates := s.selected.uids[from:]
	candidates = slices.Clone(candidates[:min(len(candidates), api.MaxActed)])
	wanted := map[string]int{}
	for digest := range slices.Chunk(u.Digests, digestSize) {
		wanted[string(digest)]++
	}
	fetch := &imapconn.Fetch{UIDs: setOf(candidates), Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{idField}}}
	if len(candidates) > 0 {
		if err := s.do(ctx, fetch); err != nil && !isRefusal(err) {
			return nil, err
		}
	}
	for _, message := range fetch.Messages {
		if digest := string(digestOfID(message.Section(idField))); digest != "" && wanted[digest] > 0 {
			wanted[digest]--
			uids = append(uids, uint32(message.UID))
		}
	}
	for _, missing := range wanted {
		s.answer.Gone += missing
	}
	return uids, nil
}
