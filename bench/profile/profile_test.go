package profile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alphamail/bench/profile"
)

func TestProfilesThatComeWithTheProgram(t *testing.T) {
	for _, want := range []string{"campus-day", "click-list", "idle", "monday-9am"} {
		p, err := profile.Load(want)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if p.Name != want || len(p.Sources) == 0 || p.About == "" {
			t.Errorf("%s: its name is %q, with %d sources", want, p.Name, len(p.Sources))
		}
	}
	if names := profile.Names(); len(names) != 4 {
		t.Errorf("profiles: %q", names)
	}
}

func TestTheClickListIsFixed(t *testing.T) {
	p, err := profile.Load("click-list")
	if err != nil {
		t.Fatal(err)
	}
	fresh := 0.0
	for _, kind := range profile.Kinds() {
		if p.Mix[kind] != p.Mix[profile.List1] {
			t.Errorf("%s has weight %g", kind, p.Mix[kind])
		}
		if kind == profile.Open || kind == profile.Search {
			fresh += p.Fresh * 0.25
		}
	}
	if fresh < 0.3 || p.Accounts < 200 {
		t.Errorf("fresh pages %g, accounts %d", fresh, p.Accounts)
	}
}

const sound = `name: mine
version: 1
accounts: 1
messages: 10
think: {mean: 1s, shape: fixed}
mix: {open: 1}
objective: {p99: 1s}
`

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := profile.Load(path); err != nil || p.Name != "mine" {
		t.Error(p, err)
	}
	for change, want := range map[[2]string]string{
		{"version: 1", "version: 1\nclicsk: 3"}:        `[3:1] unknown field "clicsk"`,
		{"open: 1", "opne: 1"}:                         `no kind of click called "opne"`,
		{"open: 1", "open: 0"}:                         "no kind of click has a weight",
		{"shape: fixed", "shape: round"}:               `the shape "round"`,
		{"version: 1", "version: 0"}:                   "a version from 1",
		{"accounts: 1", "accounts: none"}:              "[3:11]",
		{"mean: 1s", "mean: -1s"}:                      "mean must be positive",
		{"objective: {p99: 1s}", "fresh: 2"}:           "shares",
		{"objective: {p99: 1s}", "objective: {}"}:      "p99 must be positive",
		{"mix: {open: 1}", "mix: {open: 1, open: -1}"}: "[6:16]",
	} {
		_, err := profile.Parse("mine.yaml", []byte(strings.Replace(sound, change[0], change[1], 1)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "mine.yaml: ") {
			t.Errorf("%q: %v, not %q", change[1], err, want)
		}
	}
	if _, err := profile.Load("nothing"); err == nil || !strings.Contains(err.Error(), "click-list") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestWithout(t *testing.T) {
	p, _ := profile.Load("click-list")
	if fewer, ok := p.Without(profile.Search); !ok || len(fewer.Mix) != 3 || len(p.Mix) != 4 {
		t.Errorf("%v, %v", fewer.Mix, p.Mix)
	}
	if _, ok := p.Without(profile.Kinds()...); ok {
		t.Error("a profile without clicks")
	}
}
