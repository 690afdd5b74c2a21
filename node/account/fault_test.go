package account_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/submit"
)

// saboteur stands between an account and its mail server and cuts everything
// before or after the command of a number, as if the node had died there.
type saboteur struct {
	net.Listener
	target string
	pumps  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns []net.Conn
	count int
	at    int  // the number of the command; 0 for none
	after bool // the server gets the command, and nobody the answer
	dead  bool // after the cut nothing is forwarded any more
	cut   bool
	name  string // of the command that was cut
}

func startSaboteur(t *testing.T, target string) *saboteur {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &saboteur{Listener: listener, target: target}
	s.pumps.Go(s.accept)
	t.Cleanup(func() {
		listener.Close()
		s.end()
		s.pumps.Wait()
	})
	return s
}

func (s *saboteur) accept() {
	for {
		client, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		refused := s.cut && s.dead
		s.mu.Unlock()
		server, err := net.Dial("tcp", s.target)
		if err != nil || refused {
			client.Close()
			if server != nil {
				server.Close()
			}
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, server)
		s.mu.Unlock()
		var silent atomic.Bool
		s.pumps.Go(func() { s.forward(server, client, &silent) })
		s.pumps.Go(func() {
			buffer := make([]byte, 32<<10)
			for {
				n, err := server.Read(buffer)
				if err != nil {
					break
				}
				if !silent.Load() {
					client.Write(buffer[:n])
				}
			}
			client.Close()
		})
	}
}

// forward passes on what a client says, a line at a time, and strikes at the
// command of the number. A literal goes through as it is.
func (s *saboteur) forward(server, client net.Conn, silent *atomic.Bool) {
	defer server.Close()
	reader := newLineReader(client)
	for {
		line, tagged, err := reader.next()
		if err != nil {
			return
		}
		struck, after := false, false
		if tagged {
			struck, after = s.strikes(line)
		}
		if struck {
			if after {
				silent.Store(true)
				server.Write(line)
				// What belongs to the command follows; the server gets it all.
				client.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
				io.Copy(server, reader.rest())
				time.Sleep(20 * time.Millisecond)
			}
			return
		}
		if _, err := server.Write(line); err != nil {
			return
		}
	}
}

// strikes counts a command, and tells whether to strike at it, and when.
func (s *saboteur) strikes(line []byte) (struck, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.at == 0 || s.count != s.at || s.cut {
		return false, false
	}
	s.cut = true
	s.name = commandOf(line)
	return true, s.after
}

func commandOf(line []byte) string {
	words := strings.Fields(string(line))
	if len(words) > 2 && words[1] == "UID" {
		return strings.Join(words[1:3], " ")
	}
	if len(words) > 1 {
		return words[1]
	}
	return ""
}

func (s *saboteur) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

// lineReader cuts what a client says into commands and the rest.
type lineReader struct {
	source  io.Reader
	pending []byte
	literal int // bytes of a literal still to come
}

func newLineReader(source io.Reader) *lineReader { return &lineReader{source: source} }

func (r *lineReader) rest() io.Reader {
	return io.MultiReader(bytes.NewReader(r.pending), r.source)
}

// next returns a line, or some bytes of a literal; tagged says that a command
// begins.
func (r *lineReader) next() (line []byte, tagged bool, err error) {
	for {
		if r.literal > 0 && len(r.pending) > 0 {
			n := min(r.literal, len(r.pending))
			line, r.pending = r.pending[:n], r.pending[n:]
			r.literal -= n
			if r.literal == 0 {
				r.literal = -1 // the command goes on
			}
			return line, false, nil
		}
		if end := bytes.IndexByte(r.pending, '\n'); end >= 0 && r.literal <= 0 {
			line, r.pending = r.pending[:end+1], r.pending[end+1:]
			tagged = r.literal == 0
			r.literal = 0
			if open := bytes.LastIndexByte(line, '{'); open >= 0 && bytes.HasSuffix(bytes.TrimRight(line, "\r\n"), []byte("}")) {
				fmt.Sscanf(string(line[open+1:]), "%d", &r.literal)
				if r.literal == 0 {
					r.literal = -1
				}
			}
			return line, tagged, nil
		}
		buffer := make([]byte, 4096)
		n, err := r.source.Read(buffer)
		if err != nil {
			return nil, false, err
		}
		r.pending = append(r.pending, buffer[:n]...)
	}
}

