package account_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"alphamail/node/account"
	"alphamail/node/api"
)

// Where no file can be written, because the disk is full or gone, what was written is
// saved and sent all the same; only files cannot be attached, and the user is told why.
func TestWritingWithoutADisk(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := &outbox{}
		dir := filepath.Join(t.TempDir(), "spool")
		spool, err := account.NewSpool(account.SpoolConfig{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		w.account = w.writer(out, func(_ *account.Backend, config *account.Config) { config.Spool = spool })
		if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		saved := w.save(form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: "disk", Text: "It is full."}})))
		again := form(w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}))
		again.Fields.Text = string(bytes.Repeat([]byte("It is full.\n"), 5000))
		saved = w.save(again)
		if _, err := w.account.Upload(t.Context(), &api.UploadQuestion{Upload: "u", Name: "notes.txt", Data: []byte("two recorders")}); api.AsError(err) == nil || api.AsError(err).Code != api.CodeBusy {
			t.Errorf("attaching a file: %v", err)
		}
		if answer := w.send(saved); answer.State != api.SendSent || len(out.all()) != 1 {
			t.Errorf("sending: %+v, %d went out", answer, len(out.all()))
		}
		if left := spool.Bytes(); left != 0 {
			t.Errorf("%d bytes are left in the spool", left)
		}
	})
}
