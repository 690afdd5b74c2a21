package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"alphamail/deploy/config"
	"alphamail/node/api"
	"alphamail/node/api/transport"
	"alphamail/ring"
)

type statusCommand struct {
	Config  string `required:"" type:"existingfile" help:"Configuration file of a member that runs on this machine."`
	Account string `help:"Also tell which node owns this account, such as ana@example.edu."`
	JSON    bool   `help:"Print JSON."`
}

// statusTimeout bounds asking one member.
const statusTimeout = 5 * time.Second

// clusterStatus is how the members of a cluster see it.
type clusterStatus struct {
	View  memberView   `json:"view"`
	Nodes []nodeStatus `json:"nodes"`
	// Agree tells that every node answered and has the same table.
	Agree bool `json:"agree"`
}

// nodeStatus is what a node says of itself, or why it says nothing.
type nodeStatus struct {
	Node       string    `json:"node"`
	Version    string    `json:"version,omitempty"`
	RingDigest string    `json:"ring_digest,omitempty"`
	Owner      string    `json:"owner,omitempty"`
	Accounts   int       `json:"accounts"`
	CacheBytes int64     `json:"cache_bytes"`
	Started    time.Time `json:"started"`
	SealKeys   []string  `json:"seal_keys,omitempty"` // that of new seals first
	Error      string    `json:"error,omitempty"`
}

var errDisagree = errors.New("the members do not agree")

// Run asks the member of the configuration file for its view and then each node
// for its own.
func (s statusCommand) Run(ctx context.Context, terminal console) error {
	settings, err := loadConfig(s.Config)
	if err != nil {
		return err
	}
	status, err := askCluster(ctx, settings, s.Account)
	if err != nil {
		return err
	}
	if s.JSON {
		encoder := json.NewEncoder(terminal.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(status)
	} else {
		err = status.print(terminal)
	}
	if err == nil && !status.Agree {
		err = errDisagree
	}
	return err
}

func askCluster(ctx context.Context, settings *config.Config, account string) (*clusterStatus, error) {
	view, err := askAdmin(ctx, settings, account)
	if err != nil {
		return nil, err
	}
	status := &clusterStatus{View: *view, Agree: true}
	if settings.Alone() {
		return status, nil
	}
	ask, err := newOperator(settings)
	if err != nil {
		return nil, err
	}
	for _, member := range view.Members {
		if member.Role != ring.RoleNode {
			continue
		}
		own := askNode(ctx, ask, member, account)
		status.Nodes = append(status.Nodes, own)
		status.Agree = status.Agree && own.RingDigest == strconv.FormatUint(view.RingDigest, 10) && own.Owner == view.Owner
	}
	return status, nil
}

// askAdmin asks the member on this machine for its view.
func askAdmin(ctx context.Context, settings *config.Config, account string) (*memberView, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+settings.AdminListen+"/status", nil)
	if err != nil {
		return nil, err
	}
	query := request.URL.Query()
	query.Set("account", account)
	request.URL.RawQuery = query.Encode()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no member answers at %s; is it running? %w", settings.AdminListen, err)
	}
	defer response.Body.Close()
	var view memberView
	if err := json.NewDecoder(response.Body).Decode(&view); err != nil {
		return nil, fmt.Errorf("%s is not the admin port of a member: %w", settings.AdminListen, err)
	}
	return &view, nil
}

// operator asks nodes on behalf of whoever sits at the command line.
type operator func(member ring.Member) *transport.Client

func newOperator(settings *config.Config) (operator, error) {
	store, err := openSecrets(settings.Cluster.SecretsDir)
	if err != nil {
		return nil, err
	}
	data, err := store.file(clusterAuthority, transport.NewAuthority)
	if err != nil {
		return nil, err
	}
	authority, err := transport.ParseAuthority(data)
	if err != nil {
		return nil, err
	}
	own, err := authority.Issue(transport.RoleFrontend, time.Hour)
	if err != nil {
		return nil, err
	}
	return func(member ring.Member) *transport.Client {
		return transport.NewClient(member.API, transport.ClientConfig{TLS: authority.ClientTLS(own)})
	}, nil
}

func askNode(ctx context.Context, ask operator, member ring.Member, account string) nodeStatus {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	client := ask(member)
	defer client.Close()
	answer, err := client.Status(ctx, &api.Call{RequestID: "status"}, &api.StatusQuestion{Account: account})
	if err != nil {
		return nodeStatus{Node: member.Name, Error: err.Error()}
	}
	return nodeStatus{
		Node: answer.Node, Version: answer.Version, RingDigest: strconv.FormatUint(answer.RingDigest, 10),
		Owner: answer.Owner, Accounts: answer.Accounts, CacheBytes: answer.CacheBytes, Started: answer.Started, SealKeys: answer.SealKeys,
	}
}

// print writes the status for people.
func (s *clusterStatus) print(terminal console) error {
	table := tabwriter.NewWriter(terminal.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "as seen by %s (version %s), ring %016x\n\n", s.View.Member, s.View.Version, s.View.RingDigest)
	fmt.Fprintln(table, "member\trole\tstate\tpage protocol at")
	for _, member := range s.View.Members {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", member.Name, member.Role, member.State, member.API)
	}
	if len(s.Nodes) > 0 {
		fmt.Fprintln(table, "\nnode\tring\taccounts\tcache\tup since")
		for _, node := range s.Nodes {
			if node.Error != "" {
				fmt.Fprintf(table, "%s\t%s\n", node.Node, node.Error)
				continue
			}
			digest, _ := strconv.ParseUint(node.RingDigest, 10, 64)
			fmt.Fprintf(table, "%s\t%016x\t%d\t%.1f MiB\t%s\n", node.Node, digest, node.Accounts, float64(node.CacheBytes)/(1<<20), node.Started.Format(time.DateTime))
		}
	}
	if s.View.Owner != "" {
		fmt.Fprintf(table, "\nowner of the account: %s\n", s.View.Owner)
	}
	return table.Flush()
}
