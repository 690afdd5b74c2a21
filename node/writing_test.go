package node_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
)

// TestAnExpiredSessionStillSaves: what was written in a session that has expired is
// saved, and nothing else is done; not even that when it was ended.
func TestAnExpiredSessionStillSaves(t *testing.T) {
	w := newWorld(t)
	n := w.node("one", fixed{owner: "one"}, func(c *node.Config) {
		c.SessionLifetime = time.Second
		c.Spool = account.SpoolConfig{Dir: t.TempDir()}
	})
	call := &api.Call{RequestID: "r", Session: w.login(n, ana)}
	time.Sleep(1100 * time.Millisecond)
	save := func() error {
		_, err := n.SaveDraft(t.Context(), call, &api.SaveDraftQuestion{Fields: api.DraftFields{Subject: "late"}, OperationID: "x@example.edu"})
		return err
	}
	if err := save(); err != nil {
		t.Errorf("saving: %v", err)
	}
	if _, err := n.Upload(t.Context(), call, &api.UploadQuestion{Upload: "u", Data: []byte("x")}); err != nil {
		t.Errorf("attaching: %v", err)
	}
	for name, ask := range map[string]func() error{
		"mailbox": func() error {
			_, err := n.Mailbox(t.Context(), call, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
			return err
		},
		"compose": func() error { _, err := n.Compose(t.Context(), call, &api.ComposeQuestion{}); return err },
		"send": func() error {
			_, err := n.Send(t.Context(), call, &api.SendQuestion{OperationID: "x@example.edu"})
			return err
		},
		"find": func() error {
			_, err := n.FindAddresses(t.Context(), call, &api.FindAddressesQuestion{})
			return err
		},
		"discard": func() error { _, err := n.Discard(t.Context(), call, &api.DiscardQuestion{}); return err },
		"settle":  func() error { _, err := n.Settle(t.Context(), call, &api.SettleQuestion{}); return err },
	} {
		if err := api.AsError(ask()); err == nil || err.Code != api.CodeAuthExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := n.Logout(t.Context(), call, &api.LogoutQuestion{}); err != nil {
		t.Fatal(err)
	}
	if err := api.AsError(save()); err == nil || err.Code != api.CodeAuthExpired {
		t.Errorf("saving after logging out: %v", err)
	}
}

// TestAFileIsNeverHeld brings 25 MB to a node and lets it save them at a Dovecot: the
// node's memory does not grow by more than 1 MiB.
func TestAFileIsNeverHeld(t *testing.T) {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: "ana", Password: password}}, Separator: "/"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	w := newWorld(t)
	n := w.node("one", fixed{owner: "one"}, func(c *node.Config) {
		c.Domains[0].Backend.Options.Address = server.IMAPAddr()
		c.Spool = account.SpoolConfig{Dir: t.TempDir()}
	})
	call := &api.Call{RequestID: "r", Session: w.login(n, ana)}
	const size = 25 << 20
	write := func(upload string, size int64) {
		t.Helper()
		piece := &api.UploadQuestion{Upload: upload, Data: make([]byte, api.MaxUploadChunk), Name: upload, MediaType: "application/octet-stream"}
		for ; piece.Offset < size; piece.Offset += int64(len(piece.Data)) {
			if _, err := n.Upload(t.Context(), call, piece); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.SaveDraft(t.Context(), call, &api.SaveDraftQuestion{Uploads: []string{upload}, OperationID: upload + "@example.edu"}); err != nil {
			t.Fatal(err)
		}
	}
	heap := func() int64 {
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return int64(memory.HeapAlloc)
	}
	write("warm", 2<<20)
	before, most := heap(), int64(0)
	stop := make(chan struct{})
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				most = max(most, heap())
			}
		}
	})
	write("large", size)
	close(stop)
	sampling.Wait()
	t.Logf("attaching 25 MiB: the heap grew by %d KiB at most", (most-before)>>10)
	if most-before > 1<<20 {
		t.Errorf("the heap grew by %d bytes", most-before)
	}
}
