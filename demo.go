package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/deploy/config"
	"alphamail/node/api"
)

type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Address of the web server."`
	Log    string `default:"warn" enum:"debug,info,warn,error" help:"Least severe log lines to print."`
}

// demoUsers can log in to the demo, all with the same password. The first is
// the one whose mail is worth a look.
var demoUsers = []string{"robin@example.edu", "ben@example.edu", "yuki@example.net"}

var demoNames = []string{"Robin Meyer", "Ben Okafor", "Yuki Tanaka"}

const (
	demoPassword = "alphamail"
	demoNodes    = 3
	demoMessages = 400 // a user
)

// Run starts the demo and runs it until the context ends.
func (d demoCommand) Run(ctx context.Context, terminal console) (err error) {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[d.Log]
	log := slog.New(slog.NewTextHandler(terminal.err, &slog.HandlerOptions{Level: level}))
	state, err := os.MkdirTemp("", "alphamail-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)

	mail, err := startDemoMail(log)
	if err != nil {
		return err
	}
	defer mail.Close()
	settings, err := demoSettings(d.Listen, state, mail)
	if err != nil {
		return err
	}
	running, err := startDemoMembers(settings, log)
	defer func() { stopMembers(running, log) }()
	if err != nil {
		return err
	}
	if err := saveDemoSettings(ctx, running); err != nil {
		return err
	}
	fmt.Fprintf(terminal.out, `
  AlphaMail is running: %d nodes, a frontend, and a mail server in memory.

  http://%s/

  user %s   password %s
  also %s

  Ctrl-C ends it; nothing is kept.
`, demoNodes, running[len(running)-1].webAddress(), demoUsers[0], demoPassword, strings.Join(demoUsers[1:], ", "))
	<-ctx.Done()
	return nil
}

// startDemoMail starts the mail server in memory. It delivers among the users of the
// demo; what they send to anybody else is dropped.
func startDemoMail(log *slog.Logger) (*testbed.MemoryServer, error) {
	var users []testbed.User
	for _, user := range demoUsers {
		users = append(users, testbed.User{Name: user, Password: demoPassword})
	}
	mail, err := testbed.StartMemory(testbed.MemoryConfig{Users: users, MaxOutgoing: 1, Elsewhere: func(m testbed.Outgoing) {
		log.Warn("the demo sends nothing to the world outside; a message is dropped", "from", m.From, "to", m.To, "bytes", len(m.Raw))
	}})
	if err != nil {
		return nil, err
	}
	for i, user := range demoUsers {
		generator := mailgen.New(uint64(i+1), time.Now()).For(mailgen.Person{Name: demoNames[i], Address: user})
		if err = mail.CreateFolders(user); err == nil {
			err = mail.Fill(generator.Account(demoMessages), user)
		}
		if err != nil {
			mail.Close()
			return nil, err
		}
	}
	return mail, nil
}

// demoSettings is the configuration that the members of the demo share.
func demoSettings(listen, state string, mail *testbed.MemoryServer) (*config.Config, error) {
	return config.Parse("demo", fmt.Appendf(nil, `
imap_servers:
  - example.edu=%[1]s[/]
  - example.net=%[1]s[/]
smtp_servers: example.edu=%[4]s, example.net=%[4]s
domains:
  example.edu: {login_name: address}
  example.net: {login_name: address}
listen: %[2]s
state_dir: %[3]s
admin_listen: 127.0.0.1:0
cluster:
  gossip_listen: 127.0.0.1:0
  api_listen: 127.0.0.1:0
`, mail.IMAPAddr(), listen, state, mail.SMTPAddr()))
}

// startDemoMembers starts the nodes and then a frontend that knows them.
func startDemoMembers(settings *config.Config, log *slog.Logger) (running []*member, err error) {
	for i := range demoNodes + 1 {
		own := *settings
		role := roleNode
		own.Cluster.Name = fmt.Sprintf("node-%d", i+1)
		if i == demoNodes {
			role, own.Cluster.Name = roleFrontend, "frontend"
		}
		if i > 0 {
			own.Cluster.Join = []string{running[0].gossipAddress()}
		}
		one, err := startMember(&own, role, log.With("member", own.Cluster.Name))
		if err != nil {
			return running, err
		}
		running = append(running, one)
	}
	return running, waitForNodes(running, demoNodes)
}

// demoContacts are those of the first user of the demo.
var demoContacts = []api.Contact{
	{Name: "Ben Okafor", Addresses: []string{"ben@example.edu"}, Organization: "Department of Physics", Phone: "+1 555 0142"},
	{Name: "Yuki Tanaka", Addresses: []string{"yuki@example.net"}, Note: "Exchange student until July"},
	{Name: "Émilie Laurent", Addresses: []string{"emilie.laurent@example.edu", "emilie@example.net"}, Organization: "Library"},
	{Name: "نور حداد", Addresses: []string{"noor.haddad@example.edu"}, Organization: "Department of Linguistics"},
	{Name: "Help desk", Addresses: []string{"help@example.edu"}, Organization: "Computing Centre", Phone: "+1 555 0100"},
}

// saveDemoSettings gives the first user of the demo a name, a signature and contacts,
// as if they had been typed in.
func saveDemoSettings(ctx context.Context, running []*member) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	changes := []api.Change{
		{Identity: &api.Identity{
			ID: api.OwnIdentity, Name: demoNames[0], Address: demoUsers[0], Organization: "Example University",
			Signatures: []api.Signature{{Text: "Robin Meyer\nDepartment of Linguistics, Example University"}},
		}},
		{List: &api.ContactList{Name: "Field trip", Members: []string{"ben@example.edu", "yuki@example.net", "noor.haddad@example.edu"}}},
	}
	for i := range demoContacts {
		changes = append(changes, api.Change{Contact: &demoContacts[i]})
	}
	owner, _ := running[0].ring.Table().Owner(demoUsers[0])
	at := slices.IndexFunc(running, func(one *member) bool { return one.settings.Cluster.Name == owner.Name })
	if at < 0 {
		return errors.New("no node of the demo owns its first user")
	}
	node, call := running[at].node, &api.Call{RequestID: "demo", OperationID: "demo"}
	login, err := node.Login(ctx, call, &api.LoginQuestion{Account: demoUsers[0], Password: demoPassword, Host: queryHost})
	if err != nil {
		return err
	}
	call.Session = login.Session
	_, err = node.Save(ctx, call, &api.SaveQuestion{Changes: changes})
	_, ended := node.Logout(ctx, call, &api.LogoutQuestion{})
	return errors.Join(err, ended)
}

// waitForNodes waits until every member knows so many nodes.
func waitForNodes(running []*member, nodes int) error {
	deadline := time.Now().Add(15 * time.Second)
	for _, one := range running {
		for len(one.ring.Table().Members()) < nodes {
			if time.Now().After(deadline) {
				return fmt.Errorf("the members of the demo do not find each other: %s knows %v", one.settings.Cluster.Name, one.ring.Members())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

// stopMembers ends members in the opposite order of their start.
func stopMembers(running []*member, log *slog.Logger) {
	for i := len(running) - 1; i >= 0; i-- {
		running[i].stop()
	}
}
