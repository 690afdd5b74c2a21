package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"alphamail/bench"
	"alphamail/bench/fill"
	"alphamail/bench/load"
	"alphamail/bench/sidebyside"
)

// benchCommand holds the tools that put mail servers and clusters under load.
type benchCommand struct {
	Calibrate  benchCalibrateCommand  `cmd:"" help:"Find out what this generator can do on this machine, and prove it on a server that stalls."`
	Fill       benchFillCommand       `cmd:"" help:"Put generated mail into mailboxes of any IMAP server, or take it out again."`
	Web        benchWebCommand        `cmd:"" help:"Let people at browsers use AlphaMail or Roundcube."`
	Imap       benchImapCommand       `cmd:"" help:"Drive a mail server with what kinds of web mail ask for."`
	Compare    benchCompareCommand    `cmd:"" help:"Measure two things in turn, or compare two series, and tell differences from chance."`
	SideBySide benchSideBySideCommand `cmd:"" help:"Measure AlphaMail beside Roundcube, on a mail server that is started for it; needs root, Dovecot and Roundcube."`
	Worker     benchWorkerCommand     `cmd:"" hidden:""`
	Trivial    benchTrivialCommand    `cmd:"" hidden:""`
}

type benchCalibrateCommand struct {
	bench.Calibration
}

// Run calibrates.
func (c *benchCalibrateCommand) Run(ctx context.Context, terminal console) error {
	return bench.Calibrate(ctx, c.Calibration, terminal.out, progressTo(terminal.err))
}

// progressTo returns what shows a run's seconds.
func progressTo(out io.Writer) func(load.Interval) {
	return func(second load.Interval) { bench.PrintInterval(out, second) }
}

// benchOutput is where a report goes.
type benchOutput struct {
	Out   string `placeholder:"DIR" help:"Write report.json, clicks.csv and latency.hlog there."`
	Quiet bool   `help:"No live progress."`
}

