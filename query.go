package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/tinylib/msgp/msgp"

	"alphamail/deploy/config"
	"alphamail/node/api"
)

type queryCommand struct {
	Config       string `required:"" type:"existingfile" help:"Configuration file of a member."`
	User         string `required:"" help:"User to ask as, such as ana@example.edu."`
	PasswordFile string `type:"existingfile" help:"File with the password in its first line; without it the password is read from standard input."`

	Mailbox struct {
		Mailbox string `arg:"" help:"Name of the mailbox."`
		Page    int    `default:"1" help:"Page, from 1."`
	} `cmd:"" help:"List a page of a mailbox."`
	Message struct {
		Mailbox string `arg:"" help:"Name of the mailbox."`
		Message string `arg:"" help:"UIDVALIDITY-UID."`
	} `cmd:"" help:"Show a message, without marking it as seen."`
	Body struct {
		Mailbox string `arg:"" help:"Name of the mailbox."`
		Message string `arg:"" help:"UIDVALIDITY-UID."`
	} `cmd:"" help:"Show the sanitised HTML of a message."`
	Status struct{} `cmd:"" help:"Show how the node sees itself."`
}

// queryHost is the host that the sessions of this command are sealed for.
const queryHost = "alphamail.query"

// encodable is an answer.
type encodable interface {
	MarshalMsg([]byte) ([]byte, error)
}

// Run logs in, asks, prints the answer and logs out. In a cluster it asks the
// node that owns the account; for a machine alone, which offers its node to
// nobody, it starts a node of its own.
func (q *queryCommand) Run(ctx context.Context, terminal console, selected commandName) error {
	settings, err := loadConfig(q.Config)
	if err != nil {
		return err
	}
	password, err := q.password(terminal.in)
	if err != nil {
		return err
	}
	account, err := queryAccount(settings, q.User)
	if err != nil {
		return err
	}
	service, end, err := queryService(ctx, settings, account, slog.New(slog.NewTextHandler(terminal.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	defer end()
	call := &api.Call{RequestID: "query-" + rand.Text()[:8], Hops: 1}
	login, err := service.Login(ctx, call, &api.LoginQuestion{Account: account, Password: password, Host: queryHost})
	if err != nil {
		return err
	}
	call.Session = login.Session
	answer, err := q.ask(ctx, service, call, string(selected), account)
	_, ended := service.Logout(ctx, call, &api.LogoutQuestion{})
	if err := errors.Join(err, ended); err != nil {
		return err
	}
	return printJSON(terminal.out, answer)
}

func (q *queryCommand) ask(ctx context.Context, service api.Service, call *api.Call, question, account string) (encodable, error) {
	switch question {
	case "mailbox":
		return service.Mailbox(ctx, call, &api.MailboxQuestion{Mailbox: q.Mailbox.Mailbox, Page: q.Mailbox.Page})
	case "message":
		id, err := messageID(q.Message.Mailbox, q.Message.Message)
		if err != nil {
			return nil, err
		}
		return service.Message(ctx, call, &api.MessageQuestion{ID: id})
	case "body":
		id, err := messageID(q.Body.Mailbox, q.Body.Message)
		if err != nil {
			return nil, err
		}
		return service.Body(ctx, call, &api.BodyQuestion{ID: id})
	default:
		return service.Status(ctx, call, &api.StatusQuestion{Account: account})
	}
}

func messageID(mailbox, text string) (api.MessageID, error) {
	id := api.MessageID{Mailbox: mailbox}
	if _, err := fmt.Sscanf(text, "%d-%d", &id.UIDValidity, &id.UID); err != nil {
		return id, fmt.Errorf("%q is not UIDVALIDITY-UID, such as 1700000000-42", text)
	}
	return id, nil
}

// password reads the first line of the password file or of the input.
func (q *queryCommand) password(in io.Reader) (string, error) {
	if q.PasswordFile != "" {
		file, err := os.Open(q.PasswordFile)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("no password on standard input: %w", err)
	}
	return line, nil
}

func queryAccount(settings *config.Config, user string) (string, error) {
	_, name := api.SplitAccount(user)
	if name == "" {
		name = settings.Servers[0].Domain
	}
	return api.CanonicalAccount(user, name, settings.Domains[strings.ToLower(name)].CaseSensitive)
}

// queryService finds the node to ask.
func queryService(ctx context.Context, settings *config.Config, account string, log *slog.Logger) (api.Service, func(), error) {
	if settings.Alone() {
		return ownNode(settings, log)
	}
	view, err := askAdmin(ctx, settings, account)
	if err != nil {
		return nil, nil, err
	}
	ask, err := newOperator(settings)
	if err != nil {
		return nil, nil, err
	}
	for _, member := range view.Members {
		if member.Name == view.Owner {
			client := ask(member)
			return client, client.Close, nil
		}
	}
	return nil, nil, errors.New("no node owns the account")
}

// ownNode starts a node beside the one that serves, from which it takes nothing:
// neither address nor files.
func ownNode(settings *config.Config, log *slog.Logger) (api.Service, func(), error) {
	own := *settings
	own.AdminListen = "127.0.0.1:0"
	var err error
	if own.StateDir, err = os.MkdirTemp("", "alphamail-query-"); err != nil {
		return nil, nil, err
	}
	m, err := startMember(&own, roleNode, log)
	if err != nil {
		os.RemoveAll(own.StateDir)
		return nil, nil, err
	}
	return m.node, func() { m.stop(); os.RemoveAll(own.StateDir) }, nil
}

func printJSON(out io.Writer, answer encodable) error {
	data, err := answer.MarshalMsg(nil)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := msgp.UnmarshalAsJSON(&text, data); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = text.WriteTo(out)
	return err
}
