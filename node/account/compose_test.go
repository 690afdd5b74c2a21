package account_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"alphamail/mime/compose"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/submit"
)

// outbox is a server that sends, and remembers what.
type outbox struct {
	mu     sync.Mutex // guards what follows
	sent   []sentMessage
	refuse map[string]bool // recipients
	fail   submit.Kind     // of Send; 0 for none
	times  int             // how often a message goes out; 0 for once, negative for never
}

type sentMessage struct {
	to  []string
	raw string
}

func (o *outbox) Dial(_ context.Context, name, secret string) (account.Submission, error) {
	if name != user || secret != password {
		return nil, &submit.Error{Kind: submit.Authentication}
	}
	return o, nil
}

func (o *outbox) Features() compose.Server { return compose.Server{EightBitMIME: true} }
func (o *outbox) Size() int64              { return 32 << 20 }
func (o *outbox) Close() error             { return nil }

func (o *outbox) Send(_ context.Context, message submit.Message) (submit.Result, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var raw bytes.Buffer
	if err := message.Write(&raw); err != nil {
		return submit.Result{}, &submit.Error{Kind: submit.NotSent, Cause: err}
	}
	if int64(raw.Len()) != message.Size {
		return submit.Result{}, fmt.Errorf("%d bytes, not %d", raw.Len(), message.Size)
	}
	if err := message.Confirm(); err != nil {
		return submit.Result{}, &submit.Error{Kind: submit.NotSent, Cause: err}
	}
	var result submit.Result
	for _, one := range message.Recipients {
		if o.refuse[one] {
			result.Refused = append(result.Refused, submit.Refusal{Recipient: one, Code: 550, Enhanced: "5.1.1", Text: "nobody here"})
		}
	}
	switch {
	case len(result.Refused) > 0:
		return result, &submit.Error{Kind: submit.Refused}
	case o.fail != 0 && o.fail != submit.Unclear:
		return result, &submit.Error{Kind: o.fail, Code: 554, Text: "not from here"}
	}
	result.Accepted = message.Recipients
	for range max(o.times, 1) {
		if o.times >= 0 {
			o.sent = append(o.sent, sentMessage{message.Recipients, raw.String()})
		}
	}
	if o.fail != 0 {
		return result, &submit.Error{Kind: o.fail}
	}
	return result, nil
}

func (o *outbox) all() []sentMessage {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sent)
}

// writing replaces the account by one that writes and sends.
func (w *world) writing() *outbox {
	w.t.Helper()
	out := &outbox{}
	w.account = w.writer(out)
	return out
}

func (w *world) writer(out *outbox, edits ...func(*account.Backend, *account.Config)) *account.Account {
	w.t.Helper()
	spool, err := account.NewSpool(account.SpoolConfig{Dir: w.t.TempDir()})
	if err != nil {
		w.t.Fatal(err)
	}
	backend := w.backend()
	backend.Submit = out
	config := account.Config{Spool: spool, Watch: -1}
	for _, edit := range edits {
		edit(&backend, &config)
	}
	made := account.New(user+"@example.edu", user, password, backend, config, w.cache, slog.New(slog.NewTextHandler(w.t.Output(), nil)))
	w.t.Cleanup(func() {
		made.Close()
		spool.Close()
		if left := spool.Bytes(); left != 0 {
			w.t.Errorf("%d bytes are left in the spool", left)
		}
	})
	return made
}

func (w *world) compose(question api.ComposeQuestion) *api.Draft {
	w.t.Helper()
	draft, err := w.account.Compose(w.t.Context(), &question)
	if err != nil {
		w.t.Fatalf("compose %+v: %v", question, err)
	}
	return draft
}

// form is what a page sends back of a draft.
func form(draft *api.Draft) *api.SaveDraftQuestion {
	question := &api.SaveDraftQuestion{Fields: draft.Fields, ID: draft.ID, OperationID: draft.OperationID, Origin: draft.Origin}
	for _, attachment := range draft.Attachments {
		question.Keep = append(question.Keep, attachment.AttachmentName)
	}
	return question
}

var presses int

// save presses the button, and goes on with what is saved.
func (w *world) save(question *api.SaveDraftQuestion) *api.SaveDraftAnswer {
	w.t.Helper()
	presses++
	answer, err := w.account.SaveDraft(w.t.Context(), fmt.Sprint("press-", presses), question)
	if err != nil {
		w.t.Fatalf("save: %v", err)
	}
	return answer
}

