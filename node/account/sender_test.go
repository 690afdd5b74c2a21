package account_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"alphamail/node/account"
	"alphamail/node/api"
)

// believing is an account of a domain whose host checks its mail.
func (w *world) believing(config account.Config) {
	backend := w.backend()
	backend.AuthenticationHosts = []string{"mx.example.edu"}
	w.account = account.New(user+"@example.edu", user, password, backend, config, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(w.account.Close)
}

const proven = "Authentication-Results: mx.example.edu; dkim=pass header.d=list.example\r\n"

// TestImagesOfASender chooses to see the images of a sender always.
func TestImagesOfASender(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		const rest = "From: News <News@list.example>\r\nSubject: x\r\n\r\ntext\r\n"
		other := w.other()
		for _, raw := range []string{
			proven + rest, rest, proven + strings.Replace(rest, "News@list", "news@other", 1),
			proven + strings.Replace(rest, "\r\nSubject", ", b@list.example\r\nSubject", 1),
		} {
			w.deliver(other, "INBOX", raw)
		}
		shown := func() (all []api.SenderImages) {
			for _, row := range w.page("INBOX", 1).Rows {
				all = append([]api.SenderImages{w.message(row.ID, false).Images}, all...)
			}
			return all
		}
		expect := func(when string, want ...api.SenderImages) {
			t.Helper()
			got := shown()
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s, message %d: %q, want %q", when, i+1, got[i], want[i])
				}
			}
		}
		config := account.Config{SettingsFolder: "AlphaMail"}
		w.believing(config)
		expect("at first", api.ImagesOffered, api.ImagesUnknown, api.ImagesUnknown, api.ImagesUnknown)
		save := func(operation string, change api.Change) {
			t.Helper()
			if _, err := w.account.Save(t.Context(), operation, &api.SaveQuestion{Changes: []api.Change{change}}); err != nil {
				t.Fatal(err)
			}
		}
		save("1", api.Change{ImageSender: &api.ImageSender{Address: "news@LIST.example"}})
		save("2", api.Change{ImageSender: &api.ImageSender{Address: "news@list.example"}})
		expect("chosen", api.ImagesOfSender, api.ImagesUnproven, api.ImagesUnknown, api.ImagesUnknown)
		w.account.Close()
		w.believing(config)
		expect("on another node", api.ImagesOfSender, api.ImagesUnproven)
		answer, err := w.account.Settings(t.Context(), &api.SettingsQuestion{Fresh: true})
		if err != nil || len(answer.ImageSenders) != 1 || answer.ImageSenders[0].Address != "news@list.example" || answer.ImageSenders[0].Added.IsZero() {
			t.Fatalf("settings: %+v, %v", answer.ImageSenders, err)
		}
		save("3", api.Change{Delete: &api.Record{Kind: api.RecordImageSender, ID: "News@list.example"}})
		expect("taken back", api.ImagesOffered, api.ImagesUnknown)
		for _, address := range []string{"", "no address", "a@b@c", "a@b\r\n"} {
			if _, err := w.account.Save(t.Context(), "4", &api.SaveQuestion{Changes: []api.Change{{ImageSender: &api.ImageSender{Address: address}}}}); code(err) != api.CodeInvalid {
				t.Errorf("%q: %v", address, err)
			}
		}
		// A cache holds views of one configuration: this is another account.
		w.account = account.New("elsewhere@example.edu", user, password, w.backend(), config, w.cache, slog.New(slog.DiscardHandler))
		t.Cleanup(w.account.Close)
		expect("without a host that is known", api.ImagesUnknown)
		w.believing(account.Config{})
		expect("where nothing is kept", api.ImagesUnknown)
	})
}

// noting notes what lists are told.
type noting struct {
	links   []string
	problem api.UnsubscribeProblem
}

func (n *noting) Unsubscribe(_ context.Context, link string) (api.UnsubscribeProblem, error) {
	n.links = append(n.links, link)
	return n.problem, nil
}

func TestUnsubscribe(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	const fields = "From: news@list.example\r\nSubject: x\r\nList-Unsubscribe: <https://list.example/u?r=1>, <mailto:u@list.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\ntext\r\n"
	const signed = "DKIM-Signature: d=list.example; s=x; h=from:list-unsubscribe:list-unsubscribe-post; b=x\r\n"
	w.must(w.another(), appending("INBOX", []byte(proven+signed+fields)), appending("INBOX", []byte(signed+fields)), appending("INBOX", []byte("Subject: y\r\n\r\ntext\r\n")))
	listener := &noting{problem: api.UnsubscribeElsewhere}
	w.believing(account.Config{Unsubscriber: listener})
	rows := w.page("INBOX", 1).Rows
	plain, unproven, sure := rows[0].ID, rows[1].ID, rows[2].ID
	if way := w.message(sure, false).Unsubscribe; way == nil || !way.OneClick || way.Link != "https://list.example/u?r=1" || way.Mailto != "mailto:u@list.example" {
		t.Errorf("proven: %+v", way)
	}
	if way := w.message(unproven, false).Unsubscribe; way == nil || way.OneClick || way.Link == "" {
		t.Errorf("unproven: %+v", way)
	}
	if way := w.message(plain, false).Unsubscribe; way != nil {
		t.Errorf("no list: %+v", way)
	}
	answer, err := w.account.Unsubscribe(t.Context(), &api.UnsubscribeQuestion{ID: sure})
	if err != nil || answer.Host != "list.example" || answer.Problem != api.UnsubscribeElsewhere || len(listener.links) != 1 || listener.links[0] != "https://list.example/u?r=1" {
		t.Errorf("%+v, %v, told %q", answer, err, listener.links)
	}
	for _, id := range []api.MessageID{unproven, plain} {
		if _, err := w.account.Unsubscribe(t.Context(), &api.UnsubscribeQuestion{ID: id}); code(err) != api.CodeInvalid {
			t.Errorf("%v: %v", id, err)
		}
	}
	missing := sure
	missing.UID = 99
	if _, err := w.account.Unsubscribe(t.Context(), &api.UnsubscribeQuestion{ID: missing}); code(err) != api.CodeNotFound {
		t.Errorf("a message that is not there: %v", err)
	}
	if len(listener.links) != 1 {
		t.Errorf("told %q", listener.links)
	}
	w.believing(account.Config{})
	if way := w.message(sure, false).Unsubscribe; way == nil || way.OneClick {
		t.Errorf("on a node that tells nobody: %+v", way)
	}
	if _, err := w.account.Unsubscribe(t.Context(), &api.UnsubscribeQuestion{ID: sure}); code(err) != api.CodeInvalid {
		t.Errorf("on a node that tells nobody: %v", err)
	}
}
