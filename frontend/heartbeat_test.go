package frontend

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

// beating is a node whose heart a test stops.
type beating struct {
	api.Service
	mu     sync.Mutex // guards what follows
	hung   bool
	asleep time.Duration // how long this process is held up in the next beats
	asked  []string      // repeated or not, and whom the asker suspects
}

func (n *beating) Ping(ctx context.Context) error {
	n.mu.Lock()
	hung, asleep := n.hung, n.asleep
	n.mu.Unlock()
	time.Sleep(asleep)
	if deadline, ok := ctx.Deadline(); ok && hung { // which clients notice on their own, even before ctx ends
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(deadline) - time.Millisecond):
		}
		return api.NewError(api.CodeDeadline, "", nil)
	}
	return nil
}

func (n *beating) set(hung bool, asleep time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hung, n.asleep = hung, asleep
}

// questioned says how the node was asked since the last time.
func (n *beating) questioned() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := strings.Join(n.asked, " ")
	n.asked = nil
	return asked
}

// Status takes two seconds, and longer than anybody waits from a node that hangs.
func (n *beating) Status(ctx context.Context, call *api.Call, _ *api.StatusQuestion) (*api.StatusAnswer, error) {
	n.mu.Lock()
	repeated := map[bool]string{true: "again"}[call.Repeated]
	n.asked = append(n.asked, strings.Join(slices.Concat([]string{"asked" + repeated}, call.Suspects), "-"))
	hung := n.hung
	n.mu.Unlock()
	work := time.After(2 * time.Second)
	if hung {
		work = nil
	}
	select {
	case <-work:
		return &api.StatusAnswer{}, nil
	case <-ctx.Done():
		return nil, api.AsError(ctx.Err())
	}
}

// row is a ring in which the first node that is not suspected owns everything.
type row []string

func (r row) Owner(string) (string, bool) { return r[0], true }
func (r row) Successor(_ string, suspects ...string) (string, bool) {
	for _, node := range r {
		if !slices.Contains(suspects, node) {
			return node, true
		}
	}
	return "", false
}
func (r row) Digest() uint64    { return 1 }
func (r row) Members() []string { return r }

type services map[string]api.Service

func (s services) Service(node string) (api.Service, bool) {
	one, ok := s[node]
	return one, ok
}

func testRouter(ring row, nodes services) router {
	set := metrics.NewSet()
	return newRouter(ring, nodes, newHeartbeats(ring, nodes, slog.New(slog.DiscardHandler), newMeter(set)))
}

// status asks for a status and says who answered, and after how long.
func (r router) status(timeout time.Duration) (node string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	began := time.Now()
	node, err = r.do(ctx, &api.Call{}, "ana@example.edu", func(ctx context.Context, node api.Service, call *api.Call) error {
		_, err := node.Status(ctx, call, &api.StatusQuestion{})
		return err
	})
	return node, time.Since(began), err
}

func TestSilentNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, three := &beating{}, &beating{}, &beating{}
		r := testRouter(row{"one", "two", "three"}, services{"one": one, "two": two, "three": three})
		r.heartbeats.start()
		defer r.heartbeats.close()
		expect := func(what, node string, least, most time.Duration, asked ...string) {
			t.Helper()
			answered, took, err := r.status(20 * time.Second)
			if err != nil || answered != node || took < least || took > most {
				t.Errorf("%s: %s answered after %v, %v; want %s after %v to %v", what, answered, took, err, node, least, most)
			}
			for i, node := range []*beating{one, two, three} {
				if got := node.questioned(); got != asked[i] {
					t.Errorf("%s: node %d was asked %q, want %q", what, i+1, got, asked[i])
				}
			}
		}
		time.Sleep(5 * time.Second)
		expect("all are well, and slow", "one", 2*time.Second, 2*time.Second, "asked", "", "")

		one.set(true, 0)
		expect("the owner hangs", "two", 2*time.Second, 2*time.Second+silenceAfter+beatEvery, "asked", "askedagain-one", "")
		expect("it is known to hang", "two", 2*time.Second, 2*time.Second, "", "asked-one", "")

		two.set(true, 0)
		expect("its successor hangs too", "three", 2*time.Second, 2*time.Second+silenceAfter+beatEvery, "", "asked-one", "askedagain-one-two")

		three.set(true, 0)
		time.Sleep(5 * time.Second)
		if _, _, err := r.status(3 * time.Second); err == nil || one.questioned() == "" {
			t.Errorf("with everybody silent, the owner was not asked (%v)", err)
		}
		for _, node := range []*beating{one, two, three} {
			node.set(false, 0)
			node.questioned()
		}
		time.Sleep(2 * time.Second)
		expect("all are back", "one", 2*time.Second, 2*time.Second, "asked", "", "")

		one.set(true, 10*time.Second) // the pings return long after their deadline
		time.Sleep(10500 * time.Millisecond)
		one.set(false, 0)
		expect("this process was held up, not the node", "one", 2*time.Second, 2*time.Second, "asked", "", "")
	})
}