func (w *world) send(saved *api.SaveDraftAnswer) *api.SendAnswer {
	w.t.Helper()
	answer, err := w.account.Send(w.t.Context(), &api.SendQuestion{ID: saved.ID, OperationID: saved.OperationID})
	if err != nil {
		w.t.Fatalf("send: %v", err)
	}
	return answer
}

// held are the subjects of a mailbox, the newest first; by role, the mailbox that
// has it.
func (w *world) held(role api.Role) []string {
	w.t.Helper()
	for _, folder := range w.page("INBOX", 1).Folders {
		if folder.Role == role {
			subjects := []string{}
			for _, row := range w.page(folder.Mailbox, 1).Rows {
				if !row.Flags.Deleted {
					subjects = append(subjects, row.Subject)
				}
			}
			return subjects
		}
	}
	return nil
}

const question = "From: Bob <bob@example.net>\r\nTo: ana@example.edu\r\nCc: carol@example.net\r\nSubject: Field trip\r\nMessage-ID: <q1@example.net>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nTake two.\r\n" +
	"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=list.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nYSxiLGMK\r\n--b--\r\n"

// asked puts a message into the inbox and returns its name.
func (w *world) asked() api.MessageID {
	w.t.Helper()
	w.must(w.another(), appending("INBOX", []byte(question)))
	return w.page("INBOX", 1).Rows[0].ID
}

func TestAReplyIsSavedResumedAndSent(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.writing()
		origin := w.asked()
		draft := w.compose(api.ComposeQuestion{Kind: api.ComposeReplyAll, ID: origin, Language: "en", Zone: "UTC"})
		if draft.Fields.To != "Bob <bob@example.net>" || draft.Fields.Cc != "carol@example.net" || draft.Fields.Subject != "Re: Field trip" || !strings.Contains(draft.Fields.Text, "> Take two.") {
			t.Fatalf("the reply begins with %+v", draft.Fields)
		}
		draft.Fields.Text = "Got it. Ναι!\n\n" + draft.Fields.Text
		draft.Fields.Bcc = "Dean <dean@example.edu>"
		first := w.save(form(draft))
		if got := w.held(api.RoleDrafts); !slices.Equal(got, []string{"Re: Field trip"}) {
			t.Fatalf("drafts: %q", got)
		}

		again := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: first.ID})
		if again.Fields != draft.Fields || again.OperationID != draft.OperationID || again.Origin == nil || *again.Origin != *draft.Origin || again.State != api.DraftUnsent {
			t.Fatalf("resumed as\n%+v\nnot\n%+v", again, draft)
		}
		if same := w.save(form(again)); same.ID != first.ID || same.Change != api.ChangeNone {
			t.Errorf("saved anew without a change: %+v", same)
		}
		again.Fields.Subject = "Re: Field trip on Friday"
		second := w.save(form(again))
		if second.ID == first.ID || second.Change != api.ChangeNone {
			t.Errorf("the second save: %+v", second)
		}
		if got := w.held(api.RoleDrafts); !slices.Equal(got, []string{"Re: Field trip on Friday"}) {
			t.Fatalf("drafts: %q", got)
		}

		if answer := w.send(second); answer.State != api.SendSent || !answer.Copied || len(answer.Refused) > 0 {
			t.Fatalf("sending: %+v", answer)
		}
		if answer := w.send(second); answer.State != api.SendSent {
			t.Errorf("sending again: %+v", answer)
		}
		sent := out.all()
		if len(sent) != 1 || !slices.Equal(sent[0].to, []string{"bob@example.net", "carol@example.net", "dean@example.edu"}) {
			t.Fatalf("sent %d times: %+v", len(sent), sent)
		}
		for _, wanted := range []string{"In-Reply-To: <q1@example.net>", "Message-ID: <" + draft.OperationID + ">", "To: Bob <bob@example.net>", "Date: "} {
			if !strings.Contains(sent[0].raw, wanted) {
				t.Errorf("no %q in\n%s", wanted, sent[0].raw)
			}
		}
		for _, unwanted := range []string{"dean", "Bcc", "X-AlphaMail"} {
			if strings.Contains(sent[0].raw, unwanted) {
				t.Errorf("%q went out in\n%s", unwanted, sent[0].raw)
			}
		}
		if drafts, copies := w.held(api.RoleDrafts), w.held(api.RoleSent); len(drafts) != 0 || !slices.Equal(copies, []string{"Re: Field trip on Friday"}) {
			t.Errorf("drafts %q, sent %q", drafts, copies)
		}
		if answer := w.message(origin, false); !answer.Flags.Answered {
			t.Error("the original is not marked as answered")
		}
	})
}

