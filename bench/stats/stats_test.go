package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"alphamail/bench/stats"
)

func TestMannWhitneyByHand(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second []float64
		want          float64
	}{
		// Of the 20 ways to choose 3 of 6, one is this far apart, on either side.
		{"apart, 3 and 3", []float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{"apart, the other way", []float64{4, 5, 6}, []float64{1, 2, 3}, 2.0 / 20},
		{"apart, 5 and 5", []float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{"one swapped, 5 and 5", []float64{1, 2, 3, 4, 6}, []float64{5, 7, 8, 9, 10}, 4.0 / 252},
		{"interleaved", []float64{1, 4, 5, 8}, []float64{2, 3, 6, 7}, 1},
		{"all the same", []float64{5, 5, 5, 5}, []float64{5, 5, 5, 5}, 1},
		{"nothing", nil, []float64{1}, 1},
	} {
		if got := stats.MannWhitney(c.first, c.second); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g, not %g", c.name, got, c.want)
		}
	}
}

// TestTheApproximationAgreesWithTheExactTest at sizes where both can be had: a
// tie far from the middle hardly changes the ranks.
func TestTheApproximationAgreesWithTheExactTest(t *testing.T) {
	var first, second []float64
	for i := range 20 {
		first = append(first, float64(i*2))
		second = append(second, float64(i*2+13))
	}
	exact := stats.MannWhitney(first, second)
	first[1] = first[0]
	if approximate := stats.MannWhitney(first, second); math.Abs(exact-approximate) > 0.003 || exact > 0.05 {
		t.Errorf("exact %g, approximate %g", exact, approximate)
	}
}

// TestFalseAlarms compares a thing with itself, many times: the share of
// differences called stays below the level.
func TestFalseAlarms(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const tries, repeats, quantities = 2000, 8, 5
	alarms, found := 0, 0
	for range tries {
		var same, different []float64
		for q := range quantities {
			a, b := noisy(rng, repeats, 1), noisy(rng, repeats, 1)
			same = append(same, stats.MannWhitney(a, b))
			factor := 1.0
			if q == 0 {
				factor = 1.5
			}
			different = append(different, stats.MannWhitney(a, noisy(rng, repeats, factor)))
		}
		if least(stats.Holm(same)) < stats.Significant {
			alarms++
		}
		if least(stats.Holm(different)) < stats.Significant {
			found++
		}
	}
	if share := float64(alarms) / tries; share > 1.5*stats.Significant {
		t.Errorf("a thing differs from itself in a share of %g", share)
	}
	if share := float64(found) / tries; share < 0.9 {
		t.Errorf("half as much again is noticed in a share of %g", share)
	}
}

// noisy draws measurements with a spread of a tenth and an occasional outlier.
func noisy(rng *rand.Rand, n int, factor float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = factor * 100 * math.Exp(0.1*rng.NormFloat64())
		if rng.IntN(20) == 0 {
			values[i] *= 1.4
		}
	}
	return values
}

func least(values []float64) float64 {
	smallest := math.Inf(1)
	for _, v := range values {
		smallest = min(smallest, v)
	}
	return smallest
}

func TestHolm(t *testing.T) {
	got := stats.Holm([]float64{0.04, 0.01, 0.03})
	for i, want := range []float64{0.06, 0.03, 0.06} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("%v", got)
		}
	}
}

// TestIntervalsCover draws from a distribution whose median is known.
func TestIntervalsCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const tries = 200
	median, ratio := 0, 0
	for range tries {
		a, b := noisy(rng, 12, 1), noisy(rng, 12, 2)
		if i := stats.MedianInterval(a); i.Low <= 101 && i.High >= 100 {
			median++
		}
		if i := stats.RatioInterval(a, b); i.Low <= 2 && i.High >= 2 {
			ratio++
		}
	}
	if median < tries*88/100 || ratio < tries*88/100 {
		t.Errorf("of %d intervals %d hold the median and %d the ratio", tries, median, ratio)
	}
}

func TestMedian(t *testing.T) {
	if stats.Median([]float64{3, 1, 2}) != 2 || stats.Median([]float64{4, 1, 2, 3}) != 2.5 || !math.IsNaN(stats.Median(nil)) {
		t.Error("not the median")
	}
}
