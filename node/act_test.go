package node_test

import (
	"bytes"
	"testing"

	"alphamail/node/api"
)

// TestUndoAnywhere takes back on one node what another one did: a handle is sealed
// and holds everything. It is of no use to anybody else, and not readable.
func TestUndoAnywhere(t *testing.T) {
	w := newWorld(t)
	one, two := w.node("one", fixed{owner: "one"}, nil), w.node("two", fixed{owner: "two"}, nil)
	call := &api.Call{Session: w.login(one, ana), OperationID: "o"}
	inbox, err := w.inbox(one, call.Session, nil)
	if err != nil {
		t.Fatal(err)
	}
	question := &api.ActQuestion{Action: api.ActDelete, Mailbox: "INBOX", UIDValidity: inbox.UIDValidity}
	for _, row := range inbox.Rows[:2] {
		question.UIDs = append(question.UIDs, row.ID.UID)
	}
	done, err := one.Act(t.Context(), call, question)
	if err != nil || done.Done != 2 || bytes.Contains(done.Undo, []byte("INBOX")) {
		t.Fatalf("%+v, %v", done, err)
	}
	again, err := one.Act(t.Context(), call, question) // sent twice
	if err != nil || again.Done != 2 {
		t.Fatalf("again: %+v, %v", again, err)
	}
	one.Close()

	undo := &api.UndoQuestion{Handle: again.Undo}
	for name, handle := range map[string][]byte{"nothing": nil, "cut off": undo.Handle[:len(undo.Handle)-1], "the session's seal": call.Session.Seal} {
		if _, err := two.Undo(t.Context(), call, &api.UndoQuestion{Handle: handle}); code(err) != api.CodeInvalid {
			t.Errorf("%s as a handle: %v", name, err)
		}
	}
	if _, err := two.Undo(t.Context(), &api.Call{Session: w.login(two, ben)}, undo); code(err) != api.CodeInvalid {
		t.Errorf("somebody else's handle: %v", err)
	}
	if _, err := two.Undo(t.Context(), &api.Call{}, undo); code(err) != api.CodeAuthExpired {
		t.Errorf("without a session: %v", err)
	}
	back, err := two.Undo(t.Context(), call, undo)
	if err != nil || back.Done != 2 || back.Folder.Mailbox != "INBOX" {
		t.Errorf("undone: %+v, %v", back, err)
	}
	if inbox, err = w.inbox(two, call.Session, nil); err != nil || inbox.Total != 5 {
		t.Errorf("the inbox: %+v, %v", inbox, err)
	}
	trash := w.folder(inbox.Folders, api.RoleTrash)
	if trash == nil {
		t.Fatal("there is no Trash")
	}
	if _, err := two.Act(t.Context(), call, &api.ActQuestion{Action: api.ActDelete, Mailbox: "INBOX", UIDValidity: inbox.UIDValidity, UIDs: []uint32{inbox.Rows[0].ID.UID}}); err != nil {
		t.Fatal(err)
	}
	page, err := two.Mailbox(t.Context(), call, &api.MailboxQuestion{Mailbox: trash.Mailbox, Page: 1})
	if err != nil || page.Total != 1 {
		t.Fatalf("Trash: %+v, %v", page, err)
	}
	emptied, err := two.Empty(t.Context(), call, &api.EmptyQuestion{Mailbox: trash.Mailbox, UIDValidity: page.UIDValidity, UpTo: page.Rows[0].ID.UID})
	if err != nil || emptied.Done != 1 || len(emptied.Undo) > 0 {
		t.Errorf("emptied: %+v, %v", emptied, err)
	}
}

func (w *world) folder(folders []api.Folder, role api.Role) *api.Folder {
	for i := range folders {
		if folders[i].Role == role {
			return &folders[i]
		}
	}
	return nil
}