// measure executes a plan, prints and writes the report, and fails if the
// objective was not kept.
func (o *benchOutput) measure(ctx context.Context, plan *bench.Plan, terminal console) error {
	var progress func(load.Interval)
	if !o.Quiet {
		progress = progressTo(terminal.err)
	}
	report, err := bench.Execute(ctx, plan, progress)
	if err != nil {
		return err
	}
	report.Print(terminal.out)
	if o.Out != "" {
		if err := report.Write(o.Out); err != nil {
			// What cannot be written is at least shown: the run took its time.
			json.NewEncoder(terminal.out).Encode(report)
			return fmt.Errorf("the report could not be written, so it stands above: %w", err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the report holds what was measured until then")
	case !report.Result.Valid():
		return errors.New("the run is not valid: " + report.Result.Faults[0])
	case report.Result.Mode == load.Open && !report.Kept():
		return errors.New("the objective was not kept")
	}
	return nil
}

type benchWebCommand struct {
	bench.Plan
	benchOutput
	Driver     string `name:"driver" required:"" enum:"alphamail,roundcube" help:"Product: alphamail or roundcube."`
	URL        string `name:"url" required:"" placeholder:"URL" help:"Front page of the product."`
	Compressed bool   `name:"compressed" help:"Ask for pages compressed by gzip, as browsers do; costs the generator time."`
}

// Run measures a web mail product.
func (c *benchWebCommand) Run(ctx context.Context, terminal console) error {
	plan := c.Plan
	plan.Name, plan.Driver, plan.URL, plan.Compressed = c.Driver, c.Driver, c.URL, c.Compressed
	return c.measure(ctx, &plan, terminal)
}

type benchImapCommand struct {
	bench.Plan
	benchOutput
	Mode string `name:"mode" required:"" enum:"relogin,proxy,client,webcache" help:"relogin: as web mail in PHP; proxy: the same behind a proxy that keeps logins; client: connection and selection are kept; webcache: as AlphaMail's nodes."`
}

// Run measures a mail server.
func (c *benchImapCommand) Run(ctx context.Context, terminal console) error {
	plan := c.Plan
	plan.Name, plan.Mode = "imap "+c.Mode, c.Mode
	return c.measure(ctx, &plan, terminal)
}

type benchFillCommand struct {
	bench.Target
	Messages  int     `default:"1000" help:"Messages in each mailbox."`
	Seed      uint64  `default:"1" help:"Equal seeds make equal mail."`
	Different int     `default:"1" help:"So many accounts in turn get different mail; those after them the same again."`
	Rate      float64 `placeholder:"N" help:"At most so many messages per second, all accounts together."`
	Parallel  int     `default:"4" help:"Connections."`
	Remove    bool    `help:"Remove what was put in, and nothing else."`
}

// Run fills or empties mailboxes.
func (c *benchFillCommand) Run(ctx context.Context, terminal console) error {
	server, accounts, err := c.Target.Resolve()
	if err != nil {
		return err
	}
	config := fill.Config{
		Server: server, Accounts: accounts, Mailbox: c.Mailbox, Messages: c.Messages, Seed: c.Seed, Different: c.Different,
		Now: time.Now(), Rate: c.Rate, Parallel: c.Parallel,
		Progress: func(p fill.Progress) {
			fmt.Fprintf(terminal.err, "%d of %d accounts, %d messages\n", p.Accounts, p.AllAccounts, p.Messages)
		},
	}
	if c.Remove {
		return fill.Remove(ctx, config)
	}
	return fill.Fill(ctx, config)
}

type benchCompareCommand struct {
	A       string `arg:"" help:"Plan (NAME.yaml) to measure, or series (NAME.json) measured before."`
	B       string `arg:"" help:"The other one; a plan if A is one."`
	Repeats int    `default:"10" help:"Runs of each plan."`
	Out     string `placeholder:"DIR" help:"Write both series there, to be compared with others later."`
}

// Run compares.
func (c *benchCompareCommand) Run(ctx context.Context, terminal console) error {
	series, err := c.series(ctx, terminal)
	if c.Out != "" {
		for i, one := range series {
			if one != nil && len(one.Runs) > 0 {
				err = errors.Join(err, one.Write(filepath.Join(c.Out, []string{"a.json", "b.json"}[i])))
			}
		}
	}
	if err != nil {
		return err
	}
	comparison, err := bench.Compare(series[0], series[1])
	if err != nil {
		return err
	}
	comparison.Print(terminal.out)
	return nil
}

func (c *benchCompareCommand) series(ctx context.Context, terminal console) (series [2]*bench.Series, err error) {
	if strings.HasSuffix(c.A, ".json") != strings.HasSuffix(c.B, ".json") {
		return series, errors.New("a plan and a series cannot be compared: what was measured at another time was measured under other circumstances")
	}
	var plans [2]*bench.Plan
	for i, file := range []string{c.A, c.B} {
		if strings.HasSuffix(file, ".json") {
			series[i], err = bench.ReadSeries(file)
		} else {
			plans[i], err = bench.ParsePlan(file)
		}
		if err != nil {
			return series, err
		}
	}
	if plans[0] == nil {
		return series, nil
	}
	return bench.RunInTurn(ctx, plans, c.Repeats, terminal.err)
}

type benchSideBySideCommand struct {
	sidebyside.Config
	Out string `placeholder:"DIR" help:"Write sidebyside.json there."`
}

// Run compares AlphaMail with others and prints the table.
func (c *benchSideBySideCommand) Run(ctx context.Context, terminal console) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	config := c.Config
	config.Program, config.Log = program, terminal.err
	result, err := sidebyside.Run(ctx, config)
	if result == nil {
		return err
	}
	result.Print(terminal.out)
	if c.Out != "" {
		err = errors.Join(err, result.Write(c.Out))
	}
	return err
}

type benchWorkerCommand struct{}

// Run makes a part of a load that the process that started this one asks for.
func (benchWorkerCommand) Run(ctx context.Context, terminal console) error {
	return bench.Work(ctx, terminal.in, terminal.out)
}

type benchTrivialCommand struct {
	Stall, Every time.Duration
}

// Run is the server of a calibration; it ends with its standard input.
func (c benchTrivialCommand) Run(terminal console) error {
	return bench.ServeTrivial(c.Stall, c.Every, terminal.in, terminal.out)
}
