// Package need says what a test needs of the machine it runs on. What is
// missing skips the test with the reason, or fails it where the environment
// variable STRICT is 1: on the machine that must be able to run everything.
package need

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"alphamail/bench/testbed"
)

// Have needs err to be nil; err says what is missing.
func Have(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("STRICT") == "1":
		t.Fatalf("needed, and STRICT=1: %v", err)
	default:
		t.Skipf("needed: %v", err)
	}
}

// Dovecot needs everything that testbed.StartDovecot does.
func Dovecot(t testing.TB) {
	t.Helper()
	Have(t, testbed.DovecotAvailable())
}

// Roundcube needs everything that testbed.StartRoundcube does.
func Roundcube(t testing.TB) {
	t.Helper()
	Have(t, testbed.RoundcubeAvailable())
}

// Postfix needs everything that testbed.StartPostfix does.
func Postfix(t testing.TB) {
	t.Helper()
	Have(t, testbed.PostfixAvailable())
}

// Root needs the effective user to be root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Have(t, errors.New("this test must run as root"))
	}
}

// Command needs a program and returns its path.
func Command(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	Have(t, err)
	return path
}