// A node loses its connection, or dies, before and after every command that writing and sending a message
// takes: its text is not lost, it goes out once at most, and where nobody can know
// whether it did, the draft says so. Another node goes on.
func TestANodeThatDiesWhileWriting(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.must(w.another(), appending("INBOX", []byte(question)))
		w.dieEverywhere(t, w.page("INBOX", 1).Rows[0].ID)
	})
}

// The judge of that test sees what is wrong when it is: a server that sends twice,
// one that loses what it took, and drafts that somebody takes away or changes.
func TestTheJudgeSeesFaults(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		evil := startSaboteur(t, w.server)
		strike := func(name string, out *outbox, meanwhile func(drafts string)) {
			t.Helper()
			evil.mu.Lock()
			evil.count, evil.at, evil.after, evil.dead, evil.cut = 0, 2, false, true, false
			evil.mu.Unlock()
			w.meanwhile = meanwhile
			defer func() { w.meanwhile = nil }()
			if outcome := w.dieAndGoOn(t, evil, out, api.MessageID{Mailbox: "INBOX", UIDValidity: 1, UID: 1}, name); !strings.HasPrefix(outcome, "DEFECT") {
				t.Errorf("%s: %s", name, outcome)
			}
		}
		all := imap.UIDSet{{Start: 1}}
		remove := func(mailbox string) {
			w.must(w.another(), &imapconn.Select{Name: mailbox}, &imapconn.AddFlags{UIDs: all, Flags: []imap.Flag{imap.FlagDeleted}}, &imapconn.Expunge{UIDs: all})
		}
		strike("sent twice", &outbox{times: 2}, nil)
		strike("never sent", &outbox{times: -1}, nil)
		strike("unclear and the draft is gone", &outbox{fail: submit.Unclear}, func(drafts string) { remove(drafts) })
		strike("not sent and the draft is gone", &outbox{fail: submit.Busy}, func(drafts string) { remove(drafts) })
		strike("sent and the copy is gone", &outbox{}, func(drafts string) { remove(strings.Replace(drafts, "Drafts", "Sent", 1)) })
	})
}

func (w *world) dieEverywhere(t *testing.T, origin api.MessageID) {
	evil := startSaboteur(t, w.server)
	outcomes := map[string]int{}
	cases := 0
	for _, way := range []struct{ after, dead bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for at := 1; ; at++ {
			out := &outbox{}
			evil.mu.Lock()
			evil.count, evil.at, evil.after, evil.dead, evil.cut = 0, at, way.after, way.dead, false
			evil.mu.Unlock()
			outcome := w.dieAndGoOn(t, evil, out, origin, fmt.Sprintf("message %d %v %v", at, way.after, way.dead))
			if outcome == notStruck {
				break
			}
			cases++
			outcomes[outcome]++
			if strings.HasPrefix(outcome, "DEFECT") {
				t.Errorf("%+v, command %d (%s): %s", way, at, evil.name, outcome)
			}
		}
	}
	t.Logf("%d cases: %v", cases, outcomes)
	if cases < 40 || outcomes["sent"] == 0 || outcomes["unclear, said so"] == 0 {
		t.Errorf("%d cases: %v", cases, outcomes)
	}
}

const notStruck = "not struck"

