package sidebyside

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/fill"
	"alphamail/bench/inventory"
	"alphamail/bench/meter"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
)

const (
	domain   = "example.edu"
	password = "correct horse"
)

// product is a web mail that runs.
type product struct {
	name, driver, url string
	components        []meter.Component // its own
	meters            []meter.Component // all that is measured while it is under load
	stop              func() error
}

// recipe starts a product on a mail server.
type recipe struct {
	name  string
	start func(imap string) (*product, error)
}

// Names of products in tables.
const (
	plainRoundcube  = "Roundcube"
	cachedRoundcube = "Roundcube, cache"
	alphaMail       = "AlphaMail"
)

// Names of components in tables.
const (
	mailServer      = "mail server"
	web             = "web server and PHP"
	frontend        = "frontend"
	nodes           = "nodes"
	othersMeanwhile = "other products, meanwhile"
)

func (c *Config) recipes() []recipe {
	roundcube := func(name string, cache bool) recipe {
		return recipe{name, func(server string) (*product, error) {
			r, err := testbed.StartRoundcube(testbed.RoundcubeConfig{IMAP: server, Cache: cache})
			if err != nil {
				return nil, err
			}
			return &product{name: name, driver: "roundcube", url: r.URL(), stop: r.Stop, components: []meter.Component{{Name: web, Roots: r.Roots}}}, nil
		}}
	}
	return []recipe{
		roundcube(plainRoundcube, false),
		roundcube(cachedRoundcube, true),
		{alphaMail, func(server string) (*product, error) {
			cluster, err := testbed.StartCluster(testbed.ClusterConfig{Program: c.Program, IMAP: server, Domain: domain, Nodes: 2, Frontends: 1})
			if err != nil {
				return nil, err
			}
			return &product{name: alphaMail, driver: "alphamail", url: cluster.URL(), stop: cluster.Stop, components: []meter.Component{
				{Name: frontend, Roots: cluster.FrontendProcesses}, {Name: nodes, Roots: cluster.NodeProcesses},
			}}, nil
		}},
	}
}

// scene is a mail server with mailboxes of one size.
type scene struct {
	dir      string
	dovecot  *testbed.Dovecot
	accounts []inventory.Account
	boxes    []*inventory.Mailbox
}

// inMemory is where files are kept in memory, on systems that have such a place.
const inMemory = "/dev/shm"

// placeFor is the directory for that many files: in memory if there is room for them,
// with their indexes, and otherwise that for temporary files.
func placeFor(files int) string {
	const bytesPerFile = 4 << 10 // of the mail itself there is one copy
	var room syscall.Statfs_t
	if err := syscall.Statfs(inMemory, &room); err != nil {
		return ""
	}
	if int64(room.Ffree) < int64(files)*5/4 || int64(room.Bavail)*int64(room.Bsize) < int64(files)*bytesPerFile {
		return ""
	}
	return inMemory
}

// newScene makes a mail server whose accounts all hold the same mail, with warm
// indexes.
func newScene(ctx context.Context, config *Config, messages int) (_ *scene, err error) {
	s := &scene{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.dir, err = os.MkdirTemp(placeFor(config.Accounts*messages), "sidebyside-"); err != nil {
		return nil, err
	}
	var users []testbed.User
	var names []string
	for i := range config.Accounts {
		name := fmt.Sprintf("u%d", i+1)
		users = append(users, testbed.User{Name: name, Password: password})
		names = append(names, name)
		s.accounts = append(s.accounts, inventory.Account{User: name + "@" + domain, Password: password})
	}
	if s.dovecot, err = testbed.StartDovecot(testbed.DovecotConfig{Users: users, Dir: s.dir}); err != nil {
		return nil, err
	}
	if err := s.dovecot.Fill(names[0], read(fill.Marked(mailgen.New(config.Seed, time.Now()).Folder("INBOX", messages)))); err != nil {
		return nil, err
	}
	if err := s.warm(ctx); err != nil {
		return nil, fmt.Errorf("warming the indexes: %w", err)
	}
	if err := s.dovecot.Clone(names[0], names[1:]...); err != nil {
		return nil, err
	}
	s.boxes, err = inventory.Read(ctx, inventory.Config{Server: s.server(), Accounts: s.accounts})
	return s, err
}

// read marks all mail as read: otherwise whoever opens a message first would do
// work that the others are spared.
func read(messages iter.Seq[mailgen.Message]) iter.Seq[mailgen.Message] {
	return func(yield func(mailgen.Message) bool) {
		for m := range messages {
			if !slices.Contains(m.Flags, imap.FlagSeen) {
				m.Flags = append(slices.Clone(m.Flags), imap.FlagSeen)
			}
			if !yield(m) {
				return
			}
		}
	}
}

// warm lets the mail server index the mail of the first account by what any of
// the products asks for, as it does for mail that is delivered.
func (s *scene) warm(ctx context.Context) error {
	client, err := s.server().Dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Login(s.accounts[0].User, s.accounts[0].Password).Wait(); err != nil {
		return err
	}
	if _, err := client.Select("INBOX", nil).Wait(); err != nil {
		return err
	}
	all := imap.SeqSet{imap.SeqRange{Start: 1}}
	fetch := client.Fetch(all, &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection: []*imap.FetchItemBodySection{{
			Peek: true, Specifier: imap.PartSpecifierHeader,
			HeaderFields: []string{
				"Date", "From", "To", "Cc", "Bcc", "Subject", "Content-Type", "Content-Transfer-Encoding", "In-Reply-To", "Reply-To", "Mail-Followup-To", "Mail-Reply-To",
				"Message-Id", "References", "Return-Path", "Sender", "X-Draft-Info", "Disposition-Notification-To", "Priority", "X-Priority", "Importance", "List-Id", "List-Post",
			},
		}},
	})
	for fetch.Next() != nil { // what it says is not needed
	}
	if err := fetch.Close(); err != nil {
		return err
	}
	return client.Logout().Wait()
}

func (s *scene) server() inventory.Server { return inventory.Server{Address: s.dovecot.IMAPAddr()} }

func (s *scene) stop() error {
	var errs []error
	if s.dovecot != nil {
		errs = append(errs, s.dovecot.Kill(), s.dovecot.Stop())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