func TestAForwardKeepsItsFiles(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.writing()
		origin := w.asked()
		draft := w.compose(api.ComposeQuestion{Kind: api.ComposeForward, ID: origin, Language: "de", Zone: "UTC"})
		if len(draft.Attachments) != 1 || draft.Attachments[0].Name != "list.csv" {
			t.Fatalf("attachments: %+v", draft.Attachments)
		}
		draft.Fields.To = "dora@example.org"
		save := form(draft)
		w.upload("u1", "notes.txt", []byte("own notes\n"))
		save.Uploads = []string{"u1"}
		saved := w.save(save)
		again := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID})
		if len(again.Attachments) != 2 || again.Attachments[0].Name != "list.csv" || again.Attachments[1].Name != "notes.txt" {
			t.Fatalf("attachments of the draft: %+v", again.Attachments)
		}
		whole := w.compose(api.ComposeQuestion{Kind: api.ComposeForwardAttached, ID: origin})
		if len(whole.Attachments) != 1 || whole.Attachments[0].MediaType != "message/rfc822" {
			t.Fatalf("the message as an attachment: %+v", whole.Attachments)
		}
		third := form(again)
		third.Keep = append(third.Keep, whole.Attachments[0].AttachmentName)
		third.Keep = third.Keep[1:] // without the list
		if answer := w.send(w.save(third)); answer.State != api.SendSent {
			t.Fatalf("sending: %+v", answer)
		}
		raw := out.all()[0].raw
		for _, wanted := range []string{"filename=notes.txt", "b3duIG5vdGVzCg==", "Content-Type: message/rfc822", "Message-ID: <q1@example.net>"} {
			if !strings.Contains(raw, wanted) {
				t.Errorf("no %q in\n%s", wanted, raw)
			}
		}
		if answer := w.message(origin, false); !answer.Flags.Forwarded && !strings.HasSuffix(t.Name(), "Courier") {
			t.Error("the original is not marked as forwarded")
		}
	})
}

// upload brings a file piece by piece.
func (w *world) upload(name, file string, content []byte) {
	w.t.Helper()
	for at := 0; at == 0 || at < len(content); at += api.MaxUploadChunk {
		piece := &api.UploadQuestion{Upload: name, Offset: int64(at), Data: content[at:min(len(content), at+api.MaxUploadChunk)], Name: file, MediaType: "text/plain"}
		for range 2 { // the same piece may come twice
			if _, err := w.account.Upload(w.t.Context(), piece); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func TestADraftThatChangedElsewhere(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.writing()
		draft := w.compose(api.ComposeQuestion{Fields: api.DraftFields{Subject: "first", Text: "one"}})
		saved := w.save(form(draft))
		tab := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID})
		here, there := form(tab), form(tab)
		there.Fields.Subject = "there"
		moved := w.save(there)
		here.Fields.Subject = "here"
		answer := w.save(here)
		if answer.Change != api.ChangeElsewhere || answer.Other == nil || *answer.Other != moved.ID || answer.OperationID == draft.OperationID {
			t.Fatalf("the answer: %+v", answer)
		}
		if got := w.held(api.RoleDrafts); !slices.Equal(got, []string{"here", "there"}) {
			t.Errorf("drafts: %q", got)
		}
		// The form of the very beginning, from the back button.
		back := form(draft)
		back.Fields.Subject = "back"
		if answer := w.save(back); answer.Change != api.ChangeElsewhere || len(w.held(api.RoleDrafts)) != 3 {
			t.Errorf("the back button: %+v, drafts %q", answer, w.held(api.RoleDrafts))
		}
		// One that was discarded elsewhere comes back.
		if _, err := w.account.Discard(t.Context(), &api.DiscardQuestion{ID: answer.ID}); err != nil {
			t.Fatal(err)
		}
		late := form(w.compose(api.ComposeQuestion{Fields: here.Fields}))
		late.ID, late.OperationID = &answer.ID, answer.OperationID
		if answer := w.save(late); answer.Change != api.ChangeNone {
			t.Errorf("after a discard elsewhere: %+v", answer)
		}
	})
}