// dieAndGoOn writes and sends a message by a node that dies, and again by another
// one, as its author would.
func (w *world) dieAndGoOn(t *testing.T, evil *saboteur, out *outbox, origin api.MessageID, subject string) string {
	w.t.Helper()
	ctx := t.Context()
	dying, end := w.writerAt(t, evil.Addr().String(), out)
	save := &api.SaveDraftQuestion{
		Fields:      api.DraftFields{To: "bob@example.net", Subject: subject, Text: "the text of " + subject},
		OperationID: strings.ReplaceAll(subject, " ", "-") + "@example.edu", Origin: &api.Origin{Kind: api.ComposeReply, ID: origin},
	}
	inForm := true // what is written stands in the form until it is known to be saved
	// gone tells that the node died: what it answers reaches nobody.
	struck := func() (cut, gone bool) {
		evil.mu.Lock()
		defer evil.mu.Unlock()
		return evil.cut, evil.cut && evil.dead
	}
	var saved *api.SaveDraftAnswer
	ask := func(node *account.Account, gone func() bool) *api.SendAnswer {
		if saved == nil {
			answer, err := node.SaveDraft(ctx, "press", save)
			if err != nil || gone() {
				return nil
			}
			saved, inForm = answer, false
		}
		if saved.Change != api.ChangeNone {
			return &api.SendAnswer{State: api.SendUnclear}
		}
		answer, err := node.Send(ctx, &api.SendQuestion{ID: saved.ID, OperationID: saved.OperationID})
		if err != nil || gone() {
			return nil
		}
		return answer
	}
	answer := ask(dying, func() bool { _, gone := struck(); return gone })
	evil.end()
	end()
	if cut, _ := struck(); !cut {
		return notStruck
	}
	alive, end := w.writerAt(t, w.server, out)
	defer end()
	if answer == nil { // the author, or the frontend, tries again
		answer = ask(alive, func() bool { return false })
	}
	if w.meanwhile != nil {
		w.meanwhile(w.folderOf(ctx, alive, api.RoleDrafts))
	}
	goneOut := len(out.all())
	drafts, unclear := w.drafts(ctx, alive, subject)
	switch {
	case goneOut > 1:
		return "DEFECT: sent twice"
	case answer == nil:
		return "DEFECT: no answer from a node that lives"
	case inForm:
		return "DEFECT: the text is only in the form"
	case answer.State == api.SendSent && goneOut == 1:
		if copies := w.found(ctx, alive, api.RoleSent, subject); copies > 1 || copies == 0 && drafts == 0 {
			return fmt.Sprintf("DEFECT: sent, %d copies, %d drafts", copies, drafts)
		}
		return "sent"
	case answer.State == api.SendUnclear && drafts > 0 && unclear > 0:
		return "unclear, said so"
	case answer.State == api.SendRejected && drafts > 0 && goneOut == 0:
		return "rejected, kept"
	}
	return fmt.Sprintf("DEFECT: %s, %d went out, %d drafts, %d unclear", answer.State, goneOut, drafts, unclear)
}

// writerAt is the account at a node that asks the mail server at an address.
func (w *world) writerAt(t *testing.T, address string, out *outbox) (made *account.Account, end func()) {
	t.Helper()
	spool, err := account.NewSpool(account.SpoolConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	backend := w.backend()
	backend.Submit = out
	backend.Options = imapconn.Options{Address: address, Security: imapconn.Plain}
	made = account.New(user+"@example.edu", user, password, backend, account.Config{Spool: spool, Watch: -1, CommandTimeout: 2 * time.Second}, w.cache, slog.New(slog.DiscardHandler))
	return made, func() { made.Close(); spool.Close() }
}

// A node dies before and after every command that saving a draft anew and sending it
// takes. Another one goes on, and then no older draft is left, not even marked as
// deleted.
func TestANodeThatDiesWhileTidying(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		if !w.another().Has(imap.CapUIDPlus) {
			t.Fatal("without UIDPLUS what is removed stays, marked as deleted")
		}
		evil := startSaboteur(t, w.server)
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				struck, state, left := w.dieWhileTidying(t, evil, at, after)
				if !struck {
					break
				}
				want := 0
				if state != api.SendSent {
					want = 1
				}
				if left != want {
					t.Errorf("command %d (%s), after it %v: %s, and %d drafts are left", at, evil.name, after, state, left)
				}
			}
		}
	})
}

