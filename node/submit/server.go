package submit

import (
	"crypto/tls"
	"net"
	"strconv"
	"time"
)

// Security says how the connection to a server is protected.
type Security int

// The ways to protect a connection.
const (
	ImplicitTLS Security = iota // TLS from the first byte (RFC 8314)
	StartTLS                    // upgraded before anything else (RFC 3207), or refused
	Plain                       // not protected, passwords neither: for loopback, or where it is asked for by name
)

// Server is a submission server.
type Server struct {
	Host     string // empty: there is none
	Port     int
	Security Security
	// TLS holds the trusted roots; nil means those of the system. The server
	// name is Host.
	TLS *tls.Config
	// Hello is what EHLO calls this machine: a domain or an address literal.
	// Default: the connection's own address as a literal.
	Hello string
	// Timeout bounds connecting, every command with its answer, and every block of
	// the body. Default 30 s.
	Timeout time.Duration
	// FinalTimeout bounds the wait for the answer to the final dot. Servers look
	// through the message then, and a client that does not wait is the reason for
	// most mail that arrives twice. Default 10 min (RFC 5321 section 4.5.3.2.6).
	FinalTimeout time.Duration
	// Grace is how long that answer is still waited for after the context has ended:
	// to know is worth a moment. Default 5 s.
	Grace time.Duration
}

// Address is host:port.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

func (s Server) withDefaults() Server {
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.FinalTimeout == 0 {
		s.FinalTimeout = 10 * time.Minute
	}
	if s.Grace == 0 {
		s.Grace = 5 * time.Second
	}
	return s
}

// tlsConfig is the configuration for a handshake.
func (s Server) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		config = s.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = s.Host
	}
	return config
}

// Credentials log in to a server. Without a user nobody logs in: for a relay that
// trusts this machine.
type Credentials struct{ User, Password string }

// Login says with whose credentials a message is submitted.
type Login int

// The ways to log in.
const (
	AsUser  Login = iota // the user's own name and password, as for IMAP
	AsRelay              // one name and password for all users
	AsNone               // no login: the server trusts this machine
)

// Route is how the users of a domain send.
type Route struct {
	Server Server // without a Host they cannot
	Login  Login
	Relay  Credentials // for AsRelay
	// FiledByServer says that the server itself puts a copy into the user's folder
	// of sent mail.
	FiledByServer bool
	// Limiter bounds what each account sends; nil does not.
	Limiter *Limiter
}

// Credentials chooses among those of the user and those of the relay.
func (r Route) Credentials(user, password string) Credentials {
	switch r.Login {
	case AsRelay:
		return r.Relay
	case AsNone:
		return Credentials{}
	default:
		return Credentials{user, password}
	}
}
