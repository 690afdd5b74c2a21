package load_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crowd is a population whose clicks are functions of time, in a bubble where
// time is exact.
type crowd struct {
	click func(ctx context.Context, n uint64) (string, error)
	left  atomic.Int64
}

type member struct {
	crowd  *crowd
	number uint64
}

func (c *crowd) Arrive(n uint64) load.User { return member{c, n} }

func (m member) Click(ctx context.Context) (string, error) { return m.crowd.click(ctx, m.number) }
func (m member) Leave()                                    { m.crowd.left.Add(1) }

// stalling answers within a millisecond, but stands still for the first two of
// every ten seconds.
func stalling(ctx context.Context, _ uint64) (string, error) {
	wait := time.Millisecond
	if phase := time.Duration(time.Now().UnixNano()) % (10 * time.Second); phase < 2*time.Second {
		wait = 2*time.Second - phase
	}
	select {
	case <-time.After(wait):
		return "page", nil
	case <-ctx.Done():
		return "page", ctx.Err()
	}
}

// TestAStallIsReportedInFull has a known answer: a fifth of the clicks falls
// into a stall and waits for its rest, evenly up to 2 s; so one in a hundred
// waits for more than 1.9 s, and one in ten for more than 1 s.
func TestAStallIsReportedInFull(t *testing.T) {
	for name, config := range map[string]load.Config{
		"visits of one click": {Sessions: 100, Clicks: 1},
		"sessions":            {Users: 300, Clicks: 20, Think: load.Think{Mean: 3 * time.Second, Sigma: 1}},
		"short think time":    {Users: 50, Clicks: 200, Think: load.Think{Mean: 500 * time.Millisecond, Exponential: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config.WarmUp, config.Duration = 10*time.Second, 200*time.Second
				result := run(t, config, stalling)
				clicks := result.Clicks["page"]
				near(t, "p99", clicks.Latency.Quantile(.99).Seconds(), 1.9, 0.03)
				near(t, "p90", clicks.Latency.Quantile(.90).Seconds(), 1.0, 0.1)
				near(t, "p50", clicks.Latency.Quantile(.50).Seconds(), 0.001, 0.0005)
				if !result.Valid() || result.Mode != load.Open {
					t.Errorf("faults %v, mode %s", result.Faults, result.Mode)
				}
			})
		})
	}
}

// TestTheClosedModeDoesNotSeeAStall shows what the open mode is for: the same
// server, and the 99th percentile says that all is well.
func TestTheClosedModeDoesNotSeeAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := run(t, load.Config{Users: 20, Clients: 4, Duration: 200 * time.Second}, stalling)
		near(t, "p99", result.Clicks["page"].Latency.Quantile(.99).Seconds(), 0.001, 0.0005)
		near(t, "clicks a second", result.PerSecond(result.Clicks["page"].Latency.Count()), 3200, 30)
		if result.Mode != load.Closed {
			t.Errorf("the mode is called %s", result.Mode)
		}
	})
}

func TestThePopulationStaysAtItsSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const users, think = 2000, 10 * time.Second
		result := run(t, load.Config{
			Users: users, Clicks: 20, Think: load.Think{Mean: think, Exponential: true},
			WarmUp: 30 * time.Second, Duration: 300 * time.Second,
		}, instantly)
		near(t, "clicks a second", result.PerSecond(result.Clicks["page"].Latency.Count()), users/think.Seconds(), 8)
		var sum, n float64
		for _, second := range result.Seconds {
			if second.At > 31*time.Second && second.At < 330*time.Second {
				sum, n = sum+float64(second.Sessions), n+1
			}
		}
		near(t, "sessions", sum/n, users, users*0.04)
	})
}

func TestTheCurveShapesArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := run(t, load.Config{
			Sessions: 100, Clicks: 1, Duration: 300 * time.Second, Curve: []float64{0, 1, 3, 0},
		}, instantly)
		count := func(from, to time.Duration) (clicks float64) {
			for _, second := range result.Seconds {
				if second.At > from && second.At <= to {
					clicks += float64(second.Clicks)
				}
			}
			return clicks
		}
		near(t, "the first part", count(0, 100*time.Second), 5_000, 300)
		near(t, "the second part", count(100*time.Second, 200*time.Second), 20_000, 600)
		near(t, "the third part", count(200*time.Second, 300*time.Second), 15_000, 600)
	})
}

func TestPlansDoNotDependOnTheServer(t *testing.T) {
	counts := map[string]int64{}
	for name, click := range map[string]func(context.Context, uint64) (string, error){"quick": instantly, "stalling": stalling} {
		synctest.Test(t, func(t *testing.T) {
			result := run(t, load.Config{
				Users: 100, Clicks: 10, Think: load.Think{Mean: 2 * time.Second}, Duration: 59 * time.Second, Seed: 7,
			}, click)
			counts[name] = result.Clicks["page"].Latency.Count()
		})
	}
	if counts["quick"] != counts["stalling"] || counts["quick"] == 0 {
		t.Errorf("as many clicks are meant for every server, but there were %v", counts)
	}
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := run(t, load.Config{
			Sessions: 10, Clicks: 4, Think: load.Think{Mean: time.Second}, Duration: 100 * time.Second,
			Timeout: 5 * time.Second,
		}, func(ctx context.Context, n uint64) (string, error) {
			switch n % 4 {
			case 0:
				return "login", fmt.Errorf("wrong password: %w", load.ErrOver)
			case 1:
				<-ctx.Done()
				return "page", ctx.Err()
			case 2:
				return "page", fmt.Errorf("odd thing %d", n)
			}
			return "page", nil
		})
		if login := result.Clicks["login"]; login.Latency.Count() != 0 || len(login.Reasons) != 1 {
			t.Errorf("login: %+v", login)
		}
		near(t, "refused logins, one a session", float64(result.Clicks["login"].Errors), 250, 50)
		page := result.Clicks["page"]
		if page.Reasons["no answer in time"] == 0 || page.Reasons["other reasons"] == 0 || len(page.Reasons) > 31 {
			t.Errorf("reasons: %v", page.Reasons)
		}
		var sum int64
		for _, n := range page.Reasons {
			sum += n
		}
		if sum != page.Errors {
			t.Errorf("%d errors, %d with reasons", page.Errors, sum)
		}
	})
}

