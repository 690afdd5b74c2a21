// Command alphamail is web mail for large campuses: stateless frontends, a
// cluster of webcache nodes that keep each user's IMAP session open, and the
// tools around them. ARCHITECTURE.md explains the house.
//
// This package parses the command line, wires the parts together, runs them and
// shuts them down in order. It alone reads flags and the environment.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // users choose time zones; not every machine has them

	"github.com/alecthomas/kong"
)

// version is set by the linker in releases.
var version = "devel"

// commandLine is what `alphamail --help` describes.
type commandLine struct {
	Demo    demoCommand    `cmd:"" help:"Run everything in one process with sample mail: three nodes, a frontend, a mail server in memory."`
	Serve   serveCommand   `cmd:"" help:"Run AlphaMail as a configuration file says."`
	Status  statusCommand  `cmd:"" help:"Show the members of a running cluster and who owns an account."`
	Drain   drainCommand   `cmd:"" help:"Let the member on this machine hand over its work, and stop it."`
	Keys    keysCommand    `cmd:"" help:"Change the keys of a running cluster without logging anybody out."`
	Query   queryCommand   `cmd:"" help:"Ask one question of the page protocol and print the answer as JSON."`
	Bench   benchCommand   `cmd:"" help:"Measure mail servers, web mail and this generator under load."`
	Render  renderCommand  `cmd:"" help:"Print what a reader would see of a message in a file."`
	Sweep   sweepCommand   `cmd:"" name:"garbage-sweeper" help:"Remove what processes that were killed left behind on this machine; for cron."`
	Hang    hangCommand    `cmd:"" name:"hang-detector" help:"Use mail as a user does, all the time; restart nodes that hang, and tell administrators."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// console is what commands read from and write to.
type console struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// run executes one command line and returns the exit status: 0, 1 when the
// command failed, 2 when it was not understood.
func run(ctx context.Context, args []string, terminal console) int {
	var line commandLine
	parser, err := kong.New(&line, kong.Name("alphamail"), kong.Writers(terminal.out, terminal.err),
		kong.Description("Web mail for large campuses."), kong.UsageOnError(), kong.Exit(func(status int) { panic(exit(status)) }))
	if err != nil {
		fmt.Fprintln(terminal.err, "alphamail:", err)
		return 2
	}
	status := 0
	command, err := parse(parser, args, &status)
	switch {
	case err != nil:
		fmt.Fprintln(terminal.err, "alphamail:", err)
		return 2
	case command == nil: // help was asked for
		return status
	}
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(commandName(command.Selected().Name))
	if err := command.Run(terminal); err != nil {
		fmt.Fprintln(terminal.err, "alphamail:", err)
		return 1
	}
	return 0
}

// commandName is the last word of those on the command line that choose what to do.
type commandName string

// exit is how kong's wish to end the program (after --help) reaches run.
type exit int

func parse(parser *kong.Kong, args []string, status *int) (command *kong.Context, err error) {
	defer func() {
		if asked := recover(); asked != nil {
			wish, ok := asked.(exit)
			if !ok {
				panic(asked)
			}
			*status = int(wish)
		}
	}()
	return parser.Parse(args)
}
