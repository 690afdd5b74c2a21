package imapconn

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Login logs in with a password: by SASL PLAIN where it is offered, else by
// LOGIN. A refusal is an *imap.Error. Errors name no password.
func (c *Conn) Login(ctx context.Context, user, password string) error {
	if strings.ContainsAny(user+password, "\x00") {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "A name or password has no such character."}
	}
	if err := c.introduce(ctx); err != nil {
		return err
	}
	if c.Has("AUTH=PLAIN") {
		return c.authenticate(ctx, "PLAIN", "\x00"+user+"\x00"+password)
	}
	if c.Has(imap.CapLoginDisabled) {
		return errors.New("the server takes no passwords over this connection")
	}
	c.fresh = false
	return c.loggedIn(ctx, c.Do(ctx, &login{user: user, password: password}))
}

// LoginBearer logs in with an OAuth 2 token (RFC 7628): by OAUTHBEARER where it
// is offered, else by XOAUTH2.
func (c *Conn) LoginBearer(ctx context.Context, user, token string) error {
	if strings.ContainsAny(user+token, "\x00\x01") {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "A name or token has no such character."}
	}
	if err := c.introduce(ctx); err != nil {
		return err
	}
	if c.Has("AUTH=OAUTHBEARER") {
		host, port, err := net.SplitHostPort(c.options.Address)
		if err != nil {
			return err
		}
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user)
		return c.authenticate(ctx, "OAUTHBEARER", fmt.Sprintf("n,a=%s,\x01host=%s\x01port=%s\x01auth=Bearer %s\x01\x01", name, host, port, token))
	}
	return c.authenticate(ctx, "XOAUTH2", fmt.Sprintf("user=%s\x01auth=Bearer %s\x01\x01", user, token))
}

// introduce tells the server on whose behalf somebody logs in. One that refuses
// to know does without.
func (c *Conn) introduce(ctx context.Context) error {
	if len(c.options.Identity) == 0 || !c.Has(imap.CapID) {
		return nil
	}
	err := c.Do(ctx, &Identify{Fields: c.options.Identity})
	if _, refused := IsRefusal(err); refused {
		return nil
	}
	return err
}

// authenticate makes a SASL exchange in which only the client has something to
// say (RFC 9051 section 6.2.2).
func (c *Conn) authenticate(ctx context.Context, mechanism, message string) error {
	c.fresh = false
	return c.loggedIn(ctx, c.Do(ctx, &authenticate{
		mechanism: mechanism, message: base64.StdEncoding.EncodeToString([]byte(message)), initial: c.Has(imap.CapSASLIR),
	}))
}

// loggedIn goes on after a login: it learns what the server offers to those who
// are logged in, and enables what changes how names and texts are written.
func (c *Conn) loggedIn(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	if !c.fresh {
		if err := c.Do(ctx, &command{label: "CAPABILITY"}); err != nil {
			return err
		}
	}
	var wanted []imap.Cap
	for _, capability := range []imap.Cap{imap.CapCondStore, imap.CapQResync} {
		if c.Has(capability) {
			wanted = append(wanted, capability)
		}
	}
	if c.Has(imap.CapUTF8Accept) && c.options.UTF8 || c.Has(imap.CapUTF8Only) {
		wanted = append(wanted, imap.CapUTF8Accept)
	}
	// IMAP4rev2 writes mailbox names in UTF-8, about which servers differ where
	// a name has an ampersand; IMAP4rev1 has one way that all of them know.
	if !c.Has(imap.CapIMAP4rev1) && c.Has(imap.CapIMAP4rev2) {
		wanted = append(wanted, imap.CapIMAP4rev2)
	}
	if len(wanted) > 0 && c.Has(imap.CapEnable) {
		enable := &enable{wanted: wanted}
		if err := c.Do(ctx, enable); err != nil {
			if _, refused := IsRefusal(err); !refused {
				return err
			}
		}
		if enable.done[imap.CapIMAP4rev2] || enable.done[imap.CapUTF8Accept] {
			c.encoding.UTF8, c.decoding.UTF8 = true, true
		}
		c.enabled = enable.done
	}
	switch {
	case c.Has(imap.CapLiteralPlus):
		c.encoding.NonSync = -1
	case c.Has(imap.CapLiteralMinus):
		c.encoding.NonSync = 4096
	}
	return nil
}

// Enabled tells whether an extension was enabled (RFC 5161).
func (c *Conn) Enabled(capability imap.Cap) bool { return c.enabled[capability] }

// login is the command LOGIN.
type login struct {
	plain
	user, password string
}

func (*login) name() string { return "LOGIN" }

func (l *login) write(e *wire.Encoder) {
	e.Raw("LOGIN ")
	e.String(l.user)
	e.Raw(" ")
	e.String(l.password)
}

// authenticate is the command AUTHENTICATE. Without SASL-IR the message follows
// the server's continuation request; to any further one, which carries an error
// in OAuth, the answer is empty.
type authenticate struct {
	plain
	mechanism, message string
	initial            bool
}

func (*authenticate) name() string { return "AUTHENTICATE" }

func (a *authenticate) write(e *wire.Encoder) {
	e.Raw("AUTHENTICATE " + a.mechanism)
	if a.initial {
		e.Raw(" " + a.message)
		return
	}
	e.Raw("\r\n")
	e.Await()
	e.Raw(a.message)
}

// enable is the command ENABLE (RFC 5161).
type enable struct {
	plain
	wanted []imap.Cap
	done   map[imap.Cap]bool
}

func (*enable) name() string { return "ENABLE" }

func (n *enable) write(e *wire.Encoder) {
	e.Raw("ENABLE")
	for _, capability := range n.wanted {
		e.Raw(" " + string(capability))
	}
}

func (n *enable) take(response wire.Response) bool {
	enabled, ok := response.(*wire.Enabled)
	if !ok {
		return false
	}
	if n.done == nil {
		n.done = map[imap.Cap]bool{}
	}
	for _, capability := range enabled.Caps {
		n.done[capability] = true
	}
	return true
}
