package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"alphamail/bench/imapuser"
	"alphamail/bench/inventory"
	"alphamail/bench/load"
	"alphamail/bench/meter"
	"alphamail/bench/profile"
	"alphamail/bench/script"
	"alphamail/bench/webuser"
)

// Generator is the name of the component that makes the load.
const Generator = "generator"

// Execute makes a measurement. If the context ends, the report holds what was
// measured so far.
func Execute(ctx context.Context, plan *Plan, progress func(load.Interval)) (*Report, error) {
	if err := plan.validate(); err != nil {
		return nil, err
	}
	if n := plan.processes(); n > 1 {
		return plan.spread(ctx, n, progress)
	}
	subject, err := Prepare(ctx, plan)
	if err != nil {
		return nil, err
	}
	components, err := plan.components()
	if err != nil {
		return nil, err
	}
	return subject.Measure(ctx, plan.Volume, progress, components...)
}

// Subject is what is measured, ready to be measured again and again: its
// mailboxes have been read, and it is remembered which pages were asked for.
type Subject struct {
	plan     *Plan
	profile  *profile.Profile
	left     []profile.Kind
	accounts []*script.Account
	server   inventory.Server

	measuring func() // if set, called when a warm-up is over
}

// Prepare reads the mailboxes.
func Prepare(ctx context.Context, plan *Plan) (*Subject, error) {
	accounts, err := plan.accounts()
	if err != nil {
		return nil, err
	}
	return prepareAccounts(ctx, plan, accounts)
}

func prepareAccounts(ctx context.Context, plan *Plan, accounts []inventory.Account) (*Subject, error) {
	server, err := plan.server()
	if err != nil {
		return nil, err
	}
	boxes, err := inventory.Read(ctx, inventory.Config{Server: server, Accounts: accounts, Mailbox: plan.Mailbox})
	if err != nil {
		return nil, err
	}
	return NewSubject(plan, accounts, boxes)
}

// NewSubject returns what is measured with mailboxes that were read before, in
// the order of the accounts.
func NewSubject(plan *Plan, accounts []inventory.Account, boxes []*inventory.Mailbox) (*Subject, error) {
	s := &Subject{plan: plan}
	var err error
	if s.server, err = plan.server(); err != nil {
		return nil, err
	}
	if s.profile, s.left, err = plan.profile(); err != nil {
		return nil, err
	}
	for i, account := range accounts {
		s.accounts = append(s.accounts, script.NewAccount(account, boxes[i]))
	}
	return s, nil
}

// Without returns the same subject, asked for fewer kinds of clicks.
func (s *Subject) Without(kinds ...profile.Kind) (*Subject, error) {
	fewer := *s
	var ok bool
	if fewer.profile, ok = s.profile.Without(kinds...); !ok {
		return nil, fmt.Errorf("profile %s has nothing else", s.profile.Name)
	}
	return &fewer, nil
}

// Measure puts a load on the subject.
func (s *Subject) Measure(ctx context.Context, volume Volume, progress func(load.Interval), components ...meter.Component) (*Report, error) {
	config := volume.load(s.profile, len(s.accounts))
	config.Progress = progress
	population, err := s.population(config, volume.Seed)
	if err != nil {
		return nil, err
	}
	if shared, ok := population.(io.Closer); ok {
		defer shared.Close()
	}
	if err := raiseFileLimit(); err != nil {
		return nil, err
	}
	watched := meter.Start(append(components, meter.Component{Name: Generator, Roots: func() []int { return []int{os.Getpid()} }})...)
	// What logging in and warming up cost is not part of the measured time.
	settled := make(chan struct{})
	config.Measuring = func() {
		watched.Restart()
		if s.measuring != nil {
			s.measuring()
		}
		close(settled)
	}
	result, err := load.Run(ctx, config, population)
	usages := watched.Stop()
	if err != nil {
		return nil, err
	}
	select {
	case <-settled:
	default:
		usages = nil // it was interrupted before
	}
	return s.report(volume, result, usages), nil
}

func (v Volume) load(p *profile.Profile, accounts int) load.Config {
	config := p.Load()
	config.Users, config.Sessions, config.Clients = v.Concurrent, v.Sessions, v.Clients
	if v.Clients > 0 {
		config.Users = max(accounts, v.Clients)
	}
	config.WarmUp, config.Duration, config.Seed = v.WarmUp, v.Duration, v.Seed
	if v.Think > 0 {
		config.Think.Mean = v.Think
	}
	return config
}

func (s *Subject) population(config load.Config, seed uint64) (load.Population, error) {
	if s.plan.Mode != "" {
		return imapuser.New(imapuser.Config{
			Mode: imapuser.Mode(s.plan.Mode), Server: s.server, Accounts: s.accounts, Profile: s.profile, Seed: seed,
		})
	}
	secure, err := s.plan.tls("")
	if err != nil {
		return nil, err
	}
	return webuser.New(webuser.Config{
		Driver: s.plan.Driver, URL: s.plan.URL, Accounts: s.accounts, Profile: s.profile, Seed: seed,
		TLS: secure, Compressed: s.plan.Compressed, Sources: sources(s.plan.URL, config.Users),
	})
}

// portsPerSource is how many connections one source address is trusted with. Of
// the 28,232 ports that Linux has for them by default, it takes those of one
// parity first; once they are gone, it looks through all of them for every
// further connection, which held this generator up for seconds.
const portsPerSource = 10_000

// sources returns source addresses for so many connections to this machine,
// none if one is enough or the server is elsewhere.
func sources(url string, connections int) []net.IP {
	host := hostOf(url)
	if ip := net.ParseIP(host); connections <= portsPerSource || ip == nil || ip.To4() == nil || !ip.IsLoopback() || runtime.GOOS != "linux" {
		return nil
	}
	var addresses []net.IP
	for i := range min(200, connections/portsPerSource+1) {
		addresses = append(addresses, net.IPv4(127, 0, 1, byte(1+i)))
	}
	return addresses
}

// Host says where a measurement was made.
type Host struct {
	OS         string `json:"os"`
	Processors int    `json:"processors"`
	Go         string `json:"go"`
}

// ThisHost describes this machine.
func ThisHost() Host {
	return Host{OS: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(), Go: runtime.Version()}
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
