package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"alphamail/bench/imapuser"
	"alphamail/bench/inventory"
	"alphamail/bench/meter"
	"alphamail/bench/profile"
	"alphamail/bench/webuser"
)

// Target is a mail server and the accounts to use there.
type Target struct {
	IMAP         string `yaml:"imap" json:"imap" placeholder:"HOST:PORT" help:"IMAP server that holds the mail; port 993 is implicit TLS, others use STARTTLS unless they are on this machine."`
	Users        string `yaml:"users" json:"users" placeholder:"PATTERN" help:"Accounts: a pattern such as u{1..200}@example.edu, or @FILE with lines of a user and, after white space, a password."`
	PasswordFile string `yaml:"password_file" json:"-" placeholder:"FILE" help:"File whose first line is the password of all users."`
	Password     string `yaml:"password" json:"-" env:"ALPHAMAIL_BENCH_PASSWORD" help:"The same on the command line, for accounts made for tests."`
	Mailbox      string `yaml:"mailbox" json:"mailbox" default:"INBOX" help:"Mailbox to use."`
	CA           string `yaml:"ca" json:"ca,omitempty" placeholder:"FILE" help:"Certificates (PEM) to trust instead of the system's."`
	Own          bool   `yaml:"i_own_this_server" json:"-" name:"i-own-this-server" help:"Allow servers that are not on this machine."`
}

// Volume is how much load there is, and for how long. One of Concurrent,
// Sessions and Clients is needed.
type Volume struct {
	Profile    string        `yaml:"profile" json:"profile" default:"click-list" help:"What users do: the name of a profile that comes with the program, or a file NAME.yaml."`
	Concurrent int           `yaml:"concurrent" json:"concurrent,omitempty" placeholder:"N" help:"Open load: users at a time."`
	Sessions   float64       `yaml:"sessions" json:"sessions,omitempty" placeholder:"RATE" help:"Open load: sessions that begin per second."`
	Clients    int           `yaml:"clients" json:"clients,omitempty" placeholder:"N" help:"Closed load, for the highest throughput: so many clicks at a time, by all accounts in turn."`
	Think      time.Duration `yaml:"think" json:"think,omitempty" placeholder:"TIME" help:"Mean time between two clicks of a user, instead of the profile's."`
	WarmUp     time.Duration `yaml:"warm_up" json:"warm_up" default:"10s" help:"Time before measuring begins."`
	Duration   time.Duration `yaml:"duration" json:"duration" default:"60s" help:"Time of measuring."`
	Seed       uint64        `yaml:"seed" json:"seed" default:"1" help:"Equal seeds ask for the same."`
}

// Plan is one measurement.
type Plan struct {
	Name string `yaml:"name" json:"name" kong:"-"`

	// Driver is one of webuser.Drivers, or Mode one of imapuser.Modes.
	Driver     string `yaml:"driver" json:"driver,omitempty" kong:"-"`
	Mode       string `yaml:"mode" json:"mode,omitempty" kong:"-"`
	URL        string `yaml:"url" json:"url,omitempty" kong:"-"`
	Compressed bool   `yaml:"compressed" json:"compressed,omitempty" kong:"-"`

	Target `yaml:",inline"`
	Volume `yaml:",inline"`

	Meter     []string `yaml:"meter" json:"-" placeholder:"NAME=PID" help:"Measure the processes below this one as a component."`
	Processes int      `yaml:"processes" json:"processes,omitempty" placeholder:"N" help:"Processes that make the load. Default: as many as the limit of open files asks for."`
}

// ParsePlan reads a plan from a file; unknown keys are refused.
func ParsePlan(file string) (*Plan, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Name: strings.TrimSuffix(file, ".yaml"), Target: Target{Mailbox: "INBOX"},
		Volume: Volume{Profile: "click-list", WarmUp: 10 * time.Second, Duration: time.Minute, Seed: 1},
	}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(p); err != nil {
		return nil, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func (p *Plan) validate() error {
	volumes := 0
	for _, given := range []bool{p.Concurrent > 0, p.Sessions > 0, p.Clients > 0} {
		if given {
			volumes++
		}
	}
	switch {
	case (p.Driver == "") == (p.Mode == ""):
		return errors.New("either a driver or a mode is needed")
	case p.Driver != "" && p.URL == "":
		return errors.New("the driver needs a URL")
	case volumes != 1:
		return errors.New("one of concurrent, sessions and clients is needed")
	case p.Duration <= 0 || p.WarmUp < 0 || p.Think < 0:
		return errors.New("the duration must be positive, warm-up and think time not negative")
	}
	if _, err := p.components(); err != nil {
		return err
	}
	if p.URL != "" {
		u, err := url.Parse(p.URL)
		if err != nil {
			return err
		}
		if err := p.allowed(u.Hostname()); err != nil {
			return err
		}
	}
	return p.Target.validate()
}

func (t *Target) validate() error {
	if t.IMAP == "" || t.Users == "" {
		return errors.New("an IMAP server and users are needed")
	}
	host, _, err := net.SplitHostPort(t.IMAP)
	if err != nil {
		return fmt.Errorf("imap: %w", err)
	}
	return t.allowed(host)
}

// allowed refuses hosts that are not this machine, unless the caller owns them.
func (t *Target) allowed(host string) error {
	if t.Own || loopback(host) {
		return nil
	}
	return fmt.Errorf("%s is not this machine: a load can put a server out of service, so say --i-own-this-server (i_own_this_server: true) if it is yours to do that to", host)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// server returns the IMAP server.
func (t *Target) server() (inventory.Server, error) {
	server := inventory.Server{Address: t.IMAP}
	host, port, err := net.SplitHostPort(t.IMAP)
	if err != nil {
		return server, err
	}
	if port != "993" && loopback(host) && t.CA == "" {
		return server, nil
	}
	server.TLS, err = t.tls(host)
	return server, err
}

func (t *Target) tls(host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host}
	if t.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", t.CA)
	}
	return config, nil
}

