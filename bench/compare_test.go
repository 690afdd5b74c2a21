package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alphamail/bench"
)

// series is so many made-up runs around some figures.
func series(name string, runs int, rng *rand.Rand, rate, p99 float64) *bench.Series {
	s := &bench.Series{Name: name}
	for range runs {
		s.Runs = append(s.Runs, map[string]float64{
			bench.FigureRate: rate * (1 + rng.NormFloat64()/20), bench.FigureP99: p99 * (1 + rng.NormFloat64()/20), bench.FigureErrors: 0,
		})
	}
	return s
}

func TestADifferenceIsToldFromChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	compared, err := bench.Compare(series("old", 10, rng, 100, 50), series("new", 10, rng, 200, 50))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]bool{}
	for _, figure := range compared.Figures {
		verdicts[figure.Name] = figure.Differ
		if figure.Name == bench.FigureRate && (figure.Ratio < 1.8 || figure.Ratio > 2.2 || figure.Range.Low > 2 || figure.Range.High < 2) {
			t.Errorf("the ratio is %.2f, from %.2f to %.2f", figure.Ratio, figure.Range.Low, figure.Range.High)
		}
	}
	if !verdicts[bench.FigureRate] || verdicts[bench.FigureP99] || verdicts[bench.FigureErrors] {
		t.Errorf("different: %v", verdicts)
	}
	var out bytes.Buffer
	compared.Print(&out)
	if strings.Count(out.String(), "DIFFERENT") != 1 || strings.Count(out.String(), "no difference") != 2 {
		t.Errorf("printed:\n%s", &out)
	}
}

func TestTooFewRunsProveNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	if _, err := bench.Compare(series("old", 4, rng, 100, 50), series("new", 10, rng, 900, 50)); err == nil {
		t.Error("four runs were enough")
	}
}

func TestSeriesAreWrittenAndReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.json")
	written := series("old", 6, rand.New(rand.NewPCG(1, 1)), 100, 50)
	if err := written.Write(file); err != nil {
		t.Fatal(err)
	}
	read, err := bench.ReadSeries(file)
	if err != nil || fmt.Sprint(read) != fmt.Sprint(written) {
		t.Errorf("%v, %v", read, err)
	}
	for name, content := range map[string]string{"nothing": "", "no runs": `{"name":"x"}`, "a report": `{"version":1}`} {
		if _, err := bench.ReadSeries(write(t, "x.json", content)); err == nil {
			t.Errorf("%s was read as a series", name)
		}
	}
}

func TestTwoPlansAreMeasuredInTurn(t *testing.T) {
	address := server(t).IMAPAddr()
	relogin := plan("relogin", address)
	relogin.Mode = "relogin"
	var log bytes.Buffer
	measured, err := bench.RunInTurn(t.Context(), [2]*bench.Plan{plan("client", address), relogin}, 5, &log)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range measured {
		if rates := one.Figures(bench.FigureRate); len(rates) != 5 || slices.Min(rates) <= 0 {
			t.Errorf("%s: %v clicks/s", one.Name, rates)
		}
		if errors := one.Figures(bench.FigureErrors); len(errors) != 5 || slices.Max(errors) > 0 {
			t.Errorf("%s: shares of errors %v\n%s", one.Name, errors, &log)
		}
	}
	// One never runs twice while the other waits for its first run.
	var order []string
	for line := range strings.Lines(log.String()) {
		_, rest, _ := strings.Cut(line, ", ")
		name, _, _ := strings.Cut(rest, ":")
		order = append(order, name)
	}
	for i := 0; i+1 < len(order); i += 2 {
		if order[i] == order[i+1] {
			t.Errorf("the order was %v", order)
		}
	}
}

func TestWhatRanBeforeAnInterruptionIsReturned(t *testing.T) {
	address := server(t).IMAPAddr()
	measured, err := bench.RunInTurn(t.Context(), [2]*bench.Plan{plan("client", address), {Name: "none"}}, 5, io.Discard)
	if err == nil || measured[0] == nil {
		t.Errorf("%v, %v", measured, err)
	}
}
