package submit_test

import (
	"fmt"
	"testing"

	"alphamail/node/submit"
)

// conversation is everything that is said for one message.
func conversation() []turn {
	script := []turn{{"", greeting}, {"EHLO", ehlo}, {"AUTH PLAIN", "235 2.7.0 Welcome\r\n"}}
	script = append(script, toDot()[2:]...)
	return append(script, turn{".", "250-2.0.0 Ok\r\n250 2.0.0 queued\r\n"}, turn{"QUIT", "221 2.0.0 Bye\r\n"})
}

// sendOnce dials, sends and says goodbye. before runs in Confirm.
func sendOnce(t *testing.T, s *scripted, before func()) error {
	t.Helper()
	session, err := submit.Dial(t.Context(), s.server(), submit.Credentials{User: "ana", Password: "secret"})
	if err != nil {
		return err
	}
	defer session.Close()
	m := message()
	m.Confirm = func() error { before(); return nil }
	result, err := session.Send(t.Context(), m)
	if err == nil && len(result.Accepted) != 2 {
		t.Errorf("sent to %v", result.Accepted)
	}
	return err
}

// TestCutAtEveryByte ends the connection before and behind every byte of a whole
// conversation, in both directions. Only what is cut between the beginning of the
// final dot and the end of its answer may be unclear, and it must be.
func TestCutAtEveryByte(t *testing.T) {
	whole := serve(t, conversation(), -1, -1)
	if err := sendOnce(t, whole, func() {}); err != nil {
		t.Fatal(err)
	}
	<-whole.done
	if whole.complaint != "" || whole.dotAt == 0 || whole.answered == 0 {
		t.Fatalf("the conversation: %+v", whole)
	}
	bodyAt := whole.answered - len("250-2.0.0 Ok\r\n250 2.0.0 queued\r\n")
	counts := map[submit.Kind]int{}
	try := func(name string, cutUp, cutDown int, want submit.Kind, beforeDot bool) {
		s := serve(t, conversation(), cutUp, cutDown)
		err := sendOnce(t, s, func() {
			if beforeDot {
				<-s.done // the server is gone before the dot is written
			}
		})
		if got := submit.KindOf(err); got != want {
			t.Errorf("%s: %v (%v), want %v", name, got, err, want)
		}
		counts[want]++
		s.listener.Close()
		<-s.done
	}
	for n := range whole.up + 1 {
		want := submit.NotSent
		switch {
		case n > whole.dotAt+len(".\r\n"):
			want = 0
		case n > whole.dotAt:
			want = submit.Unclear
		}
		try(fmt.Sprintf("after %d bytes from the client", n), n, -1, want, n <= whole.dotAt)
	}
	for n := range whole.down {
		want := submit.NotSent
		switch {
		case n >= whole.answered:
			want = 0
		case n > bodyAt:
			want = submit.Unclear
		}
		try(fmt.Sprintf("after %d bytes from the server", n), -1, n, want, n <= bodyAt)
	}
	t.Logf("cuts: %d not sent, %d unclear, %d sent", counts[submit.NotSent], counts[submit.Unclear], counts[0])
	if counts[submit.NotSent] < 300 || counts[submit.Unclear] < 30 || counts[0] < 10 {
		t.Errorf("hardly anything was tried: %v", counts)
	}
}
