package ring

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/memberlist"
)

// Config describes this member and how it finds the others.
type Config struct {
	// Self describes this member; its State is where it starts, unless it has a
	// Shared.
	Self Member
	// Bind is host:port to gossip on; port 0 picks a free one.
	Bind string
	// Advertise is host:port that others shall use, when it is not Bind.
	Advertise string
	// Join names members to find the cluster by, host:port. They need not be
	// up; this member keeps trying.
	Join []string
	// Keys encrypt the gossip, 16, 24 or 32 bytes each. The first one
	// encrypts, all decrypt. At least one.
	Keys [][]byte
	// Rejoin is how often seeds that are missing are tried again. Default 3 s.
	Rejoin time.Duration
	// Shared is what all nodes hold alike; nil for frontends. A member that has it
	// is joining, and owns nothing, until it knows what the others do.
	Shared Shared
	// Patience is how long a member stays joining when no other node tells it all.
	// Default 3 s.
	Patience time.Duration
	// Pins name the nodes that own accounts whatever the placement says. Members
	// whose pins differ disagree about these accounts alone.
	Pins map[string]string
	// Hold is how long the table goes on naming nodes that vanished, when more than
	// half of them did so within that time. Default 30 s.
	Hold time.Duration
	// Settle is how long membership events are collected before a new table is
	// built. Default 20 ms.
	Settle time.Duration

	// What only tests of this package set.
	transport   memberlist.Transport // instead of the network
	generations []Parameters         // that this member knows
}

// Failure detection: a crash is noticed in 2 to 3 s, and a busy machine is not
// taken for a dead one.
const (
	probeInterval       = 500 * time.Millisecond
	probeTimeout        = 200 * time.Millisecond
	suspicionMultiplier = 3
	gossipInterval      = 100 * time.Millisecond
	// exchangeInterval is how often a member compares all it knows with another
	// one. Gossip alone may lose news: a change of state during a join stayed
	// unknown to the seed until the next exchange in more than half of trials.
	exchangeInterval = 5 * time.Second
	// exchangeTimeout bounds an exchange, connecting included.
	exchangeTimeout = 3 * time.Second
	// reclaimAfter lets a member come back under a new address.
	reclaimAfter = 5 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Rejoin == 0 {
		c.Rejoin = 3 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 3 * time.Second
	}
	if c.Hold == 0 {
		c.Hold = 30 * time.Second
	}
	if c.generations == nil {
		c.generations = generations
	}
	if c.Settle == 0 {
		c.Settle = 20 * time.Millisecond
	}
	return c
}

// Validate tells what is missing or wrong.
func (c Config) Validate() error {
	var problems []error
	if c.Self.Name == "" {
		problems = append(problems, errors.New("ring: a member needs a name"))
	}
	if c.Self.Role != RoleNode && c.Self.Role != RoleFrontend {
		problems = append(problems, fmt.Errorf("ring: unknown role %q", c.Self.Role))
	}
	if _, err := c.Self.encode(); err != nil {
		problems = append(problems, err)
	}
	for _, address := range append([]string{c.Bind}, c.Join...) {
		if _, _, err := net.SplitHostPort(address); err != nil {
			problems = append(problems, fmt.Errorf("ring: not host:port: %w", err))
		}
	}
	if len(c.Keys) == 0 {
		problems = append(problems, errors.New("ring: gossip needs a key"))
	}
	return errors.Join(problems...)
}
