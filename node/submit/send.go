package submit

import (
	"context"
	"errors"
	"io"

	"alphamail/mime/compose"
)

// Message is a message on its way out.
type Message struct {
	From       string   // the address that bounces come back to
	Recipients []string // all of them: those of To, Cc and Bcc
	Needs      compose.Needs
	Size       int64 // in bytes as far as is known; 0 when it is not
	// Partial sends to those recipients that the server takes, if there are any.
	// Otherwise all are taken or nothing is sent, so that the author can mend the
	// address.
	Partial bool
	// Write writes header and body. An error of it aborts: nothing was sent.
	Write func(io.Writer) error
	// Confirm is called once, after all of the body has been handed over and before
	// the final dot. An error aborts: nothing was sent. Nil consents.
	Confirm func() error
}

// Result is what became of the recipients.
type Result struct {
	Accepted []string // sent to them; nobody when Send failed, except with Unclear
	Refused  []Refusal
}

// Refusal is why a recipient does not get the message.
type Refusal struct {
	Recipient string
	Code      int    // such as 550
	Enhanced  string // such as "5.1.1"; empty when there is none
	Text      string // the server's words, on one line, bounded and safe to show
}

const (
	// maxRecipients bounds the recipients of a message.
	maxRecipients = 10_000
	// enoughRefusals is how many recipients are refused until the others are not
	// asked for, when nothing will be sent anyway: servers hang up on whom they
	// take for somebody who tries addresses.
	enoughRefusals = 10
)

// Send submits a message. Errors: *Error; see Kind for what is known then, and
// Result.Refused for recipients that were the reason. When the context ends before
// the final dot, the connection is closed and nothing was sent; when it ends later,
// the answer is waited for a few seconds more.
func (s *Session) Send(ctx context.Context, m Message) (Result, error) {
	if s.ended {
		return Result{}, failed("MAIL", ErrNotUsable)
	}
	t := &transaction{session: s, message: m}
	if err := t.check(); err != nil {
		return Result{Refused: t.refused}, err
	}
	if err := t.open(ctx); err != nil {
		return Result{Refused: t.refused}, err
	}
	if err := t.content(ctx); err != nil {
		s.end() // behind DATA there is no other way to abort
		return Result{Refused: t.refused}, err
	}
	result := Result{Accepted: t.accepted, Refused: t.refused}
	a, err := s.finish(ctx)
	switch {
	case err != nil:
		s.end()
		return result, &Error{Kind: Unclear, Step: "final dot", Cause: err}
	case a.code < 300:
		return result, nil
	case a.code < 400: // neither yes nor no
		s.end()
		return result, &Error{Kind: Unclear, Step: "final dot", Cause: ErrOutOfStep}
	case a.code == 421:
		s.end()
	}
	return Result{Refused: t.refused}, refused("final dot", a)
}

// transaction is one message being sent.
type transaction struct {
	session  *Session
	message  Message
	from     string
	to       []recipient
	smtputf8 bool

	accepted []string
	refused  []Refusal
}

type recipient struct{ address, wire string }

// check finds what is wrong before anything is written.
func (t *transaction) check() error {
	refuse := func(enhanced, text string) error {
		return &Error{Kind: Refused, Step: "MAIL", Enhanced: enhanced, Text: text}
	}
	m, features := t.message, t.session.Features()
	t.smtputf8 = m.Needs.SMTPUTF8
	from, problem := t.wire(m.From)
	switch size := t.session.Size(); {
	case problem != goodAddress:
		return refuse("5.1.7", problem.refusal(m.From).Text)
	case len(m.Recipients) == 0:
		return refuse("5.5.1", "There are no recipients.")
	case len(m.Recipients) > maxRecipients:
		return refuse("5.5.3", "There are too many recipients.")
	case size > 0 && m.Size > size:
		return refuse("5.3.4", "The message is larger than the server takes.")
	case m.Needs.SMTPUTF8 && !features.SMTPUTF8:
		return refuse("5.6.7", "The server cannot handle letters beyond ASCII in the header.")
	case m.Needs.EightBitMIME && !features.EightBitMIME:
		return refuse("5.6.3", "The server cannot handle letters beyond ASCII in the message.")
	}
	t.from = from
	for _, address := range m.Recipients {
		if wire, problem := t.wire(address); problem == goodAddress {
			t.to = append(t.to, recipient{address, wire})
		} else {
			t.refused = append(t.refused, problem.refusal(address))
		}
	}
	return t.verdict(len(t.to))
}

