package account_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// scaleSize is how many accounts come, how many clicks each makes first, and how
// many seconds they then think between two; SCALE sets others.
const scaleSize = "2000 10 10"

const (
	scaleLoad      = 20 * time.Second // how long users click after that
	scaleWorkers   = 64
	scalePerServer = 4000 // accounts of one process that serves mail
)

// BenchmarkScale holds many accounts in this process, with their mail servers in
// others, over TLS, and prints what they take in memory at each step of a day and
// how quick clicks are. Run it with -benchtime 1x.
func BenchmarkScale(b *testing.B) {
	size := scaleSize
	if text := os.Getenv("SCALE"); text != "" {
		size = text
	}
	var accounts, clicks, think int
	if _, err := fmt.Sscan(size, &accounts, &clicks, &think); err != nil {
		b.Fatalf("SCALE=%q: %v", size, err)
	}
	b.Run(fmt.Sprintf("%d accounts of 1000 messages", accounts), func(b *testing.B) {
		scale(b, accounts, 1000, clicks, time.Duration(think)*time.Second)
	})
	b.Run("100 accounts of 10000 messages", func(b *testing.B) { scale(b, 100, 10_000, 10, 10*time.Second) })
}

// crowd is many accounts on one node.
type crowd struct {
	b       *testing.B
	clicks  int // of each at first
	people  []*person
	store   *cache.Cache
	gate    *account.Gate
	backend []account.Backend
	empty   int64 // memory before anybody came
	table   strings.Builder
}

// person is one of them.
type person struct {
	*account.Account
	messages uint32
	validity atomic.Uint32
	unseen   atomic.Uint32 // the next message, and the next page, that were not seen yet
}

func scale(b *testing.B, accounts, messages, clicks int, think time.Duration) {
	const others = 1000 // files and connections that are none of an account
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	if limit.Max < uint64(accounts+others) {
		b.Skipf("%d open files are needed", accounts+others)
	}
	store, err := cache.New(cache.Config{Budget: 1 << 30}, metrics.NewSet())
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{b: b, clicks: clicks, store: store, gate: account.NewGate(account.GateConfig{MaxConnections: 2*accounts + others})}
	for range 1 + (accounts-1)/scalePerServer {
		address, roots := mailServer(b, min(accounts, scalePerServer), messages)
		c.backend = append(c.backend, account.Backend{
			Options: imapconn.Options{Address: address, TLS: &tls.Config{RootCAs: roots}}, Gate: c.gate,
		})
	}
	fmt.Fprintf(&c.table, "%-34s %8s %10s %10s %12s %12s  %s\n", "step", "seconds", "RSS MiB", "cache MiB", "KiB/account", "connections", "load average before")
	c.empty = resident(b)
	c.step("nobody there", func() {})
	c.join(accounts, messages, account.Config{Watch: -1})
	c.step("logged in", func() { c.everybody((*person).login) })
	c.step(fmt.Sprintf("after %d clicks", clicks), func() {
		c.everybody(func(p *person) error { return p.firstClicks(clicks) })
	})
	warm, cold := c.load(think)
	c.step("after a while of clicks", func() {})
	c.step("at rest", func() {
		c.everybody(func(p *person) error { p.Rest(true); return nil })
	})
	c.leave()
	c.step("all gone, cache kept", func() {})

	if limit.Max >= uint64(2*accounts+others) {
		c.joinWatching(accounts, messages)
	}
	b.Logf("\n%sclicks of %d users who think for %v, open arrivals, for %v:\n%s%s", &c.table, accounts, think, scaleLoad, warm.String("known"), cold.String("new"))
	b.ReportMetric(0, "ns/op") // it is not about time
}

// joinWatching lets all come again, each with a second connection that listens.
func (c *crowd) joinWatching(accounts, messages int) {
	c.join(accounts, messages, account.Config{WatchAfter: time.Millisecond, Watch: time.Hour})
	c.step(fmt.Sprintf("%d clicks, a watcher each", c.clicks), func() {
		c.everybody(func(p *person) error { return p.firstClicks(c.clicks) })
		for before := 0; ; { // watchers come when logins are few
			open, _ := c.gate.Open()
			if open == 2*accounts || open == before {
				break
			}
			before = open
			time.Sleep(2 * time.Second)
			c.everybody(func(p *person) error { return p.page(1) })
		}
	})
	c.leave()
}

// join makes accounts, which do nothing yet.
func (c *crowd) join(accounts, messages int, config account.Config) {
	config.FoldersMaxAge = time.Minute
	c.people = nil
	for i := range accounts {
		name := fmt.Sprintf("u%d", i%scalePerServer)
		c.people = append(c.people, &person{messages: uint32(messages), Account: account.New(
			fmt.Sprintf("u%d@example.edu", i), name, password, c.backend[i/scalePerServer], config, c.store, slog.New(slog.DiscardHandler))})
	}
}

func (c *crowd) leave() {
	c.everybody(func(p *person) error { p.Close(); return nil })
	c.people = nil
}

// everybody does something, some at a time.
func (c *crowd) everybody(do func(*person) error) {
	var next, failed atomic.Int64
	var doing sync.WaitGroup
	for range scaleWorkers {
		doing.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(c.people)); i = next.Add(1) - 1 {
				if err := do(c.people[i]); err != nil && failed.Add(1) == 1 {
					c.b.Errorf("account %d: %v", i, err)
				}
			}
		})
	}
	doing.Wait()
	if n := failed.Load(); n > 0 {
		c.b.Fatalf("%d accounts failed", n)
	}
}

