package inventory

import (
	"context"
	"crypto/tls"
	"mime"
	"net"

	"github.com/emersion/go-message/charset"

	"github.com/emersion/go-imap/v2/imapclient"
)

// Server is an IMAP server.
type Server struct {
	Address string // host:port; 993 is implicit TLS

	// TLS is the configuration for implicit TLS; elsewhere STARTTLS is used if
	// it is set, and nothing if it is nil.
	TLS *tls.Config
}

// Dial connects. The context bounds that alone; imapclient knows no contexts, and
// whoever waits for a client closes it when its own context ends.
func (s Server) Dial(ctx context.Context) (*imapclient.Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	options := &imapclient.Options{TLSConfig: s.TLS, WordDecoder: &mime.WordDecoder{CharsetReader: charset.Reader}}
	_, port, _ := net.SplitHostPort(s.Address)
	switch {
	case port == "993":
		return imapclient.New(tls.Client(conn, s.TLS), options), nil
	case s.TLS != nil:
		return imapclient.NewStartTLS(conn, options)
	}
	return imapclient.New(conn, options), nil
}
