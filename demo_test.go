package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/node/submit"
)

// TestDemoDelivers sends as one user of the demo to another one, and to somebody
// elsewhere, by the demo's own configuration.
func TestDemoDelivers(t *testing.T) {
	var log bytes.Buffer
	mail, err := startDemoMail(slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	settings, err := demoSettings("127.0.0.1:0", t.TempDir(), mail)
	if err != nil {
		t.Fatal(err)
	}
	settings.Cluster.Name = "node-1"
	own, err := nodeConfig(settings)
	if err != nil {
		t.Fatal(err)
	}
	before := inboxSize(t, mail.IMAPAddr(), demoUsers[1])
	route := own.Domains[0].Backend.Submission
	session, err := submit.Dial(t.Context(), route.Server, route.Credentials(demoUsers[0], demoPassword))
	if err != nil {
		t.Fatal(err)
	}
	result, err := session.Send(t.Context(), submit.Message{
		From: demoUsers[0], Recipients: []string{demoUsers[1], "dean@elsewhere.example"},
		Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "Subject: Lunch?\r\n\r\nAt noon.\r\n")
			return err
		},
	})
	if err != nil || len(result.Accepted) != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if after := inboxSize(t, mail.IMAPAddr(), demoUsers[1]); after != before+1 {
		t.Errorf("%s has %d messages, and had %d", demoUsers[1], after, before)
	}
	mail.Close()
	if text := log.String(); !strings.Contains(text, "dean@elsewhere.example") || strings.Contains(text, "noon") {
		t.Errorf("the log: %s", text)
	}
}

// inboxSize counts what a user of the demo has.
func inboxSize(t *testing.T, address, user string) uint32 {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, demoPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	selected, err := client.Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return selected.NumMessages
}
