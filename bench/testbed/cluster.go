package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"alphamail/bench/testbed/port"
)

// ClusterConfig says what StartCluster starts. Nodes and Frontends are 1 by
// default.
type ClusterConfig struct {
	Program string // path of alphamail
	IMAP    string // host:port of the mail server, in plain text
	Domain  string // of all users

	Nodes, Frontends int
}

// Cluster is an AlphaMail of our own: frontends and nodes as separate processes,
// with mutual TLS between them.
type Cluster struct {
	dir       string
	ports     []*port.Held
	nodes     []*clusterMember
	frontends []*clusterMember
}

type clusterMember struct {
	name, web, admin string
	process          *process
}

// StartCluster starts a cluster and returns once every member is ready and knows
// all nodes. It takes what DovecotAvailable does, but for Dovecot.
func StartCluster(config ClusterConfig) (*Cluster, error) {
	if config.Program == "" || config.IMAP == "" || config.Domain == "" || config.Nodes < 0 || config.Frontends < 0 {
		return nil, fmt.Errorf("cluster: %+v lacks something", config)
	}
	if err := canIsolate(); err != nil {
		return nil, err
	}
	c := &Cluster{}
	err := c.start(config)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a cluster: %w; its logs end: %s", err, tail(c.Log(), 2000)), c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(config ClusterConfig) (err error) {
	if c.dir, err = os.MkdirTemp("", "cluster-"); err != nil {
		return err
	}
	nodes, frontends := max(1, config.Nodes), max(1, config.Frontends)
	seed := ""
	for i := range nodes + frontends {
		member := &clusterMember{name: fmt.Sprintf("node-%d", i+1)}
		role := "node"
		if i >= nodes {
			role, member.name = "frontend", fmt.Sprintf("frontend-%d", i-nodes+1)
		}
		var own [4]string
		for j := range own {
			held, err := port.Hold()
			if err != nil {
				return err
			}
			c.ports = append(c.ports, held)
			own[j] = held.Address()
		}
		member.web, member.admin = own[0], own[1]
		if seed == "" {
			seed = own[2]
		}
		settings := fmt.Sprintf("imap_servers: %s=%s[/]\nlisten: %s\nadmin_listen: %s\nstate_dir: %s\ncluster:\n  name: %s\n  gossip_listen: %s\n  api_listen: %s\n  join: [%s]\n",
			config.Domain, config.IMAP, member.web, member.admin, filepath.Join(c.dir, "state"), member.name, own[2], own[3], seed)
		file := filepath.Join(c.dir, member.name+".yaml")
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			return err
		}
		if err := c.startMember(member, config.Program, file, role); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, member := range append(c.nodes, c.frontends...) {
		if err := member.awaitReady(ctx, nodes+frontends); err != nil {
			return fmt.Errorf("%s: %w", member.name, err)
		}
	}
	return nil
}

func (c *Cluster) startMember(member *clusterMember, program, settings, role string) error {
	log, err := os.Create(filepath.Join(c.dir, member.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	command := exec.Command(program, "serve", "--config", settings, "--role", role)
	command.Stdout, command.Stderr = log, log
	if member.process, err = start(command); err != nil {
		return err
	}
	if role == "node" {
		c.nodes = append(c.nodes, member)
	} else {
		c.frontends = append(c.frontends, member)
	}
	return nil
}

// awaitReady waits until the member is ready and sees all others.
func (m *clusterMember) awaitReady(ctx context.Context, members int) error {
	for {
		status, err := fetch(ctx, "http://"+m.admin+"/status")
		if err == nil && strings.Count(status, `"role"`) < members {
			err = fmt.Errorf("it does not see all %d members: %s", members, status)
		}
		if err == nil {
			_, err = fetch(ctx, "http://"+m.admin+"/readyz")
		}
		if err == nil {
			return nil
		}
		select {
		case <-m.process.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fetch returns a page, which must have status 200.
func fetch(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Close = true // leave no idle connection behind
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s has status %d: %s", url, response.StatusCode, tail(string(body), 200))
	}
	return string(body), err
}

// Stop ends all members: politely first, so that they log out of the mail
// server. It removes their files.
func (c *Cluster) Stop() error {
	var errs []error
	for _, member := range append(c.frontends, c.nodes...) {
		member.process.signal(syscall.SIGTERM)
		select {
		case <-member.process.done:
		case <-time.After(stopTimeout):
		}
		errs = append(errs, member.process.end())
	}
	c.frontends, c.nodes = nil, nil
	for _, held := range c.ports {
		held.Release()
	}
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// URL returns the URL of the first frontend, without a slash at its end.
func (c *Cluster) URL() string { return "http://" + c.frontends[0].web }

// NodeProcesses returns the ids of the nodes' processes.
func (c *Cluster) NodeProcesses() []int { return processesOf(c.nodes) }

// FrontendProcesses returns the ids of the frontends' processes.
func (c *Cluster) FrontendProcesses() []int { return processesOf(c.frontends) }

func processesOf(members []*clusterMember) []int {
	var pids []int
	for _, member := range members {
		pids = append(pids, member.process.pid)
	}
	return pids
}

// Log returns what the members have logged.
func (c *Cluster) Log() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(c.dir, "*.log"))
	for _, file := range files {
		content, _ := os.ReadFile(file)
		fmt.Fprintf(&all, "%s:\n%s\n", filepath.Base(file), content)
	}
	return all.String()
}
