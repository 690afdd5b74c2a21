package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/coreos/go-systemd/v22/daemon"

	"alphamail/cache"
	"alphamail/deploy/config"
	"alphamail/frontend"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/api/transport"
	"alphamail/node/seal"
	"alphamail/node/unsubscribe"
	"alphamail/ring"
)

// role is what a member does.
type role string

const (
	roleAll      role = "all"
	roleNode     role = "node"
	roleFrontend role = "frontend"
)

func (r role) isNode() bool     { return r != roleFrontend }
func (r role) isFrontend() bool { return r != roleNode }

// member is one member of a cluster, or one machine alone. Its parts are nil
// where its role does not have them.
type member struct {
	settings *config.Config
	role     role
	log      *slog.Logger
	metrics  *metrics.Set
	secrets  secrets

	keeping    sync.WaitGroup // of reload and report
	endKeeping context.CancelFunc

	// What is read again when its file changes.
	loaded      []*reloaded
	keyring     *seal.Keyring // as the node began
	gossipKeys  [][]byte      // as the ring began
	cluster     atomic.Pointer[clusterTLS]
	certificate atomic.Pointer[tls.Certificate] // of the web server

	ended *seal.Revocations
	ring  *ring.Ring
	node  *node.Node
	api   *transport.Server
	peers *peers
	web   *frontend.Server
	admin *admin

	apiListener  net.Listener
	webListeners []net.Listener // the first one is what users open
	serving      sync.WaitGroup // web listeners being served
	failed       chan error     // receives the failure of a listener
	asked        chan struct{}  // receives the wish that the member stops
	draining     atomic.Bool
}

// shutdownTimeout bounds each step of stopping a member.
const shutdownTimeout = 10 * time.Second

// startMember starts a member of the cluster that its settings describe. When it
// fails, everything that it had started is stopped.
func startMember(settings *config.Config, as role, log *slog.Logger) (*member, error) {
	m := &member{settings: settings, role: as, log: log, metrics: metrics.NewSet(), failed: make(chan error, 4), asked: make(chan struct{}, 1)}
	for _, step := range []func() error{m.tuneGarbage, m.openSecrets, m.openAPI, m.startNode, m.startRing, m.startAPI, m.startWeb, m.startAdmin, m.startKeeping} {
		if err := step(); err != nil {
			m.stop()
			return nil, err
		}
	}
	return m, nil
}

// nodeGarbage is GOGC for processes that hold a cache. Measured while values come
// and go: 1.5 times the cache in memory instead of 2.4 times, for no more
// processor time.
const nodeGarbage = 50

// frontendGarbage is GOGC for a frontend alone. It holds next to nothing, so by
// default it would collect garbage many times a second.
const frontendGarbage = 400

// tuneGarbage lets the process collect garbage as its role needs. The
// environment of an operator who knows better wins.
func (m *member) tuneGarbage() error {
	percent := frontendGarbage
	if m.role.isNode() {
		percent = nodeGarbage
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if m.role.isNode() && m.settings.Memory > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(m.settings.Memory) // garbage is collected before anybody has to rest
	}
	return nil
}

func (m *member) openSecrets() (err error) {
	if m.secrets, err = openSecrets(m.settings.Cluster.SecretsDir); err != nil || m.settings.Alone() {
		return err
	}
	return m.keepLoaded("cluster authority", m.loadAuthority, m.secrets.path(clusterAuthority))
}

// openAPI settles the address of the page protocol, which the ring tells others.
func (m *member) openAPI() (err error) {
	if m.role.isNode() && !m.settings.Alone() {
		if m.apiListener, err = net.Listen("tcp", m.settings.Cluster.APIListen); err != nil {
			return fmt.Errorf("cluster.api_listen: %w", err)
		}
	}
	return nil
}

// startNode makes the webcache node. Nobody asks it yet.
func (m *member) startNode() error {
	if !m.role.isNode() {
		return nil
	}
	if err := m.keepLoaded("seal keys", m.loadSealKeys, m.secrets.path(sealKeys)); err != nil {
		return err
	}
	store, err := cache.New(cache.Config{Budget: m.settings.CacheSize, Dictionary: account.Dictionary}, m.metrics)
	if err != nil {
		return err
	}
	settings, err := nodeConfig(m.settings)
	if err != nil {
		return err
	}
	if m.settings.OneClick {
		settings.Account.Unsubscriber = unsubscribe.New(unsubscribe.Config{}, m.log)
	}
	if m.ended, err = seal.OpenRevocations(endedSessions(m.settings), m.log); err != nil {
		return fmt.Errorf("ended sessions: %w", err)
	}
	m.node, err = node.New(settings, m.keyring, placement{m}, revocations{m}, store, m.log, m.metrics)
	return err
}

// startRing joins the cluster. From here on others may send questions; those
// that come before startAPI wait in the listener.
func (m *member) startRing() error {
	self := ring.Member{
		Name: m.settings.Cluster.Name, Role: ring.RoleFrontend, State: ring.StateActive,
		MinProtocol: api.MinVersion, Protocol: api.Version, Incarnation: time.Now().UnixNano(),
	}
	if m.role.isNode() {
		self.Role = ring.RoleNode
	}
	if m.settings.Alone() {
		m.ring = ring.Single(self, m.metrics)
		return nil
	}
	if m.apiListener != nil {
		self.API = cmp.Or(m.settings.Cluster.APIAdvertise, m.apiListener.Addr().String())
	}
	if err := m.keepLoaded("gossip keys", m.loadGossipKeys, m.secrets.path(gossipKeys)); err != nil {
		return err
	}
	config := ring.Config{
		Self: self, Bind: m.settings.Cluster.GossipListen, Advertise: m.settings.Cluster.GossipAdvertise,
		Join: m.settings.Cluster.Join, Keys: m.gossipKeys, Pins: pins(m.settings),
	}
	if m.ended != nil {
		config.Shared = m.ended
	}
	var err error
	m.ring, err = ring.Start(config, m.log, m.metrics)
	return err
}