// The same press that comes twice, because nobody heard the answer, saves once.
func TestAPressThatComesTwice(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.writing()
		draft := w.compose(api.ComposeQuestion{Fields: api.DraftFields{Subject: "first"}})
		save := form(draft)
		for range 2 {
			if _, err := w.account.SaveDraft(t.Context(), "press", save); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.held(api.RoleDrafts); len(got) != 1 {
			t.Errorf("drafts: %q", got)
		}
	})
}

// The form of a draft with a file comes twice, although the first time took that draft
// away, and its author does not know: a node died before anybody heard the answer.
func TestAPressThatComesTwiceWithAFile(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := w.writing()
		w.upload("u", "notes.txt", []byte("two recorders"))
		save := form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: "first"}}))
		save.Uploads = []string{"u"}
		saved := w.save(save)
		again := form(w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}))
		again.Fields.Subject = "second"
		first := w.save(again)
		w.account = w.writer(out)
		second := w.save(again)
		if second.Change != api.ChangeNone || second.ID != first.ID {
			t.Fatalf("first %+v, then %+v", first, second)
		}
		again.Fields.Subject = "third"
		again.Keep = nil
		if third := w.save(again); third.Change != api.ChangeElsewhere {
			t.Errorf("another form of the draft that is gone: %+v", third)
		}
		if answer := w.send(second); answer.State != api.SendSent || len(out.all()) != 1 {
			t.Errorf("sending: %+v, %d went out", answer, len(out.all()))
		}
	})
}

func TestWhatCannotBeSent(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := w.writing()
		try := func(fields api.DraftFields) *api.SendAnswer {
			t.Helper()
			return w.send(w.save(form(w.compose(api.ComposeQuestion{Fields: fields}))))
		}
		if answer := try(api.DraftFields{Subject: "x"}); answer.State != api.SendRejected || len(answer.Problems) != 1 || answer.Problems[0].Kind != api.ProblemNobody {
			t.Errorf("nobody: %+v", answer)
		}
		answer := try(api.DraftFields{To: "bob@example.net, carol", Cc: "john smith@example.net", ReplyTo: "a@b@c"})
		if answer.State != api.SendRejected || len(answer.Problems) != 3 || answer.Problems[1] != (api.Problem{Field: "cc", Kind: api.ProblemAddress, Value: "john smith@example.net"}) {
			t.Errorf("bad addresses: %+v", answer)
		}
		if answer := try(api.DraftFields{Bcc: "zoë@example.net"}); answer.State != api.SendRejected || len(answer.Problems) != 1 || answer.Problems[0].Kind != api.ProblemLetters {
			t.Errorf("letters: %+v", answer)
		}
		out.fail = submit.Busy
		if answer := try(api.DraftFields{To: "bob@example.net"}); answer.State != api.SendRejected || answer.Reason != api.ReasonServerBusy || answer.Said != "not from here" {
			t.Errorf("busy: %+v", answer)
		}
		out.fail = submit.Authentication
		if answer := try(api.DraftFields{To: "bob@example.net"}); answer.Reason != api.ReasonPassword || answer.Said != "" {
			t.Errorf("the password: %+v", answer)
		}
		out.fail = 0
		out.refuse = map[string]bool{"bob@example.net": true}
		if answer := try(api.DraftFields{To: "bob@example.net"}); answer.State != api.SendRejected || answer.Reason != api.ReasonRecipients || len(answer.Refused) != 1 || answer.Refused[0].Text != "nobody here" || answer.Said != "" {
			t.Errorf("refused: %+v", answer)
		}
		if answer := try(api.DraftFields{To: "bob@example.net, carol@example.net"}); answer.State != api.SendRejected || len(answer.Refused) != 1 || answer.Refused[0].Address != "bob@example.net" {
			t.Errorf("one refused: %+v", answer)
		}
		if got := len(out.all()); got != 0 {
			t.Errorf("%d messages went out", got)
		}
	})
}

