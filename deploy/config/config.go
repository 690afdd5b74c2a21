// Package config is AlphaMail's configuration file: its keys, their defaults,
// and a strict reading that tells every mistake with its line and its remedy.
//
// It knows no other package of ours: whoever wires the parts together turns a
// Config into theirs.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Config is a configuration file, with defaults filled in.
type Config struct {
	// File is where it was read from.
	File string

	Servers    []Server // for reading
	Submission []Server // for sending
	Domains    map[string]Domain

	Listen         string
	PublicURL      *url.URL // nil when none is set
	RedirectListen string
	TLSCertificate string
	TLSKey         string
	TrustedProxies []netip.Prefix
	ProxyProtocol  bool // proxies tell by a PROXY header whose connection it is

	StateDir        string
	AdminListen     string
	CacheSize       int64 // bytes
	SessionLifetime time.Duration
	SessionIdle     time.Duration
	LoginAttempts   int // that may fail before one has to wait
	IMAPTimeout     time.Duration
	Memory          int64 // bytes that a node may hold; 0: no bound
	Snippets        bool
	FetchAhead      bool
	SettingsFolder  string // keeps settings and contacts of each user; empty: nothing does
	Watch           bool
	OneClick        bool // nodes tell lists that their readers leave (RFC 8058)
	TimeZone        *time.Location

	LogFormat string // "text" or "json"
	LogLevel  string // "debug", "info", "warn" or "error"

	Cluster Cluster
}

// Domain holds what differs between mail domains.
type Domain struct {
	// CaseSensitive keeps upper and lower case of user names apart.
	CaseSensitive bool
	// LoginWithAddress sends the whole address as user name to the mail server.
	LoginWithAddress bool
	// CAFile holds the authorities to trust for the mail server's certificate;
	// empty means those of the system.
	CAFile string
	// SpecialFolders are the mailboxes for drafts, sent, archive, junk and trash,
	// where neither the server nor their names tell.
	SpecialFolders map[string]string
	// Identities are the addresses that users may write as: "own", "any", addresses
	// and "*@domain". None means "own".
	Identities []string
	// Connections is how many connections a node may have to the mail server.
	Connections int
	// AuthenticationHosts are the names under which the domain's own hosts write
	// what they found out about senders (Authentication-Results, RFC 8601).
	AuthenticationHosts []string
	// Submission holds how the domain's users send.
	Submission Submission
}

// Submission is how the users of a domain send, besides the server.
type Submission struct {
	Login string // "user", "relay" or "none"
	// User and Password are those of a relay.
	User, Password string
	// SentByServer says that the server puts a copy into the user's Sent itself.
	SentByServer bool
	// MessagesPerHour and RecipientsPerHour bound what an account sends; 0 does not.
	MessagesPerHour, RecipientsPerHour int
}

// DefaultSubmission is that of a domain of which the file says nothing.
var DefaultSubmission = Submission{Login: "user", MessagesPerHour: 100, RecipientsPerHour: 1000}

// Domain is what holds for a domain.
func (c *Config) Domain(name string) Domain {
	if domain, named := c.Domains[name]; named {
		return domain
	}
	return Domain{Submission: DefaultSubmission}
}

// Cluster tells how this member and the others find each other.
type Cluster struct {
	Name            string
	GossipListen    string
	GossipAdvertise string
	APIListen       string
	APIAdvertise    string
	Join            []string
	SecretsDir      string
	Pins            map[string]string // account → name of the node that owns it
	// DrainNotice is how long a member goes on after it has told the others that
	// it will stop.
	DrainNotice time.Duration
}

// Alone tells whether this is the configuration of one machine without others.
func (c *Config) Alone() bool { return c.Cluster.GossipListen == "" }

// HTTPS tells whether the web server speaks TLS itself: everywhere but on
// loopback and behind proxies that the configuration names.
func (c *Config) HTTPS() bool {
	return c.TLSCertificate != "" || !isLoopback(c.Listen) && len(c.TrustedProxies) == 0
}

