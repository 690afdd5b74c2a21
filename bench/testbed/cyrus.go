package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"alphamail/bench/testbed/port"
)

// cyrusBinaries is where Debian's packages have Cyrus's daemons.
const cyrusBinaries = "usr/lib/cyrus/bin"

// CyrusAvailable says why a Cyrus cannot be started here, nil if it can: it takes
// root and the packages that deploy/test-deps.sh unpacks.
func CyrusAvailable() error {
	if os.Geteuid() != 0 {
		return errors.New("Cyrus needs root here, to give its processes a user of their own")
	}
	if _, err := unpacked("cyrus", cyrusBinaries+"/imapd"); err != nil {
		return err
	}
	return canIsolate()
}

// Cyrus is a Cyrus IMAP server of our own, in its own ways: all mailboxes are
// below INBOX, with dots between levels. Its methods are for one goroutine.
type Cyrus struct {
	root, dir string
	port      *port.Held
	process   *process
}

// cyrusUser is Debian's name for a user that every system has; Cyrus does not
// run as root.
const cyrusUser, cyrusUID = "mail", 8

// StartCyrus starts a server with some users, whose names are plain local parts,
// and returns once it greets.
func StartCyrus(users ...User) (*Cyrus, error) {
	if err := CyrusAvailable(); err != nil {
		return nil, err
	}
	if err := (DovecotConfig{Users: users}).Validate(); err != nil {
		return nil, fmt.Errorf("cyrus: %w", err)
	}
	root, err := unpacked("cyrus", cyrusBinaries+"/imapd")
	if err != nil {
		return nil, err
	}
	c := &Cyrus{root: root}
	if err = c.prepare(users); err == nil {
		err = c.up()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting cyrus: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cyrus) prepare(users []User) (err error) {
	if c.dir, err = os.MkdirTemp("", "cyrus-"); err != nil {
		return err
	}
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return err
	}
	if c.port, err = port.Hold(); err != nil {
		return err
	}
	if err := owned(c.dir, cyrusUID, "conf", "conf/socket", "spool", "run", "run/proc", "run/lock", "run/sock", "sieve", "tmp"); err != nil {
		return err
	}
	fill := strings.NewReplacer("DIR", c.dir, "BIN", filepath.Join(c.root, cyrusBinaries), "ADDRESS", c.port.Address(), "USER", cyrusUser)
	for name, content := range map[string]string{"imapd.conf": cyrusSettings, "cyrus.conf": cyrusServices} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(fill.Replace(content)), 0o644); err != nil {
			return err
		}
	}
	database := filepath.Join(c.dir, "conf/sasldb2")
	for _, user := range users {
		command := exec.Command(filepath.Join(c.root, "usr/sbin/saslpasswd2"), "-p", "-c", "-f", database, "-u", cyrusRealm, user.Name)
		command.Env = libraries(c.root)
		command.Stdin = strings.NewReader(user.Password)
		if err := run(command); err != nil {
			return err
		}
	}
	return os.Chown(database, cyrusUID, cyrusUID)
}

const cyrusRealm = "cyrus.test"

const cyrusSettings = `configdirectory: DIR/conf
defaultpartition: default
partition-default: DIR/spool
proc_path: DIR/run/proc
mboxname_lockpath: DIR/run/lock
lmtpsocket: DIR/run/sock/lmtp
idlesocket: DIR/run/sock/idle
notifysocket: DIR/run/sock/notify
sievedir: DIR/sieve
temp_path: DIR/tmp
cyrus_user: USER
cyrus_group: USER
admins: cyrus
servername: ` + cyrusRealm + `
allowplaintext: yes
autocreate_quota: 0
autocreate_post: yes
altnamespace: no
unixhierarchysep: no
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: DIR/conf/sasldb2
conversations: no
`

const cyrusServices = `START {
  recover cmd="BIN/ctl_cyrusdb -C DIR/imapd.conf -r"
}
SERVICES {
  imap cmd="BIN/imapd -C DIR/imapd.conf -U 30" listen="ADDRESS" prefork=1
}
DAEMON {
  idled cmd="BIN/idled -C DIR/imapd.conf"
}
`

func (c *Cyrus) up() (err error) {
	command := exec.Command(filepath.Join(c.root, cyrusBinaries, "master"),
		"-C", filepath.Join(c.dir, "imapd.conf"), "-M", filepath.Join(c.dir, "cyrus.conf"), "-p", filepath.Join(c.dir, "master.pid"))
	command.Env = libraries(c.root)
	if c.process, err = start(command); err != nil {
		return err
	}
	return awaitGreeting(c.process, c.port.Address(), imapGreeting)
}

// awaitGreeting waits until a server greets, or has ended.
func awaitGreeting(p *process, address, greeting string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := greets(ctx, address, greeting)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("no greeting: %w", err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// IMAPAddr returns host:port, in plain text.
func (c *Cyrus) IMAPAddr() string { return c.port.Address() }

// Stop ends the server at once and removes all that it kept.
func (c *Cyrus) Stop() error {
	var errs []error
	if c.process != nil {
		c.process.signalGroup(syscall.SIGCONT)
		errs = append(errs, c.process.end())
		c.process = nil
	}
	if c.port != nil {
		c.port.Release()
	}
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