// Whether a message went out is not known: the draft says so until its author
// decides, and nothing goes out by itself.
func TestAnUnclearSend(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.writing()
		out.fail = submit.Unclear
		unclear := func(subject string) *api.SaveDraftAnswer {
			t.Helper()
			saved := w.save(form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: subject}})))
			if answer := w.send(saved); answer.State != api.SendUnclear {
				t.Fatalf("sending: %+v", answer)
			}
			return saved
		}
		saved := unclear("one")
		out.fail = 0
		before := len(out.all())
		// Another node, which remembers nothing.
		keywords := !strings.HasSuffix(t.Name(), "Courier")
		if keywords {
			w.account = w.writer(out)
		}
		if answer := w.send(saved); answer.State != api.SendUnclear || len(out.all()) != before {
			t.Fatalf("sending again: %+v, %d messages", answer, len(out.all()))
		}
		draft := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID})
		if draft.State != api.DraftUnclear {
			t.Errorf("the draft is %q", draft.State)
		}
		changed := form(draft)
		changed.Fields.Text = "more"
		if answer := w.save(changed); answer.Change != api.ChangeSending || answer.OperationID == saved.OperationID {
			t.Errorf("saving it: %+v", answer)
		}
		settled, err := w.account.Settle(t.Context(), &api.SettleQuestion{ID: saved.ID})
		if err != nil || settled.ID == nil {
			t.Fatalf("settled: %+v, %v", settled, err)
		}
		anew := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: *settled.ID})
		if anew.State != api.DraftUnsent || anew.OperationID == saved.OperationID || anew.Fields.Subject != "one" {
			t.Errorf("anew: %+v", anew)
		}
		if answer := w.send(w.save(form(anew))); answer.State != api.SendSent || len(out.all()) != before+1 {
			t.Errorf("sending it anew: %+v", answer)
		}

		out.fail = submit.Unclear
		saved = unclear("two")
		if settled, err := w.account.Settle(t.Context(), &api.SettleQuestion{ID: saved.ID, Sent: true}); err != nil || settled.ID != nil {
			t.Errorf("filed: %+v, %v", settled, err)
		}
		if copies := w.held(api.RoleSent); !slices.Contains(copies, "two") {
			t.Errorf("sent: %q", copies)
		}
	})
}

// A send that is asked for by several at once, over two nodes, goes out once.
func TestADoubleSubmitSendsOnce(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := w.writing()
		saved := w.save(form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: "one"}})))
		var asking sync.WaitGroup
		for range 5 {
			asking.Go(func() {
				if _, err := w.account.Send(t.Context(), &api.SendQuestion{ID: saved.ID, OperationID: saved.OperationID}); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if got := len(out.all()); got != 1 {
			t.Errorf("%d messages went out", got)
		}
	})
}

