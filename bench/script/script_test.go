package script_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"alphamail/bench/inventory"
	"alphamail/bench/profile"
	"alphamail/bench/script"
)

func account(messages int) *script.Account {
	box := &inventory.Mailbox{Name: "INBOX", UIDValidity: 1}
	for i := range messages {
		uid := uint32(i*2 + 1)
		box.UIDs = append(box.UIDs, uid)
		box.Messages = append([]*inventory.Message{{UID: uid, Subject: fmt.Sprint("subject ", i), Phrase: fmt.Sprint("phrase ", i)}}, box.Messages...)
	}
	return script.NewAccount(inventory.Account{User: "ana"}, box)
}

func clickList(t *testing.T) *profile.Profile {
	t.Helper()
	p, err := profile.Load("click-list")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTheClickList draws what a comparison asks for: equal parts, and at least
// three of ten pages never seen before, which a second record agrees with.
func TestTheClickList(t *testing.T) {
	a, p, rng := account(1000), clickList(t), rand.New(rand.NewPCG(1, 1))
	const clicks = 800
	counts := map[profile.Kind]int{}
	seen := map[string]bool{}
	fresh := 0
	for range clicks {
		click := a.Next(p, rng)
		counts[click.Kind]++
		key := fmt.Sprint(click.Kind, click.Page)
		if click.Message != nil {
			key = fmt.Sprint(click.Kind, click.Message.UID)
		}
		if click.Fresh == seen[key] {
			t.Fatalf("%s: fresh is %v", key, click.Fresh)
		}
		seen[key] = true
		if click.Fresh {
			fresh++
		}
	}
	for kind, count := range counts {
		if math.Abs(float64(count)-clicks/4) > 50 {
			t.Errorf("%s: %d of %d", kind, count, clicks)
		}
	}
	if share := float64(fresh) / clicks; share < 0.3 || share > 0.45 {
		t.Errorf("%g of all pages were new", share)
	}
}

func TestRowsOfPages(t *testing.T) {
	p := clickList(t)
	list1, _ := p.Without(profile.List5, profile.Open, profile.Search)
	list5, _ := p.Without(profile.List1, profile.Open, profile.Search)
	for _, c := range []struct {
		messages   int
		of         *profile.Profile
		page, rows int
		first      uint32
	}{
		{1000, list1, 1, 50, 1999},
		{1000, list5, 5, 50, 1599},
		{120, list5, 3, 20, 39},
		{0, list1, 1, 0, 0},
		{7, list1, 1, 7, 13},
	} {
		click := account(c.messages).Next(c.of, rand.New(rand.NewPCG(1, 1)))
		if click.Page != c.page || len(click.Rows) != c.rows || c.rows > 0 && click.Rows[0] != c.first {
			t.Errorf("%d messages: page %d of %d rows, from %v", c.messages, click.Page, len(click.Rows), click.Rows)
		}
	}
}

func TestWhenEverythingWasSeen(t *testing.T) {
	open, _ := clickList(t).Without(profile.List1, profile.List5, profile.Search)
	a, rng := account(10), rand.New(rand.NewPCG(1, 1))
	fresh := 0
	for range 100 {
		if a.Next(open, rng).Fresh {
			fresh++
		}
	}
	if fresh != 10 {
		t.Errorf("of 10 messages %d were new", fresh)
	}
}

func TestAnAccountWithoutMailHasNothingToOpen(t *testing.T) {
	p, ok := account(0).Allows(clickList(t))
	if !ok || p.Mix[profile.Open] != 0 || p.Mix[profile.Search] != 0 || p.Mix[profile.List1] == 0 {
		t.Errorf("%v", p.Mix)
	}
}
