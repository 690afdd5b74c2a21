package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// key is one key of the file: how its value is read, or which keys are below it.
type key struct {
	name string
	text func(*Config, string) error   // a single value
	list func(*Config, []string) error // a sequence, or a single value as a sequence of one
	keys []key                         // a mapping with fixed keys
	each func(*Config, string) []key   // a mapping whose keys the user chooses
}

var schema = []key{
	{name: "imap_servers", list: func(c *Config, values []string) (err error) {
		c.Servers, err = ParseServers(strings.Join(values, " "))
		return err
	}},
	{name: "smtp_servers", list: func(c *Config, values []string) (err error) {
		c.Submission, err = ParseSubmissionServers(strings.Join(values, " "))
		return err
	}},
	{name: "domains", each: func(c *Config, domain string) []key {
		domain = strings.ToLower(domain)
		edit := func(change func(*Domain)) {
			settings := c.Domain(domain)
			change(&settings)
			c.Domains[domain] = settings
		}
		edit(func(*Domain) {})
		return []key{
			{name: "case_sensitive", text: func(_ *Config, value string) error {
				on, err := boolean(value)
				edit(func(d *Domain) { d.CaseSensitive = on })
				return err
			}},
			{name: "login_name", text: func(_ *Config, value string) error {
				edit(func(d *Domain) { d.LoginWithAddress = value == "address" })
				return oneOf(value, "local", "address")
			}},
			{name: "tls_ca", text: func(_ *Config, value string) error {
				edit(func(d *Domain) { d.CAFile = value })
				return nil
			}},
			{name: "imap_connections", text: func(_ *Config, value string) error {
				number, err := strconv.Atoi(value)
				if err != nil || number < 1 {
					return fmt.Errorf("%q is not a number above 0", value)
				}
				edit(func(d *Domain) { d.Connections = number })
				return nil
			}},
			{name: "authentication_host", list: func(_ *Config, values []string) error {
				for _, value := range values {
					if !isHostName(value) {
						return fmt.Errorf("%q is not the name of a host", value)
					}
				}
				edit(func(d *Domain) { d.AuthenticationHosts = values })
				return nil
			}},
			{name: "special_folders", keys: specialFolders(edit)},
			{name: "submission", keys: submission(func(change func(*Submission)) {
				edit(func(d *Domain) { change(&d.Submission) })
			})},
			{name: "identities", list: func(_ *Config, values []string) error {
				edit(func(d *Domain) { d.Identities = values })
				return identities(values)
			}},
		}
	}},
	{name: "listen", text: address(func(c *Config) *string { return &c.Listen })},
	{name: "public_url", text: func(c *Config, value string) (err error) {
		c.PublicURL, err = publicURL(value)
		return err
	}},
	{name: "redirect_listen", text: address(func(c *Config) *string { return &c.RedirectListen })},
	{name: "tls_certificate", text: plain(func(c *Config) *string { return &c.TLSCertificate })},
	{name: "tls_key", text: plain(func(c *Config) *string { return &c.TLSKey })},
	{name: "trusted_proxies", list: func(c *Config, values []string) error {
		for _, value := range values {
			prefix, err := network(value)
			if err != nil {
				return err
			}
			c.TrustedProxies = append(c.TrustedProxies, prefix)
		}
		return nil
	}},
	{name: "proxy_protocol", text: onOff(func(c *Config) *bool { return &c.ProxyProtocol })},
	{name: "state_dir", text: plain(func(c *Config) *string { return &c.StateDir })},
	{name: "admin_listen", text: address(func(c *Config) *string { return &c.AdminListen })},
	{name: "cache_size", text: func(c *Config, value string) (err error) {
		c.CacheSize, err = bytes(value)
		return err
	}},
	{name: "memory", text: func(c *Config, value string) (err error) {
		c.Memory, err = bytes(value)
		return err
	}},
	{name: "snippets", text: onOff(func(c *Config) *bool { return &c.Snippets })},
	{name: "fetch_ahead", text: onOff(func(c *Config) *bool { return &c.FetchAhead })},
	{name: "settings_folder", text: func(c *Config, value string) error {
		c.SettingsFolder = value
		if len(value) > 100 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || strings.ContainsRune("*%/.\\", r) }) {
			return fmt.Errorf("%q is not the name of one folder", value)
		}
		return nil
	}},
	{name: "one_click_unsubscribe", text: onOff(func(c *Config) *bool { return &c.OneClick })},
	{name: "watch", text: onOff(func(c *Config) *bool { return &c.Watch })},
	{name: "session_lifetime", text: duration(func(c *Config) *time.Duration { return &c.SessionLifetime }, time.Minute, 90*24*time.Hour)},
	{name: "session_idle", text: duration(func(c *Config) *time.Duration { return &c.SessionIdle }, time.Minute, 90*24*time.Hour)},
	{name: "login_attempts", text: func(c *Config, value string) (err error) {
		if c.LoginAttempts, err = strconv.Atoi(value); err != nil || c.LoginAttempts < 1 || c.LoginAttempts > 1000 {
			return fmt.Errorf("%q is not a number from 1 to 1000", value)
		}
		return nil
	}},
	{name: "imap_timeout", text: duration(func(c *Config) *time.Duration { return &c.IMAPTimeout }, time.Second, 5*time.Minute)},
	{name: "time_zone", text: func(c *Config, value string) (err error) {
		if c.TimeZone, err = time.LoadLocation(value); err != nil {
			return fmt.Errorf("%q is not a time zone such as Europe/Berlin", value)
		}
		return nil
	}},
	{name: "log", keys: []key{
		{name: "format", text: func(c *Config, value string) error {
			c.LogFormat = value
			return oneOf(value, "text", "json")
		}},
		{name: "level", text: func(c *Config, value string) error {
			c.LogLevel = value
			return oneOf(value, "debug", "info", "warn", "error")
		}},
	}},
	{name: "cluster", keys: []key{
		{name: "name", text: func(c *Config, value string) error {
			c.Cluster.Name = value
			if value == "" || len(value) > 128 {
				return fmt.Errorf("a name has 1 to 128 characters")
			}
			return nil
		}},
		{name: "gossip_listen", text: address(func(c *Config) *string { return &c.Cluster.GossipListen })},
		{name: "gossip_advertise", text: address(func(c *Config) *string { return &c.Cluster.GossipAdvertise })},
		{name: "api_listen", text: address(func(c *Config) *string { return &c.Cluster.APIListen })},
		{name: "api_advertise", text: address(func(c *Config) *string { return &c.Cluster.APIAdvertise })},
		{name: "join", list: func(c *Config, values []string) error {
			for _, value := range values {
				if _, _, err := net.SplitHostPort(value); err != nil {
					return fmt.Errorf("%q is not host:port", value)
				}
			}
			c.Cluster.Join = values
			return nil
		}},
		{name: "pins", list: func(c *Config, values []string) error {
			c.Cluster.Pins = map[string]string{}
			for _, value := range values {
				account, node, ok := strings.Cut(value, "=")
				if name, domain, full := strings.Cut(account, "@"); !ok || !full || name == "" || domain == "" || node == "" {
					return fmt.Errorf("%q is not an account and a node, such as helpdesk@example.edu=node-3", value)
				}
				c.Cluster.Pins[account] = node
			}
			return nil
		}},
		{name: "secrets_dir", text: plain(func(c *Config) *string { return &c.Cluster.SecretsDir })},
		{name: "drain_notice", text: duration(func(c *Config) *time.Duration { return &c.Cluster.DrainNotice }, 0, 5*time.Minute)},
	}},
}

