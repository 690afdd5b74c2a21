package node

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/seal"
)

// Login implements api.Service. The mail server judges the password, always:
// what this node remembers of an account could be out of date.
func (n *Node) Login(ctx context.Context, call *api.Call, question *api.LoginQuestion) (*api.LoginAnswer, error) {
	return answer(ctx, n, "login", call, func(ctx context.Context) (*api.LoginAnswer, error) {
		login, err := n.login(ctx, call, question)
		if code := api.AsError(err); code != nil {
			n.audit("login refused", call, question.Account, "code", code.Code)
			return nil, err
		}
		n.audit("login", call, question.Account, "session", sessionName(login.Session))
		return login, nil
	})
}

func (n *Node) login(ctx context.Context, call *api.Call, question *api.LoginQuestion) (*api.LoginAnswer, error) {
	if len(question.Password) > seal.MaxPassword {
		return nil, api.NewError(api.CodeAuthFailed, "User name or password is wrong.", seal.ErrTooLong)
	}
	if question.Account == "" || question.Password == "" || len(question.Account) > api.MaxAccountLength {
		return nil, api.NewError(api.CodeInvalid, "User name and password are needed.", nil)
	}
	if err := n.own(call, question.Account); err != nil {
		return nil, err
	}
	fresh, err := n.newAccount(question.Account, question.Password)
	if err != nil {
		return nil, err
	}
	fresh.From(call.ClientAddress)
	if err := n.attempts.try(call, question.Account, func() error { return fresh.Connect(ctx) }); err != nil {
		fresh.Close()
		return nil, err
	}
	if _, err := n.install(question.Account, fresh); err != nil {
		fresh.Close()
		return nil, err
	}
	session := api.Session{Account: question.Account, ID: rand.Text(), Host: question.Host}
	return n.seal(session, question.Password, time.Now())
}

// renewals is how many times a session that is in use is renewed in the time after
// which one that is not has ended.
const renewals = 16

// seal seals a session of a login at a time: until it is idle for too long, or too
// old.
func (n *Node) seal(session api.Session, password string, since time.Time) (*api.LoginAnswer, error) {
	now := time.Now()
	answer := &api.LoginAnswer{Session: session, Expires: now.Add(n.config.SessionIdle)}
	if end := since.Add(n.config.SessionLifetime); answer.Expires.Before(end) {
		answer.Renew = now.Add(n.config.SessionIdle / renewals)
	} else {
		answer.Expires = end
	}
	var err error
	credential := seal.Credential{Password: password, Issued: since, Expires: answer.Expires}
	if answer.Session.Seal, err = n.keyring.Load().Seal(n.binding(session), credential); err != nil {
		return nil, api.NewError(api.CodeInvalid, "This password is too long.", err)
	}
	return answer, nil
}

// Renew implements api.Service.
func (n *Node) Renew(ctx context.Context, call *api.Call, _ *api.RenewQuestion) (*api.LoginAnswer, error) {
	return answer(ctx, n, "renew", call, func(ctx context.Context) (renewed *api.LoginAnswer, err error) {
		credential, err := n.open(call.Session, 0)
		if err != nil {
			return nil, err
		}
		if !time.Now().Before(credential.Issued.Add(n.config.SessionLifetime)) {
			return nil, api.NewError(api.CodeAuthExpired, "Your session is too old. Please log in again.", nil)
		}
		err = n.withAccount(ctx, call, "renew", func(*account.Account) (err error) {
			renewed, err = n.seal(call.Session, credential.Password, credential.Issued)
			return err
		})
		return renewed, err
	})
}

// SetKeyring makes the node seal with another keyring from now on.
func (n *Node) SetKeyring(keyring *seal.Keyring) { n.keyring.Store(keyring) }

// sessionName is enough of a session's id to find it in the log. Form tokens follow
// from all of it.
func sessionName(session api.Session) string { return session.ID[:min(8, len(session.ID))] }

func (n *Node) binding(session api.Session) seal.Binding {
	return seal.Binding{Cluster: n.config.Cluster, Host: session.Host, Account: session.Account, SessionID: session.ID}
}

// Logout implements api.Service. It also ends the account's connection, unless long
// jobs go on: other sessions of the account make a new one when they need it.
func (n *Node) Logout(ctx context.Context, call *api.Call, question *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	if question.Everywhere {
		if _, err := ask(ctx, n, "logout-everywhere", call, question, func(one *account.Account, ctx context.Context, _ *api.LogoutQuestion) (*api.LogoutAnswer, error) {
			return &api.LogoutAnswer{}, one.EndSessions(ctx)
		}); err != nil {
			return nil, err
		}
		n.audit("logout everywhere", call, call.Session.Account, "session", sessionName(call.Session))
	}
	return answer(ctx, n, "logout", call, func(context.Context) (*api.LogoutAnswer, error) {
		credential, err := n.open(call.Session, savingGrace)
		if err != nil {
			return &api.LogoutAnswer{}, nil // it has ended already
		}
		if err := n.own(call, call.Session.Account); err != nil {
			return nil, err
		}
		n.revocations.Add(call.Session.ID, n.end(credential).Add(savingGrace))
		n.mu.Lock()
		known := n.accounts[call.Session.Account]
		n.mu.Unlock()
		if known != nil && !known.Working() {
			if ended := n.remove(call.Session.Account, known); ended != nil {
				ended.Close()
			}
		}
		n.audit("logout", call, call.Session.Account, "session", sessionName(call.Session))
		return &api.LogoutAnswer{}, nil
	})
}

// end is when no seal of a session is valid any more: a copy may have been renewed.
func (n *Node) end(credential seal.Credential) time.Time {
	end := credential.Issued.Add(n.config.SessionLifetime)
	if credential.Expires.After(end) { // sealed under another configuration
		return credential.Expires
	}
	return end
}

