package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"alphamail/bench/testbed/port"
)

// mailUID owns the mail. It needs no entry in the passwd file.
const mailUID = 20143

// prepare makes the directory and writes the configuration into it.
func (d *Dovecot) prepare() (err error) {
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "dovecot-"); err != nil {
			return err
		}
		d.temporary = true
	}
	for _, dir := range []string{d.dir, filepath.Join(d.dir, "mail")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o755); err != nil { // the mail user passes through
			return err
		}
	}
	if err := os.Chown(filepath.Join(d.dir, "mail"), mailUID, mailUID); err != nil {
		return err
	}
	if d.cert, err = NewCertificate(); err != nil {
		return err
	}
	for i := range d.ports {
		if d.ports[i], err = port.Hold(); err != nil {
			return err
		}
	}
	var conf strings.Builder
	err = dovecotConf.Execute(&conf, map[string]any{
		"Dir": d.dir, "UID": mailUID, "Ports": d.ports,
		"Separator": d.config.Separator, "Prefix": d.config.Prefix,
		"MaxConnections": d.config.MaxConnections, "ForPostfix": d.config.ForPostfix, "Extra": d.config.Extra,
	})
	if err != nil {
		return err
	}
	var users strings.Builder
	for _, u := range d.config.Users {
		fmt.Fprintf(&users, "%s:{PLAIN}%s\n", u.Name, u.Password)
	}
	for name, content := range map[string]string{
		"dovecot.conf": conf.String(), "users": users.String(),
		"cert.pem": string(d.cert.CertPEM), "key.pem": string(d.cert.KeyPEM),
	} {
		// World-readable within this machine: the authentication process is not
		// root, and these are test accounts.
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// dovecotConf is a configuration without the delay of 2 s for failed logins and
// without the growing penalty that anvil keeps by address. What remains is half
// a second: the authentication process looks at its failures no more often.
// Login processes serve many connections each, because the default of one
// process a connection ends at 100 of them.
var dovecotConf = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/dovecot.log
instance_name = testbed
protocols = imap{{if .ForPostfix}} lmtp{{end}}
listen = 127.0.0.1

ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem

disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
auth_failure_delay = 0 secs
passdb {
  driver = passwd-file
  args = scheme=PLAIN {{.Dir}}/users
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.UID}} home={{.Dir}}/mail/%Ln
}

mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 0
default_client_limit = {{.MaxConnections}}

service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  service_count = 0
  process_min_avail = 1
  process_limit = 4
  client_limit = {{.MaxConnections}}
  inet_listener imap {
    port = {{(index .Ports 0).Number}}
  }
  inet_listener imaps {
    port = {{(index .Ports 1).Number}}
    ssl = yes
  }
}
{{- if .ForPostfix}}
service lmtp {
  inet_listener lmtp {
    port = {{(index .Ports 2).Number}}
  }
}
service auth {
  inet_listener {
    port = {{(index .Ports 3).Number}}
  }
}
postmaster_address = postmaster@localhost
{{- end}}
service imap {
  process_limit = {{.MaxConnections}}
}

namespace inbox {
  inbox = yes
  separator = {{.Separator}}
  prefix = {{.Prefix}}
  mailbox Drafts {
    special_use = \Drafts
    auto = subscribe
  }
  mailbox Sent {
    special_use = \Sent
    auto = subscribe
  }
  mailbox Archive {
    special_use = \Archive
    auto = subscribe
  }
  mailbox Junk {
    special_use = \Junk
    auto = subscribe
  }
  mailbox Trash {
    special_use = \Trash
    auto = subscribe
  }
}
{{.Extra}}
`))
