package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"alphamail/deploy/config"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/ring"
)

// hangCommand uses mail as a user does, all the time, and tells a node that hangs
// from a mail server that is away.
type hangCommand struct {
	Config       string        `required:"" type:"existingfile" help:"Configuration file of a member that runs on this machine."`
	User         string        `required:"" help:"User to ask as, such as canary@example.edu."`
	PasswordFile string        `required:"" type:"existingfile" help:"File with the password in its first line."`
	Node         []string      `help:"Nodes to watch; without it all of them."`
	Interval     time.Duration `default:"15s" help:"How often each node is asked."`
	Timeout      time.Duration `default:"10s" help:"How long an answer may take."`
	Failures     int           `default:"3" help:"How many failures in a row make a node one that hangs."`
	Restart      string        `help:"Shell command that restarts a node; its name is in ALPHAMAIL_NODE."`
	MailTo       []string      `help:"Addresses of administrators."`
	MailCommand  string        `default:"/usr/sbin/sendmail -t" help:"Shell command that sends a message from its input."`
}

const (
	// restartPause is how long a node is left alone after it was restarted.
	restartPause = 10 * time.Minute
	// mailPause is the least time between two messages about the same.
	mailPause = time.Hour
)

// Run watches until the context ends.
func (h *hangCommand) Run(ctx context.Context, terminal console) error {
	settings, err := loadConfig(h.Config)
	if err != nil {
		return err
	}
	query := &queryCommand{PasswordFile: h.PasswordFile}
	password, err := query.password(terminal.in)
	if err != nil {
		return err
	}
	canary, err := newCanary(settings, h.User, password, h.Node)
	if err != nil {
		return err
	}
	detector := &hangDetector{
		failures: h.Failures, log: newLog(settings, terminal.err), restart: h.restart, mail: h.mail,
		failed: map[string]int{}, restarted: map[string]time.Time{}, mailed: map[string]time.Time{},
	}
	ticker := time.NewTicker(h.Interval)
	defer ticker.Stop()
	for {
		detector.judge(canary.ask(ctx, h.Timeout))
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// restart runs the operator's command for a node.
func (h *hangCommand) restart(node string) error {
	if h.Restart == "" {
		return errors.New("there is no command to restart a node")
	}
	command := exec.Command("sh", "-c", h.Restart)
	command.Env = append(os.Environ(), "ALPHAMAIL_NODE="+node)
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// mail writes to the administrators.
func (h *hangCommand) mail(subject, text string) error {
	if len(h.MailTo) == 0 {
		return nil
	}
	command := exec.Command("sh", "-c", h.MailCommand)
	command.Stdin = strings.NewReader(fmt.Sprintf("To: %s\nSubject: %s\nContent-Type: text/plain; charset=utf-8\nAuto-Submitted: auto-generated\n\n%s\n",
		strings.Join(h.MailTo, ", "), subject, text))
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// round is what one round of questions found: nil for an answer.
type round struct {
	server error            // the mail server, asked without AlphaMail
	nodes  map[string]error // by name
}

// hangDetector decides what to do about rounds. It is for one goroutine.
type hangDetector struct {
	failures int
	log      *slog.Logger
	restart  func(node string) error
	mail     func(subject, text string) error

	failed    map[string]int       // failures in a row, by node; of the mail server under the empty name
	restarted map[string]time.Time // by node
	mailed    map[string]time.Time // by subject
}

// judge acts on a round. A node that fails while the mail server does as well is not
// blamed. One node is restarted at a time: when all of them hang at once, something
// else is wrong.
func (d *hangDetector) judge(found round) {
	if found.server != nil {
		d.failed[""]++
		d.log.Warn("the mail server does not answer", "error", found.server)
		if d.failed[""] == d.failures {
			d.tell("The mail server does not answer", fmt.Sprintf("AlphaMail's probe asked it %d times.\n\nThe last error: %v", d.failures, found.server))
		}
		return
	}
	if d.failed[""] >= d.failures {
		d.tell("The mail server answers again", "AlphaMail's probe was answered.")
	}
	d.failed[""] = 0
	var hanging []string
	for _, node := range slices.Sorted(maps.Keys(found.nodes)) {
		if err := found.nodes[node]; err == nil {
			d.failed[node] = 0
		} else {
			d.failed[node]++
			d.log.Warn("a node does not answer", "node", node, "times", d.failed[node], "error", err)
			if d.failed[node] >= d.failures && time.Since(d.restarted[node]) >= restartPause {
				hanging = append(hanging, node)
			}
		}
	}
	if len(hanging) > 0 {
		d.revive(hanging[0], found.nodes[hanging[0]])
	}
}

func (d *hangDetector) revive(node string, cause error) {
	d.failed[node], d.restarted[node] = 0, time.Now()
	outcome := "It was restarted."
	if err := d.restart(node); err != nil {
		outcome = "It could not be restarted: " + err.Error()
		d.log.Error("a node that hangs could not be restarted", "node", node, "error", err)
	} else {
		d.log.Warn("a node that hangs was restarted", "node", node)
	}
	d.tell("The node "+node+" does not answer", fmt.Sprintf("The mail server answers, and the node did not, %d times in a row. %s\n\nThe last error: %v", d.failures, outcome, cause))
}

// tell writes to the administrators, unless it did so lately.
func (d *hangDetector) tell(subject, text string) {
	if time.Since(d.mailed[subject]) < mailPause {
		return
	}
	d.mailed[subject] = time.Now()
	if err := d.mail(subject, text); err != nil {
		d.log.Error("the administrators could not be told", "subject", subject, "error", err)
	}
}

// canary is a user who asks each node, and the mail server directly.
type canary struct {
	settings          *config.Config
	account, password string
	nodes             []string // to ask; all if empty
	asks              operator
	direct            imapconn.Options
	login             string

	known  map[string]ring.Member // nodes, as they were seen last
	active []ring.Member          // those that can be asked now

	mu       sync.Mutex             // guards sessions
	sessions map[string]api.Session // by node
}

func newCanary(settings *config.Config, user, password string, nodes []string) (*canary, error) {
	account, err := queryAccount(settings, user)
	if err != nil {
		return nil, err
	}
	own, err := nodeConfig(settings)
	if err != nil {
		return nil, err
	}
	local, name := api.SplitAccount(account)
	c := &canary{settings: settings, account: account, password: password, nodes: nodes, login: local, sessions: map[string]api.Session{}}
	for _, domain := range own.Domains {
		if domain.Name == name {
			c.direct = domain.Backend.Options
			if domain.LoginWithAddress {
				c.login = account
			}
		}
	}
	if settings.Alone() {
		return nil, errors.New("a machine alone offers its node to nobody; its service manager restarts it when it hangs")
	}
	c.asks, err = newOperator(settings)
	return c, err
}

// ask asks everybody at once.
func (c *canary) ask(ctx context.Context, timeout time.Duration) round {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := round{nodes: map[string]error{}}
	view, err := askAdmin(ctx, c.settings, "")
	if err != nil {
		// Whoever watches from a machine whose own member hangs has to say so.
		view = &memberView{}
		found.nodes[c.settings.Cluster.Name] = err
	}
	var mu sync.Mutex // guards found.nodes
	var asking sync.WaitGroup
	asking.Go(func() { found.server = c.askServer(ctx) })
	for _, gone := range c.follow(view.Members) {
		found.nodes[gone] = errVanished
	}
	for _, member := range c.active {
		asking.Go(func() {
			err := c.askNode(ctx, member)
			mu.Lock()
			found.nodes[member.Name] = err
			mu.Unlock()
		})
	}
	asking.Wait()
	return found
}

// errVanished stands for the answer of a node that has left the cluster without
// saying so: the others have noticed first.
var errVanished = errors.New("it has vanished from the cluster")

// follow notes the nodes that there are, and returns those that there should be and
// are not. One that was draining may go.
func (c *canary) follow(members []ring.Member) (vanished []string) {
	if len(members) == 0 {
		return nil // our own member says nothing: those that were there are asked
	}
	here := map[string]ring.Member{}
	for _, member := range members {
		if member.Role == ring.RoleNode && (len(c.nodes) == 0 || slices.Contains(c.nodes, member.Name)) {
			here[member.Name] = member
		}
	}
	for name, member := range c.known {
		if _, is := here[name]; !is && member.State != ring.StateDraining {
			vanished = append(vanished, name)
			here[name] = member
		}
	}
	c.known, c.active = here, nil
	for name, member := range here {
		if member.State == ring.StateActive && !slices.Contains(vanished, name) {
			c.active = append(c.active, member)
		}
	}
	return vanished
}

// askNode lists the inbox, and logs in before where that is needed.
func (c *canary) askNode(ctx context.Context, member ring.Member) error {
	node := c.asks(member)
	defer node.Close()
	call := &api.Call{RequestID: "canary-" + rand.Text()[:8], Hops: 1} // whoever owns the account
	for range 2 {
		c.mu.Lock()
		call.Session = c.sessions[member.Name]
		c.mu.Unlock()
		if call.Session.ID != "" {
			_, err := node.Mailbox(ctx, call, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
			if failure := api.AsError(err); failure == nil || failure.Code != api.CodeAuthExpired {
				return err
			}
		}
		call.Session = api.Session{}
		login, err := node.Login(ctx, call, &api.LoginQuestion{Account: c.account, Password: c.password, Host: queryHost})
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.sessions[member.Name] = login.Session
		c.mu.Unlock()
	}
	return errors.New("the node accepts no session that it has just made")
}

// askServer logs in and opens the inbox without AlphaMail.
func (c *canary) askServer(ctx context.Context) error {
	conn, err := imapconn.Dial(ctx, c.direct)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Login(ctx, c.login, c.password); err != nil {
		return err
	}
	return conn.Do(ctx, &imapconn.Select{Name: "INBOX", ReadOnly: true})
}
