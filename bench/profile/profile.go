// Package profile says what users do: how long their sessions are, how long they
// think, and which pages they ask for. A profile is a file with a version, so
// that two measurements made with the same one can be compared; those that come
// with the program are embedded here.
package profile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"alphamail/bench/load"
)

// Kind is a kind of click.
type Kind string

// The kinds of clicks that a profile mixes. Login is always a session's first
// and never part of a mix.
const (
	Login  Kind = "login"
	List1  Kind = "list page 1"
	List5  Kind = "list page 5"
	Open   Kind = "open"
	Search Kind = "search"
)

// Kinds returns the kinds that a mix may hold.
func Kinds() []Kind { return []Kind{List1, List5, Open, Search} }

// Profile is what a file of this package holds.
type Profile struct {
	Name    string   `yaml:"name" json:"name"`
	Version int      `yaml:"version" json:"version"`
	About   string   `yaml:"about" json:"about"`
	Sources []string `yaml:"sources" json:"sources"` // where its numbers come from

	// Accounts is the least number of accounts that a comparison needs.
	Accounts int `yaml:"accounts" json:"accounts"`

	// Messages is the size of the mailbox that the numbers were made for.
	Messages int `yaml:"messages" json:"messages"`

	// Clicks is the mean number of clicks in a session; 0 means no end.
	Clicks float64 `yaml:"clicks" json:"clicks"`

	Think Think `yaml:"think" json:"think"`

	// Mix holds the weights of the kinds of clicks.
	Mix map[Kind]float64 `yaml:"mix" json:"mix"`

	// Fresh is the share of the messages opened and of the searches that the
	// account never asked for before.
	Fresh float64 `yaml:"fresh" json:"fresh"`

	// Curve shapes the number of users over the run, see load.Config.
	Curve []float64 `yaml:"curve" json:"curve,omitempty"`

	Objective Objective `yaml:"objective" json:"objective"`
}

// Think is the time between clicks: shape is fixed, exponential or log-normal,
// the last with sigma, the standard deviation of the logarithm.
type Think struct {
	Mean  time.Duration `yaml:"mean" json:"mean"`
	Shape string        `yaml:"shape" json:"shape"`
	Sigma float64       `yaml:"sigma" json:"sigma,omitempty"`
}

// Objective is what the users are promised.
type Objective struct {
	P99    time.Duration `yaml:"p99" json:"p99"`
	Errors float64       `yaml:"errors" json:"errors"` // share of clicks, 0 to 1
}

//go:embed *.yaml
var files embed.FS

// Names returns the names of the profiles that come with the program.
func Names() []string {
	found, _ := fs.Glob(files, "*.yaml")
	for i := range found {
		found[i] = strings.TrimSuffix(found[i], ".yaml")
	}
	return found
}

// Load returns a profile that comes with the program, or reads a file if the
// name ends in .yaml.
func Load(name string) (*Profile, error) {
	read := files.ReadFile
	file := name + ".yaml"
	if strings.HasSuffix(name, ".yaml") {
		read, file = os.ReadFile, name
	}
	data, err := read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no profile %q; there are %s, and files whose names end in .yaml", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// Parse reads a profile; file names it in errors.
func Parse(file string, data []byte) (*Profile, error) {
	p := &Profile{}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(p); err != nil {
		return nil, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func (p *Profile) validate() error {
	shapes := []string{"fixed", "exponential", "log-normal"}
	total := 0.0
	for kind, weight := range p.Mix {
		if !slices.Contains(Kinds(), kind) {
			return fmt.Errorf("mix: there is no kind of click called %q; there are %q", kind, Kinds())
		}
		if weight < 0 {
			return fmt.Errorf("mix: the weight of %q is negative", kind)
		}
		total += weight
	}
	switch {
	case p.Name == "" || p.Version < 1:
		return errors.New("a name and a version from 1 are needed")
	case total == 0:
		return errors.New("mix: no kind of click has a weight")
	case !slices.Contains(shapes, p.Think.Shape):
		return fmt.Errorf("think: the shape %q is none of %q", p.Think.Shape, shapes)
	case p.Think.Mean <= 0 || p.Think.Sigma < 0:
		return errors.New("think: the mean must be positive, and sigma not negative")
	case p.Fresh < 0 || p.Fresh > 1 || p.Objective.Errors < 0 || p.Objective.Errors > 1:
		return errors.New("fresh and objective.errors are shares between 0 and 1")
	case p.Objective.P99 <= 0:
		return errors.New("objective: p99 must be positive")
	case p.Accounts < 1 || p.Messages < 1 || p.Clicks < 0:
		return errors.New("accounts and messages must be positive, clicks not negative")
	}
	return nil
}

// Load returns what the profile means to the load engine; users, times and the
// seed are the caller's.
func (p *Profile) Load() load.Config {
	config := load.Config{
		Clicks: p.Clicks, Curve: p.Curve, Objective: p.Objective.P99,
		Think: load.Think{Mean: p.Think.Mean},
	}
	switch p.Think.Shape {
	case "exponential":
		config.Think.Exponential = true
	case "log-normal":
		config.Think.Sigma = p.Think.Sigma
	}
	return config
}

// Without returns the profile without some kinds of clicks, which a product may
// not have; it reports false if nothing is left.
func (p *Profile) Without(kinds ...Kind) (*Profile, bool) {
	fewer := *p
	fewer.Mix = map[Kind]float64{}
	for kind, weight := range p.Mix {
		if !slices.Contains(kinds, kind) && weight > 0 {
			fewer.Mix[kind] = weight
		}
	}
	return &fewer, len(fewer.Mix) > 0
}
