package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"alphamail/bench/testbed/need"
)

// soakTime is how long TestSoak takes; nothing if it is empty.
var soakTime = os.Getenv("SOAK")

// soakRate is what readers ask for, a second: the race detector makes a member several
// times slower, and what is looked for here does not need a cluster that is busy.
const soakRate = 5.0

// What a soak breaks, by the names of faults: the first two end a process, always the
// same one, so that all others can be looked at in the end.
var soakFaults = []string{
	"a node is killed", "a frontend is killed", "a node hangs for 8 s", "a node is cut off for 8 s", "a node hears nothing for 8 s",
	"a node says nothing for 8 s", "the mail server is restarted", "the cluster is in two for 10 s", "a twentieth of all packets is lost", "the mail server is slow", "a node's disk is full for 3 s",
}

// TestSoak lets faults follow each other, by chance, while people read and write over
// a cluster with the race detector, and compares what processes hold in the end with
// what they held at the beginning.
func TestSoak(t *testing.T) {
	if soakTime == "" {
		t.Skip("make soak does this")
	}
	lasts, err := time.ParseDuration(soakTime)
	if err != nil {
		t.Fatal(err)
	}
	need.Root(t)
	if !inOwnNetwork(t) {
		return
	}
	t.Setenv("GOGC", "50") // what is held counts, not what may be thrown away
	c := startChaos(t, raced)
	dies := map[string]bool{"node-1": true, "front-1": true} // of the faults that kill
	c.load(soakRate, 30*time.Second, nil)
	before := c.held(dies)
	rng := rand.New(rand.NewPCG(7, 7))
	var lines []chaosLine
	for began := time.Now(); time.Since(began) < lasts; {
		name := soakFaults[rng.IntN(len(soakFaults))]
		fault := faultsOfChaos[slices.IndexFunc(faultsOfChaos, func(one chaosFault) bool { return one.name == name })]
		lines = append(lines, c.try(fault, soakRate))
	}
	c.load(soakRate, 30*time.Second, nil)
	after := c.held(dies)
	c.report(lines)
	c.compareHeld(before, after)
}

// holding is what a process holds: files besides one for each account, which keeps its
// connection to the mail server, and memory in bytes.
type holding struct{ goroutines, files, memory float64 }

// held asks the members that did not die what they hold.
func (c *chaos) held(dies map[string]bool) map[string]holding {
	c.t.Helper()
	all := map[string]holding{}
	for name, one := range c.members {
		if dies[name] {
			continue
		}
		values, err := one.metrics(c.ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		all[name] = holding{values["go_goroutines"], values["process_open_fds"] - values["alphamail_node_accounts"], values["process_resident_memory_bytes"]}
	}
	return all
}

// metrics reads those that have no labels.
func (m *clusterMember) metrics(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.admin+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if value, err := strconv.ParseFloat(number, 64); err == nil {
			values[name] = value
		}
	}
	return values, nil
}

// compareHeld prints what was held, and refuses growth: what is held for a user may
// have moved from one node to another, and memory has its own ways.
func (c *chaos) compareHeld(before, after map[string]holding) {
	var table strings.Builder
	writer := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, "member\tgoroutines\tfiles besides accounts\tmemory, MiB")
	var sums [2]holding
	for _, name := range slices.Sorted(maps.Keys(before)) {
		was, is := before[name], after[name]
		fmt.Fprintf(writer, "%s\t%.0f → %.0f\t%.0f → %.0f\t%.0f → %.0f\n", name, was.goroutines, is.goroutines, was.files, is.files, was.memory/(1<<20), is.memory/(1<<20))
		for i, one := range []holding{was, is} {
			sums[i].goroutines += one.goroutines
			sums[i].files += one.files
			sums[i].memory += one.memory
		}
	}
	writer.Flush()
	c.t.Logf("from the beginning to the end\n%s", table.String())
	for what, pair := range map[string][2]float64{
		"goroutines": {sums[0].goroutines, sums[1].goroutines}, "files besides accounts": {sums[0].files, sums[1].files}, "memory": {sums[0].memory, sums[1].memory},
	} {
		if pair[1] > 1.5*pair[0] {
			c.t.Errorf("%s grew from %.0f to %.0f", what, pair[0], pair[1])
		}
	}
	for name, one := range c.members {
		if strings.Contains(one.output.String(), "DATA RACE") {
			c.t.Errorf("%s has a data race", name)
		}
	}
}
