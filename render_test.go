package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var updateRendered = flag.Bool("update-rendered", false, "write what alphamail render prints into testdata/render")

// rendering runs alphamail render.
func rendering(t *testing.T, in string, args ...string) (status int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), append([]string{"render"}, args...), console{strings.NewReader(in), &stdout, &stderr})
	return status, stdout.String(), stderr.String()
}

func TestRender(t *testing.T) {
	files, err := filepath.Glob("testdata/render/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal("no messages", err)
	}
	for _, file := range files {
		for _, format := range []string{"text", "html", "snippet", "parts", "json"} {
			status, got, problems := rendering(t, "", file, "--format", format)
			if status != 0 || problems != "" {
				t.Errorf("%s as %s: status %d, %s", file, format, status, problems)
			}
			path := strings.TrimSuffix(file, "eml") + format
			if *updateRendered {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; run go test -run TestRender -update-rendered and look at the difference\n%s", path, got)
			}
			if strings.ContainsAny(got, "\x00\x1b\u202e") {
				t.Errorf("%s as %s obeys the message: %q", file, format, got)
			}
		}
	}
}

func TestRenderTakesFilesDirectoriesAndInput(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "cur")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	one := writeFile(t, dir, "1", "Subject: one\n\nfirst words\n")
	two := writeFile(t, inside, "2", "Subject: two\n\nsecond words\n")
	const first, second, third = "first words", "second words", "third words"
	heading := func(file string) string { return "==> " + file + " <==\n" }
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"a file":             {[]string{one, "--snippet"}, 0, first + "\n"},
		"nothing":            {[]string{"--snippet"}, 0, third + "\n"},
		"input":              {[]string{"--snippet", "-"}, 0, third + "\n"},
		"a directory":        {[]string{"--format", "snippet", dir}, 0, heading(one) + first + "\n\n" + heading(two) + second + "\n"},
		"one that is absent": {[]string{"--snippet", filepath.Join(dir, "3"), two}, 1, second + "\n"},
		"two formats":        {[]string{"--snippet", "--html", one}, 2, ""},
		"an unknown format":  {[]string{"--format", "pdf", one}, 2, ""},
	} {
		status, out, problems := rendering(t, "Subject: three\n\nthird words\n", test.args...)
		if status != test.status || status != 2 && out != test.want || (status == 0) != (problems == "") {
			t.Errorf("%s: status %d, printed %q, %s", name, status, out, problems)
		}
	}
	_, out, _ := rendering(t, "", "--format", "json", dir)
	decoder := json.NewDecoder(strings.NewReader(out))
	for _, want := range []string{"one", "two"} {
		var message struct {
			Subject string
			Parts   struct{ SHA256 string }
		}
		if err := decoder.Decode(&message); err != nil || message.Subject != want || len(message.Parts.SHA256) != 64 {
			t.Errorf("%+v, %v; want %s", message, err, want)
		}
	}
}

// TestRenderTellsVerdicts shows what a host that is named found out, and of no other.
func TestRenderTellsVerdicts(t *testing.T) {
	const message = "Authentication-Results: mx.example.edu; dkim=pass header.d=example.org; spf=fail smtp.mailfrom=a@b.example\nFrom: ana@example.org\nSubject: x\n\ntext\n"
	_, out, _ := rendering(t, message, "--authentication-host", "mx.example.org", "--authentication-host", "mx.example.edu")
	for _, line := range []string{"Verdict: dkim pass example.org by mx.example.edu\n", "Verdict: spf fail b.example by mx.example.edu\n", "Checked: passed, example.org DKIM\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	if _, out, _ := rendering(t, message); strings.Contains(out, "Verdict") {
		t.Errorf("nobody is named, and somebody believed:\n%s", out)
	}
	_, out, _ = rendering(t, message, "--format", "json", "--authentication-host", "mx.example.edu")
	if !strings.Contains(out, `"verdicts":[{"method":"dkim","result":"pass","domain":"example.org"}`) || !strings.Contains(out, `"verdicts_by":"mx.example.edu","checked":"passed"`) {
		t.Errorf("as JSON:\n%s", out)
	}
}
