package sidebyside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"alphamail/bench"
	"alphamail/bench/load"
	"alphamail/bench/meter"
	"alphamail/bench/profile"
	"alphamail/bench/stats"
	"alphamail/bench/testbed"
	"alphamail/bench/webuser"
)

// Config says how much to measure. All fields but Log are needed.
type Config struct {
	Program  string        `kong:"-" json:"-"` // path of alphamail
	Messages []int         `json:"messages" default:"1000,10000" help:"Messages in each mailbox; one comparison for each number."`
	Accounts int           `json:"accounts" default:"200" help:"Accounts."`
	Clients  int           `json:"clients" default:"8" help:"Clicks at a time, for throughput."`
	Repeats  int           `json:"repeats" default:"8" help:"Runs of every product, in turn; with fewer than 7 even the clearest difference between so many figures might be chance."`
	WarmUp   time.Duration `json:"warm_up" default:"3s" help:"Time before measuring begins, of every run."`
	Duration time.Duration `json:"duration" default:"6s" help:"Time of measuring, of every run."`
	Seed     uint64        `json:"seed" default:"1" help:"Equal seeds make equal mail and ask for the same."`

	Log io.Writer `kong:"-" json:"-"` // told of every run
}

const profileName = "click-list"

// Available says why the comparison cannot be made here, nil if it can.
func Available() error {
	return errors.Join(testbed.DovecotAvailable(), testbed.RoundcubeAvailable(), meter.Available())
}

// Result is what was found out.
type Result struct {
	Host        bench.Host    `json:"host"`
	Config      Config        `json:"config"`
	Comparisons []*Comparison `json:"comparisons"`
}

// Comparison is of mailboxes of one size and one list of clicks.
type Comparison struct {
	Messages int             `json:"messages"`
	Clicks   []profile.Kind  `json:"clicks"`
	Rate     float64         `json:"rate"` // of the open load, clicks/s
	Series   []*bench.Series `json:"series"`
	Work     []*Work         `json:"work"` // by product, in the order of the series
	Faults   []string        `json:"faults,omitempty"`
}

// Run makes all comparisons. What was measured is returned even if the context
// ended or something failed.
func Run(ctx context.Context, config Config) (*Result, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if config.Accounts < 1 || config.Clients < 1 || config.Repeats < 1 || config.Duration <= 0 || config.WarmUp < 0 || slices.ContainsFunc(config.Messages, func(n int) bool { return n < 1 }) {
		return nil, errors.New("numbers of messages, accounts, clients and runs, and the duration, must be positive")
	}
	result := &Result{Host: bench.ThisHost(), Config: config}
	for _, messages := range config.Messages {
		if err := result.measure(ctx, messages); err != nil {
			return result, fmt.Errorf("at %d messages: %w", messages, err)
		}
	}
	return result, nil
}

func (r *Result) measure(ctx context.Context, messages int) (err error) {
	config := &r.Config
	fmt.Fprintf(config.Log, "making %d mailboxes of %d messages\n", config.Accounts, messages)
	scene, err := newScene(ctx, config, messages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scene.stop()) }()
	products, work, err := scene.open(ctx, config)
	defer func() {
		for _, one := range products {
			err = errors.Join(err, one.stop())
		}
	}()
	if err != nil {
		return err
	}
	full, err := profile.Load(profileName)
	if err != nil {
		return err
	}
	// What not every product has is compared between those that have it.
	for _, without := range [][]profile.Kind{{profile.Search}, nil} {
		asked, _ := full.Without(without...)
		c := &Comparison{Messages: messages}
		for _, kind := range profile.Kinds() {
			if asked.Mix[kind] > 0 {
				c.Clicks = append(c.Clicks, kind)
			}
		}
		var able []*product
		for i, one := range products {
			if !slices.ContainsFunc(webuser.Lacks(one.driver), func(kind profile.Kind) bool { return asked.Mix[kind] > 0 }) {
				able = append(able, one)
				c.Work = append(c.Work, work[i])
			}
		}
		r.Comparisons = append(r.Comparisons, c)
		if err := c.measure(ctx, config, scene, able, without); err != nil {
			return err
		}
	}
	return nil
}

// open starts all products; before, it counts what their clicks cost.
func (s *scene) open(ctx context.Context, config *Config) (products []*product, work []*Work, err error) {
	for _, recipe := range config.recipes() {
		counted, err := s.count(ctx, recipe)
		if err != nil {
			return products, nil, fmt.Errorf("counting the work of %s: %w", recipe.name, err)
		}
		started, err := recipe.start(s.dovecot.IMAPAddr())
		if err != nil {
			return products, nil, err
		}
		products, work = append(products, started), append(work, counted)
	}
	for i, one := range products {
		one.meters = s.meters(products, i)
	}
	return products, work, nil
}

// meters returns what is measured while one product is under load: itself, the
// mail server, and the other products, which should do nothing.
func (s *scene) meters(products []*product, loaded int) []meter.Component {
	idle := meter.Component{Name: othersMeanwhile, Roots: func() (roots []int) {
		for i, other := range products {
			for _, component := range other.components {
				if i != loaded {
					roots = append(roots, component.Roots()...)
				}
			}
		}
		return roots
	}}
	return append(slices.Clone(products[loaded].components), meter.Component{Name: mailServer, Roots: s.dovecot.Roots}, idle)
}

