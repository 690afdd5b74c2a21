package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"alphamail/bench/load"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/ring"
)

// chaosFaults names the faults that TestChaos tries, as a regular expression: "." for
// all of them. Empty: two.
var chaosFaults = cmp.Or(os.Getenv("CHAOS"), "^(a node is killed|a frontend is killed)$")

// The cluster, and who uses it.
const (
	chaosNodes     = 5
	chaosFrontends = 2
	chaosReaders   = 120
	chaosWriters   = 3 // at a time
	writerPause    = 1500 * time.Millisecond
	// The share of a processor that a process may have, in percent.
	nodeShare, frontendShare = 40, 60
	// kneeShare is how much of what the cluster can do readers ask of it.
	kneeShare = 0.55
	// sampleRate is what they ask for when only a sample is tried, a second.
	sampleRate = 30.0
)

// chaosFault is something that breaks, and is whole again when strike returns or the
// members that died are started.
type chaosFault struct {
	name   string
	strike func(c *chaos)
	// lasts is how long readers go on after strike began.
	lasts time.Duration
}

var faultsOfChaos = []chaosFault{
	{"nothing", func(*chaos) {}, 10 * time.Second},
	{"a node is killed", func(c *chaos) { c.members["node-1"].kill() }, 12 * time.Second},
	{"a node hangs for 8 s", func(c *chaos) {
		c.signal("node-2", syscall.SIGSTOP)
		c.wait(8 * time.Second)
		c.signal("node-2", syscall.SIGCONT)
	}, 15 * time.Second},
	{"a node is cut off for 8 s", func(c *chaos) {
		c.hosts["node-3"].cut()
		c.wait(8 * time.Second)
		c.hosts["node-3"].heal()
	}, 15 * time.Second},
	{"a node hears nothing for 8 s", func(c *chaos) {
		c.hosts["node-4"].deaf()
		c.wait(8 * time.Second)
		c.hosts["node-4"].heal()
	}, 15 * time.Second},
	{"a node says nothing for 8 s", func(c *chaos) {
		c.hosts["node-5"].mute()
		c.wait(8 * time.Second)
		c.hosts["node-5"].heal()
	}, 15 * time.Second},
	{"a node is drained", func(c *chaos) { c.drain("node-1") }, 15 * time.Second},
	{"all are restarted in turn", func(c *chaos) {
		for _, name := range slices.Sorted(maps.Keys(c.members)) {
			c.drain(name)
			c.members[name].start(c.t)
			c.agree()
		}
	}, 60 * time.Second},
	{"two nodes are killed", func(c *chaos) { c.members["node-2"].kill(); c.members["node-4"].kill() }, 12 * time.Second},
	{"a frontend is killed", func(c *chaos) { c.members["front-1"].kill() }, 12 * time.Second},
	{"the mail server is restarted", func(c *chaos) {
		if err := c.dovecot.Restart(); err != nil {
			c.t.Error(err)
		}
	}, 12 * time.Second},
	{"the cluster is in two for 10 s", func(c *chaos) {
		one, two := c.group("node-1", "node-2", "front-1"), c.group("node-3", "node-4", "node-5", "front-2")
		for _, host := range one {
			host.parts(two)
		}
		for _, host := range two {
			host.parts(one)
		}
		c.wait(10 * time.Second)
		for _, host := range append(one, two...) {
			host.heal()
		}
		healed := time.Now()
		c.agree()
		c.t.Logf("one ring again %v after the partition healed", time.Since(healed).Round(10*time.Millisecond))
	}, 25 * time.Second},
	{"a twentieth of all packets is lost", func(c *chaos) {
		for _, host := range c.hosts {
			host.loses(5)
		}
		c.wait(10 * time.Second)
		for _, host := range c.hosts {
			host.heal()
		}
	}, 15 * time.Second},
	{"a node's disk is full for 3 s", func(c *chaos) {
		free := c.fillDisk(chaosFullDisk)
		c.wait(3 * time.Second)
		free()
	}, 15 * time.Second},
	{"a node's clock is two minutes ahead", func(c *chaos) {
		one := c.members["node-3"]
		for _, built := range []*build{ahead, c.built} {
			c.drain(one.name)
			one.build = built
			one.start(c.t)
			c.agree()
			c.wait(5 * time.Second)
		}
	}, 30 * time.Second},
	{"the mail server is slow", func(c *chaos) {
		c.imap.delay.Store(int64(300 * time.Millisecond))
		c.wait(10 * time.Second)
		c.imap.delay.Store(0)
	}, 15 * time.Second},
}

