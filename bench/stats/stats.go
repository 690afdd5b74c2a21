// Package stats decides whether two sets of measurements differ, and by how
// much, without assuming how they are distributed.
package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Median returns the median, NaN of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Interval is a confidence interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// resamples is the number of bootstrap samples; confidence is that of their
// intervals.
const (
	resamples  = 4000
	confidence = 0.95
)

// MedianInterval returns the 95 % bootstrap interval of the median.
func MedianInterval(values []float64) Interval {
	rng := newChance()
	return interval(func() float64 { return Median(resample(rng, values)) })
}

// RatioInterval returns the 95 % bootstrap interval of the ratio of the medians
// of two sets, the second over the first.
func RatioInterval(first, second []float64) Interval {
	rng := newChance()
	return interval(func() float64 { return Median(resample(rng, second)) / Median(resample(rng, first)) })
}

// newChance is the same every time: so that a report can be made again.
func newChance() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func resample(rng *rand.Rand, values []float64) []float64 {
	sample := make([]float64, len(values))
	for i := range sample {
		sample[i] = values[rng.IntN(len(values))]
	}
	return sample
}

func interval(draw func() float64) Interval {
	drawn := make([]float64, resamples)
	for i := range drawn {
		drawn[i] = draw()
	}
	slices.Sort(drawn)
	cut := int(resamples * (1 - confidence) / 2)
	return Interval{drawn[cut], drawn[resamples-1-cut]}
}

// MannWhitney returns the two-sided p-value of the Mann–Whitney U test: how
// likely it is that the ranks of two sets from one distribution are at least as
// far apart as these. It is exact for sets without ties whose sizes multiply to
// at most 400, otherwise the normal approximation with tie and continuity
// corrections. It is 1 if either set is empty.
func MannWhitney(first, second []float64) float64 {
	n, m := len(first), len(second)
	if n == 0 || m == 0 {
		return 1
	}
	rankSum, ties := ranks(first, second)
	u := rankSum - float64(n*(n+1))/2
	u = min(u, float64(n*m)-u)
	if ties == 0 && n*m <= 400 {
		return exactTail(n, m, int(u))
	}
	total := float64(n + m)
	variance := float64(n*m) / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 1
	}
	z := max(0, float64(n*m)/2-u-0.5) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// ranks returns the sum of the first set's ranks among both, with ties sharing
// their mean rank, and the sum of t³-t over all groups of t ties.
func ranks(first, second []float64) (sum, ties float64) {
	type ranked struct {
		value float64
		first bool
	}
	var all []ranked
	for _, v := range first {
		all = append(all, ranked{v, true})
	}
	for _, v := range second {
		all = append(all, ranked{v, false})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].value == all[i].value {
			end++
		}
		rank := float64(i+1+end) / 2
		for _, one := range all[i:end] {
			if one.first {
				sum += rank
			}
		}
		tied := float64(end - i)
		ties += tied*tied*tied - tied
		i = end
	}
	return sum, ties
}

// exactTail returns twice the probability that U is at most u, counting the
// arrangements of n and m values that give each U.
func exactTail(n, m, u int) float64 {
	// counts[j][k] is the number of arrangements of i and j values with U = k;
	// the outer loop goes through i.
	counts := make([][]float64, m+1)
	for j := range counts {
		counts[j] = make([]float64, n*m+1)
		counts[j][0] = 1
	}
	for i := 1; i <= n; i++ {
		next := make([][]float64, m+1)
		for j := range next {
			next[j] = make([]float64, n*m+1)
			if j == 0 {
				next[j][0] = 1
				continue
			}
			for k := range next[j] {
				// The largest value is either the second set's, or the first
				// set's, and then above all j of the second.
				next[j][k] = next[j-1][k]
				if k >= j {
					next[j][k] += counts[j][k-j]
				}
			}
		}
		counts = next
	}
	var tail, total float64
	for k, count := range counts[m] {
		total += count
		if k <= u {
			tail += count
		}
	}
	return min(1, 2*tail/total)
}

// Significant is the level below which a difference is called one. It is strict,
// because a comparison looks at several quantities and is made often.
const Significant = 0.01

// Holm adjusts p-values for being several, so that the chance of calling any
// difference where there is none stays below the level.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if p[a] < p[b] {
			return -1
		}
		return 1
	})
	adjusted := make([]float64, len(p))
	highest := 0.0
	for i, index := range order {
		highest = max(highest, min(1, p[index]*float64(len(p)-i)))
		adjusted[index] = highest
	}
	return adjusted
}
