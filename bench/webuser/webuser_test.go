package webuser_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench/load"
	"alphamail/bench/profile"
	"alphamail/bench/webuser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reason returns by which words results count an error, and whether there are any.
func reason(err error) string {
	var reasoned load.Reasoned
	if errors.As(err, &reasoned) {
		return reasoned.Reason()
	}
	return ""
}

func newUsers(t *testing.T, config webuser.Config) *webuser.Users {
	t.Helper()
	config.Profile = clickList(t)
	if lacks := webuser.Lacks(config.Driver); len(lacks) > 0 {
		config.Profile, _ = config.Profile.Without(lacks...)
	}
	users, err := webuser.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func clickList(t *testing.T) *profile.Profile {
	t.Helper()
	p, err := profile.Load("click-list")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryClick(t *testing.T, user load.User) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return user.Click(ctx)
}

func click(t *testing.T, user load.User) string {
	t.Helper()
	name, err := tryClick(t, user)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return name
}
