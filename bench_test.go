package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/bench"
	"alphamail/bench/sidebyside"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
)

// benchServer starts a Dovecot with four users, u1 to u4, without mail.
func benchServer(t *testing.T) *testbed.Dovecot {
	t.Helper()
	need.Dovecot(t)
	var users []testbed.User
	for i := range 4 {
		users = append(users, testbed.User{Name: fmt.Sprintf("u%d", i+1), Password: anaPassword})
	}
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dovecot.Stop() })
	return dovecot
}

// benchAlphaMail starts AlphaMail on a mail server and returns the address of its
// web pages.
func benchAlphaMail(t *testing.T, dovecot *testbed.Dovecot) (*program, string) {
	t.Helper()
	web := freeAddress(t)
	p := start(t, "serve", "serve", "--config", writeFile(t, t.TempDir(), "alphamail.yaml", fmt.Sprintf(
		"imap_servers: example.edu=%s[/]\nlisten: %s\nadmin_listen: %s\nlog:\n  level: warn\n", dovecot.IMAPAddr(), web, freeAddress(t))))
	eventually(t, "AlphaMail shows its login page", func() error {
		_, err := newVisitor(t).get("http://" + web + "/login")
		return err
	})
	return p, web
}

// benchAt runs a bench command against a mail server to its end.
func benchAt(t *testing.T, dovecot *testbed.Dovecot, args ...string) (string, error) {
	t.Helper()
	return output(t, t.Context(), benchArgs(dovecot, args...)...)
}

func benchArgs(dovecot *testbed.Dovecot, args ...string) []string {
	return append([]string{"bench", args[0], "--imap", dovecot.IMAPAddr(), "--password", anaPassword}, args[1:]...)
}

