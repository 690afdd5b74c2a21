package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"alphamail/bench/testbed/port"
)

// CourierAvailable says why a Courier cannot be started here, nil if it can: it
// takes root, overlays, and the packages that deploy/test-deps.sh unpacks.
func CourierAvailable() error {
	if os.Geteuid() != 0 {
		return errors.New("Courier needs root here, to see its files where it looks for them")
	}
	if _, err := unpacked("courier", "usr/bin/imapd"); err != nil {
		return err
	}
	return canIsolate()
}

// Courier is a Courier IMAP server of our own: the poor server, without most
// extensions, that every fallback needs. Mailboxes are below INBOX, with dots
// between levels. Its methods are for one goroutine.
type Courier struct {
	root, dir string
	port      *port.Held
	process   *process
}

// StartCourier starts a server with some users, whose names are plain local
// parts, and returns once it greets.
func StartCourier(users ...User) (*Courier, error) {
	if err := CourierAvailable(); err != nil {
		return nil, err
	}
	if err := (DovecotConfig{Users: users}).Validate(); err != nil {
		return nil, fmt.Errorf("courier: %w", err)
	}
	root, err := unpacked("courier", "usr/bin/imapd")
	if err != nil {
		return nil, err
	}
	c := &Courier{root: root}
	if err = c.prepare(users); err == nil {
		err = c.up()
	}
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return nil, errors.Join(fmt.Errorf("starting courier: %w: %s", err, tail(string(log), 1000)), c.Stop())
	}
	return c, nil
}

func (c *Courier) prepare(users []User) (err error) {
	if c.dir, err = os.MkdirTemp("", "courier-"); err != nil {
		return err
	}
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return err
	}
	if c.port, err = port.Hold(); err != nil {
		return err
	}
	if err := owned(c.dir, 0, "etc", "etc/courier", "run", "run/authdaemon", "overlay", "overlay/courier"); err != nil {
		return err
	}
	if err := owned(c.dir, mailUID, "mail"); err != nil {
		return err
	}
	if err := c.nameMailUser(); err != nil {
		return err
	}
	var accounts strings.Builder
	for _, user := range users {
		if err := owned(c.dir, mailUID, "mail/"+user.Name); err != nil {
			return err
		}
		hash := exec.Command("openssl", "passwd", "-6", "-stdin")
		hash.Stdin = strings.NewReader(user.Password + "\n")
		hashed, err := hash.Output()
		if err != nil {
			return fmt.Errorf("openssl: %w", err)
		}
		home := filepath.Join(c.dir, "mail", user.Name)
		fmt.Fprintf(&accounts, "%s\tuid=%d|gid=%d|home=%s|mail=%s/Maildir|imappw=%s\n", user.Name, mailUID, mailUID, home, home, strings.TrimSpace(string(hashed)))
	}
	if err := os.WriteFile(filepath.Join(c.dir, "etc/courier/userdb"), []byte(accounts.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "etc/courier/authdaemonrc"), []byte(courierAuthentication), 0o644)
}

// nameMailUser writes the system's users and one for mail: the monitor by which
// Courier notices changes wants to know whose they are.
func (c *Courier) nameMailUser() error {
	for file, line := range map[string]string{
		"passwd": "mailtest:x:%d:%[1]d::/nonexistent:/usr/sbin/nologin\n", "group": "mailtest:x:%d:\n",
	} {
		known, err := os.ReadFile("/etc/" + file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.dir, "overlay", file), fmt.Appendf(known, line, mailUID), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const courierAuthentication = `authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
`

// courierScript runs in a mount namespace of its own: what Courier looks for in
// /usr, /etc/courier and /run/courier is there, and nowhere else. IMAP settings
// are those of its own configuration file, as it is in the package.
const courierScript = `
mount -t proc proc /proc
mount -t overlay overlay -o ro,lowerdir=ROOT/usr:/usr /usr
mount -t overlay overlay -o ro,lowerdir=DIR/overlay:/etc /etc
mount --bind DIR/etc/courier /etc/courier
mount -t tmpfs tmpfs /run
mkdir -p /run/courier
mount --bind DIR/run /run/courier
chmod 700 /etc/courier/userdb 2>/dev/null || true
chmod 600 /etc/courier/userdb
makeuserdb
for home in DIR/mail/*; do
  [ -d "$home/Maildir" ] || maildirmake.courier "$home/Maildir"
  chown -R UID:UID "$home"
done
/usr/lib/courier/courier-authlib/authdaemond >/dev/null 2>&1 </dev/null &
set -a
. ROOT/etc/courier/imapd
IMAP_STARTTLS=NO
IMAP_TLS_REQUIRED=0
IMAP_IDLE_TIMEOUT=1
TCPDOPTS=
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -S /run/courier/authdaemon/socket ] && break
  sleep 0.05
done
exec COURIERTCPD -address=127.0.0.1 -maxprocs=400 -maxperip=400 -nodnslookup -noidentlookup PORT IMAPLOGIN /usr/bin/imapd Maildir
`

func (c *Courier) up() (err error) {
	fill := strings.NewReplacer("ROOT", c.root, "DIR", c.dir, "UID", fmt.Sprint(mailUID), "PORT", fmt.Sprint(c.port.Number),
		"COURIERTCPD", "/usr/sbin/couriertcpd", "IMAPLOGIN", "/usr/lib/courier/courier/imaplogin")
	command := exec.Command("bash", "-euc", fill.Replace(courierScript))
	command.Env = libraries(c.root, "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/courier-authlib")
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	command.Stdout, command.Stderr = log, log
	if c.process, err = startUnshared(command); err != nil {
		return err
	}
	return awaitGreeting(c.process, c.port.Address(), imapGreeting)
}

// IMAPAddr returns host:port, in plain text.
func (c *Courier) IMAPAddr() string { return c.port.Address() }

// SetQuota bounds what a user's mailboxes hold together, in bytes; it must be
// called before the user has mail. See maildirquota(7).
func (c *Courier) SetQuota(user string, bytes int) error {
	path := filepath.Join(c.dir, "mail", user, "Maildir/maildirsize")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%dS\n%12d %12d\n", bytes, 0, 0), 0o644); err != nil {
		return err
	}
	return os.Chown(path, mailUID, mailUID)
}

// Stop ends the server at once and removes all that it kept.
func (c *Courier) Stop() error {
	var errs []error
	if c.process != nil {
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