// step does something and writes down how long it took and what is held then:
// for each account, without what the cache holds.
func (c *crowd) step(name string, do func()) {
	load, _ := os.ReadFile("/proc/loadavg")
	before := time.Now()
	do()
	took := time.Since(before)
	held, cached := resident(c.b), c.store.Stats().Bytes
	open, _ := c.gate.Open()
	each := 0.0
	if len(c.people) > 0 {
		each = float64(held-c.empty-cached) / 1024 / float64(len(c.people))
	}
	fmt.Fprintf(&c.table, "%-34s %8.1f %10.1f %10.1f %12.1f %12d  %.4s\n", name, took.Seconds(),
		float64(held)/(1<<20), float64(cached)/(1<<20), each, open, load)
}

func (p *person) login() error { return p.Connect(context.Background()) }

func (p *person) page(number int) error {
	answer, err := p.Mailbox(context.Background(), &api.MailboxQuestion{Mailbox: "INBOX", Page: number})
	if err != nil {
		return err
	}
	if len(answer.Rows) != api.DefaultPageSize || answer.Total != int(p.messages) || answer.Rows[0].Subject == "" && answer.Rows[1].Subject == "" {
		return fmt.Errorf("page %d: %d rows of %d messages", number, len(answer.Rows), answer.Total)
	}
	p.validity.Store(answer.UIDValidity)
	return nil
}

// message opens the message that stands at a place of the list, from 0.
func (p *person) message(place uint32) error {
	id := api.MessageID{Mailbox: "INBOX", UIDValidity: p.validity.Load(), UID: p.messages - place}
	answer, err := p.Message(context.Background(), &api.MessageQuestion{ID: id, MarkSeen: true})
	if err == nil && (answer.ID != id || len(answer.Headers) == 0) {
		err = fmt.Errorf("message %v is not what was asked for", id)
	}
	return err
}

// click is one of those that people make at first: half lists, half messages.
func (p *person) click(number int) error {
	switch {
	case number < 3:
		return p.page(number + 1)
	case number%2 == 1:
		return p.message(uint32(number / 2))
	}
	return p.page(1)
}

func (p *person) firstClicks(count int) error {
	p.unseen.Store(5)
	for number := range count {
		if err := p.click(number); err != nil {
			return err
		}
	}
	return nil
}

// newClick is for something that was not seen by firstClicks.
func (p *person) newClick() error {
	next := p.unseen.Add(1)
	if next%2 == 0 {
		return p.page(int(next/2) + 1)
	}
	return p.message(next)
}

// latencies are those of clicks, from the moment at which they were meant.
type latencies struct {
	mu      sync.Mutex // guards the fields below
	taken   []time.Duration
	failed  int
	failure error // one of them
}

func (l *latencies) add(d time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = append(l.taken, d)
	if err != nil {
		l.failed++
		l.failure = err
	}
}

func (l *latencies) String(name string) string {
	slices.Sort(l.taken)
	at := func(share float64) time.Duration {
		if len(l.taken) == 0 {
			return 0
		}
		return l.taken[int(share*float64(len(l.taken)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("  %-6s %6d clicks  p50 %v  p90 %v  p99 %v  max %v  %d failed %v\n", name, len(l.taken), at(.5), at(.9), at(.99), at(1), l.failed, l.failure)
}

// load lets everybody click by chance, whether or not the clicks before were
// answered; seven of ten show what was seen before.
func (c *crowd) load(think time.Duration) (warm, cold *latencies) {
	warm, cold = &latencies{}, &latencies{}
	mean := float64(think) / float64(len(c.people))
	var clicking sync.WaitGroup
	begun := time.Now()
	for meant := begun; meant.Sub(begun) < scaleLoad; meant = meant.Add(time.Duration(rand.ExpFloat64() * mean)) {
		time.Sleep(time.Until(meant)) // a click that is sent late counts from when it was meant
		one, taken := c.people[rand.IntN(len(c.people))], warm
		click := func() error { return one.click(rand.IntN(c.clicks)) }
		if rand.IntN(10) < 3 {
			click, taken = one.newClick, cold
		}
		clicking.Go(func() {
			err := click()
			taken.add(time.Since(meant), err)
		})
	}
	clicking.Wait()
	return warm, cold
}

// resident returns the memory of this process, in bytes, without garbage.
func resident(b *testing.B) int64 {
	for range 3 {
		debug.FreeOSMemory()
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// The environment variable that makes this test program a mail server, so that
// its memory is not measured: how many users, and messages each.
const mailServerVariable = "ACCOUNT_TEST_SERVER"

// mailServer starts a mail server in another process, whose users are u0, u1, ….
// It ends with the benchmark.
func mailServer(b *testing.B, users, messages int) (address string, roots *x509.CertPool) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", mailServerVariable, users, messages))
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		command.Wait()
	})
	said := bufio.NewReader(stdout)
	if address, err = said.ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	pem := ""
	for !strings.Contains(pem, "END CERTIFICATE") {
		line, err := said.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		pem += line
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(pem))
	return strings.TrimSpace(address), roots
}

// serveMail is that other process; it ends with its standard input.
func serveMail(size string) {
	var count, messages int
	if _, err := fmt.Sscan(size, &count, &messages); err != nil {
		panic(err)
	}
	var users []testbed.User
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("u%d", i))
		users = append(users, testbed.User{Name: names[i], Password: password})
	}
	certificate, err := testbed.NewCertificate()
	if err != nil {
		panic(err)
	}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users, Certificate: certificate})
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		if err := server.CreateFolders(name); err != nil {
			panic(err)
		}
	}
	if err := server.Fill(mailgen.New(1, time.Now()).Folder("INBOX", messages), names...); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%s", server.IMAPSAddr(), certificate.CertPEM)
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