func readReport(t *testing.T, dir string) *bench.Report {
	t.Helper()
	report, err := bench.ReadReport(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestBenchFromFillingToRemoving is a planner's day: fill mailboxes, put the mail
// server and AlphaMail under load, take the mail out again.
func TestBenchFromFillingToRemoving(t *testing.T) {
	dovecot := benchServer(t)
	const users = "u{1..4}@example.edu"
	if out, err := benchAt(t, dovecot, "fill", "--users", users, "--messages", "40"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Going on from there adds what lacks, and no more.
	if out, err := benchAt(t, dovecot, "fill", "--users", users, "--messages", "120"); err != nil || !strings.Contains(out, "4 of 4 accounts, 320 messages") {
		t.Fatalf("%v\n%s", err, out)
	}
	short := []string{"--users", users, "--warm-up", "200ms", "--duration", "1500ms", "--quiet"}

	for _, mode := range []string{"relogin", "proxy", "client", "webcache"} {
		dir := t.TempDir()
		if out, err := benchAt(t, dovecot, append([]string{"imap", "--mode", mode, "--clients", "4", "--out", dir}, short...)...); err != nil {
			t.Fatalf("%s: %v\n%s", mode, err, out)
		}
		if clicks := readReport(t, dir).Clicks(); clicks.Errors > 0 || clicks.Latency.Count() == 0 {
			t.Errorf("%s: %d clicks, %d errors%s", mode, clicks.Latency.Count(), clicks.Errors, clicks.Why())
		}
	}

	p, web := benchAlphaMail(t, dovecot)
	for _, processes := range []string{"1", "2"} {
		dir := t.TempDir()
		args := append([]string{"web", "--driver", "alphamail", "--url", "http://" + web, "--concurrent", "8", "--think", "200ms", "--processes", processes,
			"--meter", fmt.Sprintf("alphamail=%d", p.cmd.Process.Pid), "--out", dir}, short...)
		out, err := benchAt(t, dovecot, args...)
		report := readReport(t, dir)
		if clicks := report.Clicks(); clicks.Errors > 0 || clicks.Latency.Count() == 0 {
			t.Errorf("%s processes: %d clicks, %d errors%s", processes, clicks.Latency.Count(), clicks.Errors, clicks.Why())
		}
		// How quick it is depends on the machine; that it is said does not.
		if kept := report.Result.Valid() && report.Kept(); kept != (err == nil) {
			t.Errorf("%s processes: valid and kept is %v, but the command ends with %v", processes, kept, err)
		}
		if cpu, measured := report.CPU("alphamail"); !measured || cpu <= 0 {
			t.Errorf("AlphaMail used no processor time:\n%s", out)
		}
		if len(report.LeftOut) != 1 || !strings.Contains(out, "Left out") {
			t.Errorf("search was left out, but the table does not say so:\n%s", out)
		}
	}

	if out, err := benchAt(t, dovecot, "fill", "--users", users, "--remove"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := benchAt(t, dovecot, append([]string{"imap", "--mode", "client", "--clients", "4"}, short...)...); err != nil && !strings.Contains(out, "nothing that the mailbox") {
		t.Errorf("after removal: %v\n%s", err, out)
	}
}

func TestBenchLeavesMailOfOthersAlone(t *testing.T) {
	dovecot := benchServer(t)
	unread := func(yield func(mailgen.Message) bool) {
		for m := range mailgen.New(1, time.Now()).Folder("INBOX", 10) {
			if m.Flags = nil; !yield(m) {
				return
			}
		}
	}
	if err := dovecot.Fill("u1", unread); err != nil {
		t.Fatal(err)
	}
	before := flags(t, dovecot, "u1")
	if out, err := benchAt(t, dovecot, "fill", "--users", "u1", "--messages", "20"); err == nil || !strings.Contains(out, "not touched") {
		t.Errorf("fill: %v\n%s", err, out)
	}
	if out, err := benchAt(t, dovecot, "fill", "--users", "u1", "--remove"); err != nil {
		t.Errorf("remove: %v\n%s", err, out)
	}
	// A load reads lists of any mail, but opens none of it: opening marks as read.
	_, web := benchAlphaMail(t, dovecot)
	out, err := benchAt(t, dovecot, "web", "--driver", "alphamail", "--url", "http://"+web, "--users", "u1@example.edu", "--clients", "2", "--warm-up", "0s", "--duration", "1s", "--quiet")
	if err != nil || !strings.Contains(out, "list page 1") || strings.Contains(out, "open") {
		t.Errorf("%v\n%s", err, out)
	}
	if after := flags(t, dovecot, "u1"); after != before || strings.Count(after, "\n") != 10 {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// flags returns the UIDs and flags of the messages in a user's INBOX.
func flags(t *testing.T, dovecot *testbed.Dovecot, user string) string {
	t.Helper()
	client, err := imapclient.DialInsecure(dovecot.IMAPAddr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, anaPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	messages, err := client.Fetch(imap.SeqSet{imap.SeqRange{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range messages {
		lasting := slices.DeleteFunc(m.Flags, func(flag imap.Flag) bool { return flag == "\\Recent" })
		slices.Sort(lasting)
		fmt.Fprintln(&all, m.UID, lasting)
	}
	return all.String()
}

func TestBenchWithWrongCredentialsOfSome(t *testing.T) {
	dovecot := benchServer(t)
	if out, err := benchAt(t, dovecot, "fill", "--users", "u{1..2}", "--messages", "60"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	users := writeFile(t, t.TempDir(), "users", "u1 "+strings.ReplaceAll(anaPassword, " ", "")+"\nu2\n")
	out, err := benchAt(t, dovecot, "imap", "--mode", "client", "--users", "@"+users, "--clients", "2", "--warm-up", "0s", "--duration", "1s", "--quiet")
	if err != nil || !strings.Contains(out, "1  the login was refused") || !strings.Contains(out, "list page 1") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestBenchWhenTheServerDies keeps the report, counts errors, and does not call
// the objective kept.
func TestBenchWhenTheServerDies(t *testing.T) {
	dovecot := benchServer(t)
	if out, err := benchAt(t, dovecot, "fill", "--users", "u{1..4}", "--messages", "60"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	command := exec.Command(binary(t), benchArgs(dovecot, "imap", "--mode", "client", "--users", "u{1..4}", "--concurrent", "8", "--think", "100ms", "--warm-up", "500ms", "--duration", "4s", "--out", dir)...)
	ended := runWhile(t, command, " clicks/s", func() { dovecot.Kill() })
	report := readReport(t, dir)
	all := report.Result.Total()
	if ended == nil || all.Errors == 0 || all.Reasons["network error"] == 0 {
		t.Errorf("ended with %v; %d clicks, %d errors%s", ended, all.Latency.Count(), all.Errors, all.Why())
	}
}

// TestBenchInterrupted is Ctrl-C: what was measured is printed and written.
func TestBenchInterrupted(t *testing.T) {
	dovecot := benchServer(t)
	if out, err := benchAt(t, dovecot, "fill", "--users", "u{1..4}", "--messages", "60"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, processes := range []string{"1", "2"} {
		dir := t.TempDir()
		command := exec.Command(binary(t), benchArgs(dovecot, "imap", "--mode", "client", "--users", "u{1..4}", "--concurrent", "8", "--think", "100ms", "--warm-up", "0s", "--duration", "1h", "--processes", processes, "--out", dir)...)
		ready := " clicks/s"
		if processes != "1" {
			ready = ""
		}
		if ended := runWhile(t, command, ready, func() { command.Process.Signal(syscall.SIGINT) }); ended == nil {
			t.Error("an interrupted run ended as if it were whole")
		}
		report := readReport(t, dir)
		if report.Clicks().Latency.Count() == 0 || report.Result.Measured > time.Minute {
			t.Errorf("%s processes: %d clicks in %v", processes, report.Clicks().Latency.Count(), report.Result.Measured)
		}
	}
}

// runWhile runs a command to its end, and does something two seconds after it
// printed a text.
func runWhile(t *testing.T, command *exec.Cmd, text string, do func()) error {
	t.Helper()
	var printed lockedBuffer
	command.Stdout, command.Stderr = &printed, &printed
	command.SysProcAttr = endWithParent()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }() // the process ends by itself or is killed below
	eventually(t, "the load has begun", func() error {
		if !strings.Contains(printed.String(), text) {
			return fmt.Errorf("printed so far: %s", &printed)
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	do()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		command.Process.Kill()
		<-ended
		t.Fatalf("it does not end; it printed:\n%s", &printed)
		return nil
	}
}

// TestBenchOnAFullDisk prints the report that it cannot write.
func TestBenchOnAFullDisk(t *testing.T) {
	need.Root(t)
	unshare := need.Command(t, "unshare")
	dovecot := benchServer(t)
	if out, err := benchAt(t, dovecot, "fill", "--users", "u1", "--messages", "60"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	args := benchArgs(dovecot, "imap", "--mode", "client", "--users", "u1", "--clients", "1", "--warm-up", "0s", "--duration", "1s", "--quiet", "--out", dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, unshare, append([]string{"--mount", "sh", "-ec", `mount -t tmpfs -o size=4k full "$0"; head -c 4096 /dev/zero >"$0/rest"; exec "$@"`, dir, binary(t)}, args...)...)
	var failed strings.Builder
	command.Stderr = &failed
	out, err := command.Output()
	if err == nil || !strings.Contains(failed.String(), "no space left") {
		t.Fatalf("%v\n%s\n%s", err, out, &failed)
	}
	begins := strings.Index(string(out), "{\"version\"")
	report := &bench.Report{}
	if begins < 0 || json.NewDecoder(strings.NewReader(string(out[begins:]))).Decode(report) != nil || report.Clicks().Latency.Count() == 0 {
		t.Errorf("the report is not printed:\n%s", out)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("outside the full disk stands %v", left)
	}
}

func TestBenchRefusesServersOfOthers(t *testing.T) {
	for _, args := range [][]string{
		{"bench", "fill", "--imap", "192.0.2.1:143", "--users", "ana"},
		{"bench", "imap", "--imap", "192.0.2.1:143", "--users", "ana", "--mode", "client", "--clients", "1"},
		{"bench", "web", "--imap", "127.0.0.1:143", "--users", "ana", "--driver", "alphamail", "--url", "https://192.0.2.1/", "--clients", "1"},
	} {
		if out, err := output(t, t.Context(), args...); err == nil || !strings.Contains(out, "--i-own-this-server") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// TestBenchSideBySide runs the whole comparison, small: what it says of speed is
// worth nothing, but every product is asked, answers rightly and is counted.
func TestBenchSideBySide(t *testing.T) {
	need.Dovecot(t)
	need.Roundcube(t)
	dir := t.TempDir()
	out, err := output(t, t.Context(), "bench", "side-by-side", "--messages", "120", "--accounts", "4", "--clients", "2", "--repeats", "1", "--warm-up", "0s", "--duration", "1s", "--out", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	written, err := os.ReadFile(filepath.Join(dir, "sidebyside.json"))
	result := &sidebyside.Result{}
	if err == nil {
		err = json.Unmarshal(written, result)
	}
	if err != nil || len(result.Comparisons) != 2 {
		t.Fatalf("%v: %s", err, written)
	}
	without, full := result.Comparisons[0], result.Comparisons[1]
	if len(without.Series) != 3 || len(full.Series) != 2 || len(full.Clicks) != len(without.Clicks)+1 {
		t.Errorf("%d and %d products, %v and %v", len(without.Series), len(full.Series), without.Clicks, full.Clicks)
	}
	for _, c := range result.Comparisons {
		for i, series := range c.Series {
			run := series.Runs[0]
			for _, figure := range []string{bench.FigureRate, "p99 ms, all", bench.FigureCPU + "mail server"} {
				if run[figure] <= 0 {
					t.Errorf("%s: %s is %v", series.Name, figure, run[figure])
				}
			}
			for name, value := range run {
				if strings.Contains(name, "errors") && value > 0 {
					t.Errorf("%s: %s is %v", series.Name, name, value)
				}
			}
			if work := c.Work[i].Clicks["list page 1"]; work == nil || work.Clicks == 0 || work.Total() == 0 {
				t.Errorf("%s: a list page costs %+v", series.Name, work)
			}
		}
	}
	// What the whole design is for: a page seen before costs no login and no more
	// than a look at whether anything changed. Beside it, once, the next page is
	// fetched in advance.
	if kept := without.Work[2].Clicks["list page 1"]; kept.Connections+kept.Logins+kept.Selects > 0 || kept.Commands["NOOP"] > kept.Clicks || kept.Total() > 2*kept.Clicks {
		t.Errorf("AlphaMail: a list page seen before costs %+v", kept)
	}
}