// chaosFullDisk is the node whose disk is small, and its own.
const chaosFullDisk = "node-5"

// TestChaos reads and writes mail over a cluster behind HAProxy, on a real Dovecot and
// Postfix, while members die, hang and are cut off. What everybody was told is
// compared with what the servers have in the end.
func TestChaos(t *testing.T) {
	need.Postfix(t)
	need.Root(t)
	for _, name := range []string{"haproxy", "ip", "nft"} {
		need.Command(t, name)
	}
	if !inOwnNetwork(t) {
		return
	}
	pattern, err := regexp.Compile(chaosFaults)
	if err != nil {
		t.Fatal(err)
	}
	if pattern.MatchString("a node's clock is two minutes ahead") {
		ahead.program(t) // while nobody waits
	}
	c := startChaos(t, quick)
	rate := sampleRate
	if os.Getenv("CHAOS") != "" {
		rate = c.knee() * kneeShare
		t.Logf("readers click %.0f times a second, %.0f %% of the knee", rate, 100*kneeShare)
	}
	var lines []chaosLine
	for _, fault := range faultsOfChaos {
		if pattern.MatchString(fault.name) {
			lines = append(lines, c.try(fault, rate))
		}
	}
	c.report(lines)
}

// chaos is the cluster and all around it.
type chaos struct {
	t       *testing.T
	built   *build // the program
	dovecot *testbed.Dovecot
	imap    *relay
	hosts   map[string]*netHost
	members map[string]*clusterMember
	base    string // of HAProxy
	readers readers
	stage   *faultStage // on which writers play
	ctx     context.Context
}

func startChaos(t *testing.T, built *build) *chaos {
	t.Helper()
	startBridge(t)
	c := &chaos{t: t, built: built, hosts: map[string]*netHost{}, members: map[string]*clusterMember{}, ctx: t.Context()}
	smtp := c.startMail()
	balancer := freeAddress(t)
	c.base = "http://" + balancer
	c.startMembers(fmt.Sprintf(`imap_servers: example.edu=imap+insecure://%s[/]
smtp_servers: example.edu=smtp+insecure://%s
public_url: %s
trusted_proxies: [%s]
login_attempts: 1000
`, c.imap.Addr(), smtp.Addr(), c.base, bridgeAddress))
	c.startHAProxy(balancer)
	c.readers = newReaders(t, c.base, chaosReaders)
	// Writers know the two frontends behind the balancer as one.
	front := &clusterMember{web: balancer, name: "front-1"}
	c.stage = &faultStage{t: t, dovecot: c.dovecot, members: map[string]*clusterMember{"front-1": front, "front-2": front}}
	return c
}

// startMail starts the mail servers with the readers' and writers' mail, and returns
// the relay that leads to Postfix.
func (c *chaos) startMail() *relay {
	t := c.t
	names := append(slices.Clone(faultRecipients), faultBystander)
	for i := range chaosReaders {
		names = append(names, readerName(i))
	}
	for i := range maxStories {
		names = append(names, authorName(i))
	}
	var users []testbed.User
	for _, name := range names {
		users = append(users, testbed.User{Name: name, Password: anaPassword})
	}
	var err error
	if c.dovecot, err = testbed.StartDovecot(testbed.DovecotConfig{Users: users, Separator: "/", ForPostfix: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.dovecot.Stop() })
	postfix, err := testbed.StartPostfix(c.dovecot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postfix.Stop() })
	if err := c.dovecot.Fill(readerName(0), mailgen.New(1, time.Now()).Inbox(100)); err != nil {
		t.Fatal(err)
	}
	deliver(t, c.dovecot.IMAPAddr(), authorName(0), anaPassword, invitation)
	first := len(faultRecipients) + 1
	if err := c.dovecot.Clone(readerName(0), names[first+1:first+chaosReaders]...); err != nil {
		t.Fatal(err)
	}
	if err := c.dovecot.Clone(authorName(0), names[first+chaosReaders+1:]...); err != nil {
		t.Fatal(err)
	}
	c.imap = startRelay(t, func() (net.Conn, error) { return net.Dial("tcp", c.dovecot.IMAPAddr()) })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(postfix.Certificate().CertPEM)
	return startRelay(t, func() (net.Conn, error) { // Postfix takes passwords by TLS only, by its name on loopback
		return tls.Dial("tcp", postfix.SMTPSAddr(), &tls.Config{RootCAs: roots})
	})
}

