package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/deploy/config"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("/etc/alphamail.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

func TestTwoLinesAreEnough(t *testing.T) {
	c := parse(t, "imap_servers: example.edu=imap.example.edu:993\nlisten: 127.0.0.1:8080\n")
	if len(c.Servers) != 1 || c.Servers[0].Address() != "imap.example.edu:993" || c.Listen != "127.0.0.1:8080" {
		t.Errorf("read as %+v", c)
	}
	if c.HTTPS() || !c.Alone() || c.StateDir != "/etc/alphamail-state" || c.Cluster.SecretsDir != c.StateDir || c.CacheSize != 256<<20 {
		t.Errorf("defaults: HTTPS %v, alone %v, state in %s, secrets in %s, cache of %d", c.HTTPS(), c.Alone(), c.StateDir, c.Cluster.SecretsDir, c.CacheSize)
	}
}

func TestEveryKey(t *testing.T) {
	c := parse(t, `
imap_servers:
  - example.edu=imap.example.edu:993[INBOX.]
  - example.net=imap://imap.example.net[/]
smtp_servers: example.edu=smtp.example.edu:465, example.net=smtp+insecure://relay.example.net:25
domains:
  Example.NET:
    submission:
      login: relay
      user: webmail
      password: "s3cret: yes"
      sent_by_server: true
      messages_per_hour: 7
      recipients_per_hour: 0
    case_sensitive: true
    login_name: address
    tls_ca: ca.pem
    imap_connections: 500
    authentication_host: [mx1.example.net, mx2.example.net]
    special_folders:
      sent: Sent Items
      trash: Bin
    identities: [own, "*@lists.example.net", office@example.net]
settings_folder: Web Mail
memory: 6GiB
snippets: false
fetch_ahead: false
watch: false
listen: 0.0.0.0:443
public_url: https://Mail.example.edu/
redirect_listen: 0.0.0.0:80
tls_certificate: web.crt
tls_key: /keys/web.key
trusted_proxies: [10.0.0.0/8, 192.0.2.1]
state_dir: /var/lib/alphamail
admin_listen: 127.0.0.1:9999
cache_size: 1.5GiB
session_lifetime: 12h
imap_timeout: 30s
time_zone: Europe/Berlin
log:
  format: json
  level: debug
cluster:
  name: node-1
  gossip_listen: 10.0.0.11:7946
  gossip_advertise: 192.0.2.11:7946
  api_listen: 10.0.0.11:7947
  api_advertise: 192.0.2.11:7947
  join: [10.0.0.11:7946, 10.0.0.12:7946]
  secrets_dir: secrets
  pins: [helpdesk@example.edu=node-3]
`)
	domain := c.Domains["example.net"]
	for name, ok := range map[string]bool{
		"servers":  len(c.Servers) == 2 && c.Servers[1].Security == config.StartTLS && c.Servers[1].Port == 143,
		"domain":   domain.CaseSensitive && domain.LoginWithAddress && domain.CAFile == "/etc/ca.pem",
		"url":      c.PublicURL.String() == "https://mail.example.edu",
		"web":      c.HTTPS() && c.TLSCertificate == "/etc/web.crt" && c.TLSKey == "/keys/web.key" && c.RedirectListen == "0.0.0.0:80",
		"proxies":  len(c.TrustedProxies) == 2 && c.TrustedProxies[1].String() == "192.0.2.1/32",
		"pins":     len(c.Cluster.Pins) == 1 && c.Cluster.Pins["helpdesk@example.edu"] == "node-3",
		"cache":    c.CacheSize == 3<<29 && c.Memory == 6<<30,
		"backend":  domain.Connections == 500 && domain.SpecialFolders["sent"] == "Sent Items" && domain.SpecialFolders["trash"] == "Bin",
		"checks":   slices.Equal(domain.AuthenticationHosts, []string{"mx1.example.net", "mx2.example.net"}),
		"smtp":     len(c.Submission) == 2 && c.Submission[0].Security == config.ImplicitTLS && c.Submission[1].Security == config.Plain,
		"sending":  domain.Submission == config.Submission{Login: "relay", User: "webmail", Password: "s3cret: yes", SentByServer: true, MessagesPerHour: 7},
		"default":  c.Domain("example.edu").Submission == config.DefaultSubmission,
		"settings": len(domain.Identities) == 3 && domain.Identities[1] == "*@lists.example.net" && c.SettingsFolder == "Web Mail",
		"off":      !c.Snippets && !c.FetchAhead && !c.Watch,
		"times":    c.SessionLifetime == 12*time.Hour && c.IMAPTimeout == 30*time.Second && c.TimeZone.String() == "Europe/Berlin",
		"log":      c.LogFormat == "json" && c.LogLevel == "debug",
		"cluster":  c.Cluster.Name == "node-1" && !c.Alone() && len(c.Cluster.Join) == 2 && c.Cluster.SecretsDir == "/etc/secrets",
		"adverts":  c.Cluster.GossipAdvertise == "192.0.2.11:7946" && c.Cluster.APIAdvertise == "192.0.2.11:7947",
		"admin":    c.AdminListen == "127.0.0.1:9999",
		"stateDir": c.StateDir == "/var/lib/alphamail",
	} {
		if !ok {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}

func TestHTTPSIsTheRule(t *testing.T) {
	for text, want := range map[string]bool{
		"listen: 127.0.0.1:8080":                          false,
		"listen: '[::1]:8080'":                            false,
		"listen: localhost:8080":                          false,
		"listen: 0.0.0.0:8080":                            true,
		"listen: 192.0.2.1:443":                           true,
		"listen: 0.0.0.0:8080\ntrusted_proxies: 10.0.0.1": false,
		"tls_certificate: a\ntls_key: b":                  true,
		"listen: ':8080'":                                 true,
	} {
		if got := parse(t, "imap_servers: a=b\n"+text+"\n").HTTPS(); got != want {
			t.Errorf("%s: HTTPS %v", text, got)
		}
	}
}

func TestMistakesNameLineAndRemedy(t *testing.T) {
	const good = "imap_servers: example.edu=imap.example.edu:993\n"
	for text, want := range map[string]string{
		"listen: 127.0.0.1:8080\n":       "f.yaml: imap_servers: no mail server is named; add a line like: imap_servers: example.edu=imap.example.edu:993",
		"":                               "f.yaml: imap_servers: no mail server is named",
		good + "lisen: 127.0.0.1:8080\n": "f.yaml:2: lisen: there is no such key; did you mean listen?",
		good + "zzzzzzzzzz: 1\n":         "f.yaml:2: zzzzzzzzzz: there is no such key; remove it",
		good + "cluster:\n  nam: x\n":    "f.yaml:3: cluster.nam: there is no such key; did you mean cluster.name?",
		good + "domains:\n  example.edu:\n    authentication_host: mx.example.edu; spf=pass\n": `f.yaml:4: domains.example.edu.authentication_host: "mx.example.edu; spf=pass" is not the name of a host`,
		good + "domains:\n  example.edu:\n    login: x\n":                                      "f.yaml:4: domains.example.edu.login: there is no such key; did you mean domains.example.edu.login_name?",
		good + "domains:\n  other.edu: {}\n":                                                   "f.yaml:2: domains: the domain other.edu has no mail server",
		good + "listen: here\n":                                                                `f.yaml:2: listen: "here" is not an address such as 127.0.0.1:8080`,
		good + "listen: [a, b]\n":                                                              "f.yaml:2: listen: a single value is expected, not a list",
		good + "listen: {a: b}\n":                                                              "f.yaml:2: listen: a value is missing or of the wrong kind",
		good + "listen:\n":                                                                     "f.yaml:2: listen: a value is missing",
		good + "log: text\n":                                                                   "f.yaml:2: log: keys and values are expected here",
		good + "log:\n  level: loud\n":                                                         `f.yaml:3: log.level: "loud" is none of: debug, info, warn, error`,
		good + "domains:\n  example.edu:\n    imap_connections: 0\n":                           `f.yaml:4: domains.example.edu.imap_connections: "0" is not a number above 0`,
		good + "smtp_servers: other.edu=smtp.other.edu\n":                                      "f.yaml:2: smtp_servers: the domain other.edu has no mail server to read from; add it to imap_servers, or remove it here",
		good + "smtp_servers: example.edu=a, example.edu=b\n":                                  "f.yaml:2: smtp_servers: the domain example.edu is there twice",
		good + "smtp_servers: example.edu=imaps://a\n":                                         `unknown scheme "imaps"; there are smtps, smtp and smtp+insecure`,
		good + "domains:\n  example.edu:\n    submission: {login: relay}\n":                    "a relay needs a name and a password to log in with; set user and password, or login: none",
		good + "domains:\n  example.edu:\n    submission:\n      user: x\n":                    "f.yaml:5: domains.example.edu.submission.user: name and password are those of a relay; set login: relay, or remove them",
		good + "domains:\n  example.edu:\n    submission: {login: robot}\n":                    `f.yaml:4: domains.example.edu.submission.login: "robot" is none of: user, relay, none`,
		good + "domains:\n  example.edu:\n    submission: {messages_per_hour: -1}\n":           `f.yaml:4: domains.example.edu.submission.messages_per_hour: "-1" is not a number; 0 does not limit`,
		good + "watch: maybe\n":                                                                `f.yaml:2: watch: "maybe" is neither true nor false`,
		good + "cache_size: 10\n":                                                              `f.yaml:2: cache_size: "10" is not a size`,
		good + "cache_size: lots\n":                                                            `f.yaml:2: cache_size: "lots" is not a size`,
		good + "session_lifetime: 5\n":                                                         `f.yaml:2: session_lifetime: "5" is not a duration`,
		good + "session_lifetime: 1s\n":                                                        "f.yaml:2: session_lifetime: 1s is not between",
		good + "time_zone: Mars/Base\n":                                                        `f.yaml:2: time_zone: "Mars/Base" is not a time zone`,
		good + "public_url: mail.example.edu\n":                                                "f.yaml:2: public_url:",
		good + "public_url: http://mail.example.edu\n":                                         "f.yaml:2: public_url: plain http is for loopback only; use https://",
		good + "public_url: https://x/y\n":                                                     "f.yaml:2: public_url: only scheme and host belong here: https://x",
		good + "redirect_listen: 0.0.0.0:80\n":                                                 "f.yaml:2: redirect_listen: it is not known where to redirect to; set public_url",
		good + "tls_key: k\n":                                                                  "certificate and key belong together",
		good + "trusted_proxies: everybody\n":                                                  `f.yaml:2: trusted_proxies: "everybody" is not an address or network`,
		good + "cluster:\n  join: [a:1]\n":                                                     "f.yaml:3: cluster.join: this member does not listen for others; set cluster.gossip_listen",
		good + "cluster:\n  gossip_listen: 127.0.0.1:1\n":                                      "f.yaml:3: cluster.gossip_listen: a member of a cluster needs an address for the page protocol; set cluster.api_listen",
		good + "domains:\n  example.edu:\n    identities: mine\n":                              `f.yaml:4: domains.example.edu.identities: "mine" is neither own, any, an address nor *@domain`,
		good + "settings_folder: a/b\n":                                                        `f.yaml:2: settings_folder: "a/b" is not the name of one folder`,
		good + good:                                                                            "f.yaml:2: imap_servers: the key is there already in line 1; remove one of the two",
		"imap_servers: a=b, a=c\n":                                                             "f.yaml:1: imap_servers: the domain a is there twice",
		"imap_servers: [x\n":                                                                   "this is not YAML",
		"just words\n":                                                                         "f.yaml:1: keys and values are expected here",
		good + "public_url: https://mail.example.edu\n":                                        "f.yaml:2: public_url: HTTPS is promised, but plain HTTP is served on loopback; set tls_certificate and tls_key, or name the proxy that speaks HTTPS in trusted_proxies",
	} {
		_, err := config.Parse("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\n got  %v\n want %s", text, err, want)
		}
	}
}

func TestSeveralMistakesAtOnce(t *testing.T) {
	_, err := config.Parse("f.yaml", []byte("imap_servers: nonsense\nlisten: x\nfoo: 1\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three mistakes are told as: %v", err)
	}
}

func TestLoad(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is missing: %v", err)
	}
}

