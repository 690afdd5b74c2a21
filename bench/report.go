package bench

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"alphamail/bench/load"
	"alphamail/bench/meter"
	"alphamail/bench/profile"
)

// reportVersion is raised when a field changes its meaning.
const reportVersion = 1

// Report is one measurement, written down.
type Report struct {
	Version int              `json:"version"`
	Made    time.Time        `json:"made"`
	Host    Host             `json:"host"`
	Plan    *Plan            `json:"plan"`
	Profile *profile.Profile `json:"profile"`

	// LeftOut are the kinds of clicks that the profile has and the product has
	// not.
	LeftOut []profile.Kind `json:"left_out,omitempty"`

	Result     *load.Result  `json:"result"`
	Components []meter.Usage `json:"components"`
}

func (s *Subject) report(volume Volume, result *load.Result, usages []meter.Usage) *Report {
	plan := *s.plan
	plan.Volume = volume
	return &Report{
		Version: reportVersion, Made: now(), Host: ThisHost(), Plan: &plan, Profile: s.profile, LeftOut: s.left,
		Result: result, Components: usages,
	}
}

// Clicks returns all clicks but logins.
func (r *Report) Clicks() *load.Clicks { return r.Result.Total(string(profile.Login)) }

// CPU returns the processor time of a component per click, false if it was not
// measured.
func (r *Report) CPU(component string) (time.Duration, bool) {
	all := r.Result.Total()
	clicks := all.Latency.Count() + all.Errors
	for _, usage := range r.Components {
		if usage.Name == component && clicks > 0 {
			return usage.CPU / time.Duration(clicks), true
		}
	}
	return 0, false
}

// Kept reports whether the objective of the profile was kept.
func (r *Report) Kept() bool {
	clicks := r.Clicks()
	all := clicks.Latency.Count() + clicks.Errors
	return all > 0 && clicks.Latency.Quantile(.99) <= r.Profile.Objective.P99 &&
		float64(clicks.Errors) <= r.Profile.Objective.Errors*float64(all)
}

// Measurements returns the figures by which reports are compared; of a closed
// load latencies are not among them.
func (r *Report) Measurements() map[string]float64 {
	clicks := r.Clicks()
	figures := map[string]float64{}
	if n := clicks.Latency.Count() + clicks.Errors; n > 0 {
		figures[FigureErrors] = float64(clicks.Errors) / float64(n)
	}
	if r.Result.Mode == load.Closed {
		figures[FigureRate] = r.Result.PerSecond(clicks.Latency.Count())
	} else if clicks.Latency.Count() > 0 {
		figures[FigureP50] = load.Milliseconds(clicks.Latency.Quantile(.50))
		figures[FigureP99] = load.Milliseconds(clicks.Latency.Quantile(.99))
	}
	for _, usage := range r.Components {
		if cpu, ok := r.CPU(usage.Name); ok {
			figures[FigureCPU+usage.Name] = load.Milliseconds(cpu)
		}
	}
	return figures
}

// Names of figures.
const (
	FigureRate   = "clicks/s"
	FigureP50    = "p50 ms"
	FigureP99    = "p99 ms"
	FigureErrors = "errors"
	FigureCPU    = "CPU ms/click: " // and the component
)

// Write writes the report into a directory, which is made: report.json,
// clicks.csv, and latency.hlog, which HDR tools read. If that fails, as much as
// possible is written.
func (r *Report) Write(dir string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	table, err := r.csv()
	if err != nil {
		return err
	}
	log, err := r.hdrLog()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		replace(filepath.Join(dir, "report.json"), append(encoded, '\n')),
		replace(filepath.Join(dir, "clicks.csv"), table),
		replace(filepath.Join(dir, "latency.hlog"), log),
	)
}

// replace writes a file wholly or not at all.
func replace(path string, content []byte) error {
	temporary := path + ".tmp"
	err := os.WriteFile(temporary, content, 0o644)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}

// ReadReport reads what Write wrote.
func ReadReport(file string) (*Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if r.Version != reportVersion {
		return nil, fmt.Errorf("%s is of version %d; this program reads %d", file, r.Version, reportVersion)
	}
	return r, nil
}

func (r *Report) csv() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Write([]string{"click", "count", "errors", "per_second", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "p99.9_ms", "max_ms", "service_p50_ms", "service_p99_ms"})
	for _, name := range r.Result.Names() {
		clicks := r.Result.Clicks[name]
		row := []string{name, strconv.FormatInt(clicks.Latency.Count(), 10), strconv.FormatInt(clicks.Errors, 10)}
		for _, figure := range []float64{
			r.Result.PerSecond(clicks.Latency.Count()), load.Milliseconds(clicks.Latency.Mean()),
			load.Milliseconds(clicks.Latency.Quantile(.50)), load.Milliseconds(clicks.Latency.Quantile(.90)),
			load.Milliseconds(clicks.Latency.Quantile(.99)), load.Milliseconds(clicks.Latency.Quantile(.999)),
			load.Milliseconds(clicks.Latency.Max()),
			load.Milliseconds(clicks.Service.Quantile(.50)), load.Milliseconds(clicks.Service.Quantile(.99)),
		} {
			row = append(row, strconv.FormatFloat(figure, 'f', 3, 64))
		}
		w.Write(row)
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

func (r *Report) hdrLog() ([]byte, error) {
	var out bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&out)
	start, end := r.Result.Started.UnixMilli(), r.Result.Started.Add(r.Result.Measured).UnixMilli()
	err := errors.Join(w.OutputLogFormatVersion(), w.OutputComment("latencies in microseconds, from the intended moment"), w.OutputStartTime(start), w.OutputLegend())
	for _, name := range r.Result.Names() {
		histogram := r.Result.Clicks[name].Latency.HDR()
		if histogram == nil {
			continue
		}
		tagged := histogram.Clone()
		tagged.SetTag(tag(name))
		tagged.SetStartTimeMs(start)
		tagged.SetEndTimeMs(end)
		err = errors.Join(err, w.OutputIntervalHistogram(tagged))
	}
	return out.Bytes(), err
}

// tag writes a name as tags of the log format may be: without white space and
// commas.
func tag(name string) string {
	return string(bytes.Map(func(r rune) rune {
		switch r {
		case ' ':
			return '-'
		case ',':
			return -1
		}
		return r
	}, []byte(name)))
}
