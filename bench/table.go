package bench

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"alphamail/bench/load"
	"alphamail/bench/profile"
)

// Print writes a report for people.
func (r *Report) Print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nclick\tcount\t/s\terrors\tp50 ms\tp90 ms\tp99 ms\tmax ms\t\n")
	row := func(name string, clicks *load.Clicks) {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%d\t%s\t%s\t%s\t%s\t\n", name, clicks.Latency.Count(), r.Result.PerSecond(clicks.Latency.Count()),
			clicks.Errors, figure(clicks.Latency.Quantile(.5)), figure(clicks.Latency.Quantile(.9)), figure(clicks.Latency.Quantile(.99)), figure(clicks.Latency.Max()))
	}
	for _, name := range r.Result.Names() {
		row(name, r.Result.Clicks[name])
	}
	row("all but logins", r.Clicks())
	w.Flush()
	if len(r.LeftOut) > 0 {
		fmt.Fprintf(out, "\nLeft out, because %s does not have it: %s.\n", r.Plan.Driver+r.Plan.Mode, join(r.LeftOut))
	}
	r.printReasons(out)
	r.printComponents(out)
	r.printVerdict(out)
}

func join(kinds []profile.Kind) string {
	var names []string
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func (r *Report) printReasons(out io.Writer) {
	printFailures(out, "errors", r.Result.Total().Reasons)
	printFailures(out, "errors before measuring began", r.Result.Before.Reasons)
}

func printFailures(out io.Writer, title string, reasons map[string]int64) {
	if len(reasons) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s:\n", title)
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), strings.Compare(a, b))
	}) {
		fmt.Fprintf(out, "%8d  %s\n", reasons[reason], reason)
	}
}

func (r *Report) printComponents(out io.Writer) {
	if len(r.Components) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\ncomponent\tCPU ms/click\tCPU s\tprocesses\tmemory MiB (shared pages divided)\t\n")
	for _, usage := range r.Components {
		perClick, _ := r.CPU(usage.Name)
		fmt.Fprintf(w, "%s\t%.3f\t%.2f\t%d\t%.1f\t\n", usage.Name, load.Milliseconds(perClick), usage.CPU.Seconds(), usage.Processes, float64(usage.Proportional)/(1<<20))
	}
	w.Flush()
}

func (r *Report) printVerdict(out io.Writer) {
	result := r.Result
	fmt.Fprintf(out, "\n%s load for %v: %d sessions, at most %d clicks at a time", result.Mode, result.Measured.Round(time.Millisecond), result.Arrivals, result.Peak)
	if result.Mode == load.Open {
		fmt.Fprintf(out, "; send lag p50 %v, p99 %v (valid up to %v); late %d, dropped %d, unanswered %d, interrupted %d",
			result.Lag.Quantile(.5), result.Lag.Quantile(.99), load.LagLimit(r.Profile.Objective.P99), result.Late, result.Dropped, result.Unanswered, result.Interrupted)
	}
	fmt.Fprintln(out)
	for _, fault := range result.Faults {
		fmt.Fprintf(out, "NOT VALID: %s\n", fault)
	}
	if result.Mode == load.Closed {
		fmt.Fprintln(out, "Latencies of a closed load promise nothing to users: it asks only when it has been answered.")
		return
	}
	kept := "kept"
	if !r.Kept() {
		kept = "NOT KEPT"
	}
	fmt.Fprintf(out, "objective p99 ≤ %v, errors ≤ %g %%: %s\n", r.Profile.Objective.P99, r.Profile.Objective.Errors*100, kept)
}

func figure(d time.Duration) string { return fmt.Sprintf("%.1f", load.Milliseconds(d)) }

// PrintInterval writes a line of live progress.
func PrintInterval(out io.Writer, second load.Interval) {
	fmt.Fprintf(out, "%6.0fs  %6d sessions  %5d in flight  %7d clicks/s  %5d errors/s  p50 %8.1f ms  p99 %8.1f ms  lag p99 %6.1f ms\n",
		second.At.Seconds(), second.Sessions, second.InFlight, second.Clicks, second.Errors,
		load.Milliseconds(second.P50), load.Milliseconds(second.P99), load.Milliseconds(second.LagP99))
}
