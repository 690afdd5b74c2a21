package seal_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"alphamail/node/seal"
)

func open(t testing.TB, path string) *seal.Revocations {
	t.Helper()
	set, err := seal.OpenRevocations(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func TestRevocationsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := seal.NewRevocations()
		set.Add("short", time.Now().Add(time.Hour))
		set.Add("long", time.Now().Add(3*time.Hour))
		set.Add("over", time.Now().Add(-time.Second))
		if !set.Has("short") || !set.Has("long") || set.Has("over") || set.Has("never") {
			t.Error("exactly short and long are revoked")
		}
		time.Sleep(time.Hour - time.Second)
		set.Add("other", time.Now().Add(time.Hour))
		if !set.Has("short") {
			t.Error("short was forgotten before its seal expired")
		}
		time.Sleep(2 * time.Minute)
		set.Add("another", time.Now().Add(time.Hour))
		if set.Has("short") || !set.Has("long") {
			t.Error("short has expired and is forgotten, long is not")
		}
	})
}

func TestSinceAndMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := seal.NewRevocations(), seal.NewRevocations()
		until := time.Now().Add(time.Hour)
		one.Add("first", until)
		time.Sleep(time.Minute)
		later := time.Now()
		one.Add("second", until)
		if got := string(one.Since(later)); !strings.HasSuffix(got, " second\n") || strings.Contains(got, "first") {
			t.Errorf("learned since: %q", got)
		}
		if news := two.Merge(one.Since(time.Time{})); !bytes.Equal(news, one.Since(time.Time{})) || !two.Has("first") || !two.Has("second") {
			t.Errorf("news to an empty set: %q", news)
		}
		if news := two.Merge(one.Since(time.Time{})); len(news) != 0 {
			t.Errorf("news when it was merged again: %q", news)
		}
	})
}

func TestMergePassesOverWhatItCannotRead(t *testing.T) {
	good := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	for name, test := range map[string]struct {
		line string
		want bool
	}{
		"good":            {good + " s\n", true},
		"cut":             {good + " s", false},
		"no id":           {good + " \n", false},
		"no time":         {" s\n", false},
		"no number":       {"soon s\n", false},
		"past":            {"1 s\n", false},
		"before 1970":     {"-" + good + " s\n", false},
		"too large":       {good + good + " s\n", false},
		"space in the id": {good + " s s\n", false},
		"long id":         {good + " " + strings.Repeat("s", 65) + "\n", false},
	} {
		set := seal.NewRevocations()
		news := set.Merge([]byte("a line of a later version\n\x00\n" + test.line))
		if set.Has("s") != test.want || (len(news) > 0) != test.want {
			t.Errorf("%s: revoked %v, news %q", name, set.Has("s"), news)
		}
	}
}

func TestRevocationsAreBounded(t *testing.T) {
	const many = 200_000
	set, begin := seal.NewRevocations(), time.Now().Add(time.Hour)
	var data []byte
	for i := range many + 1 {
		data = seal.AppendRevocation(data, fmt.Sprint("s", i), begin.Add(time.Duration(i)*time.Second))
	}
	set.Merge(data)
	if kept := bytes.Count(set.Since(time.Time{}), []byte("\n")); kept > many || kept < many*9/10 {
		t.Errorf("%d are kept", kept)
	}
	if set.Has("s0") || !set.Has(fmt.Sprint("s", many)) {
		t.Error("those that expire first go first")
	}
}

func TestJournalKeepsRevocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ended", "node-1")
	set, until := open(t, path), time.Now().Add(time.Hour)
	set.Add("s1", until)
	if again := open(t, path); !again.Has("s1") || again.Has("s2") { // without Close, as after a kill
		t.Error("exactly s1 is revoked after a restart")
	}
	set.Add("s2", until) // the second process has put another file there
	if third := open(t, path); !third.Has("s1") || !third.Has("s2") {
		t.Error("what was added after another process had opened the journal is lost")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal: %v, %v", info, err)
	}
}

func TestJournalIsCompacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "journal")
		set := open(t, path)
		const many = 3000
		for i := range many { // of which some sixty live at the same time
			set.Add(fmt.Sprint("s", i), time.Now().Add(time.Minute))
			time.Sleep(time.Second)
		}
		data, err := os.ReadFile(path)
		if lines := bytes.Count(data, []byte("\n")); err != nil || lines > 1500 || lines == 0 {
			t.Errorf("after %d revocations of a minute each the journal has %d lines, %v", many, lines, err)
		}
		if last := fmt.Sprint("s", many-1); !open(t, path).Has(last) {
			t.Errorf("%s is lost", last)
		}
	})
}

// TestJournalCutAnywhere cuts the file at each byte, as a power cut would: whole
// lines are read, nothing is made up, and what is added next is kept.
func TestJournalCutAnywhere(t *testing.T) {
	var whole []byte
	until := time.Now().Add(time.Hour)
	ids := []string{"FIRST", "SECOND", "THIRD"}
	ends := make([]int, len(ids))
	for i, id := range ids {
		whole = seal.AppendRevocation(whole, id, until)
		ends[i] = len(whole)
	}
	path := filepath.Join(t.TempDir(), "journal")
	for cut := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		set := open(t, path)
		set.Add("NEXT", until)
		set.Close()
		again := open(t, path)
		want := []byte{}
		for i, id := range ids {
			if again.Has(id) != (ends[i] <= cut) {
				t.Errorf("cut at %d: %s is revoked: %v", cut, id, again.Has(id))
			}
			if ends[i] <= cut {
				want = seal.AppendRevocation(want, id, until)
			}
		}
		if want = seal.AppendRevocation(want, "NEXT", until); !bytes.Equal(again.Since(time.Time{}), want) {
			t.Errorf("cut at %d: %q", cut, again.Since(time.Time{}))
		}
		again.Close()
	}
}

func FuzzJournal(f *testing.F) {
	line := seal.AppendRevocation(nil, "SESSION", time.Now().Add(time.Hour))
	f.Add(line)
	f.Add(append([]byte("\x00\x00"), line[:len(line)-1]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		set := open(t, path)
		all := set.Since(time.Time{})
		if news := seal.NewRevocations().Merge(all); !bytes.Equal(news, all) {
			t.Fatalf("%q was read as %q, and that as %q", data, all, news)
		}
		set.Add("NEXT", time.Now().Add(time.Hour))
		set.Close()
		if !open(t, path).Has("NEXT") {
			t.Fatal("what was added is lost")
		}
	})
}