// startMembers starts the members, each on a host of its own with its share of a
// processor.
func (c *chaos) startMembers(settings string) {
	t := c.t
	dir := t.TempDir()
	var seeds []string
	for i := range chaosNodes {
		seeds = append(seeds, fmt.Sprintf(hostAddress+":7946", 11+i))
	}
	add := func(name, role string, number, share int) {
		host := newHost(t, name, number)
		one := &clusterMember{build: c.built, name: name, role: role, admin: host.address + ":9180", web: host.address + ":8080"}
		one.inside = append(limited(t, name, share), host.inside()...) // on a host there are no control groups
		if state := filepath.Join(dir, name); name == chaosFullDisk {
			if err := os.Mkdir(state, 0o700); err != nil {
				t.Fatal(err)
			}
			// A host sees mounts of its own alone.
			one.inside = append(one.inside, "sh", "-c", "mount -t tmpfs -o size=16m tmpfs "+state+` && exec "$@"`, "sh")
			one.state = state
		}
		one.config = writeFile(t, dir, name+".yaml", settings+fmt.Sprintf(`listen: %s
admin_listen: %s
state_dir: %s
cluster:
  name: %s
  secrets_dir: %s
  gossip_listen: %s:7946
  api_listen: %s:7947
  drain_notice: 3s
  join: [%s]
`, one.web, one.admin, filepath.Join(dir, name), name, filepath.Join(dir, "secrets"), host.address, host.address, strings.Join(seeds, ", ")))
		c.hosts[name], c.members[name] = host, one
		one.start(t)
	}
	for i := range chaosNodes {
		add(fmt.Sprintf("node-%d", i+1), "node", 11+i, nodeShare)
	}
	for i := range chaosFrontends {
		add(fmt.Sprintf("front-%d", i+1), "frontend", 21+i, frontendShare)
	}
	c.agree()
}