// maxAccounts bounds what a pattern may stand for.
const maxAccounts = 1_000_000

var numbers = regexp.MustCompile(`\{(\d+)\.\.(\d+)\}`)

// accounts returns the accounts that Users stands for.
func (t *Target) accounts() ([]inventory.Account, error) {
	password := t.Password
	if t.PasswordFile != "" {
		data, err := os.ReadFile(t.PasswordFile)
		if err != nil {
			return nil, err
		}
		password, _, _ = strings.Cut(string(data), "\n")
		password = strings.TrimSuffix(password, "\r")
	}
	if file, isFile := strings.CutPrefix(t.Users, "@"); isFile {
		return readAccounts(file, password)
	}
	found := numbers.FindStringSubmatchIndex(t.Users)
	if found == nil {
		return []inventory.Account{{User: t.Users, Password: password}}, nil
	}
	low, high := t.Users[found[2]:found[3]], t.Users[found[4]:found[5]]
	from, errFrom := strconv.Atoi(low)
	to, errTo := strconv.Atoi(high)
	if errFrom != nil || errTo != nil || to < from || to-from >= maxAccounts {
		return nil, fmt.Errorf("users: {%s..%s} is no range of at most %d numbers", low, high, maxAccounts)
	}
	width := 0
	if strings.HasPrefix(low, "0") {
		width = len(low)
	}
	var accounts []inventory.Account
	for n := from; n <= to; n++ {
		accounts = append(accounts, inventory.Account{
			User: t.Users[:found[0]] + fmt.Sprintf("%0*d", width, n) + t.Users[found[1]:], Password: password,
		})
	}
	return accounts, nil
}

func readAccounts(file, password string) ([]inventory.Account, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var accounts []inventory.Account
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		one := inventory.Account{User: fields[0], Password: password}
		if len(fields) > 1 {
			one.Password = fields[1]
		}
		accounts = append(accounts, one)
	}
	if len(accounts) == 0 {
		return nil, fmt.Errorf("%s holds no accounts", file)
	}
	return accounts, nil
}

// components returns what is to be measured beside the generator.
func (p *Plan) components() ([]meter.Component, error) {
	var components []meter.Component
	for _, one := range p.Meter {
		name, id, _ := strings.Cut(one, "=")
		pid, err := strconv.Atoi(id)
		if err != nil || name == "" || pid <= 0 {
			return nil, fmt.Errorf("meter: %q is not NAME=PID", one)
		}
		components = append(components, meter.Component{Name: name, Roots: func() []int { return []int{pid} }})
	}
	return components, nil
}

// profile returns the profile, without what the product does not have; those
// kinds are returned too.
func (p *Plan) profile() (*profile.Profile, []profile.Kind, error) {
	full, err := profile.Load(p.Profile)
	if err != nil {
		return nil, nil, err
	}
	var left []profile.Kind
	for _, kind := range append(webuser.Lacks(p.Driver), imapuser.Lacks(imapuser.Mode(p.Mode))...) {
		if full.Mix[kind] > 0 {
			left = append(left, kind)
		}
	}
	fewer, ok := full.Without(left...)
	if !ok {
		return nil, nil, fmt.Errorf("%s has nothing that profile %s asks for", p.Driver+p.Mode, p.Profile)
	}
	return fewer, left, nil
}

// Drivers and Modes are what plans may name.
func Drivers() []string { return webuser.Drivers() }

// Modes returns the modes of IMAP users.
func Modes() []imapuser.Mode { return imapuser.Modes() }

// Resolve returns the server and the accounts of a target, once it is allowed.
func (t *Target) Resolve() (inventory.Server, []inventory.Account, error) {
	if err := t.validate(); err != nil {
		return inventory.Server{}, nil, err
	}
	server, err := t.server()
	if err != nil {
		return server, nil, err
	}
	accounts, err := t.accounts()
	return server, accounts, err
}
