package account_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// steps is how many messages the jobs of these tests take at a time.
const steps = 5

// working is an account whose jobs take small steps, at the mail server itself or
// at the proxy.
func (w *world) working(address string) *account.Account {
	backend := w.backend()
	backend.Options.Address = address
	a := account.New(user+"@example.edu", user, password, backend, account.Config{
		SettingsFolder: "AlphaMail", Watch: -1, JobStep: steps, TakeOver: time.Millisecond,
	}, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(a.Close)
	return a
}

// onlooking is an account on a node that does not own it: it does no jobs.
func (w *world) onlooking() *account.Account {
	backend := w.backend()
	backend.Options.Address = w.server
	a := account.New(user+"@example.edu", user, password, backend, account.Config{
		SettingsFolder: "AlphaMail", Watch: -1, Owns: func(string) bool { return false },
	}, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(a.Close)
	return a
}

// stuff delivers many messages with a number as their subject, every second one
// unread, in one exchange.
func (w *world) stuff(conn *imapconn.Conn, mailbox string, from, to int) {
	w.t.Helper()
	var batch []imapconn.Command
	for n := from; n <= to; n++ {
		put := appending(mailbox, fmt.Appendf(nil, "From: a@example.edu\r\nSubject: m%03d\r\nMessage-ID: <%d@example.edu>\r\n\r\ntext\r\n", n, n))
		if n%2 == 0 {
			put.Flags = []imap.Flag{imap.FlagSeen}
		}
		batch = append(batch, put)
	}
	w.must(conn, batch...)
}

// all is the question that a reader who sees the whole list asks.
func (w *world) all(a *account.Account, mailbox string, filter api.Filter, action api.Action, to string) *api.ActAllQuestion {
	w.t.Helper()
	page, err := a.Mailbox(w.t.Context(), &api.MailboxQuestion{Mailbox: mailbox, Filter: filter})
	if err != nil {
		w.t.Fatal(err)
	}
	return &api.ActAllQuestion{Action: action, To: to, Selection: api.Selection{Mailbox: mailbox, UIDValidity: page.UIDValidity, Filter: filter, UpTo: page.LastUID}}
}

func (w *world) actAll(a *account.Account, question *api.ActAllQuestion) *api.ActAnswer {
	w.t.Helper()
	operations++
	answer, err := a.ActAll(w.t.Context(), fmt.Sprint("all ", operations), false, question)
	if err != nil {
		w.t.Fatalf("%+v: %v", question, err)
	}
	return answer
}

// ended waits for the end of a job.
func (w *world) ended(a *account.Account, id string) api.Job {
	w.t.Helper()
	var last api.Job
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(2 * time.Millisecond) {
		answer, err := a.Jobs(w.t.Context(), &api.JobsQuestion{ID: id})
		if err != nil {
			w.t.Fatal(err)
		}
		if last = answer.Jobs[0]; last.State.Ended() {
			return last
		}
	}
	w.t.Fatalf("the job does not end: %+v", last)
	return last
}

func numbered(from, to, by int) string {
	var all []string
	for n := from; n <= to; n += by {
		text := fmt.Sprintf("m%03d", n)
		if n%2 == 0 {
			text += `\Seen`
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// TestActAll does something to all messages of a list at once, and to none that came
// after its page.
func TestActAll(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		other := w.another()
		box, to := w.mailbox(other, "Box"), w.mailbox(other, "To")
		w.must(other, create(box), create(to))
		w.stuff(other, box, 1, 9)
		a := w.working(w.server)
		question := w.all(a, box, api.FilterUnread, api.ActCopy, to)
		w.stuff(other, box, 11, 11)
		for range 2 {
			answer, err := a.ActAll(t.Context(), "copy", false, question)
			if err != nil || answer.Done != 5 || answer.Job != "" || answer.Problem != "" {
				t.Fatalf("%+v, %v", answer, err)
			}
		}
		if got := w.holds(other, to); got != numbered(1, 9, 2) {
			t.Errorf("copied: %s", got)
		}
		read := w.actAll(a, w.all(a, box, api.FilterNone, api.ActRead, ""))
		if read.Done != 6 {
			t.Errorf("read: %+v", read)
		}
		if back, err := a.Undo(t.Context(), false, read.Undo); err != nil || back.Done != 6 {
			t.Errorf("undone: %+v, %v", back, err)
		}
		if none := w.actAll(a, w.all(a, box, api.FilterFlagged, api.ActMove, to)); none.Done != 0 || none.Problem != "" {
			t.Errorf("of none: %+v", none)
		}
		if moved := w.actAll(a, w.all(a, box, api.FilterNone, api.ActMove, to)); moved.Done != 10 {
			t.Errorf("moved: %+v", moved)
		}
		if got := w.holds(other, box); got != "" {
			t.Errorf("left: %s", got)
		}
		stale := *question
		stale.Selection.UIDValidity++
		if _, err := a.ActAll(t.Context(), "stale", false, &stale); code(err) != api.CodeConflict {
			t.Errorf("another UIDVALIDITY: %v", err)
		}
		for name, edit := range map[string]func(*api.ActAllQuestion){
			"no bound": func(q *api.ActAllQuestion) { q.Selection.UpTo = 0 }, "no filter": func(q *api.ActAllQuestion) { q.Selection.Filter = "x" },
			"no action": func(q *api.ActAllQuestion) { q.Action = "x" }, "nowhere": func(q *api.ActAllQuestion) { q.To = "" },
		} {
			bad := *question
			edit(&bad)
			if _, err := a.ActAll(t.Context(), name, false, &bad); code(err) != api.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestJobs does everything that can be done to many messages, and takes it back,
// while mail arrives and pages are shown.
func TestJobs(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		box, to := w.mailbox(other, "Box"), w.mailbox(other, "To")
		w.must(other, create(box), create(to))
		const many = 8*steps + 2
		w.stuff(other, box, 1, many)
		a := w.working(w.server)
		start := numbered(1, many, 1)
		for _, test := range []struct {
			action         api.Action
			left, there    string // in Box and where they went
			total, undoing int
		}{
			{api.ActRead, strings.ReplaceAll(strings.ReplaceAll(start, `\Seen`, ""), " ", `\Seen `) + `\Seen`, "", many / 2, many / 2},
			{api.ActFlag, strings.ReplaceAll(start+" ", " ", `\Flagged `), "", many, many},
			{api.ActMove, "", start, many, many},
			{api.ActCopy, start, start, many, many},
			{api.ActJunk, "", start, many, many},
			{api.ActDelete, "", start, many, many},
		} {
			goal := ""
			if test.action == api.ActMove || test.action == api.ActCopy {
				goal = to
			}
			answer := w.actAll(a, w.all(a, box, api.FilterNone, test.action, goal))
			if answer.Job == "" {
				t.Fatalf("%s is no job: %+v", test.action, answer)
			}
			page, err := a.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
			if err != nil || len(page.Jobs) == 0 {
				t.Errorf("%s: a page does not tell of it: %v", test.action, err)
			}
			job := w.ended(a, answer.Job)
			if job.State != api.JobDone || job.Total != test.total || job.Done != test.total || job.Left+job.Gone != 0 || job.Undoable != test.undoing {
				t.Fatalf("%s: %+v", test.action, job)
			}
			if got := strings.TrimSpace(withoutKeywords.Replace(w.holds(other, box))); got != strings.TrimSpace(test.left) {
				t.Errorf("%s leaves %s\nwant %s", test.action, got, test.left)
			}
			if test.there != "" {
				if got := withoutKeywords.Replace(w.holds(other, job.To.Mailbox)); got != test.there {
					t.Errorf("%s brings %s", test.action, got)
				}
			}
			operations++
			back, err := a.ChangeJob(t.Context(), fmt.Sprint("undo ", operations), &api.ChangeJobQuestion{ID: job.ID, Change: api.JobUndo})
			if err != nil {
				t.Fatalf("%s, undo: %v", test.action, err)
			}
			undone := w.ended(a, back.Job.ID)
			if undone.State != api.JobDone || undone.Done != test.undoing || undone.Undoes != job.ID {
				t.Errorf("%s, undone: %+v", test.action, undone)
			}
			if got := withoutKeywords.Replace(w.holds(other, box)); got != start {
				t.Errorf("%s, undone: %s", test.action, got)
			}
			if again, err := a.ChangeJob(t.Context(), "again", &api.ChangeJobQuestion{ID: job.ID, Change: api.JobUndo}); err != nil || again.Job.ID != undone.ID {
				t.Errorf("%s, undone twice: %+v, %v", test.action, again, err)
			}
			if test.there != "" {
				if got := w.holds(other, job.To.Mailbox); got != "" {
					t.Errorf("%s, undone: there is still %s", test.action, got)
				}
			}
		}
		trash := w.ended(a, w.actAll(a, w.all(a, box, api.FilterNone, api.ActDelete, "")).Job).To.Mailbox
		question := w.all(a, trash, api.FilterNone, "", "")
		emptied, err := a.Empty(t.Context(), "empty", false, &api.EmptyQuestion{Mailbox: trash, UIDValidity: question.Selection.UIDValidity, UpTo: question.Selection.UpTo})
		if err != nil || emptied.Job == "" {
			t.Fatalf("%+v, %v", emptied, err)
		}
		if job := w.ended(a, emptied.Job); job.Done != many || job.Action != api.ActErase || job.Undoable != 0 {
			t.Errorf("emptied: %+v", job)
		}
	})
}

// TestJobIsSeenOnce tells on pages how a job ended, until the user has seen it, by
// another node too.
func TestJobIsSeenOnce(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		other := w.another()
		w.stuff(other, "INBOX", 1, 4*steps)
		a := w.working(w.server)
		answer := w.actAll(a, w.all(a, "INBOX", api.FilterNone, api.ActArchive, ""))
		w.ended(a, answer.Job)
		for _, one := range []*account.Account{a, w.working(w.server)} {
			if page := w.listed(one, api.MailboxQuestion{}); len(page.Jobs) != 1 || page.Jobs[0].State != api.JobDone {
				t.Errorf("a page tells %+v", page.Jobs)
			}
		}
		if _, err := a.Jobs(t.Context(), &api.JobsQuestion{ID: answer.Job, Seen: true}); err != nil {
			t.Fatal(err)
		}
		for _, one := range []*account.Account{a, w.working(w.server)} {
			if page := w.listed(one, api.MailboxQuestion{}); len(page.Jobs) != 0 {
				t.Errorf("a page still tells %+v", page.Jobs)
			}
			if all, err := one.Jobs(t.Context(), &api.JobsQuestion{}); err != nil || len(all.Jobs) != 1 {
				t.Errorf("%+v, %v", all, err)
			}
		}
		if _, err := a.Jobs(t.Context(), &api.JobsQuestion{ID: "none"}); code(err) != api.CodeNotFound {
			t.Errorf("a job that there is not: %v", err)
		}
	})
}

// TestJobTwice sends the form of a job twice, at once and afterwards.
func TestJobTwice(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		other := w.another()
		w.must(other, create("To"))
		w.stuff(other, "INBOX", 1, 6*steps)
		a := w.working(w.server)
		question := w.all(a, "INBOX", api.FilterNone, api.ActCopy, "To")
		ids := make(chan string, 4)
		ask := func(one *account.Account) {
			answer, err := one.ActAll(t.Context(), "twice", false, question)
			if err != nil {
				t.Error(err)
				ids <- ""
				return
			}
			ids <- answer.Job
		}
		go ask(a)
		go ask(a)
		first, second := <-ids, <-ids
		w.ended(a, first)
		ask(a)
		ask(w.working(w.server))
		if third, fourth := <-ids, <-ids; first == "" || first != second || first != third || first != fourth {
			t.Errorf("jobs %q, %q, %q, %q", first, second, third, fourth)
		}
		if got := w.holds(other, "To"); got != numbered(1, 6*steps, 1) {
			t.Errorf("copied: %s", got)
		}
	})
}

// after waits until so many commands of a name have passed the proxy.
func (w *world) after(count int, names ...string) {
	w.t.Helper()
	for begun := time.Now(); ; {
		seen := 0
		for _, name := range names {
			seen += w.proxy.Snapshot().Commands[name]
		}
		if seen >= count {
			return
		}
		if time.Since(begun) > 30*time.Second {
			w.t.Fatalf("only %d of %v", seen, names)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// TestJobGoesOnElsewhere cuts a node off at a point that chance chooses, and never
// lets it come back; another one goes on. Each message is in exactly one place, or
// copied once.
func TestJobGoesOnElsewhere(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		for _, action := range []api.Action{api.ActMove, api.ActCopy} {
			other := w.another()
			box, to := w.mailbox(other, "Box"+string(action)), w.mailbox(other, "To"+string(action))
			w.must(other, create(box), create(to))
			const many = 16 * steps
			w.stuff(other, box, 1, many)
			a := w.working(w.proxy.Addr())
			question := w.all(a, box, api.FilterNone, action, to)
			before := w.proxy.Snapshot().Commands // the job may be far when its question is answered
			answer := w.actAll(a, question)
			cut := 1 + rand.IntN(13)
			w.after(before["UID COPY"]+before["UID MOVE"]+cut, "UID COPY", "UID MOVE")
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			w.proxy.Hang()
			next := w.working(w.server)
			job := w.ended(next, answer.Job)
			if job.State != api.JobDone || job.Done != many || job.Left+job.Gone != 0 {
				t.Errorf("%s, cut after %d steps: %+v", action, cut, job)
			}
			want := numbered(1, many, 1)
			if got := w.holds(other, to); got != want {
				t.Errorf("%s, cut after %d steps: there are %s", action, cut, got)
			}
			if action == api.ActMove {
				want = ""
			}
			if got := w.holds(other, box); got != want {
				t.Errorf("%s, cut after %d steps: %s are left", action, cut, got)
			}
			if err := w.proxy.Refuse(true); err != nil {
				t.Fatal(err)
			}
			w.proxy.Cut()
			a.Close()
			next.Close()
			w.proxy.Unhang()
			if err := w.proxy.Refuse(false); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestJobEndsInSomeState lets happen what can, in the middle.
func TestJobEndsInSomeState(t *testing.T) {
	const many = 60 * steps
	for name, test := range map[string]struct {
		meanwhile func(*testing.T, *world, *account.Account, *imapconn.Conn, string)
		state     api.JobState
		problem   api.ActProblem
		or        api.ActProblem
	}{
		"stopped": {func(t *testing.T, w *world, a *account.Account, _ *imapconn.Conn, id string) {
			w.proxy.Unhang()
			if _, err := a.ChangeJob(t.Context(), "", &api.ChangeJobQuestion{ID: id, Change: api.JobStop}); err != nil {
				t.Error(err)
			}
		}, api.JobStopped, "", ""},
		"its folder is deleted": {func(_ *testing.T, w *world, _ *account.Account, other *imapconn.Conn, _ string) {
			w.proxy.Cut()
			w.must(other, &imapconn.Manage{Action: imapconn.Delete, Mailbox: "Box"})
		}, api.JobFailed, api.ProblemNoSource, api.ProblemNoSource},
		"its folder is replaced": {func(_ *testing.T, w *world, _ *account.Account, other *imapconn.Conn, _ string) {
			w.proxy.Cut()
			time.Sleep(1100 * time.Millisecond) // UIDVALIDITY is a time
			w.must(other, &imapconn.Manage{Action: imapconn.Delete, Mailbox: "Box"}, create("Box"))
		}, api.JobFailed, api.ProblemReplaced, api.ProblemReplaced},
		"the goal is deleted": {func(t *testing.T, w *world, _ *account.Account, other *imapconn.Conn, _ string) {
			for try := 1; ; try++ { // Dovecot refuses while messages come into it
				err := other.Do(t.Context(), &imapconn.Manage{Action: imapconn.Delete, Mailbox: "To"})
				if err == nil {
					break
				}
				if try == 20 {
					t.Fatal(err)
				}
			}
		}, api.JobFailed, api.ProblemNoFolder, api.ProblemRefused}, // in the middle of a MOVE, Dovecot knows no reason
	} {
		t.Run(name, func(t *testing.T) {
			each(t, 0, func(t *testing.T, w *world) {
				other := w.another()
				w.must(other, create("Box"), create("To"))
				w.stuff(other, "Box", 1, many)
				a := w.working(w.proxy.Addr())
				answer := w.actAll(a, w.all(a, "Box", api.FilterNone, api.ActMove, "To"))
				w.after(3, "UID MOVE")
				w.proxy.Hang()
				test.meanwhile(t, w, a, other, answer.Job)
				w.proxy.Unhang()
				job := w.ended(a, answer.Job)
				if job.State != test.state || job.Problem != test.problem && job.Problem != test.or || job.Done == 0 || job.Left == 0 || job.Done+job.Left+job.Gone != many || job.Ended.IsZero() {
					t.Errorf("%+v", job)
				}
				if again := w.ended(w.onlooking(), job.ID); again.State != test.state || again.Done != job.Done {
					t.Errorf("another node says %+v", again)
				}
			})
		})
	}
}

// TestJobFillsTheMailbox has no more room in the middle; what fits is told, and can be
// taken back.
func TestJobFillsTheMailbox(t *testing.T) {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Extra: `
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:messages=78
  quota_vsizes = yes
}
`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	w := newWorld(t, server.IMAPAddr())
	other := w.another()
	w.must(other, create("To"))
	w.stuff(other, "INBOX", 1, 50)
	a := w.working(w.server)
	job := w.ended(a, w.actAll(a, w.all(a, "INBOX", api.FilterNone, api.ActCopy, "To")).Job)
	if job.State != api.JobFailed || job.Problem != api.ProblemFull || job.Done != 25 || job.Left != 25 || job.Undoable != 25 {
		t.Fatalf("%+v", job)
	}
	if got := w.holds(other, "To"); got != numbered(1, 25, 1) {
		t.Errorf("copied: %s", got)
	}
	// Not even the record of a job has room now; deleting must work all the same.
	many := 50
	for fits := true; fits; {
		err := other.Do(t.Context(), appending("INBOX", fmt.Appendf(nil, "Subject: m%03d\r\n\r\ntext\r\n", many+1)))
		if fits = err == nil; fits {
			many++
		}
	}
	if many > 55 {
		t.Fatalf("there was room for %d more", many-50)
	}
	erased := w.actAll(a, w.all(a, "INBOX", api.FilterNone, api.ActErase, ""))
	if erased.Job != "" {
		if job := w.ended(a, erased.Job); job.Done != many {
			t.Errorf("erased: %+v", job)
		}
	} else if erased.Done != many {
		t.Errorf("erased: %+v", erased)
	}
	if got := w.holds(other, "INBOX"); got != "" {
		t.Errorf("left: %s", got)
	}
}

// TestJobsAreFew bounds the jobs of an account, and lets only the owner go on with
// them.
func TestJobsAreFew(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		other := w.another()
		w.stuff(other, "INBOX", 1, 3*steps)
		owned := false
		backend := w.backend()
		stranger := account.New(user+"@example.edu", user, password, backend, account.Config{
			SettingsFolder: "AlphaMail", Watch: -1, JobStep: steps, Owns: func(string) bool { return owned },
		}, w.cache, slog.New(slog.DiscardHandler))
		t.Cleanup(stranger.Close)
		question := w.all(stranger, "INBOX", api.FilterNone, api.ActFlag, "")
		var ids []string
		for n := range api.MaxJobs + 1 {
			answer, err := stranger.ActAll(t.Context(), fmt.Sprint("many ", n), false, question)
			if n == api.MaxJobs {
				if code(err) != api.CodeBusy {
					t.Errorf("one job more: %+v, %v", answer, err)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, answer.Job)
		}
		if all, err := stranger.Jobs(t.Context(), &api.JobsQuestion{}); err != nil || len(all.Jobs) != api.MaxJobs || stranger.Working() ||
			slices.ContainsFunc(all.Jobs, func(one api.Job) bool { return one.State != api.JobWaiting }) {
			t.Errorf("who does not own the account does its jobs: %+v, %v", all, err)
		}
		a := w.working(w.server)
		w.listed(a, api.MailboxQuestion{}) // any page makes the owner go on
		done := 0
		for _, id := range ids {
			job := w.ended(a, id)
			done += job.Done
			if job.State != api.JobDone {
				t.Errorf("%+v", job)
			}
		}
		if done < 3*steps {
			t.Errorf("%d messages done", done)
		}
	})
}