func TestHostileFields(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := w.writing()
		attack := "x\r\nBcc: eve@example.com\r\nX-Evil: yes\r\n\r\nbody"
		fields := api.DraftFields{To: "bob@example.net\r\nX-Evil: to", Subject: attack, Text: "fine\x00\r\n.\r\nend", ReplyTo: "ana@example.edu", Cc: "\"" + attack + "\" <carol@example.net>"}
		w.upload("u", "../../etc/\x00pass\u202ewd\r\nX-Evil: yes", []byte("x"))
		save := form(w.compose(api.ComposeQuestion{Fields: fields}))
		save.Uploads = []string{"u"}
		saved := w.save(save)
		answer := w.send(saved)
		for _, one := range out.all() {
			header, _, _ := strings.Cut(one.raw, "\r\n\r\n")
			for line := range strings.SplitSeq(header, "\r\n") {
				if strings.HasPrefix(line, "X-Evil") || strings.HasPrefix(line, "Bcc") {
					t.Errorf("injected %q", line)
				}
			}
			if strings.Contains(one.raw, "etc/") || strings.Contains(one.raw, "\x00") || slices.Contains(one.to, "eve@example.com") {
				t.Errorf("to %q:\n%s", one.to, one.raw)
			}
		}
		if answer.State == api.SendUnclear {
			t.Errorf("sending: %+v", answer)
		}
		for name, fields := range map[string]api.DraftFields{
			"recipients": {To: strings.Repeat("somebody@example.net,", 10_000)},
			"many":       {To: strings.Repeat("a@b.c,", 600)},
			"subject":    {Subject: strings.Repeat("s", api.MaxDraftField+1)},
			"text":       {Text: strings.Repeat("s", api.MaxDraftText+1)},
			"garbage":    {To: strings.Repeat("x", 5000)},
		} {
			if _, err := w.account.SaveDraft(t.Context(), "p", &api.SaveDraftQuestion{Fields: fields, OperationID: "a@b"}); code(err) != api.CodeTooLarge {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, operation := range []string{"", "x", "a@b\r\nX: y", "<a@b>", "a b@c"} {
			if _, err := w.account.SaveDraft(t.Context(), "p", &api.SaveDraftQuestion{OperationID: operation}); code(err) != api.CodeInvalid {
				t.Errorf("operation %q: %v", operation, err)
			}
		}
		if _, err := w.account.Discard(t.Context(), &api.DiscardQuestion{ID: w.page("INBOX", 1).Rows[0].ID}); code(err) != api.CodeConflict || len(w.page("INBOX", 1).Rows) != 1 {
			t.Errorf("a message that is no draft was discarded: %v", err)
		}
		if _, err := w.account.SaveDraft(t.Context(), "p", &api.SaveDraftQuestion{OperationID: "a@b", Uploads: []string{"nobody's"}}); code(err) != api.CodeNotFound {
			t.Errorf("an upload that is not there: %v", err)
		}
		empty := w.save(form(w.compose(api.ComposeQuestion{})))
		if draft := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: empty.ID}); draft.Fields.Subject != "" || draft.Fields.Text != "" {
			t.Errorf("an empty draft became %+v", draft.Fields)
		}
	})
}

// A draft of another program keeps what it says.
func TestADraftOfAnotherProgram(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.writing()
		saved := w.save(form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{Subject: "ours"}})))
		raw := "From: ana@example.edu\r\nTo: bob@example.net\r\nSubject: theirs\r\nContent-Type: text/html\r\n\r\n<p>Hello <b>Bob</b></p>\r\n"
		put := &imapconn.Append{Mailbox: saved.ID.Mailbox, Flags: []imap.Flag{imap.FlagDraft}, Message: strings.NewReader(raw), Size: int64(len(raw))}
		w.must(w.another(), put)
		row := w.page(saved.ID.Mailbox, 1).Rows[0]
		draft := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: row.ID})
		if !draft.Formatted || !strings.Contains(draft.Fields.Text, "Hello Bob") || draft.Fields.To != "bob@example.net" {
			t.Fatalf("the draft: %+v", draft)
		}
		if answer := w.save(form(draft)); answer.Change != api.ChangeNone {
			t.Errorf("saving it: %+v", answer)
		}
		if got := w.held(api.RoleDrafts); len(got) != 2 {
			t.Errorf("drafts: %q", got)
		}
	})
}

// Saving a text again does not move its files again, where the server can put
// messages together. Either way they stay as they are.
func TestFilesStayOnTheServer(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.writing()
		content := make([]byte, 3<<20)
		rand.NewChaCha8([32]byte{1}).Read(content)
		w.upload("u", "large.bin", content)
		save := form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{Subject: "with a file"}}))
		save.Uploads = []string{"u"}
		saved := w.save(save)
		other := w.another()
		for round := range 2 {
			again := form(w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}))
			again.Fields.Text = fmt.Sprint("more words ", round)
			cost := w.counted(func() { saved = w.save(again) })
			t.Logf("saving again: %d bytes up, %d down, %v", cost.BytesUp, cost.BytesDown, cost.Commands)
			if other.Has(imap.CapCatenate) && cost.BytesUp+cost.BytesDown > 20_000 {
				t.Errorf("saving again moves %d bytes up, %d down", cost.BytesUp, cost.BytesDown)
			}
			draft := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID})
			if len(draft.Attachments) != 1 || draft.Fields.Text != again.Fields.Text {
				t.Fatalf("the draft: %+v", draft)
			}
			stream, err := w.account.Part(t.Context(), &api.PartQuestion{ID: saved.ID, Part: draft.Attachments[0].Part})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(stream.Content)
			stream.Content.Close()
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("the file has %d bytes, %v", len(got), err)
			}
		}
	})
}