// limited are the words that begin a command which gets a share of a processor, in
// percent.
func limited(t *testing.T, name string, share int) []string {
	t.Helper()
	group := filepath.Join("/sys/fs/cgroup/cpu", fmt.Sprintf("alphamail-chaos-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Logf("processes have no quota: %v", err)
		return nil
	}
	t.Cleanup(func() { syscall.Rmdir(group) })
	const period = 20_000 // microseconds
	for file, value := range map[string]int{"cpu.cfs_period_us": period, "cpu.cfs_quota_us": period * share / 100} {
		if err := os.WriteFile(filepath.Join(group, file), fmt.Append(nil, value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"sh", "-c", "echo $$ >" + group + `/cgroup.procs && exec "$@"`, "sh"}
}

// The lines of the recipe that tell where things are.
var recipeLines = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^\tbind .*$`), regexp.MustCompile(`(?m)^\tserver front-1 .*$`), regexp.MustCompile(`(?m)^\tserver front-2 .*$`),
	regexp.MustCompile(`(?m)^.*X-Forwarded-Proto.*$`), regexp.MustCompile(`(?m)^\tmaxconn .*$`),
}

// startHAProxy starts the balancer as the recipe says.
func (c *chaos) startHAProxy(address string) {
	t := c.t
	recipe, err := os.ReadFile("deploy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	text := string(recipe)
	for i, line := range []string{
		"\tbind " + address, "\tserver front-1 " + c.members["front-1"].web, "\tserver front-2 " + c.members["front-2"].web, "", "\tmaxconn 5000",
	} {
		if !recipeLines[i].MatchString(text) {
			t.Fatalf("the recipe has no line %s", recipeLines[i])
		}
		text = recipeLines[i].ReplaceAllLiteralString(text, line)
	}
	balancer := exec.Command("haproxy", "-db", "-f", writeFile(t, t.TempDir(), "haproxy.cfg", text))
	said := &lockedBuffer{}
	balancer.Stdout, balancer.Stderr, balancer.SysProcAttr = said, said, endWithParent()
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		balancer.Process.Kill()
		balancer.Wait()
		if t.Failed() {
			t.Logf("HAProxy said:\n%s", said)
		}
	})
	browser := newVisitor(t)
	eventually(t, "HAProxy serves", func() error {
		page, err := browser.get(c.base + "/login")
		if err == nil && page.status != 200 {
			err = fmt.Errorf("status %d", page.status)
		}
		return err
	})
}

func (c *chaos) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.ctx.Done():
	}
}

func (c *chaos) signal(name string, signal syscall.Signal) {
	if err := c.members[name].cmd.Process.Signal(signal); err != nil {
		c.t.Error(err)
	}
}

func (c *chaos) group(names ...string) (hosts []*netHost) {
	for _, name := range names {
		hosts = append(hosts, c.hosts[name])
	}
	return hosts
}

// drain stops a member as an operator does.
func (c *chaos) drain(name string) {
	one := c.members[name]
	words := append(c.hosts[name].inside(), c.built.program(c.t), "drain", "--config", one.config)
	if said, err := exec.CommandContext(c.ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
		c.t.Errorf("drain of %s: %v: %s", name, err, said)
	}
	select {
	case <-one.ended:
	case <-time.After(30 * time.Second):
		c.t.Errorf("%s has not ended", name)
	}
}

// fillDisk fills the disk of a member, and returns what frees it again.
func (c *chaos) fillDisk(name string) (free func()) {
	one := c.members[name]
	path := filepath.Join("/proc", fmt.Sprint(one.cmd.Process.Pid), "root", one.state, "full")
	file, err := os.Create(path)
	if err != nil {
		c.t.Error(err)
		return func() {}
	}
	defer file.Close()
	_, err = io.Copy(file, rand.Reader)
	if !errors.Is(err, syscall.ENOSPC) {
		c.t.Errorf("the disk of %s cannot be filled: %v", name, err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			c.t.Error(err)
		}
	}
}

// agree waits until all members see the same ring of all nodes.
func (c *chaos) agree() {
	eventually(c.t, "all members see one ring", func() error {
		views := map[uint64]bool{}
		for _, one := range c.members {
			view, err := one.view(c.ctx, "")
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			active := 0
			for _, known := range view.Members {
				if known.State == ring.StateActive {
					active++
				}
			}
			if active != len(c.members) {
				return fmt.Errorf("%s sees %d active members", one.name, active)
			}
			views[view.RingDigest] = true
		}
		if len(views) != 1 {
			return fmt.Errorf("there are %d rings", len(views))
		}
		return nil
	})
}

// load lets the readers read for some time; during is called when it began.
func (c *chaos) load(rate float64, lasts time.Duration, during func()) *load.Result {
	c.t.Helper()
	result, err := load.Run(c.ctx, load.Config{
		Users: chaosReaders, Think: load.Think{Mean: time.Duration(chaosReaders / rate * float64(time.Second)), Exponential: true},
		WarmUp: 3 * time.Second, Duration: lasts, Timeout: readerPatience, Seed: 7, Measuring: during,
	}, c.readers)
	if err != nil {
		c.t.Fatal(err)
	}
	return result
}

// tally is what became of the clicks of a load.
type tally struct {
	clicks, failed int64
	slowest        time.Duration // 99th percentile of those that succeeded, from the intended moment
	reasons        map[string]int64
}

func tallyOf(result *load.Result) tally {
	// What could not be clicked in time, since a page was waited for, is not counted:
	// that page is.
	sum := tally{reasons: map[string]int64{}, failed: result.Dropped}
	var latency load.Histogram
	for _, clicks := range result.Clicks {
		latency.Merge(&clicks.Latency)
		sum.clicks += clicks.Latency.Count() + clicks.Errors
		sum.failed += clicks.Errors
		for why, count := range clicks.Reasons {
			sum.reasons[why] += count
		}
	}
	sum.clicks += sum.failed - sumOf(sum.reasons)
	sum.slowest = latency.Quantile(0.99)
	if hdr := latency.HDR(); hdr != nil {
		for _, bar := range hdr.Distribution() {
			if time.Duration(bar.From) > readerPatience {
				sum.failed += bar.Count
				sum.reasons["too late"] += bar.Count
			}
		}
	}
	return sum
}

func sumOf(counts map[string]int64) (sum int64) {
	for _, count := range counts {
		sum += count
	}
	return sum
}

// knee finds how many clicks a second the cluster answers: the largest rate, in
// steps, at which 99 of 100 pages are there within 300 ms and none fails.
func (c *chaos) knee() float64 {
	c.load(chaosReaders/3, 5*time.Second, nil) // all have logged in
	best := 0.0
	for rate := 40.0; rate < 2000; rate *= 1.3 {
		sum := tallyOf(c.load(rate, 5*time.Second, nil))
		c.t.Logf("%4.0f clicks/s: p99 %v, %d of %d failed %v", rate, sum.slowest.Round(time.Millisecond), sum.failed, sum.clicks, sum.reasons)
		if sum.failed > 0 || sum.slowest > 300*time.Millisecond {
			break
		}
		best = rate
	}
	if best == 0 {
		c.t.Fatal("the cluster does not answer the slowest readers in time")
	}
	return best
}

// chaosLine is what a fault did to readers and writers.
type chaosLine struct {
	fault string
	tally
	first        time.Duration // click after, 99th percentile
	lost, twice  int
	wrong, other []string
	stories      int
}

// try lets something break while people read and write.
func (c *chaos) try(fault chaosFault, rate float64) chaosLine {
	c.t.Helper()
	c.t.Logf("%s …", fault.name)
	line := chaosLine{fault: fault.name}
	writing, stop := context.WithCancel(c.ctx)
	stories := c.write(writing)
	var striking sync.WaitGroup
	result := c.load(rate, fault.lasts, func() {
		striking.Go(func() {
			c.wait(2 * time.Second)
			c.readers.broke()
			fault.strike(c)
		})
	})
	striking.Wait()
	line.tally, line.first = tallyOf(result), c.readers.firstClicks()
	for _, one := range c.members {
		select {
		case <-one.ended:
			one.start(c.t)
		default:
		}
	}
	c.agree()
	stop()
	c.judge(&line, <-stories)
	for name, one := range c.members {
		for text := range strings.Lines(one.output.String()) {
			if strings.Contains(text, "msg=defect") {
				line.other = append(line.other, name+": "+text)
			}
		}
	}
	return line
}

// write lets authors write one message after the other until the context ends, some
// at a time.
func (c *chaos) write(ctx context.Context) <-chan []*story {
	var mu sync.Mutex // guards played
	var played []*story
	var writers sync.WaitGroup
	for range chaosWriters {
		writers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				if c.stage.played == maxStories {
					mu.Unlock()
					return
				}
				author := newStory(c.stage, authorName(c.stage.played))
				c.stage.played++
				mu.Unlock()
				author.inbox = author.entersSomehow()
				author.writes()
				mu.Lock()
				played = append(played, author)
				mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(writerPause):
				}
			}
		})
	}
	done := make(chan []*story, 1)
	go func() { // ends with the writers
		writers.Wait()
		done <- played
	}()
	return done
}

// entersSomehow logs in, again and again if need be.
func (a *story) entersSomehow() (inbox seen) {
	eventually(a.t, a.name+" logs in", func() (err error) {
		if inbox, err = a.browser.tryLogIn(a.base(), a.name, anaPassword); err == nil && len(messageLinks(inbox)) == 0 {
			err = fmt.Errorf("no inbox at %s, status %d", inbox.url, inbox.status)
		}
		if err != nil {
			time.Sleep(pressPause)
		}
		return err
	})
	return inbox
}

// judge compares what everybody was told with what the servers have.
func (c *chaos) judge(line *chaosLine, stories []*story) {
	line.stories = len(stories)
	for _, wrong := range c.readers.wrongs() {
		if strings.Contains(wrong, "wrong user") {
			line.wrong = append(line.wrong, wrong)
		} else {
			line.other = append(line.other, wrong)
		}
	}
	lost := c.readers.lostFlags(c.t, c.dovecot.IMAPAddr())
	line.lost = len(lost)
	line.other = append(line.other, lost...)
	delivered := c.stage.delivered()
	for _, made := range stories {
		made.looksIntoDrafts()
		h := made.history
		h.Case = line.fault
		made.collects(delivered)
		for _, defect := range h.defects() {
			switch defect {
			case defectLost:
				line.lost++
			case defectTwice:
				line.twice++
			}
			line.other = append(line.other, fmt.Sprintf("%s in %s", defect, h))
		}
	}
}

// report prints the table and what must not be.
func (c *chaos) report(lines []chaosLine) {
	var table strings.Builder
	writer := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, "what breaks\tclicks\tnot there within 5 s\tp99\tfirst click after, p99\tmessages written\tlost writes\tsent twice\twrong user\tother")
	for _, line := range lines {
		fmt.Fprintf(writer, "%s\t%d\t%d\t%v\t%v\t%d\t%d\t%d\t%d\t%d\n", line.fault, line.clicks, line.failed, line.slowest.Round(time.Millisecond),
			line.first.Round(time.Millisecond), line.stories, line.lost, line.twice, len(line.wrong), len(line.other))
		if line.failed > 0 {
			c.t.Logf("%s: %v", line.fault, line.reasons)
		}
		for _, wrong := range append(line.wrong, line.other...) {
			c.t.Errorf("%s: %s", line.fault, wrong)
		}
	}
	writer.Flush()
	c.t.Logf("%d nodes, %d frontends, %d readers\n%s", chaosNodes, chaosFrontends, chaosReaders, table.String())
}
