package bench_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"alphamail/bench"
	"alphamail/bench/fill"
	"alphamail/bench/load"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
)

// server starts a mail server in memory whose users hold 150 messages each.
func server(t *testing.T) *testbed.MemoryServer {
	t.Helper()
	users := []testbed.User{{Name: "u1", Password: "secret"}, {Name: "u2", Password: "secret"}}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for _, user := range users {
		if err := server.Fill(fill.Marked(mailgen.New(1, time.Now()).Folder("INBOX", 150)), user.Name); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// plan is a short measurement of a mail server.
func plan(name, address string) *bench.Plan {
	return &bench.Plan{
		Name: name, Mode: "client",
		Target: bench.Target{IMAP: address, Users: "u{1..2}", Password: "secret", Mailbox: "INBOX"},
		Volume: bench.Volume{Profile: "click-list", Clients: 2, Duration: 300 * time.Millisecond, Seed: 1},
	}
}

func TestAMeasurementIsWrittenDownAndReadAgain(t *testing.T) {
	measured := plan("client", server(t).IMAPAddr())
	measured.Clients, measured.Concurrent, measured.Think = 0, 20, 200*time.Millisecond
	report, err := bench.Execute(t.Context(), measured, nil)
	if err != nil {
		t.Fatal(err)
	}
	clicks := report.Clicks()
	if clicks.Latency.Count() == 0 || clicks.Errors > 0 || report.Result.Mode != load.Open {
		t.Fatalf("%d clicks, %d errors %v", clicks.Latency.Count(), clicks.Errors, clicks.Reasons)
	}
	if cpu, ok := report.CPU(bench.Generator); !ok || cpu <= 0 {
		t.Errorf("the generator used %v of processor time", cpu)
	}
	dir := filepath.Join(t.TempDir(), "made", "for it")
	if err := report.Write(dir); err != nil {
		t.Fatal(err)
	}
	again, err := bench.ReadReport(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Clicks().Latency.Count() != clicks.Latency.Count() || again.Clicks().Latency.Quantile(.99) != clicks.Latency.Quantile(.99) {
		t.Error("another number of clicks, or other latencies, after reading")
	}
	for name, content := range files(t, dir) {
		if strings.Contains(content, "secret") {
			t.Errorf("%s holds the password", name)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(files(t, dir)["clicks.csv"])).ReadAll()
	if err != nil || len(rows) != 1+len(report.Result.Clicks) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if read := hdrCount(t, filepath.Join(dir, "latency.hlog")); read != report.Result.Total().Latency.Count() {
		t.Errorf("HDR tools read %d clicks of %d", read, report.Result.Total().Latency.Count())
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	for _, name := range []string{"report.json", "clicks.csv", "latency.hlog"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = string(content)
	}
	return contents
}

func hdrCount(t *testing.T, file string) (count int64) {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	reader := hdrhistogram.NewHistogramLogReader(opened)
	for {
		histogram, err := reader.NextIntervalHistogram()
		if histogram == nil || errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		count += histogram.TotalCount()
	}
}

func TestAReportThatCannotBeWrittenLeavesNoHalfOfIt(t *testing.T) {
	report, err := bench.Execute(t.Context(), plan("client", server(t).IMAPAddr()), nil)
	if err != nil {
		t.Fatal(err)
	}
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(filepath.Join(occupied, "below")); err == nil {
		t.Error("a directory below a file was written to")
	}
	// One file that cannot be replaced does not keep the others from being written.
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "report.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(dir); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if _, err := os.Stat(filepath.Join(dir, "clicks.csv")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.json.tmp")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a temporary file is left: %v", err)
	}
}

func TestAnInterruptedMeasurementKeepsWhatItHas(t *testing.T) {
	measured := plan("client", server(t).IMAPAddr())
	measured.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	seconds := 0
	report, err := bench.Execute(ctx, measured, func(load.Interval) {
		if seconds++; seconds == 2 {
			cancel()
		}
	})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if report.Clicks().Latency.Count() == 0 || report.Result.Measured > time.Minute {
		t.Errorf("%d clicks in %v", report.Clicks().Latency.Count(), report.Result.Measured)
	}
}

// TestWrongCredentialsOfSomeAreErrorsOfTheirLogins: everybody else is measured.
func TestWrongCredentialsOfSomeAreErrorsOfTheirLogins(t *testing.T) {
	measured := plan("client", server(t).IMAPAddr())
	measured.Users = "@" + write(t, "users", "u1 secret\nu2 guessed\n")
	report, err := bench.Execute(t.Context(), measured, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Result.Before.Errors == 0 {
		t.Error("no login failed")
	}
	if clicks := report.Clicks(); clicks.Errors > 0 || clicks.Latency.Count() == 0 {
		t.Errorf("%d clicks, %d errors %v", clicks.Latency.Count(), clicks.Errors, clicks.Reasons)
	}
	var out bytes.Buffer
	report.Print(&out)
	if !strings.Contains(out.String(), "refused") {
		t.Errorf("the table does not say that a login was refused:\n%s", &out)
	}
}

func TestAServerThatDiesMidwayIsErrorsNotAnEnd(t *testing.T) {
	dying := server(t)
	proxy, err := testbed.StartProxy(dying.IMAPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	measured := plan("client", proxy.Addr())
	measured.Clients, measured.Concurrent, measured.Think = 0, 10, 100*time.Millisecond
	measured.Duration = 3 * time.Second
	report, err := bench.Execute(t.Context(), measured, func(second load.Interval) {
		if second.At >= time.Second {
			proxy.Refuse(true)
			proxy.Cut()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all := report.Result.Total()
	if all.Latency.Count() == 0 || all.Errors == 0 {
		t.Errorf("%d clicks, %d errors", all.Latency.Count(), all.Errors)
	}
	if report.Kept() {
		t.Error("the objective was kept by a server that died")
	}
}
