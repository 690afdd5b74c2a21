package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"

	"alphamail/bench/load"
	"alphamail/bench/stats"
)

// Series is what was measured of one thing, again and again.
type Series struct {
	Name string               `json:"name"`
	Runs []map[string]float64 `json:"runs"` // by the names of figures
}

// Figures returns all values of one figure; runs that lack it are left out.
func (s *Series) Figures(name string) []float64 {
	var values []float64
	for _, run := range s.Runs {
		if value, there := run[name]; there {
			values = append(values, value)
		}
	}
	return values
}

// Comparison says in which figures two things differ.
type Comparison struct {
	Names   [2]string  `json:"names"`
	Figures []Compared `json:"figures"`
}

// Compared is one figure of two things.
type Compared struct {
	Name      string            `json:"name"`
	Medians   [2]float64        `json:"medians"`
	Intervals [2]stats.Interval `json:"intervals"` // 95 %, of the medians
	Ratio     float64           `json:"ratio"`     // of the second median to the first
	Range     stats.Interval    `json:"ratio_interval"`
	P         float64           `json:"p"` // Mann–Whitney, adjusted for the number of figures
	Differ    bool              `json:"differ"`
}

// enough is the number of runs of each thing below which no difference can be
// found: of two sets of four, even the most different has p = 2/70.
const enough = 5

// Compare compares two series by the figures that both have.
func Compare(a, b *Series) (*Comparison, error) {
	if len(a.Runs) < enough || len(b.Runs) < enough {
		return nil, fmt.Errorf("at least %d runs of each are needed to tell a difference from chance", enough)
	}
	c := &Comparison{Names: [2]string{a.Name, b.Name}}
	var ps []float64
	for _, name := range slices.Sorted(maps.Keys(a.Runs[0])) {
		first, second := a.Figures(name), b.Figures(name)
		if len(first) < enough || len(second) < enough || name == FigureCPU+Generator {
			continue
		}
		one := Compared{
			Name: name, Medians: [2]float64{stats.Median(first), stats.Median(second)},
			Intervals: [2]stats.Interval{stats.MedianInterval(first), stats.MedianInterval(second)},
		}
		if one.Medians[0] != 0 {
			one.Ratio, one.Range = one.Medians[1]/one.Medians[0], stats.RatioInterval(first, second)
		}
		c.Figures = append(c.Figures, one)
		ps = append(ps, stats.MannWhitney(first, second))
	}
	for i, p := range stats.Holm(ps) {
		c.Figures[i].P = p
		c.Figures[i].Differ = p < stats.Significant
	}
	return c, nil
}

// Differ reports whether any figure differs.
func (c *Comparison) Differ() bool {
	return slices.ContainsFunc(c.Figures, func(one Compared) bool { return one.Differ })
}

// Print writes the comparison for people.
func (c *Comparison) Print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\t%s\t[95 %%]\t%s\t[95 %%]\tratio\t[95 %%]\tp\t\t\n", c.Names[0], c.Names[1])
	for _, one := range c.Figures {
		verdict := "no difference"
		if one.Differ {
			verdict = "DIFFERENT"
		}
		ratio, spread := "-", "-"
		if one.Medians[0] != 0 {
			ratio, spread = fmt.Sprintf("%.3f", one.Ratio), fmt.Sprintf("%.3f–%.3f", one.Range.Low, one.Range.High)
		}
		fmt.Fprintf(w, "%s\t%.4g\t%s\t%.4g\t%s\t%s\t%s\t%.3f\t%s\t\n", one.Name, one.Medians[0], span(one.Intervals[0]), one.Medians[1], span(one.Intervals[1]), ratio, spread, one.P, verdict)
	}
	w.Flush()
	if !c.Differ() {
		fmt.Fprintf(out, "\nNo difference between %s and %s was found (Mann–Whitney, level %g for all figures together).\n", c.Names[0], c.Names[1], stats.Significant)
	}
}

func span(i stats.Interval) string { return fmt.Sprintf("%.4g–%.4g", i.Low, i.High) }

// RunInTurn measures two plans alternately, so that what changes on the machine
// meanwhile changes for both. Which one begins is decided by chance each time.
// What was measured is returned even if the context ended or a run failed.
func RunInTurn(ctx context.Context, plans [2]*Plan, repeats int, log io.Writer) ([2]*Series, error) {
	series := [2]*Series{{Name: plans[0].Name}, {Name: plans[1].Name}}
	if series[0].Name == series[1].Name {
		series[1].Name += " (again)"
	}
	var subjects [2]*Subject
	for i, plan := range plans {
		var err error
		if err = plan.validate(); err == nil {
			subjects[i], err = Prepare(ctx, plan)
		}
		if err != nil {
			return series, fmt.Errorf("%s: %w", plan.Name, err)
		}
	}
	rng := rand.New(rand.NewPCG(plans[0].Seed, plans[1].Seed))
	for repeat := range repeats {
		order := rng.Perm(2)
		for _, i := range order {
			volume := plans[i].Volume
			volume.Seed += uint64(repeat) // both are asked for the same
			components, err := plans[i].components()
			if err != nil {
				return series, err
			}
			report, err := subjects[i].Measure(ctx, volume, nil, components...)
			if err != nil {
				return series, err
			}
			if ctx.Err() != nil {
				return series, ctx.Err()
			}
			if !report.Result.Valid() {
				return series, fmt.Errorf("%s, run %d is not valid: %s", series[i].Name, repeat+1, report.Result.Faults[0])
			}
			series[i].Runs = append(series[i].Runs, report.Measurements())
			clicks := report.Clicks()
			fmt.Fprintf(log, "run %2d of %d, %s: %.0f clicks/s, p99 %.1f ms, %d errors%s\n", repeat+1, repeats, series[i].Name,
				report.Result.PerSecond(clicks.Latency.Count()), load.Milliseconds(clicks.Latency.Quantile(.99)), clicks.Errors, clicks.Why())
		}
	}
	return series, nil
}

// ReadSeries reads a series that was written as JSON.
func ReadSeries(file string) (*Series, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &Series{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(s.Runs) == 0 {
		return nil, fmt.Errorf("%s: %w", file, errors.New("it holds no runs of a comparison"))
	}
	return s, nil
}

// Write writes a series as JSON.
func (s *Series) Write(file string) error {
	encoded, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replace(file, append(encoded, '\n'))
}