func TestServers(t *testing.T) {
	for text, want := range map[string]string{
		"example.com=imap.example.com:993[INBOX.]": "example.com=imaps://imap.example.com:993[INBOX.]",
		"example.net=imap.example.net:143[/]":      "example.net=imap://imap.example.net:143[/]",
		"a=b":                                      "a=imaps://b:993",
		"A=B.Example":                              "a=imaps://b.example:993",
		"a=127.0.0.1:1143":                         "a=imap+insecure://127.0.0.1:1143",
		"a=localhost:143[mail/]":                   "a=imap+insecure://localhost:143[mail/]",
		"a=[::1]:143[/]":                           "a=imap+insecure://[::1]:143[/]",
		"a=[2001:db8::1]:993":                      "a=imaps://[2001:db8::1]:993",
		"a=[2001:db8::1]":                          "a=imaps://[2001:db8::1]:993",
		"a=imaps://b:1993":                         "a=imaps://b:1993",
		"a=imap://b":                               "a=imap://b:143",
		"a=imap+insecure://b":                      "a=imap+insecure://b:143",
		"a=imap://127.0.0.1:143":                   "a=imap://127.0.0.1:143",
	} {
		servers, err := config.ParseServers(text)
		if err != nil || len(servers) != 1 || servers[0].String() != want {
			t.Errorf("%s: got %v, %v, want %s", text, servers, err, want)
		}
	}
	both, err := config.ParseServers("example.com=imap.example.com:993[INBOX.], example.net=imap.example.net:143[/]")
	if err != nil || len(both) != 2 || both[0].Prefix != "INBOX." || both[0].Separator != "." || both[1].Prefix != "" || both[1].Separator != "/" {
		t.Errorf("the original notation: %+v, %v", both, err)
	}
	for _, bad := range []string{"a", "=b", "a=", "a=b:x", "a=b:0", "a=b:70000", "a=b[", "a=b[]", "a=b[x", "a=ftp://b", "a@b=c", "a=b/c", "a=b]x"} {
		if servers, err := config.ParseServers(bad); err == nil {
			t.Errorf("%s is read as %v", bad, servers)
		}
	}
}

