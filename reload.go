package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"alphamail/node/api/transport"
	"alphamail/node/seal"
)

// reloadInterval is how soon a file of keys or certificates that changed is in use.
const reloadInterval = 2 * time.Second

// reloaded is what a member reads again when one of its files changes, so that no
// process has to start anew for a key or a certificate.
type reloaded struct {
	name  string
	files []string
	load  func() error
	seen  [sha256.Size]byte // of the content that was loaded last, or was refused
}

// fingerprint tells one content of the files from another. A file that cannot be
// read has one too.
func (r *reloaded) fingerprint() (sum [sha256.Size]byte) {
	hash := sha256.New()
	for _, path := range r.files {
		data, err := os.ReadFile(path)
		fmt.Fprintf(hash, "%d %v\x00", len(data), err)
		hash.Write(data)
	}
	hash.Sum(sum[:0])
	return sum
}

// keepLoaded loads files now, making them if need be, and whenever they change.
func (m *member) keepLoaded(name string, load func() error, files ...string) error {
	one := &reloaded{name: name, files: files, load: load}
	for again := true; again; { // a file that is made, or changed by another process, meanwhile
		before := one.fingerprint()
		if err := load(); err != nil {
			return err
		}
		one.seen = one.fingerprint()
		again = one.seen != before
	}
	m.loaded = append(m.loaded, one)
	return nil
}

// reload looks for files that changed, until the context ends. What cannot be used
// changes nothing.
func (m *member) reload(ctx context.Context) {
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, one := range m.loaded {
			found := one.fingerprint()
			if found == one.seen {
				continue
			}
			one.seen = found
			if err := one.load(); err != nil {
				m.log.Error("a file that changed cannot be used; what was read before stays", "what", one.name, "error", err)
			} else {
				m.log.Info("read again", "what", one.name)
			}
		}
	}
}

// loadSealKeys reads the keys of session seals.
func (m *member) loadSealKeys() error {
	keys, err := m.secrets.keys(sealKeys)
	if err != nil {
		return err
	}
	keyring, err := seal.NewKeyring(keys...)
	if err != nil {
		return err
	}
	m.keyring = keyring
	if m.node != nil {
		m.node.SetKeyring(keyring)
	}
	return nil
}

// loadGossipKeys reads the keys of the gossip.
func (m *member) loadGossipKeys() error {
	keys, err := m.secrets.keys(gossipKeys)
	if err != nil {
		return err
	}
	m.gossipKeys = keys
	if m.ring != nil {
		return m.ring.SetKeys(keys)
	}
	return nil
}

// clusterTLS is how a member proves to others of the cluster what it is.
type clusterTLS struct{ server, client *tls.Config }

// loadAuthority reads the authority of the cluster and issues this member's
// certificates.
func (m *member) loadAuthority() error {
	data, err := m.secrets.file(clusterAuthority, transport.NewAuthority)
	if err != nil {
		return err
	}
	authority, err := transport.ParseAuthority(data)
	if err != nil {
		return err
	}
	asNode, err := authority.Issue(transport.RoleNode, certificateLifetime)
	if err != nil {
		return err
	}
	asFrontend, err := authority.Issue(transport.RoleFrontend, certificateLifetime)
	if err != nil {
		return err
	}
	m.cluster.Store(&clusterTLS{authority.ServerTLS(asNode, transport.RoleFrontend), authority.ClientTLS(asFrontend)})
	if m.peers != nil {
		m.peers.setTLS(m.cluster.Load().client)
	}
	return nil
}

// loadWebCertificate reads the certificate of the web server.
func (m *member) loadWebCertificate() error {
	certificate, err := webCertificate(m.settings, m.secrets)
	if err == nil {
		m.certificate.Store(&certificate)
	}
	return err
}

// keepWebCertificate keeps the certificate of the web server loaded.
func (m *member) keepWebCertificate() error {
	files := []string{m.secrets.path(webPair)}
	if m.settings.TLSCertificate != "" {
		files = []string{m.settings.TLSCertificate, m.settings.TLSKey}
	}
	return m.keepLoaded("web certificate", m.loadWebCertificate, files...)
}

// webTLS is the configuration of the web server: each connection gets the
// certificate of its time.
func (m *member) webTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return m.certificate.Load(), nil },
	}
}
