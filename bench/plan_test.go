package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsersByPatternAndByFile(t *testing.T) {
	file := write(t, "users", "# ours\nana\n\nben  own-password\n")
	for _, tt := range []struct {
		users string
		want  []string // user:password
	}{
		{"ana", []string{"ana:common"}},
		{"u{1..3}@example.edu", []string{"u1@example.edu:common", "u2@example.edu:common", "u3@example.edu:common"}},
		{"u{008..10}", []string{"u008:common", "u009:common", "u010:common"}},
		{"@" + file, []string{"ana:common", "ben:own-password"}},
	} {
		target := bench.Target{IMAP: "127.0.0.1:143", Users: tt.users, Password: "common"}
		_, accounts, err := target.Resolve()
		var got []string
		for _, account := range accounts {
			got = append(got, account.User+":"+account.Password)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.users, got, err, tt.want)
		}
	}
	for _, users := range []string{"u{3..1}", "u{1..99999999}", "u{1..99999999999999999999}", "@" + write(t, "empty", "# nobody\n"), "@/no/such/file"} {
		target := bench.Target{IMAP: "127.0.0.1:143", Users: users}
		if _, accounts, err := target.Resolve(); err == nil {
			t.Errorf("%s stands for %d accounts", users, len(accounts))
		}
	}
}

func TestThePasswordIsTheFirstLineOfItsFile(t *testing.T) {
	target := bench.Target{IMAP: "localhost:143", Users: "ana", PasswordFile: write(t, "password", "from the file\r\nnot this\n"), Password: "not this either"}
	_, accounts, err := target.Resolve()
	if err != nil || accounts[0].Password != "from the file" {
		t.Errorf("%v, %v", accounts, err)
	}
}

// TestServersElsewhereAreLeftInPeace is the rule that protects others: no load
// leaves this machine unless its owner says so.
func TestServersElsewhereAreLeftInPeace(t *testing.T) {
	const plan = "mode: client\nimap: %s\nusers: ana\nclients: 1\n"
	const web = "driver: alphamail\nurl: %s\nimap: 127.0.0.1:143\nusers: ana\nclients: 1\n"
	for _, tt := range []struct {
		plan, place string
		allowed     bool
	}{
		{plan, "127.0.0.1:143", true},
		{plan, "127.8.0.1:143", true},
		{plan, "'[::1]:143'", true},
		{plan, "localhost:143", true},
		{plan, "192.0.2.1:143", false},
		{plan, "mail.example.edu:993", false},
		{plan, "localhost.example.edu:143", false},
		{web, "http://127.0.0.1:8080", true},
		{web, "https://mail.example.edu", false},
		{web, "http://127.0.0.1@192.0.2.1/", false},
	} {
		text := fmt.Sprintf(tt.plan, tt.place)
		_, err := bench.ParsePlan(write(t, "plan.yaml", text))
		if tt.allowed != (err == nil) {
			t.Errorf("%s: %v", tt.place, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--i-own-this-server") {
			t.Errorf("%s: the error does not say what to do: %v", tt.place, err)
		}
		if _, err := bench.ParsePlan(write(t, "plan.yaml", text+"i_own_this_server: true\n")); err != nil {
			t.Errorf("%s, by its owner: %v", tt.place, err)
		}
	}
}

func TestPlansThatCannotBeMeant(t *testing.T) {
	const good = "mode: client\nimap: 127.0.0.1:143\nusers: ana\n"
	for _, tt := range []struct{ plan, says string }{
		{good, "one of concurrent, sessions and clients"},
		{good + "clients: 1\nconcurrent: 2\n", "one of concurrent, sessions and clients"},
		{good + "clients: 1\ndriver: alphamail\n", "either a driver or a mode"},
		{"driver: alphamail\nimap: 127.0.0.1:143\nusers: ana\nclients: 1\n", "needs a URL"},
		{"mode: client\nusers: ana\nclients: 1\n", "an IMAP server"},
		{"mode: client\nimap: localhost\nusers: ana\nclients: 1\n", "port"},
		{good + "clients: 1\nduration: 0s\n", "duration"},
		{good + "clients: 1\nmeter: [server]\n", "NAME=PID"},
		{good + "clients: 1\nclinets: 2\n", "5"}, // the line
		{good + "clients: many\n", "4"},
	} {
		_, err := bench.ParsePlan(write(t, "plan.yaml", tt.plan))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s\nsays: %v\nwant: %s", tt.plan, err, tt.says)
		}
	}
	plan, err := bench.ParsePlan(write(t, "plan.yaml", good+"clients: 3\nthink: 2s\n"))
	if err != nil || plan.Duration != time.Minute || plan.Profile != "click-list" || plan.Mailbox != "INBOX" || plan.Think != 2*time.Second {
		t.Errorf("%+v, %v", plan, err)
	}
}