func TestWhatTheServerCannotTakeIsCounted(t *testing.T) {
	never := func(ctx context.Context, _ uint64) (string, error) {
		<-ctx.Done()
		return "page", ctx.Err()
	}
	t.Run("dropped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			result := run(t, load.Config{Sessions: 100, Clicks: 1, Duration: 10 * time.Second, InFlight: 50}, never)
			if result.Valid() || result.Dropped == 0 || result.Peak != 50 {
				t.Errorf("dropped %d, peak %d, faults %v", result.Dropped, result.Peak, result.Faults)
			}
			near(t, "arrivals", float64(result.Dropped+50), 1000, 120)
		})
	})
	t.Run("unanswered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			result := run(t, load.Config{Users: 10, Think: load.Think{Mean: time.Second}, Duration: 10 * time.Second, Timeout: time.Minute}, never)
			if errors := result.Clicks["page"].Errors; errors != 10 || result.Interrupted != 10 || result.Unanswered != 80 {
				t.Errorf("of 100 clicks that were meant %d failed, %d were cut off and %d never made", errors, result.Interrupted, result.Unanswered)
			}
		})
	})
}

func TestALateGeneratorInvalidatesItsRun(t *testing.T) {
	var r load.Result
	r.Mode = load.Open
	r.Clicks = map[string]*load.Clicks{"page": {}}
	for range 1000 {
		r.Clicks["page"].Latency.Record(time.Millisecond)
		r.Lag.Record(14 * time.Millisecond)
	}
	if r.Judge(300 * time.Millisecond); !r.Valid() {
		t.Errorf("14 ms against 300 ms: %v", r.Faults)
	}
	for range 11 {
		r.Lag.Record(16 * time.Millisecond)
	}
	if r.Judge(300 * time.Millisecond); r.Valid() {
		t.Error("a lag of 16 ms in more than one of a hundred clicks is called valid")
	}
}

func TestInterruptedRunsKeepWhatWasMeasured(t *testing.T) {
	for _, clients := range []int{0, 5} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(5500*time.Millisecond, cancel)
			result, err := load.Run(ctx, load.Config{
				Users: 10, Clients: clients, Think: load.Think{Mean: 100 * time.Millisecond}, WarmUp: time.Second, Duration: time.Hour,
			}, &crowd{click: quickly})
			if err != nil || result.Measured.Round(time.Second/2) != 4500*time.Millisecond || result.Clicks["page"].Latency.Count() < 400 {
				t.Errorf("%v, %+v", err, result)
			}
		})
	}
}

func TestEverybodyLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := &crowd{click: stalling}
		result, err := load.Run(t.Context(), load.Config{
			Users: 50, Clicks: 5, Think: load.Think{Mean: time.Second}, Duration: 31 * time.Second,
		}, people)
		if err != nil || people.left.Load() != result.Arrivals {
			t.Errorf("%d arrived, %d left; %v", result.Arrivals, people.left.Load(), err)
		}
	})
}

func TestResultsSurviveJSONAndMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := run(t, load.Config{Sessions: 100, Clicks: 1, Duration: 60 * time.Second}, stalling)
		encoded, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		var first, second load.Result
		if err := errors.Join(json.Unmarshal(encoded, &first), json.Unmarshal(encoded, &second)); err != nil {
			t.Fatal(err)
		}
		if got, want := first.Clicks["page"].Latency.Quantile(.99), result.Clicks["page"].Latency.Quantile(.99); got != want {
			t.Errorf("p99 %v, not %v", got, want)
		}
		first.Merge(&second)
		if got, want := first.Clicks["page"].Latency.Count(), 2*result.Clicks["page"].Latency.Count(); got != want {
			t.Errorf("%d clicks of two parts, not %d", got, want)
		}
	})
}

func TestConfigsThatMakeNoSense(t *testing.T) {
	for want, config := range map[string]load.Config{
		"either users":        {Duration: 1},
		"not positive":        {Users: 1},
		"clients need":        {Users: 1, Clients: 2, Duration: 1},
		"without think time":  {Users: 1, Duration: 1},
		"less than one click": {Users: 1, Clicks: 0.5, Duration: 1, Think: load.Think{Mean: 1}},
		"negative":            {Users: -1, Duration: 1},
		"curve":               {Sessions: 1, Clicks: 1, Duration: 1, Curve: []float64{1, math.NaN()}},
	} {
		if _, err := load.Run(t.Context(), config, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, not %q", config, err, want)
		}
	}
}

func instantly(context.Context, uint64) (string, error) { return "page", nil }

func quickly(context.Context, uint64) (string, error) {
	time.Sleep(time.Millisecond)
	return "page", nil
}

func run(t *testing.T, config load.Config, click func(context.Context, uint64) (string, error)) *load.Result {
	t.Helper()
	result, err := load.Run(t.Context(), config, &crowd{click: click})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %g, not %g ± %g", what, got, want, tolerance)
	}
}

func BenchmarkClick(b *testing.B) {
	people := &crowd{click: func(context.Context, uint64) (string, error) { return "page", nil }}
	for b.Loop() {
		load.Run(b.Context(), load.Config{Sessions: 50_000, Clicks: 1, Duration: 100 * time.Millisecond}, people)
	}
}
