package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Roles that a certificate can name.
const (
	RoleNode     = "node"
	RoleFrontend = "frontend"
)

// roleDomain makes a role a DNS name, which is what TLS verifies. It is not
// resolved by anybody.
const roleDomain = ".alphamail.internal"

const authorityLifetime = 20 * 365 * 24 * time.Hour

// Authority issues the certificates of one cluster.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

// NewAuthority makes an authority and returns certificate and key as PEM.
func NewAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "AlphaMail cluster"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityLifetime),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	return encodePair(template, template, &key.PublicKey, key, key)
}

// ParseAuthority reads what NewAuthority made. Certificates of other authorities may
// follow: what those issue is trusted too, so that one can take the place of another
// while a cluster runs.
func ParseAuthority(data []byte) (*Authority, error) {
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("transport: the cluster's authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("transport: this is not the authority of a cluster")
	}
	a := &Authority{certificate: pair.Leaf, key: key, pool: x509.NewCertPool()}
	for _, certificate := range pair.Certificate {
		trusted, err := x509.ParseCertificate(certificate)
		if err != nil {
			return nil, fmt.Errorf("transport: an authority that is trusted too: %w", err)
		}
		a.pool.AddCert(trusted)
	}
	return a, nil
}

// Issue makes a certificate for a role.
func (a *Authority) Issue(role string, lifetime time.Duration) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: role}, DNSNames: []string{role + roleDomain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	data, err := encodePair(template, a.certificate, &key.PublicKey, a.key, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(data, data)
}

// ServerTLS is the configuration of a node: it admits peers whose certificate
// this authority issued for one of the roles.
func (a *Authority) ServerTLS(own tls.Certificate, roles ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool,
		VerifyConnection: func(state tls.ConnectionState) error {
			peer := state.PeerCertificates[0]
			if !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(peer.DNSNames, role+roleDomain) }) {
				return fmt.Errorf("transport: a certificate for %v may not ask", peer.DNSNames)
			}
			return nil
		},
	}
}

// ClientTLS is the configuration of who asks nodes.
func (a *Authority) ClientTLS(own tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own},
		RootCAs: a.pool, ServerName: RoleNode + roleDomain,
		ClientSessionCache: tls.NewLRUClientSessionCache(64),
	}
}

func serial() *big.Int {
	bytes := make([]byte, 16)
	rand.Read(bytes)
	return new(big.Int).SetBytes(bytes)
}

// encodePair signs a certificate and encodes it together with its key.
func encodePair(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer, key *ecdsa.PrivateKey) ([]byte, error) {
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
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
