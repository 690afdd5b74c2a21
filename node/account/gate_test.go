package account

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
)

var errRefusedConnection = errors.New("connection refused")

func code(err error) api.Code {
	if known := api.AsError(err); known != nil {
		return known.Code
	}
	return ""
}

func TestGateSpreadsLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(GateConfig{LoginsPerSecond: 10, Burst: 5, MaxWait: 2 * time.Second})
		began := time.Now()
		entered, busy := make(chan time.Duration, 100), 0
		for range 40 {
			_, wait, err := gate.reserve("ana", urgent)
			switch {
			case code(err) == api.CodeBusy:
				busy++
			case err != nil:
				t.Fatal(err)
			default:
				entered <- wait
			}
		}
		close(entered)
		// Five at once, twenty in the two seconds that somebody may have to wait.
		n, last := 0, time.Duration(0)
		for wait := range entered {
			if n++; n <= 5 && wait > 0 {
				t.Errorf("login %d waits %v", n, wait)
			}
			last = wait
		}
		if n != 25 || busy != 15 || last != 2*time.Second {
			t.Errorf("%d entered, the last after %v; %d were told to come back", n, last, busy)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := gate.enter(ctx, "ana", urgent); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 1100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestGateWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(GateConfig{Failures: 3, MaxPause: 8 * time.Second})
		connect := func(outcome error) {
			t.Helper()
			entered, err := gate.enter(t.Context(), "ana", urgent)
			if err != nil {
				t.Fatal(err)
			}
			entered.connected(false, outcome)
		}
		fail := func() { t.Helper(); connect(errRefusedConnection) }
		fail()
		fail()
		connect(api.NewError(api.CodeAuthFailed, "", nil)) // an answer
		fail()
		fail()
		late, err := gate.enter(t.Context(), "ana", urgent)
		if err != nil {
			t.Fatal(err)
		}
		if gate.Away() {
			t.Fatal("away after two failures in a row")
		}
		fail()
		tries, soon := 0, 0
		began := time.Now()
		for time.Since(began) < time.Minute {
			time.Sleep(100 * time.Millisecond)
			entered, err := gate.enter(t.Context(), "ana", urgent)
			if code(err) == api.CodeBackendDown {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if tries++; gate.Restarting() {
				soon++
			}
			if late != nil {
				late.connected(false, errRefusedConnection)
				late = nil
			}
			if _, second := gate.enter(t.Context(), "ana", urgent); code(second) != api.CodeBackendDown {
				t.Errorf("two try at a time: %v", second)
			}
			entered.connected(false, errRefusedConnection)
		}
		// Pauses of a fifth of a second for three seconds, then of 1, 2, 4, 8, 8, … s, each
		// shortened by up to a half.
		if soon < 10 || soon > 30 || tries-soon < 8 || tries-soon > 20 {
			t.Errorf("%d tries in a minute, %d of them while it may be starting anew", tries, soon)
		}
		time.Sleep(10 * time.Second)
		for range 50 { // it is back
			connect(nil)
		}
	})
}

func TestGateIgnoresThoseWhoDoNotWait(t *testing.T) {
	gate := NewGate(GateConfig{Failures: 2})
	for range 10 {
		entered, err := gate.enter(t.Context(), "ana", urgent)
		if err != nil {
			t.Fatal(err)
		}
		entered.connected(false, context.Canceled)
	}
	if gate.Away() {
		t.Error("cancelled logins made the server count as away")
	}
}

// A server whose every login is refused as unavailable is away, whoever asks.
func TestGateAndUnavailable(t *testing.T) {
	gate := NewGate(GateConfig{Failures: 3})
	a := &Account{}
	refused := a.loginError(&imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable})
	for i := range 10 {
		p, err := gate.enter(context.Background(), fmt.Sprint(i), urgent)
		if err != nil {
			break
		}
		p.connected(true, refused)
	}
	var known *api.Error
	if !gate.Away() {
		t.Errorf("ten logins in a row were refused with %v (%v), and the server does not count as away", refused, errors.As(refused, &known))
	}
}
