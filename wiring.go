package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"alphamail/deploy/config"
	"alphamail/frontend"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/api/transport"
	"alphamail/node/imapconn"
	"alphamail/node/seal"
	"alphamail/node/submit"
	"alphamail/ring"
)

// placement gives node and frontend the view of the ring that they ask for.
type placement struct{ *member }

func (p placement) Owner(account string) (string, bool) {
	owner, ok := p.ring.Table().Owner(account)
	return owner.Name, ok
}

func (p placement) Successor(account string, suspects ...string) (string, bool) {
	successor, ok := p.ring.Table().Successor(account, suspects...)
	return successor.Name, ok
}

func (p placement) Digest() uint64 { return p.ring.Table().Digest() }

func (p placement) Members() []string {
	var names []string
	for _, member := range p.ring.Table().Members() {
		names = append(names, member.Name)
	}
	return names
}

// revocations are the sessions that have ended, on any node of the cluster.
type revocations struct{ *member }

// Add also tells the other nodes.
func (r revocations) Add(sessionID string, until time.Time) {
	r.ring.Tell(r.ended.Merge(seal.AppendRevocation(nil, sessionID, until)))
}

func (r revocations) Has(sessionID string) bool { return r.ended.Has(sessionID) }

// peers are the nodes as services: our own directly, others over the network.
type peers struct {
	ring  *ring.Ring
	local api.Service // our own node; nil when this process has none

	mu      sync.Mutex // guards what follows
	tls     *tls.Config
	clients map[string]*transport.Client // by address
}

func newPeers(members *ring.Ring, local api.Service) *peers {
	return &peers{ring: members, local: local, clients: map[string]*transport.Client{}}
}

// setTLS is how nodes are connected to from now on.
func (p *peers) setTLS(config *tls.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tls = config
	for _, client := range p.clients {
		client.SetTLS(config)
	}
}

// Service implements frontend.Nodes. A node that left the table may still be
// asked: another table may name it.
func (p *peers) Service(name string) (api.Service, bool) {
	if p.local != nil && name == p.ring.Self().Name {
		return p.local, true
	}
	for _, member := range p.ring.Members() {
		if member.Name == name && member.API != "" {
			return p.client(member.API), true
		}
	}
	return nil, false
}

func (p *peers) client(address string) *transport.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[address] == nil {
		p.clients[address] = transport.NewClient(address, transport.ClientConfig{TLS: p.tls})
	}
	return p.clients[address]
}

func (p *peers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, client := range p.clients {
		client.Close()
	}
}

// nodeConfig turns the configuration file into a node's configuration.
func nodeConfig(settings *config.Config) (node.Config, error) {
	own := node.Config{
		Name: settings.Cluster.Name, Cluster: clusterName, Version: version,
		SessionLifetime: settings.SessionLifetime, SessionIdle: settings.SessionIdle, FreeAttempts: settings.LoginAttempts, MaxMemory: settings.Memory, FetchAhead: settings.FetchAhead,
		Spool: account.SpoolConfig{Dir: filepath.Join(settings.StateDir, "spool", settings.Cluster.Name)},
		Account: account.Config{
			CommandTimeout: settings.IMAPTimeout, DialTimeout: settings.IMAPTimeout, NoSnippets: !settings.Snippets, SettingsFolder: settings.SettingsFolder,
		},
	}
	if !settings.Watch {
		own.Account.Watch = -1
	}
	for _, server := range settings.Servers {
		domain := settings.Domain(server.Domain)
		roots, err := readRoots(domain.CAFile)
		if err != nil {
			return own, err
		}
		roles := map[api.Role]string{}
		for role, folder := range domain.SpecialFolders {
			roles[api.Role(role)] = folder
		}
		own.Domains = append(own.Domains, node.Domain{
			Name: server.Domain, LoginWithAddress: domain.LoginWithAddress, MaxConnections: domain.Connections,
			Backend: account.Backend{
				Prefix: server.Prefix, Roles: roles, AuthenticationHosts: domain.AuthenticationHosts,
				Submission: submissionRoute(settings, server.Domain, roots), Senders: domain.Identities,
				Options: imapconn.Options{
					Address: server.Address(), TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
					Security: map[config.Security]imapconn.Security{
						config.ImplicitTLS: imapconn.ImplicitTLS, config.StartTLS: imapconn.StartTLS, config.Plain: imapconn.Plain,
					}[server.Security],
				},
			},
		})
	}
	return own, nil
}

