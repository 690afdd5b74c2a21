package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"alphamail/bench/testbed/port"
)

// webUID owns the files of PHP and runs its processes and nginx's, by the names
// that Debian gives it.
const (
	webUser  = "www-data"
	webUID   = 33
	pageSize = 50 // rows, as in AlphaMail
)

// prepare makes the directory with configuration and database. It is in memory
// where the system has such a place, so that no disk is measured.
func (r *Roundcube) prepare() (err error) {
	parent := "/dev/shm"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = ""
	}
	if r.dir, err = os.MkdirTemp(parent, "roundcube-"); err != nil {
		return err
	}
	if r.port, err = port.Hold(); err != nil {
		return err
	}
	for _, dir := range []string{"", "config", "db", "logs", "temp"} {
		if err := errors.Join(os.MkdirAll(r.file(dir), 0o755), os.Chmod(r.file(dir), 0o755), os.Chown(r.file(dir), webUID, webUID)); err != nil {
			return err
		}
	}
	for _, name := range []string{"defaults.inc.php", "mimetypes.php"} {
		if err := os.Symlink(filepath.Join(roundcubeDefaults, name), r.file("config/"+name)); err != nil {
			return err
		}
	}
	values := map[string]any{
		"Dir": r.dir, "Port": r.port.Number, "IMAP": r.config.IMAP, "Cache": r.config.Cache, "Workers": r.config.Workers,
		"User": webUser, "Pages": roundcubePages, "Key": secret(), "PageSize": pageSize,
	}
	for name, content := range map[string]*template.Template{
		"config/config.inc.php": roundcubeConf, "php-fpm.conf": phpConf, "nginx.conf": nginxConf,
	} {
		var text strings.Builder
		if err := content.Execute(&text, values); err != nil {
			return err
		}
		if err := os.WriteFile(r.file(name), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return r.makeDatabase()
}

// makeDatabase writes the schema. Readers need not wait for the writer.
func (r *Roundcube) makeDatabase() error {
	schema, err := os.ReadFile(roundcubeSchema)
	if err != nil {
		return err
	}
	file := r.file("db/roundcube.db")
	command := exec.Command("sqlite3", file)
	command.Stdin = strings.NewReader("PRAGMA journal_mode=WAL;\n" + string(schema))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("making the database: %w: %s", err, out)
	}
	return os.Chown(file, webUID, webUID)
}

// roundcubeConf departs from the defaults only where a campus does, and in not
// asking for what the mail server here does not have.
var roundcubeConf = template.Must(template.New("config.inc.php").Parse(`<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///{{.Dir}}/db/roundcube.db?mode=0640';
$config['imap_host'] = '{{.IMAP}}';
$config['smtp_host'] = '';
$config['des_key'] = '{{.Key}}';
$config['log_dir'] = '{{.Dir}}/logs/';
$config['temp_dir'] = '{{.Dir}}/temp/';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['language'] = 'en_US';
$config['enable_spellcheck'] = false;
$config['mail_pagesize'] = {{.PageSize}};
{{- if .Cache}}
$config['imap_cache'] = 'db';
$config['messages_cache'] = 'db';
{{- end}}
`))

var phpConf = template.Must(template.New("php-fpm.conf").Parse(`
[global]
error_log = {{.Dir}}/logs/php-fpm.log
log_level = warning

[roundcube]
user = {{.User}}
group = {{.User}}
listen = {{.Dir}}/php.socket
listen.owner = {{.User}}
listen.backlog = 4096
pm = static
pm.max_children = {{.Workers}}
env[ROUNDCUBE_CONFIG_DIR] = {{.Dir}}/config
php_admin_value[error_log] = {{.Dir}}/logs/php.log
php_admin_flag[log_errors] = on
`))

var nginxConf = template.Must(template.New("nginx.conf").Parse(`
user {{.User}};
worker_processes 2;
daemon off;
pid {{.Dir}}/nginx.pid;
error_log {{.Dir}}/logs/nginx.log;
events {
  worker_connections 16384;
}
http {
  include /etc/nginx/mime.types;
  access_log off;
  keepalive_requests 1000000;
  keepalive_timeout 600s;
  gzip on;
  client_body_temp_path {{.Dir}}/temp/body;
  fastcgi_temp_path {{.Dir}}/temp/fastcgi;
  proxy_temp_path {{.Dir}}/temp/proxy;
  uwsgi_temp_path {{.Dir}}/temp/uwsgi;
  scgi_temp_path {{.Dir}}/temp/scgi;
  server {
    listen 127.0.0.1:{{.Port}} backlog=4096;
    root {{.Pages}};
    index index.php;
    location ~ \.php$ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass unix:{{.Dir}}/php.socket;
    }
  }
}
`))
