package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/bench/load"
	"alphamail/bench/meter"
	"alphamail/bench/profile"
	"alphamail/bench/webuser"
)

// Calibration says what to find out about this generator, on this machine.
type Calibration struct {
	Users    int           `default:"20000" help:"Users at a time."`
	Think    time.Duration `default:"10s" help:"Mean time between two clicks of a user."`
	WarmUp   time.Duration `default:"15s" help:"Time before measuring begins."`
	Duration time.Duration `default:"30s" help:"Time of measuring."`
}

// TrivialCommand is the command line, after the program's name, that runs
// ServeTrivial.
var TrivialCommand = []string{"bench", "trivial"}

// Calibrate lets so many users fetch a page from a server that does nothing
// else, in a process of its own, and proves the engine on a server that stalls.
func Calibrate(ctx context.Context, c Calibration, out io.Writer, progress func(load.Interval)) error {
	fmt.Fprintf(out, "%d users who think for %v, against a server that always answers at once:\n", c.Users, c.Think)
	report, err := c.measure(ctx, 0, 0, load.Config{
		Users: c.Users, Clicks: 30, Think: load.Think{Mean: c.Think, Sigma: 1}, WarmUp: c.WarmUp, Duration: c.Duration, Progress: progress,
	})
	if err != nil {
		return err
	}
	report.Print(out)
	if ctx.Err() != nil {
		return nil
	}

	const stall, every = 2 * time.Second, 10 * time.Second
	fmt.Fprintf(out, "\nThe same page from a server that stands still for %v of every %v. Clicks that come\n"+
		"at any moment wait: a fifth of them, evenly up to 2 s; so p99 is 1.9 s and p90 1 s.\n", stall, every)
	for _, mode := range []struct {
		name   string
		config load.Config
	}{
		{load.Open, load.Config{Sessions: 200, Clicks: 1, Duration: 4 * every}},
		{load.Closed, load.Config{Users: 10, Clients: 10, Duration: 4 * every}},
	} {
		mode.config.Progress = progress
		stalled, err := c.measure(ctx, stall, every, mode.config)
		if err != nil {
			return err
		}
		latency := stalled.Result.Total().Latency
		fmt.Fprintf(out, "  %-6s load says: p90 %8.1f ms, p99 %8.1f ms\n", mode.name, load.Milliseconds(latency.Quantile(.9)), load.Milliseconds(latency.Quantile(.99)))
	}
	return nil
}

func (c Calibration) measure(ctx context.Context, stall, every time.Duration, config load.Config) (*Report, error) {
	if err := raiseFileLimit(); err != nil {
		return nil, err
	}
	server, err := startTrivial(stall, every)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	population, err := webuser.NewPages(server.url, "/", trivialEnd, sources(server.url, config.Users))
	if err != nil {
		return nil, err
	}
	watched := meter.Start(
		meter.Component{Name: "server", Roots: func() []int { return []int{server.command.Process.Pid} }},
		meter.Component{Name: Generator, Roots: func() []int { return []int{os.Getpid()} }},
	)
	config.Measuring = watched.Restart
	result, err := load.Run(ctx, config, population)
	usages := watched.Stop()
	if err != nil {
		return nil, err
	}
	judged := &profile.Profile{Name: "calibration", Version: 1, Objective: profile.Objective{P99: 300 * time.Millisecond, Errors: 0.001}}
	return &Report{
		Version: reportVersion, Made: now(), Host: ThisHost(), Plan: &Plan{Name: "calibrate"}, Profile: judged,
		Result: result, Components: usages,
	}, nil
}

// trivial is the server, in a child process: so that the meter can tell it from
// the generator.
type trivial struct {
	command *exec.Cmd
	stdin   io.Closer // closing it ends the process
	url     string
}

func startTrivial(stall, every time.Duration) (*trivial, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &trivial{command: exec.Command(program, append(TrivialCommand, "--stall", stall.String(), "--every", every.String())...)}
	t.command.Stderr = os.Stderr
	stdin, errIn := t.command.StdinPipe()
	stdout, errOut := t.command.StdoutPipe()
	if err := errors.Join(errIn, errOut, t.command.Start()); err != nil {
		return nil, err
	}
	t.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if t.url = strings.TrimSpace(line); err != nil {
		t.stop()
		return nil, fmt.Errorf("the server for the calibration did not start: %w", err)
	}
	return t, nil
}

func (t *trivial) stop() {
	t.stdin.Close()
	t.command.Wait()
}

// trivialEnd ends the trivial page.
const trivialEnd = "</html>"

// ServeTrivial serves one page of 30 KB, the size of a page of rows, until in
// ends; it prints its URL. If every is not 0, it stands still for the first part,
// stall, of each.
func ServeTrivial(stall, every time.Duration, in io.Reader, out io.Writer) error {
	if err := raiseFileLimit(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	page := append(bytes.Repeat([]byte("<p>Nothing is here.</p>\n"), 30<<10/24), trivialEnd...)
	began := time.Now()
	server := &fasthttp.Server{
		NoDefaultServerHeader: true, Concurrency: 1 << 20,
		Handler: func(ctx *fasthttp.RequestCtx) {
			if every > 0 {
				if phase := time.Since(began) % every; phase < stall {
					time.Sleep(stall - phase)
				}
			}
			ctx.SetContentType("text/html")
			ctx.SetBody(page)
		},
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	io.Copy(io.Discard, in)
	listener.Close() // connections end with the process
	return <-served
}
