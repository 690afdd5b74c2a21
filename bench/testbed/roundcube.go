package testbed

import (
	"context"
	"crypto/rand"
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

// Where Debian's packages put what is used of them.
const (
	roundcubePages    = "/var/lib/roundcube/public_html"
	roundcubeDefaults = "/etc/roundcube"
	roundcubeSchema   = "/usr/share/roundcube/SQL/sqlite.initial.sql"
	phpServers        = "/usr/sbin/php-fpm*" // the name ends in PHP's version
)

// RoundcubeAvailable says why a Roundcube cannot be started here, nil if it can:
// it takes root, Debian's packages of Roundcube 1.6, PHP-FPM and nginx, and
// Linux's PID namespaces.
func RoundcubeAvailable() error {
	if os.Geteuid() != 0 {
		return errors.New("Roundcube needs root here, to give PHP and the web server a user of their own")
	}
	for _, file := range []string{roundcubePages + "/index.php", roundcubeDefaults + "/defaults.inc.php", roundcubeSchema} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("Roundcube is not installed as Debian does: %w", err)
		}
	}
	for _, program := range []string{"nginx", "sqlite3"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("Roundcube needs %s: %w", program, err)
		}
	}
	if _, err := phpServer(); err != nil {
		return err
	}
	return canIsolate()
}

func phpServer() (string, error) {
	found, err := filepath.Glob(phpServers)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("there is no PHP-FPM at %s", phpServers)
	}
	return found[len(found)-1], nil
}

// RoundcubeConfig says what StartRoundcube starts. Only IMAP is required.
type RoundcubeConfig struct {
	// IMAP is host:port of the mail server; logins go there in plain text.
	IMAP string

	// Cache lets Roundcube keep indexes and messages in its database, which it
	// does not by default.
	Cache bool

	// Workers is the number of PHP processes. Default 16.
	Workers int
}

// Validate reports what is wrong with the configuration.
func (c RoundcubeConfig) Validate() error {
	if c.IMAP == "" || strings.ContainsAny(c.IMAP, "'\\\n") {
		return fmt.Errorf("the mail server's address is %q", c.IMAP)
	}
	if c.Workers < 0 {
		return fmt.Errorf("there cannot be %d workers", c.Workers)
	}
	return nil
}

// Roundcube is a Roundcube of our own, as a campus runs it: PHP-FPM with a pool
// of processes and compiled pages in memory, behind nginx. Sessions, and the
// cache if it is on, are in an SQLite database that waits for no disk. Its
// methods are for one goroutine.
type Roundcube struct {
	config RoundcubeConfig
	dir    string
	port   *port.Held
	php    *process // nil while it is down
	nginx  *process // nil while it is down
}

// StartRoundcube starts Roundcube and returns once it shows its login page.
func StartRoundcube(config RoundcubeConfig) (*Roundcube, error) {
	if err := RoundcubeAvailable(); err != nil {
		return nil, err
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("roundcube: %w", err)
	}
	if config.Workers == 0 {
		config.Workers = 16
	}
	r := &Roundcube{config: config}
	err := r.prepare()
	if err == nil {
		err = r.up()
	}
	if err != nil {
		err = fmt.Errorf("starting roundcube: %w; its logs end: %s", err, tail(r.Log(), 1000))
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

func tail(text string, length int) string { return text[max(0, len(text)-length):] }

func (r *Roundcube) up() (err error) {
	program, err := phpServer()
	if err != nil {
		return err
	}
	if r.php, err = start(exec.Command(program,
		"--nodaemonize", "--fpm-config", r.file("php-fpm.conf"),
		// Pages are compiled once and not looked at again.
		"-d", "opcache.enable=1", "-d", "opcache.validate_timestamps=0", "-d", "opcache.memory_consumption=128",
	)); err != nil {
		return err
	}
	if r.nginx, err = start(exec.Command("nginx", "-c", r.file("nginx.conf"), "-p", r.dir, "-e", r.file("logs/nginx.log"))); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		_, err := fetch(ctx, r.URL()+"/")
		if err == nil {
			return nil
		}
		select {
		case <-r.php.done:
			return errors.New("PHP ended at once")
		case <-r.nginx.done:
			return errors.New("nginx ended at once")
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends all processes at once and removes all files.
func (r *Roundcube) Stop() error {
	var errs []error
	for _, one := range []**process{&r.nginx, &r.php} {
		if *one != nil {
			errs = append(errs, (*one).end())
			*one = nil
		}
	}
	if r.port != nil {
		r.port.Release()
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// Suspend freezes all processes: connections stay open, nothing answers.
func (r *Roundcube) Suspend() {
	for _, one := range []*process{r.nginx, r.php} {
		if one != nil {
			one.signalGroup(syscall.SIGSTOP)
		}
	}
}

// Processes returns the ids of all processes, those of the web server and of
// PHP.
func (r *Roundcube) Processes() []int {
	var pids []int
	for _, one := range []*process{r.nginx, r.php} {
		if one != nil {
			pids = append(pids, one.members()...)
		}
	}
	return pids
}

// Roots returns the ids of the processes that all others descend from.
func (r *Roundcube) Roots() []int {
	var pids []int
	for _, one := range []*process{r.nginx, r.php} {
		if one != nil {
			pids = append(pids, one.pid)
		}
	}
	return pids
}

// URL returns the URL of the front page, without a slash at its end.
func (r *Roundcube) URL() string { return "http://" + r.port.Address() }

// Log returns what Roundcube, PHP and the web server have logged.
func (r *Roundcube) Log() string {
	var all strings.Builder
	files, _ := filepath.Glob(r.file("logs/*"))
	for _, file := range files {
		content, _ := os.ReadFile(file)
		fmt.Fprintf(&all, "%s:\n%s\n", filepath.Base(file), content)
	}
	return all.String()
}

func (r *Roundcube) file(name string) string { return filepath.Join(r.dir, name) }

// secret returns a key of the 24 characters that Roundcube asks for.
func secret() string { return rand.Text()[:24] }
