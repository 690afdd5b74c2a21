package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"alphamail/bench/testbed/port"
)

// DovecotAvailable says why a Dovecot cannot be started here, nil if it can:
// it takes root, the program in version 2.3, and Linux's PID namespaces.
func DovecotAvailable() error {
	if os.Geteuid() != 0 {
		return errors.New("Dovecot needs root here, to give mail and login processes users of their own")
	}
	path, err := exec.LookPath("dovecot")
	if err != nil {
		return fmt.Errorf("Dovecot is not installed: %w", err)
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return fmt.Errorf("asking Dovecot for its version: %w", err)
	}
	if version := strings.TrimSpace(string(out)); !strings.HasPrefix(version, "2.3.") {
		return fmt.Errorf("Dovecot is version %s; the configuration written here is for 2.3", version)
	}
	return canIsolate()
}

// DovecotConfig says what StartDovecot starts. Only Users is required.
type DovecotConfig struct {
	Users []User

	// Separator of mailbox levels, "/" by default or ".".
	Separator string
	// Prefix of all mailboxes but INBOX, such as "INBOX."; it ends in the
	// separator. Default: none.
	Prefix string

	// Dir holds configuration and mail and is kept by Stop. Default: a
	// temporary directory that Stop removes. Its parents must be open to all
	// users (0755), because mail processes are not root.
	Dir string

	// MaxConnections bounds the connections. Default 1024.
	MaxConnections int

	// ForPostfix opens what StartPostfix needs: ports for LMTP and for asking who
	// may log in. It takes the package dovecot-lmtpd.
	ForPostfix bool

	// Extra is appended to dovecot.conf.
	Extra string
}

// Validate reports what is wrong with the configuration.
func (c DovecotConfig) Validate() error {
	if len(c.Users) == 0 {
		return errors.New("no users")
	}
	for _, u := range c.Users {
		if u.Name == "" || u.Name != strings.ToLower(u.Name) || strings.ContainsAny(u.Name, ":@/\\% \r\n") {
			return fmt.Errorf("user name %q is not a plain local part in lower case", u.Name)
		}
		if strings.ContainsAny(u.Password, ":\r\n") {
			return fmt.Errorf("the password of %s cannot be written to a passwd file", u.Name)
		}
	}
	if c.Separator != "" && c.Separator != "/" && c.Separator != "." {
		return fmt.Errorf("separator is %q, not a slash or a dot", c.Separator)
	}
	if c.MaxConnections < 0 {
		return fmt.Errorf("MaxConnections is %d", c.MaxConnections)
	}
	return nil
}

// Dovecot is a Dovecot of our own. Its methods are for one goroutine.
type Dovecot struct {
	config    DovecotConfig
	dir       string
	temporary bool
	cert      *Certificate
	ports     [4]*port.Held // IMAP, IMAPS; LMTP and authentication for a Postfix
	process   *process      // nil while it is down
	delivered int           // names of Maildir files, see deliver
}

// startTimeout bounds how long the server may take to greet, stopTimeout how
// long to end by itself before it is killed.
const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
)

// StartDovecot starts a server and returns once it greets. Users log in by
// local part or by any address with it.
func StartDovecot(config DovecotConfig) (*Dovecot, error) {
	if err := DovecotAvailable(); err != nil {
		return nil, err
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("dovecot: %w", err)
	}
	if config.Separator == "" {
		config.Separator = "/"
	}
	if config.MaxConnections == 0 {
		config.MaxConnections = 1024
	}
	d := &Dovecot{config: config, dir: config.Dir}
	if err := d.prepare(); err != nil {
		d.Stop()
		return nil, fmt.Errorf("dovecot: %w", err)
	}
	if err := d.Up(); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}

// Up starts the server again after Down, on the same ports and mail.
func (d *Dovecot) Up() error {
	if d.process != nil {
		return nil
	}
	p, err := start(exec.Command("dovecot", "-F", "-c", filepath.Join(d.dir, "dovecot.conf")))
	if err != nil {
		return fmt.Errorf("starting dovecot: %w", err)
	}
	d.process = p
	if err := awaitGreeting(d.process, d.IMAPAddr(), imapGreeting); err != nil {
		log, _ := os.ReadFile(filepath.Join(d.dir, "dovecot.log"))
		d.Down()
		return fmt.Errorf("starting dovecot: %w; its log ends: %s", err, log[max(0, len(log)-1000):])
	}
	return nil
}

// The beginnings of what servers say first.
const (
	imapGreeting = "* OK"
	smtpGreeting = "220"
)

func greets(ctx context.Context, addr, greeting string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, greeting) {
		err = fmt.Errorf("it greets with %q", line)
	}
	return err
}

// Down ends the server in good order, which takes Dovecot about a second, and
// keeps its mail. See Kill for the quick way.
func (d *Dovecot) Down() error {
	p := d.process
	if p == nil {
		return nil
	}
	d.process = nil
	p.signalGroup(syscall.SIGCONT) // a stopped process does not end
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
	}
	return p.end()
}

// Kill ends the server as a crash does: no process gets to say anything.
func (d *Dovecot) Kill() error {
	p := d.process
	if p == nil {
		return nil
	}
	d.process = nil
	return p.end()
}

// Restart takes the server down and brings it up again.
func (d *Dovecot) Restart() error {
	if err := d.Down(); err != nil {
		return err
	}
	return d.Up()
}

// Suspend freezes all processes: connections stay open, nothing answers.
func (d *Dovecot) Suspend() {
	if d.process != nil {
		d.process.signalGroup(syscall.SIGSTOP)
	}
}

// Resume ends Suspend.
func (d *Dovecot) Resume() {
	if d.process != nil {
		d.process.signalGroup(syscall.SIGCONT)
	}
}

// Stop ends the server: at once if its directory is temporary, which goes too,
// otherwise as Down does.
func (d *Dovecot) Stop() error {
	defer d.release()
	if !d.temporary {
		return d.Down()
	}
	d.temporary = false
	return errors.Join(d.Kill(), os.RemoveAll(d.dir))
}

// release lets others have the ports; a server that was not prepared has none.
func (d *Dovecot) release() {
	for _, held := range d.ports {
		if held != nil {
			held.Release()
		}
	}
}

// Processes returns the ids of all processes of the server.
func (d *Dovecot) Processes() []int {
	if d.process == nil {
		return nil
	}
	return d.process.members()
}

// Roots returns the ids of the processes that all others of the server descend
// from.
func (d *Dovecot) Roots() []int {
	if d.process == nil {
		return nil
	}
	return []int{d.process.pid}
}

// IMAPAddr returns host:port of IMAP with STARTTLS; plain logins are allowed.
func (d *Dovecot) IMAPAddr() string { return d.ports[0].Address() }

// IMAPSAddr returns host:port of IMAP with implicit TLS.
func (d *Dovecot) IMAPSAddr() string { return d.ports[1].Address() }

// Certificate returns the server's certificate.
func (d *Dovecot) Certificate() *Certificate { return d.cert }

// Log returns what the server has logged.
func (d *Dovecot) Log() string {
	log, _ := os.ReadFile(filepath.Join(d.dir, "dovecot.log"))
	return string(log)
}