func defaults() *Config {
	return &Config{
		Domains: map[string]Domain{}, Listen: "127.0.0.1:8080", StateDir: "alphamail-state", AdminListen: "127.0.0.1:9180",
		CacheSize: 256 << 20, SessionLifetime: 24 * time.Hour, SessionIdle: 4 * time.Hour, LoginAttempts: 5, IMAPTimeout: 15 * time.Second,
		Snippets: true, FetchAhead: true, SettingsFolder: "AlphaMail", Watch: true, OneClick: true,
		TimeZone: time.Local, LogFormat: "text", LogLevel: "info",
		Cluster: Cluster{DrainNotice: 2 * time.Second},
	}
}

// isLoopback tells whether an address, host:port, can only be reached from this
// machine.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// check finds what is wrong with the keys taken together.
func (c *Config) check(add func(key, message, remedy string)) {
	served := map[string]bool{}
	for _, server := range c.Servers {
		if served[server.Domain] {
			add("imap_servers", fmt.Sprintf("the domain %s is there twice", server.Domain), "remove one of the two")
		}
		served[server.Domain] = true
	}
	if len(c.Servers) == 0 {
		add("imap_servers", "no mail server is named", "add a line like: imap_servers: example.edu=imap.example.edu:993")
	}
	c.checkSubmission(served, add)
	for domain := range c.Domains {
		if !served[domain] {
			add("domains", fmt.Sprintf("the domain %s has no mail server", domain), "add it to imap_servers, or remove it here")
		}
	}
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		add("tls_certificate", "certificate and key belong together", "set both tls_certificate and tls_key, or neither")
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		add("proxy_protocol", "it is not known who may send PROXY headers", "name the proxies in trusted_proxies")
	}
	if c.RedirectListen != "" && c.PublicURL == nil {
		add("redirect_listen", "it is not known where to redirect to", "set public_url")
	}
	if c.PublicURL != nil && c.PublicURL.Scheme == "http" && !isLoopback(net.JoinHostPort(c.PublicURL.Hostname(), "80")) {
		add("public_url", "plain http is for loopback only", "use https://")
	}
	if c.PublicURL != nil && c.PublicURL.Scheme == "https" && !c.HTTPS() && len(c.TrustedProxies) == 0 {
		add("public_url", "HTTPS is promised, but plain HTTP is served on loopback",
			"set tls_certificate and tls_key, or name the proxy that speaks HTTPS in trusted_proxies")
	}
	if c.Alone() && len(c.Cluster.Join) > 0 {
		add("cluster.join", "this member does not listen for others", "set cluster.gossip_listen")
	}
	if !c.Alone() && c.Cluster.APIListen == "" {
		add("cluster.gossip_listen", "a member of a cluster needs an address for the page protocol", "set cluster.api_listen")
	}
}

// checkSubmission finds what is wrong with the keys for sending.
func (c *Config) checkSubmission(served map[string]bool, add func(key, message, remedy string)) {
	sends := map[string]bool{}
	for _, server := range c.Submission {
		if sends[server.Domain] {
			add("smtp_servers", fmt.Sprintf("the domain %s is there twice", server.Domain), "remove one of the two")
		}
		sends[server.Domain] = true
		if !served[server.Domain] {
			add("smtp_servers", fmt.Sprintf("the domain %s has no mail server to read from", server.Domain), "add it to imap_servers, or remove it here")
		}
	}
	for name, domain := range c.Domains {
		key, s := "domains."+name+".submission", domain.Submission
		if s.Login == "relay" && (s.User == "" || s.Password == "") {
			add(key+".login", "a relay needs a name and a password to log in with", "set user and password, or login: none")
		}
		if s.Login != "relay" && s.User+s.Password != "" {
			add(key+".user", "name and password are those of a relay", "set login: relay, or remove them")
		}
	}
}