func TestSubmissionServers(t *testing.T) {
	for text, want := range map[string]string{
		"a=b":                            "a=smtps://b:465",
		"a=b:465":                        "a=smtps://b:465",
		"a=b:587":                        "a=smtp://b:587",
		"a=b:25":                         "a=smtp://b:25",
		"a=smtp://b":                     "a=smtp://b:587",
		"a=smtps://b:1465":               "a=smtps://b:1465",
		"a=smtp+insecure://b:25":         "a=smtp+insecure://b:25",
		"a=127.0.0.1:1587":               "a=smtp+insecure://127.0.0.1:1587",
		"a=127.0.0.1:465":                "a=smtps://127.0.0.1:465",
		"a=[2001:db8::1]:587":            "a=smtp://[2001:db8::1]:587",
		"A.example=smtp://[2001:db8::1]": "a.example=smtp://[2001:db8::1]:587",
	} {
		servers, err := config.ParseSubmissionServers(text)
		if err != nil || len(servers) != 1 || servers[0].String() != want {
			t.Errorf("%s: got %v, %v, want %s", text, servers, err, want)
		}
	}
	for _, bad := range []string{"a", "a=imap://b", "a=b[INBOX.]", "a=b:0", "a=b:587[/]"} {
		if servers, err := config.ParseSubmissionServers(bad); err == nil {
			t.Errorf("%s is read as %v", bad, servers)
		}
	}
}

func FuzzParseServers(f *testing.F) {
	f.Add("example.com=imap.example.com:993[INBOX.], example.net=imap.example.net:143[/]")
	f.Add("a=[::1]:143[/]")
	f.Fuzz(func(t *testing.T, text string) {
		servers, err := config.ParseServers(text)
		if err != nil {
			return
		}
		for _, server := range servers {
			again, err := config.ParseServers(server.String())
			if err != nil || len(again) != 1 || again[0].Address() != server.Address() || again[0].Security != server.Security {
				t.Fatalf("%q is written as %q and read as %v, %v", text, server, again, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("imap_servers: a=b\nlisten: 127.0.0.1:1\ncluster: {name: x}\n"))
	f.Add([]byte("domains:\n  a: &x\n    login_name: *x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatal("neither a configuration nor an error")
		}
	})
}

// TestEveryKeyIsDocumented holds the reference to the schema.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := config.Keys()
	if len(keys) < 20 || !slices.Contains(keys, "cluster.join") {
		t.Fatalf("keys: %v", keys)
	}
	for _, key := range keys {
		name := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/configuration.md does not explain %s", key)
		}
	}
}