// certificateLifetime is longer than any process runs: each start issues anew.
const certificateLifetime = 5 * 365 * 24 * time.Hour

// startAPI offers the node to the frontends of the cluster.
func (m *member) startAPI() error {
	if m.apiListener == nil {
		return nil
	}
	current := func(*tls.ClientHelloInfo) (*tls.Config, error) { return m.cluster.Load().server, nil }
	m.api = transport.Serve(m.apiListener, m.node, transport.ServerConfig{
		TLS: &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: current},
	}, m.log)
	return nil
}

// startWeb starts the frontend.
func (m *member) startWeb() error {
	if !m.role.isFrontend() {
		return nil
	}
	var local api.Service
	if m.node != nil {
		local = m.node
	}
	m.peers = newPeers(m.ring, local)
	if own := m.cluster.Load(); own != nil {
		m.peers.setTLS(own.client)
	}
	var err error
	if m.web, err = frontend.New(m.frontendConfig(), placement{m}, m.peers, m.log, m.metrics); err != nil {
		return err
	}
	var secured *tls.Config
	if m.settings.HTTPS() {
		if err := m.keepWebCertificate(); err != nil {
			return err
		}
		secured = m.webTLS()
	}
	if err := m.serveWeb(m.settings.Listen, secured); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if m.settings.RedirectListen == "" {
		return nil
	}
	if err := m.serveWeb(m.settings.RedirectListen, nil); err != nil {
		return fmt.Errorf("redirect_listen: %w", err)
	}
	return nil
}

// serveWeb serves an address until stop.
func (m *member) serveWeb(address string, secured *tls.Config) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	m.webListeners = append(m.webListeners, listener)
	m.serving.Go(func() {
		if err := m.web.Serve(listener, secured); err != nil && !errors.Is(err, net.ErrClosed) {
			m.failed <- fmt.Errorf("the web server at %s: %w", listener.Addr(), err)
		}
	})
	return nil
}

// startKeeping reads files again that change, and tells the service manager how we
// are, until stop.
func (m *member) startKeeping() error {
	var ctx context.Context
	ctx, m.endKeeping = context.WithCancel(context.Background())
	m.keeping.Go(func() { m.reload(ctx) })
	m.keeping.Go(func() { m.report(ctx) })
	return nil
}

func (m *member) startAdmin() error {
	listener, err := net.Listen("tcp", m.settings.AdminListen)
	if err != nil {
		return fmt.Errorf("admin_listen: %w", err)
	}
	m.admin = serveAdmin(listener, m)
	m.log.Info("started", "role", string(m.role), "name", m.settings.Cluster.Name, "version", version,
		"web", m.webAddress(), "gossip", m.gossipAddress(), "admin", listener.Addr().String())
	return nil
}

// stop ends the member's parts in this order: first nobody is sent here any
// more, then what is under way is finished, and what others stand on goes last.
func (m *member) stop() {
	step := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), shutdownTimeout)
	}
	if m.endKeeping != nil {
		m.endKeeping()
		m.keeping.Wait()
		m.notify(daemon.SdNotifyStopping) // and shows no more that it does not hang
	}
	if m.web != nil {
		ctx, cancel := step()
		if err := m.web.Shutdown(ctx); err != nil {
			m.log.Warn("requests were cut off", "error", err)
		}
		cancel()
		for _, listener := range m.webListeners {
			listener.Close() // it is still open when serving had not begun
		}
		m.serving.Wait()
	}
	if m.ring != nil {
		ctx, cancel := step()
		m.ring.Close(ctx)
		cancel()
	}
	if m.api != nil {
		ctx, cancel := step()
		if err := m.api.Shutdown(ctx); err != nil {
			m.log.Warn("questions were cut off", "error", err)
		}
		cancel()
	} else if m.apiListener != nil {
		m.apiListener.Close()
	}
	if m.peers != nil {
		m.peers.close()
	}
	if m.node != nil {
		m.node.Close()
	}
	if m.ended != nil {
		if err := m.ended.Close(); err != nil {
			m.log.Warn("ended sessions", "error", err)
		}
	}
	if m.admin != nil {
		ctx, cancel := step()
		m.admin.close(ctx)
		cancel()
	}
}

func (m *member) webAddress() string {
	if len(m.webListeners) == 0 {
		return ""
	}
	return m.webListeners[0].Addr().String()
}

func (m *member) gossipAddress() string { return m.ring.Address() }

// ready tells why the member cannot do its work, nil when it can.
func (m *member) ready() error {
	if m.draining.Load() {
		return errors.New("draining")
	}
	if m.ring.Self().State == ring.StateJoining {
		return errors.New("learning what the other nodes know")
	}
	if len(m.ring.Table().Members()) == 0 {
		return errors.New("no node is known")
	}
	return nil
}

// view is how this member sees the cluster.
func (m *member) view(account string) memberView {
	table := m.ring.Table()
	view := memberView{Member: m.settings.Cluster.Name, Version: version, RingDigest: table.Digest(), Members: m.ring.Members()}
	if account != "" {
		owner, _ := table.Owner(account)
		view.Owner = owner.Name
	}
	return view
}