// pins are those of the configuration, by the names that accounts have on the ring.
func pins(settings *config.Config) map[string]string {
	own := map[string]string{}
	for account, node := range settings.Cluster.Pins {
		name, domain, _ := strings.Cut(account, "@")
		if domain = strings.ToLower(domain); !settings.Domain(domain).CaseSensitive {
			name = strings.ToLower(name)
		}
		own[name+"@"+domain] = node
	}
	return own
}

// endedSessions is the file in which a node keeps the sessions that have ended.
// Members that share a state_dir have one each.
func endedSessions(settings *config.Config) string {
	return filepath.Join(settings.StateDir, "ended", settings.Cluster.Name)
}

// submissionRoute is how the users of a domain send.
func submissionRoute(settings *config.Config, domain string, roots *x509.CertPool) submit.Route {
	i := slices.IndexFunc(settings.Submission, func(server config.Server) bool { return server.Domain == domain })
	if i < 0 {
		return submit.Route{}
	}
	server, own := settings.Submission[i], settings.Domain(domain).Submission
	return submit.Route{
		Server: submit.Server{
			Host: server.Host, Port: server.Port, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			Security: map[config.Security]submit.Security{
				config.ImplicitTLS: submit.ImplicitTLS, config.StartTLS: submit.StartTLS, config.Plain: submit.Plain,
			}[server.Security],
		},
		Login:         map[string]submit.Login{"user": submit.AsUser, "relay": submit.AsRelay, "none": submit.AsNone}[own.Login],
		Relay:         submit.Credentials{User: own.User, Password: own.Password},
		FiledByServer: own.SentByServer,
		Limiter:       submit.NewLimiter(submit.Limits{Messages: own.MessagesPerHour, Recipients: own.RecipientsPerHour}),
	}
}

// clusterName is what seals are bound to besides their key. Clusters differ by
// their keys; the name keeps seals apart from other uses of the same keys.
const clusterName = "alphamail"

// readRoots reads the authorities of a file; nil, those of the system, when none
// is named.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tls_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("tls_ca: %s holds no certificate", path)
	}
	return pool, nil
}

// frontendConfig turns the configuration file into a frontend's configuration.
func (m *member) frontendConfig() frontend.Config {
	settings := m.settings
	own := frontend.Config{
		PublicURL: settings.PublicURL, TrustedProxies: settings.TrustedProxies, ProxyProtocol: settings.ProxyProtocol, Location: settings.TimeZone,
		Ready: m.ready,
	}
	for _, server := range settings.Servers {
		own.Domains = append(own.Domains, frontend.Domain{
			Name: server.Domain, CaseSensitive: settings.Domains[server.Domain].CaseSensitive,
		})
	}
	return own
}

// webCertificate is the configured certificate of the web server, or one that
// signs itself, made on first use.
func webCertificate(settings *config.Config, store secrets) (tls.Certificate, error) {
	if settings.TLSCertificate != "" {
		return tls.LoadX509KeyPair(settings.TLSCertificate, settings.TLSKey)
	}
	data, err := store.file(webPair, func() ([]byte, error) { return selfSigned(settings) })
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(data, data)
}

// selfSigned makes a certificate for the public name and this machine.
func selfSigned(settings *config.Config) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	if settings.PublicURL != nil {
		names = append(names, settings.PublicURL.Hostname())
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetInt64(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[len(names)-1]},
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	return append(data, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
