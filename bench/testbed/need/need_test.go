package need_test

import (
	"errors"
	"testing"

	"alphamail/bench/testbed/need"
)

// recorder notes how a test would end, instead of ending.
type recorder struct {
	testing.TB
	outcome string
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.outcome = "skip" }
func (r *recorder) Fatalf(string, ...any) { r.outcome = "fail" }

func TestHave(t *testing.T) {
	missing := errors.New("missing")
	for _, tt := range []struct {
		strict string
		err    error
		want   string
	}{
		{"", nil, ""},
		{"1", nil, ""},
		{"", missing, "skip"},
		{"0", missing, "skip"},
		{"1", missing, "fail"},
	} {
		t.Setenv("STRICT", tt.strict)
		r := &recorder{TB: t}
		need.Have(r, tt.err)
		if r.outcome != tt.want {
			t.Errorf("STRICT=%q, %v: %q, want %q", tt.strict, tt.err, r.outcome, tt.want)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Setenv("STRICT", "")
	r := &recorder{TB: t}
	if need.Command(r, "go") == "" || r.outcome != "" {
		t.Error("the go command was not found")
	}
	need.Command(r, "no-such-program-anywhere")
	if r.outcome != "skip" {
		t.Errorf("a missing program: %q", r.outcome)
	}
}
