package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// Security says how the connection to a mail server is protected.
type Security string

// The ways to protect a connection.
const (
	ImplicitTLS Security = "implicit TLS" // from the first byte
	StartTLS    Security = "STARTTLS"     // or nothing is said
	Plain       Security = "plain text"
)

// protocol is what differs between servers for reading and for sending.
type protocol struct {
	schemes  map[string]Security
	portTLS  int // where TLS is implicit, and what is meant when nothing is said
	port     int // what is meant by the other schemes
	brackets bool
}

var (
	imap = protocol{map[string]Security{"imaps": ImplicitTLS, "imap": StartTLS, "imap+insecure": Plain}, 993, 143, true}
	smtp = protocol{map[string]Security{"smtps": ImplicitTLS, "smtp": StartTLS, "smtp+insecure": Plain}, 465, 587, false}
)

// Server is the mail server of one domain, for reading or for sending.
type Server struct {
	Domain   string
	Host     string
	Port     int
	Security Security
	// Prefix of the users' mailboxes, such as "INBOX.", and the separator of
	// its levels. Both are empty when the server shall be asked.
	Prefix, Separator string

	scheme string // by which the server is written
}

// Address is host:port.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// String writes the server in full, in the notation in which it is read.
func (s Server) String() string {
	text := s.Domain + "=" + s.scheme + "://" + s.Address()
	if s.Separator != "" {
		text += "[" + s.Prefix
		if !strings.HasSuffix(s.Prefix, s.Separator) {
			text += s.Separator
		}
		text += "]"
	}
	return text
}

// maxServers bounds a list.
const maxServers = 1000

// ParseServers reads a list of mail servers in this notation:
//
//	example.com=imap.example.com:993[INBOX.], example.net=imap.example.net:143[/]
//
// that is the domain chosen at login, server, port, and in brackets the prefix
// of mailbox names followed by the separator: the last character is the
// separator, and the prefix, unless it is empty, ends with it. Brackets and port
// may be left out. Port 993 means TLS from the first byte, any other port
// STARTTLS, except on loopback, where no protection is needed. A scheme before
// the host asks for one of them by name: imaps://, imap://, imap+insecure://.
func ParseServers(text string) ([]Server, error) { return imap.parse(text) }

// ParseSubmissionServers reads a list of servers for sending in the same notation,
// without brackets. Port 465 means TLS from the first byte (RFC 8314); the schemes
// are smtps://, smtp:// and smtp+insecure://.
func ParseSubmissionServers(text string) ([]Server, error) { return smtp.parse(text) }

func (p protocol) parse(text string) ([]Server, error) {
	var servers []Server
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if len(servers) == maxServers {
			return nil, fmt.Errorf("more than %d servers", maxServers)
		}
		server, err := p.server(field)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", field, err)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func (p protocol) server(field string) (Server, error) {
	domain, rest, ok := strings.Cut(field, "=")
	if !ok || domain == "" {
		return Server{}, fmt.Errorf("the domain is missing; write domain=server:port")
	}
	server := Server{Domain: strings.ToLower(domain)}
	if strings.ContainsAny(server.Domain, "@/:[]") {
		return Server{}, fmt.Errorf("%q is not a domain", domain)
	}
	scheme, address, ok := strings.Cut(rest, "://")
	if ok {
		if server.Security = p.schemes[scheme]; server.Security == "" {
			return Server{}, fmt.Errorf("unknown scheme %q; there are %s, %s and %s", scheme, p.scheme(ImplicitTLS), p.scheme(StartTLS), p.scheme(Plain))
		}
	} else {
		address = rest
	}
	if p.brackets {
		var err error
		if address, err = server.takeBrackets(address); err != nil {
			return Server{}, err
		}
	}
	if err := server.takeAddress(address, p); err != nil {
		return Server{}, err
	}
	server.scheme = p.scheme(server.Security)
	return server, nil
}

// scheme is the name of a protection.
func (p protocol) scheme(security Security) string {
	for scheme, is := range p.schemes {
		if is == security {
			return scheme
		}
	}
	return ""
}

// takeBrackets reads "[INBOX.]" at the end of text and returns what is before.
// Brackets at the beginning belong to an IPv6 address.
func (s *Server) takeBrackets(text string) (string, error) {
	open := strings.LastIndexByte(text, '[')
	if open <= 0 {
		return text, nil
	}
	inside, ok := strings.CutSuffix(text[open+1:], "]")
	if !ok || inside == "" {
		return "", fmt.Errorf("in brackets stand prefix and separator, such as [INBOX.] or [/]")
	}
	runes := []rune(inside)
	s.Separator = string(runes[len(runes)-1])
	if len(runes) > 1 {
		s.Prefix = inside
	}
	return text[:open], nil
}

// takeAddress reads host and port and settles the protection.
func (s *Server) takeAddress(text string, p protocol) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), ""
	}
	if host == "" || strings.ContainsAny(host, "/@[]%") {
		return fmt.Errorf("the server's name is missing or wrong")
	}
	s.Host = strings.ToLower(host)
	switch {
	case port != "":
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return fmt.Errorf("%q is not a port", port)
		}
	case s.Security == StartTLS || s.Security == Plain:
		s.Port = p.port
	default:
		s.Port = p.portTLS
	}
	switch {
	case s.Security != "":
	case s.Port == p.portTLS:
		s.Security = ImplicitTLS
	case isLoopback(s.Address()):
		s.Security = Plain
	default:
		s.Security = StartTLS
	}
	return nil
}
