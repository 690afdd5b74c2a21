package submit_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"alphamail/node/submit"
)

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := submit.NewLimiter(submit.Limits{Messages: 4, Recipients: 40})
		take := func(account string, recipients int) *submit.LimitError {
			_, err := l.Take(account, recipients)
			var limited *submit.LimitError
			if err != nil && !errors.As(err, &limited) {
				t.Fatal(err)
			}
			return limited
		}
		for range 4 {
			if err := take("ana", 1); err != nil {
				t.Errorf("an hour's worth at once: %v", err)
			}
		}
		limited := take("ana", 1)
		if limited == nil || limited.After < 14*time.Minute || limited.After > 16*time.Minute {
			t.Fatalf("a fifth message: %v", limited)
		}
		if err := take("ben", 1); err != nil {
			t.Errorf("another account: %v", err)
		}
		time.Sleep(limited.After)
		if err := take("ana", 1); err != nil {
			t.Errorf("after the time that was told: %v", err)
		}
		if err := take("ana", 1); err == nil {
			t.Error("one came back and two were sent")
		}
		if err := take("eve", 41); err == nil || err.After != 0 {
			t.Errorf("more recipients than may ever be: %v", err)
		}
		if err := take("eve", 30); err != nil {
			t.Error(err)
		}
		if err := take("eve", 20); err == nil || err.After < 14*time.Minute || err.After > 16*time.Minute {
			t.Errorf("more recipients than are left: %v", err)
		}
		if now, never := submit.KindOf(limited), submit.KindOf(take("eve", 41)); now != submit.Busy || never != submit.Refused {
			t.Errorf("kinds: %v, %v", now, never)
		}
		time.Sleep(3 * time.Hour)
		if err := take("eve", 40); err != nil {
			t.Errorf("hours later: %v", err)
		}
		if err := take("eve", 1); err == nil {
			t.Error("more came back than an hour's worth")
		}
	})
}

func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := submit.NewLimiter(submit.Limits{Messages: 1, Recipients: 10})
		for range 5 {
			giveBack, err := l.Take("ana", 10)
			if err != nil {
				t.Fatal(err)
			}
			giveBack()
		}
		giveBack, _ := l.Take("ana", 10)
		time.Sleep(2 * time.Hour)
		giveBack()
		if _, err := l.Take("ana", 10); err != nil {
			t.Error(err)
		}
		if _, err := l.Take("ana", 1); err == nil {
			t.Error("what is given back is more than there was")
		}
	})
}

func TestNoLimits(t *testing.T) {
	var none *submit.Limiter
	for _, l := range []*submit.Limiter{none, submit.NewLimiter(submit.Limits{})} {
		for range 1000 {
			if _, err := l.Take("ana", 1000); err != nil {
				t.Fatal(err)
			}
		}
	}
	onlyMessages := submit.NewLimiter(submit.Limits{Messages: 1})
	if _, err := onlyMessages.Take("ana", 1000); err != nil {
		t.Error(err)
	}
	if _, err := onlyMessages.Take("ana", 1); err == nil {
		t.Error("a second message")
	}
}

// TestForgotten holds that accounts which sent long ago cost nothing.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := submit.NewLimiter(submit.Limits{Messages: 10, Recipients: 10})
		for i := range 1000 {
			l.Take(fmt.Sprint(i), 1)
		}
		time.Sleep(61 * time.Minute)
		l.Take("ana", 1)
		if n := l.Accounts(); n != 1 {
			t.Errorf("%d accounts are remembered", n)
		}
	})
}
