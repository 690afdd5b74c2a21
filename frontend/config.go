package frontend

import (
	"errors"
	"net/netip"
	"net/url"
	"time"
)

// Domain is a mail domain that users can log in to.
type Domain struct {
	Name string
	// CaseSensitive keeps upper and lower case of user names apart.
	CaseSensitive bool
}

// Config is what a frontend needs to know.
type Config struct {
	// Domains are offered at login. At least one.
	Domains []Domain
	// PublicURL is the one scheme and host under which users see AlphaMail.
	// Whoever comes under another name is redirected there before any cookie
	// is set. When nil, every name of a connection over TLS is served, and over
	// plain HTTP only loopback.
	PublicURL *url.URL
	// TrustedProxies may say, by X-Forwarded-For, -Proto and -Host, whom they
	// ask for.
	TrustedProxies []netip.Prefix
	// ProxyProtocol says that connections from TrustedProxies begin with a PROXY
	// header, version 1 or 2, which tells whose they are. Without one they are closed.
	ProxyProtocol bool
	// Location is the time zone of dates on pages. Default: local.
	Location *time.Location
	// Ready tells why no more browsers shall be sent here, nil while they may. A
	// balancer asks for it. Default: always.
	Ready func() error
	// QuestionTimeout bounds one question to a node. Default 20 s.
	QuestionTimeout time.Duration
	// WritingTimeout bounds a question that moves a message, such as saving it with
	// its attachments or sending it. Default 3 min.
	WritingTimeout time.Duration
	// MaxUpload bounds a form that writes a message, with its files, in bytes. What
	// may be attached is less, and the node says so; beyond that there is room to
	// read on, so that the text is saved. Default 128 MiB.
	MaxUpload int64
	// MaxHeader, MaxURL and MaxForm bound a request, in bytes. Defaults: 16 KiB,
	// 8 KiB, 64 KiB.
	MaxHeader, MaxURL, MaxForm int
	// IdleTimeout is how long a browser's connection may lie idle. Default 75 s.
	IdleTimeout time.Duration
	// StallTimeout is how long a browser may neither send nor take anything
	// within a request. Default 60 s.
	StallTimeout time.Duration
	// Concurrency bounds the connections of browsers. Default 256 × 1024.
	Concurrency int
}

func (c Config) withDefaults() Config {
	setDefault(&c.Location, time.Local)
	setDefault(&c.QuestionTimeout, 20*time.Second)
	setDefault(&c.WritingTimeout, 3*time.Minute)
	setDefault(&c.MaxUpload, 128<<20)
	setDefault(&c.MaxHeader, 16<<10)
	setDefault(&c.MaxURL, 8<<10)
	setDefault(&c.MaxForm, 64<<10)
	setDefault(&c.IdleTimeout, 75*time.Second)
	setDefault(&c.StallTimeout, 60*time.Second)
	setDefault(&c.Concurrency, 256<<10)
	return c
}

func setDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Validate tells what is missing or contradictory.
func (c Config) Validate() error {
	var problems []error
	if len(c.Domains) == 0 {
		problems = append(problems, errors.New("frontend: no mail domain to log in to"))
	}
	if c.PublicURL != nil && (c.PublicURL.Host == "" || c.PublicURL.Scheme != "http" && c.PublicURL.Scheme != "https") {
		problems = append(problems, errors.New("frontend: the public URL needs scheme and host"))
	}
	return errors.Join(problems...)
}