// wire is wireAddress, and notes whether the command needs SMTPUTF8 for it.
func (t *transaction) wire(address string) (string, badAddress) {
	wire, problem := wireAddress(address, t.session.Features().SMTPUTF8)
	if !isASCII(wire) {
		t.smtputf8 = true
	}
	return wire, problem
}

// verdict tells whether the message is still to be sent, when so many recipients
// are left.
func (t *transaction) verdict(left int) error {
	if len(t.refused) == 0 || t.message.Partial && left > 0 {
		return nil
	}
	first := t.refused[0]
	problem := &Error{Kind: Busy, Step: "RCPT", Code: first.Code, Enhanced: first.Enhanced, Text: first.Text}
	for _, refusal := range t.refused {
		kind := answer{code: refusal.Code, enhanced: refusal.Enhanced}.kind()
		if kind == Authentication || kind == Refused && problem.Kind == Busy {
			problem.Kind = kind
		}
	}
	return problem
}

// open names the sender and the recipients, and opens the body.
func (t *transaction) open(ctx context.Context) error {
	s := t.session
	if _, err := s.await(ctx, "MAIL", s.mailCommand(t.from, t.message, t.smtputf8), 250); err != nil {
		return err
	}
	for _, to := range t.to {
		if err := t.name(ctx, to); err != nil {
			return err
		}
		if len(t.refused) >= enoughRefusals && !t.message.Partial {
			break
		}
	}
	if err := t.verdict(len(t.accepted)); err != nil {
		s.reset(ctx)
		return err
	}
	if _, err := s.await(ctx, "DATA", "DATA", 354); err != nil {
		s.reset(ctx)
		return err
	}
	return nil
}

// name names a recipient; that it is refused is no error.
func (t *transaction) name(ctx context.Context, to recipient) error {
	// 251 and 252: it is forwarded, or not known whether it exists (RFC 5321 section
	// 3.4 and 3.5.3).
	a, err := t.session.await(ctx, "RCPT", "RCPT TO:<"+to.wire+">", 250, 251, 252)
	switch {
	case err == nil:
		t.accepted = append(t.accepted, to.address)
		return nil
	case a.code == 421 && len(t.refused) > 0 && !t.message.Partial:
		return t.verdict(0) // it hung up because of those before
	case a.code < 400 || a.code == 421:
		return err
	}
	t.refused = append(t.refused, Refusal{to.address, a.code, a.enhanced, a.text()})
	return nil
}

// content does everything between DATA and the final dot, which is not sent when it
// fails. The context's end closes the connection meanwhile.
func (t *transaction) content(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { t.session.network.Close() })
	step, err := t.upToDot(ctx)
	if !stop() {
		err = ctx.Err()
	}
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return failed(step, err)
}

// upToDot writes the body and asks the caller for the last time.
func (t *transaction) upToDot(ctx context.Context) (step string, err error) {
	body := &bodyWriter{out: t.session.writer}
	if err := t.message.Write(body); err != nil && body.err == nil {
		return "body", err
	}
	if err := body.finish(); err != nil {
		return "body", t.session.early(err)
	}
	if err := ctx.Err(); err != nil {
		return "body", err
	}
	if t.message.Confirm != nil {
		if err := t.message.Confirm(); err != nil {
			return "confirm", err
		}
	}
	return "body", t.session.quiet()
}