// Keys are the names of all keys, those below another one after a dot.
func Keys() []string {
	var names []string
	var add func(prefix string, keys []key)
	add = func(prefix string, keys []key) {
		for _, k := range keys {
			names = append(names, prefix+k.name)
			add(prefix+k.name+".", k.keys)
			if k.each != nil {
				add(prefix+k.name+".DOMAIN.", k.each(defaults(), "example.edu"))
			}
		}
	}
	add("", schema)
	return names
}

// specialFolders reads the names of the folders that have a role.
func specialFolders(edit func(func(*Domain))) (keys []key) {
	for _, role := range []string{"drafts", "sent", "archive", "junk", "trash"} {
		keys = append(keys, key{name: role, text: func(_ *Config, value string) error {
			edit(func(d *Domain) {
				if d.SpecialFolders == nil {
					d.SpecialFolders = map[string]string{}
				}
				d.SpecialFolders[role] = value
			})
			return nil
		}})
	}
	return keys
}

// isHostName tells whether a text can be the name of a host, such as
// mx.example.edu.
func isHostName(text string) bool {
	return text != "" && len(text) <= 253 && !strings.ContainsFunc(text, func(char rune) bool {
		return char <= ' ' || char == 0x7F || strings.ContainsRune(`;:=,/@()<>[]"\`, char)
	})
}

// submission reads how the users of a domain send.
func submission(edit func(func(*Submission))) []key {
	limit := func(field func(*Submission) *int) func(*Config, string) error {
		return func(_ *Config, value string) error {
			number, err := strconv.Atoi(value)
			if err != nil || number < 0 {
				return fmt.Errorf("%q is not a number; 0 does not limit", value)
			}
			edit(func(s *Submission) { *field(s) = number })
			return nil
		}
	}
	return []key{
		{name: "login", text: func(_ *Config, value string) error {
			edit(func(s *Submission) { s.Login = value })
			return oneOf(value, "user", "relay", "none")
		}},
		{name: "user", text: func(_ *Config, value string) error {
			edit(func(s *Submission) { s.User = value })
			return nil
		}},
		{name: "password", text: func(_ *Config, value string) error {
			edit(func(s *Submission) { s.Password = value })
			return nil
		}},
		{name: "sent_by_server", text: func(_ *Config, value string) error {
			on, err := boolean(value)
			edit(func(s *Submission) { s.SentByServer = on })
			return err
		}},
		{name: "messages_per_hour", text: limit(func(s *Submission) *int { return &s.MessagesPerHour })},
		{name: "recipients_per_hour", text: limit(func(s *Submission) *int { return &s.RecipientsPerHour })},
	}
}

// identities checks which addresses users may write as.
func identities(values []string) error {
	for _, value := range values {
		local, domain, ok := strings.Cut(value, "@")
		if value != "own" && value != "any" && (!ok || local == "" || domain == "" || strings.ContainsAny(domain, "@*") || strings.Contains(local, "*") && local != "*") {
			return fmt.Errorf("%q is neither own, any, an address nor *@domain", value)
		}
	}
	return nil
}

func onOff(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		*field(c), err = boolean(value)
		return err
	}
}

func plain(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = value
		return nil
	}
}

func address(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = value
		_, port, err := net.SplitHostPort(value)
		if number, bad := strconv.Atoi(port); err != nil || bad != nil || number < 0 || number > 65535 {
			return fmt.Errorf("%q is not an address such as 127.0.0.1:8080", value)
		}
		return nil
	}
}

func duration(field func(*Config) *time.Duration, least, most time.Duration) func(*Config, string) error {
	return func(c *Config, value string) (err error) {
		if *field(c), err = time.ParseDuration(value); err != nil {
			return fmt.Errorf("%q is not a duration such as 30s, 15m or 24h", value)
		}
		if *field(c) < least || *field(c) > most {
			return fmt.Errorf("%s is not between %s and %s", value, least, most)
		}
		return nil
	}
}

func boolean(value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}

func oneOf(value string, choices ...string) error {
	for _, choice := range choices {
		if value == choice {
			return nil
		}
	}
	return fmt.Errorf("%q is none of: %s", value, strings.Join(choices, ", "))
}

// leastCache is what a cache needs to be of any use.
const leastCache = 1 << 20

func bytes(value string) (int64, error) {
	digits := strings.TrimRight(value, "KMGTiB")
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	factor, known := map[string]float64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 1e3, "MB": 1e6, "GB": 1e9}[value[len(digits):]]
	size := number * factor
	if err != nil || !known || !(size >= leastCache && size < 1<<60) {
		return 0, fmt.Errorf("%q is not a size such as 256MiB or 4GiB", value)
	}
	return int64(size), nil
}

func network(value string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(value); err == nil {
		return prefix.Masked(), nil
	}
	ip, err := netip.ParseAddr(value)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address or network such as 192.0.2.1 or 10.0.0.0/8", value)
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

func publicURL(value string) (*url.URL, error) {
	parsed, err := url.Parse(value)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return nil, fmt.Errorf("%q is not a URL such as https://mail.example.edu", value)
	}
	if strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return nil, fmt.Errorf("only scheme and host belong here: %s://%s", parsed.Scheme, parsed.Host)
	}
	return &url.URL{Scheme: parsed.Scheme, Host: strings.ToLower(parsed.Host)}, nil
}