// open opens the seal of a session, also for some time after its end.
func (n *Node) open(session api.Session, grace time.Duration) (seal.Credential, error) {
	credential, err := n.keyring.Load().Open(n.binding(session), session.Seal, time.Now().Add(-grace))
	if err != nil {
		return credential, api.NewError(api.CodeAuthExpired, "Your session has ended. Please log in again.", err)
	}
	if n.revocations.Has(session.ID) {
		return credential, api.NewError(api.CodeAuthExpired, "You have logged out.", nil)
	}
	return credential, nil
}

// savingGrace is how long after its end a session that was not revoked may still
// save what was written in it, and nothing else.
const savingGrace = 24 * time.Hour

// graceOf is how long after its end a session may still give a command.
func graceOf(command string) time.Duration {
	if command == "save-draft" || command == "upload" {
		return savingGrace
	}
	return 0
}

// withAccount runs work, which is of a command, with the account of a session.
func (n *Node) withAccount(ctx context.Context, call *api.Call, command string, work func(*account.Account) error) error {
	credential, err := n.open(call.Session, graceOf(command))
	if err != nil {
		return err
	}
	id := call.Session.Account
	if err := n.own(call, id); err != nil {
		return err
	}
	var one *account.Account
	for range maxFinds {
		if one, err = n.find(ctx, id, credential.Password); err != nil {
			break
		}
		one.From(call.ClientAddress)
		if err = n.outlived(ctx, one, credential); err != nil {
			break
		}
		if err = work(one); !errors.Is(err, account.ErrClosed) {
			break
		}
		if _, err := n.open(call.Session, graceOf(command)); err != nil {
			return err
		}
	}
	if failure := api.AsError(err); failure != nil && failure.Code == api.CodeAuthFailed {
		if one != nil {
			if refused := n.remove(id, one); refused != nil {
				refused.Close()
			}
		}
		return api.NewError(api.CodeAuthExpired, "The mail server no longer accepts your password. Please log in again.", err)
	}
	return err
}

// outlived refuses sessions that the user has ended together with all others.
func (n *Node) outlived(ctx context.Context, one *account.Account, credential seal.Credential) error {
	ended, err := one.EndedSessions(ctx)
	if err == nil && credential.Issued.Before(ended) {
		err = api.NewError(api.CodeAuthExpired, "You have logged out everywhere.", nil)
	}
	return err
}

// maxFinds is how often an account is found again when it was evicted between
// finding and asking it.
const maxFinds = 5

// find returns the account for a password that a seal holds. When the account
// lives here with another password, one of the two is out of date, and the mail
// server decides.
func (n *Node) find(ctx context.Context, id, password string) (*account.Account, error) {
	n.mu.Lock()
	known := n.accounts[id]
	n.mu.Unlock()
	if known != nil && known.HasPassword(password) {
		return known, nil
	}
	fresh, err := n.newAccount(id, password)
	if err != nil {
		return nil, err
	}
	if known != nil {
		err = fresh.Connect(ctx)
	}
	var stands *account.Account
	if err == nil {
		stands, err = n.install(id, fresh)
	}
	if err != nil {
		fresh.Close()
	}
	return stands, err
}

var errShuttingDown = api.NewError(api.CodeNodeDown, "This node is shutting down.", nil)

func (n *Node) newAccount(id, password string) (*account.Account, error) {
	if n.load.full() && !n.holds(id) {
		full := api.NewError(api.CodeBusy, "Very many people are reading mail at this moment. Please try again in a few seconds.", errors.New("node: no memory for another account"))
		full.RetryAfter = 10 * time.Second
		return nil, full
	}
	local, name := api.SplitAccount(id)
	domain, ok := n.domains[name]
	if !ok {
		return nil, api.NewError(api.CodeInvalid, "This mail domain is not served here.", nil)
	}
	user := local
	if domain.LoginWithAddress {
		user = id
	}
	return account.New(id, user, password, domain.Backend, n.config.Account, n.cache, n.log), nil
}

// holds tells whether an account lives here.
func (n *Node) holds(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.accounts[id] != nil
}

// install makes fresh the account that answers for id and returns the one that
// stands: an account that is there already with the same password keeps its
// place, because it knows more.
func (n *Node) install(id string, fresh *account.Account) (*account.Account, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errShuttingDown
	}
	stays, displaced := fresh, n.accounts[id]
	if displaced != nil && displaced.SamePassword(fresh) {
		stays, displaced = displaced, fresh
	}
	n.accounts[id] = stays
	for _, one := range []*account.Account{displaced, n.makeRoom()} {
		if one != nil {
			n.background.Go(one.Retire) // ends after the call under way, which has a deadline
		}
	}
	return stays, nil
}

// makeRoom takes out the account that was idle longest when there are too many.
// The caller holds mu.
func (n *Node) makeRoom() *account.Account {
	if len(n.accounts) <= n.config.MaxAccounts {
		return nil
	}
	var oldest string
	var since time.Time
	for id, one := range n.accounts {
		if use := one.LastUse(); oldest == "" || use.Before(since) {
			oldest, since = id, use
		}
	}
	evicted := n.accounts[oldest]
	delete(n.accounts, oldest)
	return evicted
}

// remove takes an account out; when only is not nil, just that one.
func (n *Node) remove(id string, only *account.Account) *account.Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.accounts[id]
	if known == nil || only != nil && known != only {
		return nil
	}
	delete(n.accounts, id)
	return known
}

// audit writes a line of the security log.
func (n *Node) audit(event string, call *api.Call, accountID string, details ...any) {
	n.log.With("audit", true, "request", call.RequestID, "client", call.ClientAddress, "account", accountID).Info(event, details...)
}