// The form of a message that was sent comes once more, from an impatient finger or
// the back button: it is sent once, and what is new in it is kept.
func TestTheFormOfASentMessage(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.writing()
		first := form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: "one"}}))
		w.upload("u", "a.txt", []byte("content"))
		first.Uploads = []string{"u"}
		saved := w.save(first)
		second := form(w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}))
		if answer := w.send(saved); answer.State != api.SendSent {
			t.Fatalf("sending: %+v", answer)
		}
		for name, again := range map[string]*api.SaveDraftQuestion{"without a draft": {Fields: first.Fields, OperationID: first.OperationID}, "with the draft": second} {
			if answer := w.save(again); answer.Change != api.ChangeSent {
				t.Errorf("%s: %+v", name, answer)
			}
		}
		w.account = w.writer(out) // another node, which remembers nothing
		second.Fields.Text = "and this"
		answer := w.save(second)
		if answer.Change != api.ChangeSending || answer.OperationID == saved.OperationID {
			t.Errorf("what is new: %+v", answer)
		}
		if drafts := w.held(api.RoleDrafts); len(drafts) != 1 || len(out.all()) != 1 {
			t.Errorf("drafts %q, %d messages went out", drafts, len(out.all()))
		}
		// A draft of the same operation that came into being all the same.
		raw := "Message-ID: <" + saved.OperationID + ">\r\nFrom: ana@example.edu\r\nTo: bob@example.net\r\nSubject: one\r\n\r\nx\r\n"
		put := appending(answer.ID.Mailbox, []byte(raw))
		w.must(w.another(), put)
		row := w.page(answer.ID.Mailbox, 1).Rows[0]
		if answer, err := w.account.Send(t.Context(), &api.SendQuestion{ID: row.ID, OperationID: saved.OperationID}); err != nil || answer.State != api.SendSent || len(out.all()) != 1 {
			t.Errorf("sent again: %+v, %v, %d messages", answer, err, len(out.all()))
		}
	})
}

// TestWhatWritingCosts counts what each press asks of the mail server.
func TestWhatWritingCosts(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.writing()
		origin := w.asked()
		w.message(origin, true)
		var draft *api.Draft
		var saved *api.SaveDraftAnswer
		for _, press := range []struct {
			name                string
			commands, exchanges int
			work                func()
		}{
			{"begin a reply", 0, 0, func() { draft = w.compose(api.ComposeQuestion{Kind: api.ComposeReply, ID: origin}) }},
			{"save it", 9, 6, func() { saved = w.save(form(draft)) }},
			{"open the draft", 4, 4, func() { draft = w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}) }},
			{"save it as it is", 3, 3, func() { saved = w.save(form(draft)) }},
			{"save it anew", 8, 7, func() {
				draft.Fields.To, draft.Fields.Text = "bob@example.net", "changed"
				saved = w.save(form(draft))
			}},
			{"send it", 19, 14, func() { w.send(saved) }},
		} {
			cost := w.counted(press.work)
			t.Logf("%s: %d commands in %d exchanges: %v", press.name, cost.Total(), cost.Exchanges, cost.Commands)
			if cost.Total() > press.commands || cost.Exchanges > press.exchanges || cost.Logins > 0 {
				t.Errorf("%s takes %d commands in %d exchanges", press.name, cost.Total(), cost.Exchanges)
			}
		}
	})
}

// Somebody takes the folders away between two presses: they are made anew.
func TestFoldersThatAreTakenAway(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.writing()
		draft := w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: "one"}})
		saved := w.save(form(draft))
		w.page("INBOX", 1)
		if err := w.another().Do(t.Context(), &imapconn.Manage{Action: imapconn.Delete, Mailbox: saved.ID.Mailbox}); err != nil {
			if !strings.HasSuffix(t.Name(), "/Cyrus") {
				t.Fatal(err)
			}
			t.Skipf("Cyrus keeps such folders: %v", err)
		}
		again := form(draft)
		again.ID, again.Fields.Text = &saved.ID, "kept"
		saved = w.save(again)
		if got := w.held(api.RoleDrafts); !slices.Equal(got, []string{"one"}) {
			t.Fatalf("drafts: %q", got)
		}
		if answer := w.send(saved); answer.State != api.SendSent || !answer.Copied || len(out.all()) != 1 {
			t.Errorf("sending: %+v", answer)
		}
	})
}