func (w *world) dieWhileTidying(t *testing.T, evil *saboteur, at int, after bool) (struck bool, state api.SendState, left int) {
	t.Helper()
	ctx, out := t.Context(), &outbox{}
	alive, end := w.writerAt(t, w.server, out)
	defer end()
	press := func(node *account.Account, question *api.SaveDraftQuestion) *api.SendAnswer {
		saved, err := node.SaveDraft(ctx, "press", question)
		switch {
		case err != nil:
			return nil
		case saved.Change == api.ChangeSent:
			return &api.SendAnswer{State: api.SendSent}
		case saved.Change != api.ChangeNone:
			return &api.SendAnswer{State: api.SendUnclear}
		}
		answer, err := node.Send(ctx, &api.SendQuestion{ID: saved.ID, OperationID: saved.OperationID})
		if err != nil {
			return nil
		}
		return answer
	}
	prefix := fmt.Sprintf("tidy-%d-%v-", at, after)
	question := &api.SaveDraftQuestion{OperationID: prefix + "x@example.edu", Fields: api.DraftFields{To: "bob@example.net", Subject: prefix + "older"}}
	first, err := alive.SaveDraft(ctx, "first-press", question)
	if err != nil {
		t.Fatal(err)
	}
	question.ID, question.Fields.Subject = &first.ID, prefix+"newer"
	evil.mu.Lock()
	evil.count, evil.at, evil.after, evil.dead, evil.cut = 0, at, after, true, false
	evil.mu.Unlock()
	dying, endDying := w.writerAt(t, evil.Addr().String(), out)
	press(dying, question)
	evil.end()
	endDying()
	evil.mu.Lock()
	struck = evil.cut
	evil.mu.Unlock()
	if !struck {
		return false, "", 0
	}
	answer := press(alive, question)
	if answer == nil {
		t.Fatalf("%s: no answer from a node that lives", prefix)
	}
	if sent := len(out.all()); sent > 1 || sent == 0 && answer.State == api.SendSent {
		t.Errorf("%s: %s, and %d went out", prefix, answer.State, sent)
	}
	page, err := alive.Mailbox(ctx, &api.MailboxQuestion{Mailbox: first.ID.Mailbox, Page: 1, PageSize: api.MaxPageSize})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		if strings.HasPrefix(row.Subject, prefix) {
			left++
		}
	}
	return true, answer.State, left
}

func (w *world) folderOf(ctx context.Context, a *account.Account, role api.Role) string {
	page, err := a.Mailbox(ctx, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(page.Folders, func(f api.Folder) bool { return f.Role == role })
	if i < 0 {
		return ""
	}
	return page.Folders[i].Mailbox
}

func (w *world) rows(ctx context.Context, a *account.Account, role api.Role, subject string) (found []api.Row) {
	w.t.Helper()
	mailbox := w.folderOf(ctx, a, role)
	if mailbox == "" {
		return nil
	}
	page, err := a.Mailbox(ctx, &api.MailboxQuestion{Mailbox: mailbox, Page: 1, PageSize: api.MaxPageSize})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range page.Rows {
		if row.Subject == subject && !row.Flags.Deleted {
			found = append(found, row)
		}
	}
	return found
}

func (w *world) found(ctx context.Context, a *account.Account, role api.Role, subject string) int {
	w.t.Helper()
	return len(w.rows(ctx, a, role, subject))
}

// drafts counts those with a subject whose text is whole, and those among them that
// say that they may have been sent.
func (w *world) drafts(ctx context.Context, a *account.Account, subject string) (whole, unclear int) {
	w.t.Helper()
	for _, row := range w.rows(ctx, a, api.RoleDrafts, subject) {
		draft, err := a.Compose(ctx, &api.ComposeQuestion{Kind: api.ComposeDraft, ID: row.ID})
		if err != nil {
			w.t.Fatal(err)
		}
		if draft.Fields.Text == "the text of "+subject {
			whole++
		}
		if draft.State != api.DraftUnsent {
			unclear++
		}
	}
	return whole, unclear
}
