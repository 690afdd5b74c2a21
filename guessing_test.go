package main

import (
	"fmt"
	"net/http"
	"testing"
)

// TestGuessingAtAllFrontends counts wrong passwords wherever they are entered.
func TestGuessingAtAllFrontends(t *testing.T) {
	t.Parallel() // it mostly waits
	members := cluster(t, mailServer(t).IMAPAddr(), "login_attempts: 4\n")
	for _, one := range members {
		one.start(t)
	}
	agreedOwner(t, members, 3)
	guesser := newVisitor(t)
	guess := func(i int, password string) int {
		t.Helper()
		page, err := guesser.tryLogIn("http://"+members[fmt.Sprintf("front-%d", 1+i%2)].web, ana, password)
		if err != nil {
			t.Fatal(err)
		}
		return page.status
	}
	for i := range 5 {
		if status := guess(i, fmt.Sprint("guess", i)); status != http.StatusUnauthorized {
			t.Fatalf("guess %d is answered with %d", i, status)
		}
	}
	for i := range 2 {
		if status := guess(i, anaPassword); status != http.StatusTooManyRequests {
			t.Errorf("after five guesses a frontend answers %d", status)
		}
	}
	eventually(t, "the wait ends", func() error {
		if status := guess(0, anaPassword); status != http.StatusOK && status != http.StatusSeeOther {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
}
