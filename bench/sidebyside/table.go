package sidebyside

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"alphamail/bench"
	"alphamail/bench/profile"
	"alphamail/bench/script"
	"alphamail/bench/stats"
)

// Print writes all comparisons for people.
func (r *Result) Print(out io.Writer) {
	fmt.Fprintf(out, "%s, %d processors; %d accounts; medians of %d runs in turn, with intervals of 95 %%.\n", r.Host.OS, r.Host.Processors, r.Config.Accounts, r.Config.Repeats)
	fmt.Fprintln(out, "All mail is marked as read. The last column compares the last product with the first (Mann–Whitney).")
	for _, c := range r.Comparisons {
		c.print(out, r.Config.Clients)
	}
}

func (c *Comparison) print(out io.Writer, clients int) {
	fmt.Fprintf(out, "\n\n%d messages; %s, in equal parts\n\n", c.Messages, c.name())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\t")
	for _, series := range c.Series {
		fmt.Fprintf(w, "%s\t", series.Name)
	}
	first, last := c.Series[0], c.Series[len(c.Series)-1]
	fmt.Fprintf(w, "%s ÷ %s\t\n", last.Name, first.Name)
	compared, err := bench.Compare(first, last)
	verdicts := map[string]bench.Compared{}
	if err == nil {
		for _, figure := range compared.Figures {
			verdicts[figure.Name] = figure
		}
	}
	row := func(title, figure string) {
		fmt.Fprintf(w, "%s\t", title)
		for _, series := range c.Series {
			fmt.Fprintf(w, "%s\t", spread(series.Figures(figure)))
		}
		fmt.Fprintf(w, "%s\t\n", verdict(verdicts, figure))
	}
	row(fmt.Sprintf("clicks/s, closed load, %d clients", clients), bench.FigureRate)
	for _, which := range []string{"all", "seen before", "new"} {
		for _, quantile := range []string{"p50 ms, ", "p99 ms, "} {
			row(fmt.Sprintf("%s%s, at %.1f clicks/s", quantile, which, c.Rate), quantile+which)
		}
	}
	for _, component := range c.components() {
		row("CPU ms a click: "+component, bench.FigureCPU+component)
	}
	row(errorsClosed, errorsClosed)
	row(errorsOpen, errorsOpen)
	c.printWork(w)
	w.Flush()
	for _, fault := range c.Faults {
		fmt.Fprintf(out, "NOT VALID: %s\n", fault)
	}
	if err != nil {
		fmt.Fprintf(out, "No comparison: %v.\n", err)
	}
}

// components returns what processor time was measured of.
func (c *Comparison) components() []string {
	return slices.DeleteFunc([]string{mailServer, web, frontend, nodes, othersMeanwhile, bench.Generator}, func(name string) bool {
		return !slices.ContainsFunc(c.Series, func(s *bench.Series) bool { return len(s.Figures(bench.FigureCPU+name)) > 0 })
	})
}

func spread(values []float64) string {
	if len(values) == 0 {
		return "-"
	}
	interval := stats.MedianInterval(values)
	return fmt.Sprintf("%.4g [%.4g–%.4g]", stats.Median(values), interval.Low, interval.High)
}

func verdict(verdicts map[string]bench.Compared, figure string) string {
	v, there := verdicts[figure]
	switch {
	case !there:
		return "-"
	case !v.Differ:
		return "no difference found"
	case v.Medians[0] == 0:
		return "different"
	}
	return fmt.Sprintf("%.3g [%.3g–%.3g]", v.Ratio, v.Range.Low, v.Range.High)
}

// printWork writes what a click costs the mail server: on average, and the
// commands by kind of click.
func (c *Comparison) printWork(w io.Writer) {
	row := func(title string, figure func(*Work) (float64, bool)) {
		fmt.Fprintf(w, "%s\t", title)
		for _, work := range c.Work {
			text := "-"
			if value, there := figure(work); there {
				text = fmt.Sprintf("%.3g", value)
			}
			fmt.Fprintf(w, "%s\t", text)
		}
		fmt.Fprintln(w, "\t")
	}
	average := func(of func(*ClickCosts) float64) func(*Work) (float64, bool) {
		return func(work *Work) (float64, bool) {
			sum := work.of(c.Clicks...)
			return of(sum) / float64(sum.Clicks), sum.Clicks > 0
		}
	}
	row("IMAP connections a click", average(func(s *ClickCosts) float64 { return float64(s.Connections) }))
	row("IMAP logins a click", average(func(s *ClickCosts) float64 { return float64(s.Logins) }))
	row("SELECT and EXAMINE a click", average(func(s *ClickCosts) float64 { return float64(s.Selects) }))
	row("IMAP commands a click", average(func(s *ClickCosts) float64 { return float64(s.Total()) }))
	row("IMAP exchanges a click", average(func(s *ClickCosts) float64 { return float64(s.Exchanges) }))
	row("KB from the mail server a click", average(func(s *ClickCosts) float64 { return float64(s.BytesDown) / 1000 }))
	for _, kind := range append([]profile.Kind{profile.Login}, c.Clicks...) {
		for _, fresh := range []bool{false, true} {
			name := script.Click{Kind: kind, Fresh: fresh}.Name()
			commands := func(work *Work) (float64, bool) {
				costs := work.Clicks[name]
				if costs == nil {
					return 0, false
				}
				return float64(costs.Total()) / float64(costs.Clicks), true
			}
			if slices.ContainsFunc(c.Work, func(work *Work) bool { return work.Clicks[name] != nil }) {
				row("IMAP commands: "+name, commands)
			}
		}
	}
}

// Write writes the result as JSON into a directory, which is made.
func (r *Result) Write(dir string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "sidebyside.json"), append(encoded, '\n'), 0o644)
	}
	return err
}