// plan is what a product is asked for, but for the volume.
func (c *Config) plan(s *scene, one *product) *bench.Plan {
	return &bench.Plan{
		Name: one.name, Driver: one.driver, URL: one.url,
		Target: bench.Target{IMAP: s.dovecot.IMAPAddr(), Users: fmt.Sprintf("u{1..%d}@%s", c.Accounts, domain), Password: password, Mailbox: "INBOX"},
		Volume: bench.Volume{Profile: profileName},
	}
}

func (c *Comparison) measure(ctx context.Context, config *Config, s *scene, products []*product, without []profile.Kind) error {
	var subjects []*bench.Subject
	for _, one := range products {
		subject, err := bench.NewSubject(config.plan(s, one), s.accounts, s.boxes)
		if err == nil {
			subject, err = subject.Without(without...)
		}
		if err != nil {
			return err
		}
		subjects = append(subjects, subject)
		c.Series = append(c.Series, &bench.Series{Name: one.name})
	}
	closed := bench.Volume{Profile: profileName, Clients: config.Clients, WarmUp: config.WarmUp, Duration: config.Duration}
	if err := c.inTurn(ctx, config, products, subjects, closed); err != nil {
		return err
	}
	for _, series := range c.Series {
		rates := series.Figures(bench.FigureRate)
		if half := stats.Median(rates) / 2; c.Rate == 0 || half < c.Rate {
			c.Rate = half
		}
	}
	if c.Rate == 0 {
		return errors.New("a product answers no click at all")
	}
	open := bench.Volume{
		Profile: profileName, Concurrent: config.Accounts, Think: time.Duration(float64(config.Accounts) / c.Rate * float64(time.Second)),
		WarmUp: config.WarmUp, Duration: config.Duration,
	}
	// Everybody has to have logged in and clicked once.
	open.WarmUp = max(open.WarmUp, open.Think*5/4)
	return c.inTurn(ctx, config, products, subjects, open)
}

// inTurn runs a volume on every product, again and again; who comes first is
// decided by chance each time.
func (c *Comparison) inTurn(ctx context.Context, config *Config, products []*product, subjects []*bench.Subject, volume bench.Volume) error {
	rng := rand.New(rand.NewPCG(config.Seed, 0))
	for repeat := range config.Repeats {
		for _, i := range rng.Perm(len(products)) {
			volume.Seed = config.Seed + uint64(repeat) // all are asked for the same
			report, err := subjects[i].Measure(ctx, volume, nil, products[i].meters...)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", products[i].name, err)
			}
			for _, fault := range report.Result.Faults {
				c.Faults = append(c.Faults, fmt.Sprintf("%s, %s load, run %d: %s", products[i].name, report.Result.Mode, repeat+1, fault))
			}
			c.add(i, repeat, report)
			clicks := report.Clicks()
			fmt.Fprintf(config.Log, "%d messages, %s, %s load, run %d of %d: %s: %.1f clicks/s, p99 %.1f ms, %d errors%s\n", c.Messages, c.name(), report.Result.Mode,
				repeat+1, config.Repeats, products[i].name, report.Result.PerSecond(clicks.Latency.Count()), load.Milliseconds(clicks.Latency.Quantile(.99)), clicks.Errors, clicks.Why())
		}
	}
	return nil
}

func (c *Comparison) name() string {
	var kinds []string
	for _, kind := range c.Clicks {
		kinds = append(kinds, string(kind))
	}
	return strings.Join(kinds, " + ")
}

// add adds a run's figures: throughput and processor time of a closed load,
// latencies of an open one.
func (c *Comparison) add(i, repeat int, report *bench.Report) {
	runs := &c.Series[i].Runs
	for len(*runs) <= repeat {
		*runs = append(*runs, map[string]float64{})
	}
	run := (*runs)[repeat]
	figures := report.Measurements()
	if report.Result.Mode == load.Closed {
		for name, value := range figures {
			if name == bench.FigureErrors {
				name = errorsClosed
			}
			run[name] = value
		}
		return
	}
	run[errorsOpen] = figures[bench.FigureErrors]
	var seen, fresh []string
	for _, name := range report.Result.Names() {
		switch {
		case name == string(profile.Login):
		case strings.HasSuffix(name, ", new"):
			fresh = append(fresh, name)
		default:
			seen = append(seen, name)
		}
	}
	login := string(profile.Login)
	for name, clicks := range map[string]*load.Clicks{
		"all": report.Clicks(), "seen before": report.Result.Total(append(fresh, login)...), "new": report.Result.Total(append(seen, login)...),
	} {
		if clicks.Latency.Count() > 0 {
			run["p50 ms, "+name] = load.Milliseconds(clicks.Latency.Quantile(.50))
			run["p99 ms, "+name] = load.Milliseconds(clicks.Latency.Quantile(.99))
		}
	}
}

// Names of figures, beside those of package bench.
const (
	errorsClosed = "share of errors, closed load"
	errorsOpen   = "share of errors, open load"
)