func TestRefusingNode(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // nobody listens there any more
	authority, err := transport.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := transport.ParseAuthority(authority)
	if err != nil {
		t.Fatal(err)
	}
	own, err := parsed.Issue(transport.RoleFrontend, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	gone := transport.NewClient(listener.Addr().String(), transport.ClientConfig{TLS: parsed.ClientTLS(own)})
	defer gone.Close()
	two := &beating{}
	r := testRouter(row{"one", "two"}, services{"one": gone, "two": two})
	for range 2 { // before the first heartbeat, and after it
		if node, _, err := r.status(10 * time.Second); err != nil || node != "two" {
			t.Errorf("%s answered, %v", node, err)
		}
		if asked := two.questioned(); asked != "asked-one" {
			t.Errorf("the successor was asked %q: the owner cannot have got the question", asked)
		}
		r.heartbeats.start()
		for !r.heartbeats.silent("one") {
			time.Sleep(time.Millisecond)
		}
	}
	r.heartbeats.close()
}

// breaking is a node whose connections break whenever it is asked.
type breaking struct{ api.Service }

func (breaking) Status(context.Context, *api.Call, *api.StatusQuestion) (*api.StatusAnswer, error) {
	return nil, api.NewError(api.CodeNodeDown, "", nil)
}

func TestAskingAgainIsBounded(t *testing.T) {
	tries := 0
	r := testRouter(row{"one"}, services{"one": breaking{}})
	const questions = 10000
	for range questions {
		r.do(t.Context(), &api.Call{}, "ana@example.edu", func(ctx context.Context, node api.Service, call *api.Call) error {
			tries++
			_, err := node.Status(ctx, call, &api.StatusQuestion{})
			return err
		})
	}
	if again := tries - questions; again > firstTries+questions/10 || again < questions/20 {
		t.Errorf("%d questions were asked again %d times", questions, again)
	}
}

// changing is a ring, and its nodes, of which some may vanish.
type changing struct {
	atomic.Pointer[row]
	services
}

func (c *changing) Owner(account string) (string, bool) { return c.Load().Owner(account) }
func (c *changing) Successor(account string, suspects ...string) (string, bool) {
	return c.Load().Successor(account, suspects...)
}
func (c *changing) Digest() uint64    { return 1 }
func (c *changing) Members() []string { return *c.Load() }
func (c *changing) Service(node string) (api.Service, bool) {
	one, ok := c.services[node]
	return one, ok && slices.Contains(*c.Load(), node)
}

// TestVanishedNode lets a node hang, and the ring notice it before the heartbeats do:
// who asked it does not wait until his deadline. One that leaves in good order finishes
// what it was asked.
func TestVanishedNode(t *testing.T) {
	for hangs, want := range map[bool]string{true: "two", false: "one"} {
		synctest.Test(t, func(t *testing.T) {
			one, two := &beating{}, &beating{}
			ring := &changing{services: services{"one": one, "two": two}}
			ring.Store(&row{"one", "two"})
			r := newRouter(ring, ring, newHeartbeats(ring, ring, slog.New(slog.DiscardHandler), newMeter(metrics.NewSet())))
			r.heartbeats.start()
			defer r.heartbeats.close()
			time.Sleep(5 * time.Second)
			one.set(hangs, 0)
			go func() { // ends before the question
				time.Sleep(500 * time.Millisecond)
				ring.Store(&row{"two"})
			}()
			node, took, err := r.status(20 * time.Second)
			if err != nil || node != want || took > 2*time.Second+silenceAfter+beatEvery {
				t.Errorf("hangs %v: %s answered after %v, %v", hangs, node, took, err)
			}
			time.Sleep(2 * listensOn)
			if known := len(*r.heartbeats.known.Load()); known != 1 {
				t.Errorf("long after it has gone %d nodes are listened to", known)
			}
		})
	}
}
