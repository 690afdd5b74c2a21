package testbed_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
)

func TestRoundcubesRunSideBySideAndLeaveNothing(t *testing.T) {
	need.Roundcube(t)
	var urls []string
	var all []*testbed.Roundcube
	for _, cache := range []bool{false, true} {
		roundcube, err := testbed.StartRoundcube(testbed.RoundcubeConfig{IMAP: "127.0.0.1:1", Cache: cache, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer roundcube.Stop()
		all, urls = append(all, roundcube), append(urls, roundcube.URL())
	}
	var processes []int
	for i, roundcube := range all {
		if page := fetch(t, urls[i]+"/"); !strings.Contains(page, "rcmloginuser") {
			t.Errorf("%s shows no login page", urls[i])
		}
		// PHP and nginx have a master and two workers each.
		if pids := roundcube.Processes(); len(pids) != 6 {
			t.Errorf("%d processes, want 6", len(pids))
		} else {
			processes = append(processes, pids...)
		}
	}
	for _, roundcube := range all {
		if err := roundcube.Stop(); err != nil {
			t.Error(err)
		}
		if pids := roundcube.Processes(); len(pids) != 0 {
			t.Errorf("processes %v are left", pids)
		}
	}
	for _, pid := range processes {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && (strings.HasPrefix(string(name), "php") || strings.HasPrefix(string(name), "nginx")) {
			t.Errorf("process %d (%s) is left", pid, name)
		}
	}
	for _, url := range urls {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			t.Errorf("%s still answers", url)
		}
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestRoundcubeRefusesWhatItCannotBeConfiguredWith(t *testing.T) {
	for _, config := range []testbed.RoundcubeConfig{{}, {IMAP: "host'; evil"}, {IMAP: "127.0.0.1:143", Workers: -1}} {
		if config.Validate() == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}
