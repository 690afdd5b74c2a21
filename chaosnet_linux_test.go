package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The network of the chaos tests is a bridge in a network namespace of the test's
// own, with a namespace for each host. Nothing of it can be reached from the machine,
// and the kernel takes it away with the last process.
const (
	bridgeAddress = "10.77.0.1"
	hostAddress   = "10.77.0.%d" // from 10 on
	insideChaos   = "ALPHAMAIL_INSIDE_CHAOS"
)

// inOwnNetwork runs the test again, in namespaces of its own, and returns true in
// that process.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideChaos) != "" {
		return true
	}
	// ip(8) keeps the names of namespaces below /run.
	args := []string{"-n", "-m", "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$0" "$@"`, os.Args[0],
		"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=2h"}
	again := exec.CommandContext(t.Context(), "unshare", args...)
	again.Env = append(os.Environ(), insideChaos+"=1")
	again.SysProcAttr = endWithParent()
	said, err := again.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
	return false
}

// command runs a program of the machine.
func command(t testing.TB, input string, words ...string) {
	t.Helper()
	run := exec.Command(words[0], words[1:]...)
	run.Stdin = strings.NewReader(input)
	if said, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", words, err, said)
	}
}

func startBridge(t testing.TB) {
	t.Helper()
	for _, line := range []string{"ip link set lo up", "ip link add br0 type bridge", "ip addr add " + bridgeAddress + "/24 dev br0", "ip link set br0 up"} {
		command(t, "", strings.Fields(line)...)
	}
}

// netHost is a host on the bridge.
type netHost struct {
	t             testing.TB
	name, address string
}

func newHost(t testing.TB, name string, number int) *netHost {
	t.Helper()
	h := &netHost{t, name, fmt.Sprintf(hostAddress, number)}
	for _, line := range []string{
		"ip netns add N", "ip link add vN type veth peer name eth0 netns N", "ip link set vN master br0 up",
		"ip -n N link set lo up", "ip -n N addr add " + h.address + "/24 dev eth0", "ip -n N link set eth0 up",
	} {
		command(t, "", strings.Fields(strings.ReplaceAll(line, "N", name))...)
	}
	return h
}

// inside are the words that begin a command on the host.
func (h *netHost) inside() []string { return []string{"ip", "netns", "exec", h.name} }

// cut takes the cable out.
func (h *netHost) cut() { command(h.t, "", "ip", "link", "set", "v"+h.name, "down") }

// filter drops packets by rules of a chain: "input" for what arrives, "output" for
// what leaves.
func (h *netHost) filter(chain, rule string) {
	text := fmt.Sprintf("table inet chaos { chain %s { type filter hook %s priority 0; oifname \"lo\" accept; iifname \"lo\" accept; %s drop; }; }", chain, chain, rule)
	if chain == "input" {
		text = strings.ReplaceAll(text, `oifname "lo" accept; `, "")
	} else {
		text = strings.ReplaceAll(text, `iifname "lo" accept; `, "")
	}
	command(h.t, text, append(h.inside(), "nft", "-f", "-")...)
}

// mute lets nothing leave, deaf nothing arrive.
func (h *netHost) mute() { h.filter("output", "") }
func (h *netHost) deaf() { h.filter("input", "") }

// loses drops a share of what arrives, in percent.
func (h *netHost) loses(percent int) {
	h.filter("input", fmt.Sprintf("numgen random mod 100 < %d", percent))
}

// parts drops all that arrives from other hosts.
func (h *netHost) parts(others []*netHost) {
	var addresses []string
	for _, other := range others {
		addresses = append(addresses, other.address)
	}
	h.filter("input", "ip saddr { "+strings.Join(addresses, ", ")+" }")
}

// heal ends all of that.
func (h *netHost) heal() {
	command(h.t, "", "ip", "link", "set", "v"+h.name, "up")
	command(h.t, "table inet chaos {}; delete table inet chaos;", append(h.inside(), "nft", "-f", "-")...)
}

// relay passes connections from the bridge on to a server on loopback, which is how
// hosts reach it, each piece after a delay.
type relay struct {
	net.Listener
	dial   func() (net.Conn, error)
	delay  atomic.Int64 // nanoseconds
	piping sync.WaitGroup

	mu    sync.Mutex // guards conns and ended
	conns map[net.Conn]bool
	ended bool
}

func startRelay(t testing.TB, dial func() (net.Conn, error)) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", bridgeAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: listener, dial: dial, conns: map[net.Conn]bool{}}
	r.piping.Go(r.accept) // ended by closing the listener
	t.Cleanup(r.end)
	return r
}

func (r *relay) accept() {
	for {
		near, err := r.Accept()
		if err != nil {
			return
		}
		far, err := r.dial()
		if err != nil || !r.keep(near, far) {
			near.Close()
			continue
		}
		r.piping.Go(func() { r.pipe(near, far) })
		r.piping.Go(func() { r.pipe(far, near) })
	}
}

// keep notes connections that end closes; false when it has already.
func (r *relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range conns {
		if r.ended {
			one.Close()
		}
		r.conns[one] = true
	}
	return !r.ended
}

func (r *relay) pipe(from, to net.Conn) {
	defer func() {
		from.Close()
		to.Close()
		r.mu.Lock()
		delete(r.conns, from)
		r.mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		time.Sleep(time.Duration(r.delay.Load()))
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (r *relay) end() {
	r.Close()
	r.mu.Lock()
	r.ended = true
	for one := range r.conns {
		one.Close()
	}
	r.mu.Unlock()
	r.piping.Wait()
}
