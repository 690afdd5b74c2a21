package imapconn_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/node/imapconn"
)

// TestTLS connects in both ways to a server whose certificate is trusted, and
// refuses one whose certificate is not.
func TestTLS(t *testing.T) {
	certificate, err := testbed.NewCertificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}}, Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for name, options := range map[string]imapconn.Options{
		"STARTTLS":     {Address: server.IMAPAddr(), Security: imapconn.StartTLS},
		"implicit TLS": {Address: server.IMAPSAddr(), Security: imapconn.ImplicitTLS},
	} {
		t.Run(name, func(t *testing.T) {
			options.TLS = &tls.Config{RootCAs: certificate.Roots}
			conn, err := imapconn.Dial(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Login(t.Context(), "ana", "secret"); err != nil {
				t.Fatal(err)
			}
			inbox, list := &imapconn.Select{Name: "INBOX"}, &imapconn.List{Pattern: "*"}
			if err := conn.Do(t.Context(), inbox, list); err != nil || len(list.Data) == 0 {
				t.Errorf("%d mailboxes, %v", len(list.Data), err)
			}
			conn.Logout(t.Context())

			options.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
			if stranger, err := imapconn.Dial(t.Context(), options); err == nil {
				stranger.Close()
				t.Error("a certificate that nobody vouches for is accepted")
			}
		})
	}
}
