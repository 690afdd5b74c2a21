package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"alphamail/bench/testbed/port"
)

// PostfixAvailable says why a Postfix cannot be started here, nil if it can: it
// takes what Dovecot takes, overlays, and the packages that deploy/test-deps.sh
// gets.
func PostfixAvailable() error {
	if err := DovecotAvailable(); err != nil {
		return err
	}
	if _, err := unpacked("postfix", postfixMaster); err != nil {
		return err
	}
	if _, err := os.Stat("/usr/lib/dovecot/lmtp"); err != nil {
		return fmt.Errorf("Dovecot takes no mail by LMTP: %w", err)
	}
	return nil
}

const (
	postfixMaster = "usr/lib/postfix/sbin/master"
	// The user and the group that Postfix wants; they exist for it alone.
	postfixUID, postdropGID = 20144, 20145
)

// Postfix is a Postfix of our own for submission: it asks a Dovecot who may log in,
// refuses recipients of its domains that do not exist, delivers to the others by
// that Dovecot's LMTP, and drops what is for other domains. Its methods are for one
// goroutine.
type Postfix struct {
	root, dir string
	dovecot   *Dovecot
	cert      *Certificate
	ports     [2]*port.Held // submission, submissions
	process   *process
}

// PostfixDomains are the domains in which every user of the Dovecot has an address.
var PostfixDomains = []string{"example.edu", "example.net"}

// StartPostfix starts a server beside a Dovecot that was started ForPostfix, and
// returns once it greets.
func StartPostfix(dovecot *Dovecot) (*Postfix, error) {
	if err := PostfixAvailable(); err != nil {
		return nil, err
	}
	if !dovecot.config.ForPostfix {
		return nil, errors.New("postfix: that Dovecot was not started for it")
	}
	root, err := unpacked("postfix", postfixMaster)
	if err != nil {
		return nil, err
	}
	p := &Postfix{root: root, dovecot: dovecot}
	if err = p.prepare(); err == nil {
		err = p.up()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting postfix: %w: %s", err, tail(p.Log(), 1000)), p.Stop())
	}
	return p, nil
}

func (p *Postfix) prepare() (err error) {
	if p.dir, err = os.MkdirTemp("", "postfix-"); err != nil {
		return err
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		return err
	}
	for i := range p.ports {
		if p.ports[i], err = port.Hold(); err != nil {
			return err
		}
	}
	if p.cert, err = NewCertificate(); err != nil {
		return err
	}
	if err := owned(p.dir, 0, "conf", "overlay", "queue", "queue/pid"); err != nil {
		return err
	}
	if err := owned(p.dir, postfixUID, "data", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer", "queue/deferred", "queue/flush",
		"queue/hold", "queue/incoming", "queue/maildrop", "queue/private", "queue/public", "queue/saved", "queue/trace"); err != nil {
		return err
	}
	return p.write()
}

// write writes the configuration.
func (p *Postfix) write() error {
	var mailboxes strings.Builder
	for _, user := range p.dovecot.config.Users {
		for _, domain := range PostfixDomains {
			fmt.Fprintf(&mailboxes, "%s@%s yes\n", user.Name, domain)
		}
	}
	fill := strings.NewReplacer("DIR", p.dir, "PORTS", fmt.Sprint(p.ports[1].Number), "PORT", fmt.Sprint(p.ports[0].Number),
		"LMTP", p.dovecot.ports[2].Address(), "LOGIN", p.dovecot.ports[3].Address(), "DOMAINS", strings.Join(PostfixDomains, " "))
	files := map[string]string{
		"conf/main.cf": fill.Replace(postfixMain), "conf/master.cf": fill.Replace(postfixServices), "conf/mailboxes": mailboxes.String(),
		"conf/cert.pem": string(p.cert.CertPEM), "conf/key.pem": string(p.cert.KeyPEM),
	}
	for file, line := range map[string]string{
		"passwd": fmt.Sprintf("postfix:x:%d:%[1]d::/nonexistent:/usr/sbin/nologin\n", postfixUID),
		"group":  fmt.Sprintf("postfix:x:%d:\npostdrop:x:%d:\n", postfixUID, postdropGID),
	} {
		known, err := os.ReadFile("/etc/" + file)
		if err != nil {
			return err
		}
		files["overlay/"+file] = string(known) + line
	}
	for name, content := range files {
		path := filepath.Join(p.dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
		// A configuration that was changed just now is not read for two seconds.
		before := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, before, before); err != nil {
			return err
		}
	}
	return nil
}

// postfixMain tells nothing to any machine but this one: what is for other domains
// is discarded, and names are not looked up.
const postfixMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = DIR/conf
maillog_file = DIR/log
maillog_file_prefixes = DIR
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.edu
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = DOMAINS
virtual_mailbox_maps = texthash:DIR/conf/mailboxes
virtual_transport = lmtp:inet:LMTP
default_transport = discard
lmtp_dns_support_level = disabled
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:LOGIN
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = DIR/conf/cert.pem
smtpd_tls_key_file = DIR/conf/key.pem
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
message_size_limit = 26214400
`

const postfixServices = `PORT inet n - n - - smtpd
PORTS inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// postfixScript runs in a mount namespace of its own, where Postfix finds itself in
// /usr and its user in /etc.
const postfixScript = `
mount -t proc proc /proc
mount -t overlay overlay -o ro,lowerdir=ROOT/usr:/usr /usr
mount -t overlay overlay -o ro,lowerdir=DIR/overlay:/etc /etc
MAIL_CONFIG=DIR/conf exec /usr/lib/postfix/sbin/master -d -c DIR/conf
`

func (p *Postfix) up() (err error) {
	script := strings.NewReplacer("ROOT", p.root, "DIR", p.dir).Replace(postfixScript)
	output, err := os.Create(filepath.Join(p.dir, "output"))
	if err != nil {
		return err
	}
	defer output.Close() // the process has its own
	command := exec.Command("bash", "-euc", script)
	command.Stdout, command.Stderr = output, output
	if p.process, err = startUnshared(command); err != nil {
		return err
	}
	return awaitGreeting(p.process, p.ports[0].Address(), smtpGreeting)
}

// SMTPAddr returns host:port of submission with STARTTLS.
func (p *Postfix) SMTPAddr() string { return p.ports[0].Address() }

// SMTPSAddr returns host:port of submission with implicit TLS.
func (p *Postfix) SMTPSAddr() string { return p.ports[1].Address() }

// Certificate returns the server's certificate.
func (p *Postfix) Certificate() *Certificate { return p.cert }

// Log returns what the server has logged.
func (p *Postfix) Log() string {
	output, _ := os.ReadFile(filepath.Join(p.dir, "output"))
	log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(output) + string(log)
}

// Stop ends the server at once and removes all that it kept.
func (p *Postfix) Stop() error {
	var errs []error
	if p.process != nil {
		errs = append(errs, p.process.end())
		p.process = nil
	}
	for _, held := range p.ports {
		if held != nil {
			held.Release()
		}
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}
