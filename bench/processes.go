package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync"

	"alphamail/bench/load"
	"alphamail/bench/meter"
)

// WorkerCommand is the command line, after the program's name, that runs Work.
var WorkerCommand = []string{"bench", "worker"}

// processes returns how many processes make the load.
func (p *Plan) processes() int {
	if p.Processes > 0 {
		return p.Processes
	}
	connections := max(p.Concurrent, p.Clients)
	limit := fileLimit()
	// A tenth is left for what else a process opens.
	return max(1, (connections*10/9+limit-1)/limit)
}

// part is what one worker is told.
type part struct {
	Plan     Plan   `json:"plan"`
	Password string `json:"password"`
	Number   int    `json:"number"`
	Of       int    `json:"of"`
}

// spread makes a measurement with several processes of this program, each with a
// part of the accounts and of the load.
func (p *Plan) spread(ctx context.Context, n int, progress func(load.Interval)) (*Report, error) {
	if p.Users[0] == '@' {
		return nil, errors.New("several processes need a pattern of users, not a file, to divide among them")
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	components, err := p.components()
	if err != nil {
		return nil, err
	}
	accounts, err := p.accounts()
	if err != nil {
		return nil, err
	}
	group := &workers{program: program}
	group.warming.Add(n)
	reports := make([]*Report, n)
	errs := make([]error, n)
	var running sync.WaitGroup
	for i := range n {
		own := part{Plan: *p, Password: accounts[0].Password, Number: i, Of: n}
		running.Go(func() { reports[i], errs[i] = group.run(ctx, own) })
	}
	group.warming.Wait()
	watched := meter.Start(append(components, meter.Component{Name: Generator, Roots: func() []int { return append(group.ids(), os.Getpid()) }})...)
	running.Wait()
	usages := watched.Stop()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	whole := reports[0]
	for _, other := range reports[1:] {
		whole.Result.Merge(other.Result)
	}
	whole.Result.Judge(whole.Profile.Objective.P99)
	whole.Plan, whole.Components = p, usages
	return whole, nil
}

// workers are the processes of one measurement.
type workers struct {
	program string
	warming sync.WaitGroup // one for each worker that has not begun to measure, nor ended

	mu   sync.Mutex // guards pids
	pids []int
}

func (w *workers) ids() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.pids)
}

// measuring is what a worker says, as a JSON string, when its warm-up is over;
// its report follows.
const measuring = "measuring"

// run runs one process to its end.
func (w *workers) run(ctx context.Context, own part) (*Report, error) {
	warm := sync.OnceFunc(w.warming.Done)
	defer warm()
	command := exec.Command(w.program, WorkerCommand...)
	command.Stderr = os.Stderr
	stdin, errIn := command.StdinPipe()
	stdout, errOut := command.StdoutPipe()
	if err := errors.Join(errIn, errOut, command.Start()); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.pids = append(w.pids, command.Process.Pid)
	w.mu.Unlock()
	// An interrupted worker still writes what it measured.
	defer context.AfterFunc(ctx, func() { command.Process.Signal(os.Interrupt) })()
	if err := json.NewEncoder(stdin).Encode(own); err != nil {
		return nil, errors.Join(err, command.Wait())
	}
	stdin.Close()
	report, errRead := readWorker(json.NewDecoder(stdout), warm)
	if err := command.Wait(); err != nil {
		return nil, fmt.Errorf("worker %d: %w", own.Number, err)
	}
	return report, errRead
}

func readWorker(in *json.Decoder, warm func()) (*Report, error) {
	for {
		var said json.RawMessage
		if err := in.Decode(&said); err != nil {
			return nil, err
		}
		if string(said) == `"`+measuring+`"` {
			warm()
			continue
		}
		report := &Report{}
		return report, json.Unmarshal(said, report)
	}
}

// Work is what a worker does: it reads its part, makes the load and writes a
// report.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	var own part
	if err := json.NewDecoder(in).Decode(&own); err != nil {
		return err
	}
	plan := own.Plan
	plan.Password, plan.Own, plan.Processes = own.Password, true, 1
	accounts, err := plan.accounts()
	if err != nil {
		return err
	}
	mine := accounts[:0]
	for i, account := range accounts {
		if i%own.Of == own.Number {
			mine = append(mine, account)
		}
	}
	plan.Concurrent = share(plan.Concurrent, own)
	plan.Clients = share(plan.Clients, own)
	plan.Sessions /= float64(own.Of)
	plan.Seed += uint64(own.Number) << 32
	subject, err := prepareAccounts(ctx, &plan, mine)
	if err != nil {
		return err
	}
	said := json.NewEncoder(out)
	subject.measuring = func() { said.Encode(measuring) } // if nobody listens, nobody waits for the report either
	report, err := subject.Measure(ctx, plan.Volume, nil)
	if err != nil {
		return err
	}
	return said.Encode(report)
}

func share(total int, own part) int {
	one := total / own.Of
	if own.Number < total%own.Of {
		one++
	}
	return one
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
