package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"alphamail/bench/testbed/need"
	"alphamail/frontend/page"
	"alphamail/mime"
	"alphamail/mime/browser"
	"github.com/chromedp/chromedp"
)

// The walls between a payload and the browser.
const (
	noWall    = "none"      // the positive control
	sanitised = "sanitised" // the sanitiser alone
	allWalls  = "all"       // and the policy of the page, in a sandbox
	policy    = "policy"    // the page's policy alone
	allowed   = "allowed"   // the sanitiser alone, remote pictures allowed
)

// stage serves payloads and counts what they ask for.
type stage struct {
	*httptest.Server
	payloads []browser.Payload
	served   atomic.Int64        // requests so far
	mu       sync.Mutex          // guards asked
	asked    map[string][]string // by "wall/number": what for, as the browser says
	broken   []string            // payloads whose harmless words got lost
}

// driver touches everything in a page once it has loaded, as a user might; it
// parses the page twice where a wall might write what another parser reads.
const driver = `<script>addEventListener('load',()=>setTimeout(()=>{
const events='click dblclick mousedown mouseup mouseover mouseout mousemove mouseenter mouseleave contextmenu auxclick wheel keydown keyup keypress focus blur input beforeinput change select submit reset invalid copy cut paste drag dragstart dragend dragenter dragleave dragover drop pointerdown pointerup pointermove pointerover pointerout pointerenter pointerleave pointercancel gotpointercapture lostpointercapture touchstart touchend touchmove touchcancel scroll scrollend transitionstart transitionend transitionrun transitioncancel animationiteration animationcancel toggle beforetoggle cancel close search play playing pause ended volumechange seeked timeupdate progress loadeddata loadstart canplay selectstart selectionchange slotchange securitypolicyviolation fullscreenchange formdata'.split(' ');
for(const e of document.querySelectorAll('body *')){for(const name of events)if(name!='click')e.dispatchEvent(new Event(name,{bubbles:false,cancelable:true}));if(e.focus)e.focus()}
for(const e of document.querySelectorAll('a[href],area,button,input,summary,[onclick]'))e.dispatchEvent(new MouseEvent('click',{bubbles:true,cancelable:true,view:window}));
},30))</script>`

const mutator = `<script>addEventListener('load',()=>{const m=document.createElement('div');document.body.append(m);m.innerHTML=document.getElementById('source').value;m.innerHTML=m.innerHTML})</script>`

func payloads(t testing.TB) []browser.Payload {
	t.Helper()
	all, err := browser.ReadPayloads("../testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func newStage(t *testing.T) *stage {
	s := &stage{payloads: payloads(t), asked: map[string][]string{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the browser closes many connections
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	s.served.Add(1)
	fields := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	switch {
	case fields[0] == "run" || fields[0] == "leak":
		if len(fields) > 2 {
			s.mu.Lock()
			key := fields[1] + "/" + fields[2]
			s.asked[key] = append(s.asked[key], r.Header.Get("Sec-Fetch-Dest"))
			s.mu.Unlock()
		}
	case fields[0] == "batch" && len(fields) == 4:
		s.batch(w, fields)
	case fields[0] == "page" && len(fields) == 3:
		number, _ := strconv.Atoi(fields[2])
		s.page(w, fields[1], number)
	default:
		http.NotFound(w, r)
	}
}

// batch is a page of many frames with a payload each.
func (s *stage) batch(w http.ResponseWriter, fields []string) {
	from, _ := strconv.Atoi(fields[2])
	to, _ := strconv.Atoi(fields[3])
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html><title>batch</title>")
	sandbox := ""
	if fields[1] == allWalls || fields[1] == policy {
		sandbox = ` sandbox="allow-popups allow-popups-to-escape-sandbox"`
	}
	for number := from; number < min(to, len(s.payloads)); number++ {
		fmt.Fprintf(w, `<iframe%s width=150 height=100 src="/page/%s/%d"></iframe>`, sandbox, fields[1], number)
	}
}

// page is a payload behind a wall.
func (s *stage) page(w http.ResponseWriter, wall string, number int) {
	p := s.payloads[number]
	markup := p.Fill(s.Listener.Addr().String(), wall, number)
	switch wall {
	case sanitised, allWalls, allowed:
		out := mime.SafeHTML(mime.Parse(browser.Mail(markup, number)), mime.HTMLOptions{AllowRemote: wall == allowed})
		if markup = out.Markup; !strings.Contains(markup, browser.HarmlessWords) {
			s.mu.Lock()
			s.broken = append(s.broken, p.Name)
			s.mu.Unlock()
		}
	}
	head := "<!DOCTYPE html><html><head><meta charset=utf-8>" + driver
	if wall == allWalls || wall == policy {
		w.Header().Set("Content-Security-Policy", page.BodyPolicy(false))
		head = "<!DOCTYPE html><html><head><meta charset=utf-8>"
	} else if strings.HasPrefix(p.Name, "mutation") {
		head += mutator + `</head><body><textarea id=source hidden>` + html.EscapeString(markup) + "</textarea>"
		markup = ""
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, head+"</head><body>"+markup)
}

// show opens all payloads behind a wall.
func (s *stage) show(t *testing.T, window context.Context, wall string) {
	t.Helper()
	const many = 48
	for from := 0; from < len(s.payloads); from += many {
		address := fmt.Sprintf("%s/batch/%s/%d/%d", s.URL, wall, from, from+many)
		if err := chromedp.Run(window, chromedp.Navigate(address)); err != nil {
			t.Fatal(err)
		}
		s.settle(t, window)
	}
}

// settle waits until a while went by without a request.
func (s *stage) settle(t *testing.T, window context.Context) {
	t.Helper()
	for before, quiet := -1, 0; quiet < 3; {
		if err := chromedp.Run(window, chromedp.Sleep(200*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if now := int(s.served.Load()); now != before {
			before, quiet = now, 0
		} else {
			quiet++
		}
	}
}

// requests tells what a payload asked for behind a wall.
func (s *stage) requests(wall string, number int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[fmt.Sprintf("%s/%d", wall, number)]
}

func openChromium(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need.Command(t, "chromium")), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	allocator, endBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	window, closeWindow := chromedp.NewContext(allocator)
	limited, cancel := context.WithTimeout(window, 8*time.Minute)
	t.Cleanup(func() { cancel(); closeWindow(); endBrowser() })
	return limited
}

// TestPayloadsInChromium shows all payloads to a browser: as they are, which must
// run or load what they promise, for else they prove nothing; through the
// sanitiser; through the sanitiser and under the page's policy; and with remote
// pictures allowed, when pictures alone may be asked for.
func TestPayloadsInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("opens about two thousand pages")
	}
	s := newStage(t)
	window := openChromium(t)
	for _, wall := range []string{noWall, sanitised, allWalls, policy, allowed} {
		s.show(t, window, wall)
	}
	proven := map[string]int{}
	withheld := 0
	for number, p := range s.payloads {
		if len(s.requests(noWall, number)) == 0 {
			t.Logf("proves nothing in this browser: %s %s", p.Kind, p.Name)
			continue
		}
		proven[p.Kind]++
		for _, wall := range []string{sanitised, allWalls} {
			if asked := s.requests(wall, number); len(asked) > 0 {
				t.Errorf("%s: behind the wall %q it asks for %v\n%s", p.Name, wall, asked, p.HTML)
			}
		}
		if p.Kind == "run" && len(s.requests(policy, number)) > 0 {
			t.Errorf("%s: the policy alone lets it run", p.Name)
		}
		if len(s.requests(policy, number)) == 0 {
			withheld++
		}
		for _, purpose := range s.requests(allowed, number) {
			if purpose != "image" {
				t.Errorf("%s: with pictures allowed it asks for %q", p.Name, purpose)
			}
		}
	}
	if len(s.broken) > 0 {
		t.Errorf("harmless words got lost: %q", s.broken)
	}
	if proven["run"] < 200 || proven["leak"] < 100 {
		t.Errorf("only %v payloads prove anything", proven)
	}
	shown := 0
	for number := range s.payloads {
		if len(s.requests(allowed, number)) > 0 {
			shown++
		}
	}
	if shown == 0 {
		t.Error("no picture is shown when they are allowed")
	}
	t.Logf("%d payloads run and %d load without walls; the policy alone stops %d of them; %d load a picture when that is allowed", proven["run"], proven["leak"], withheld, shown)
}

// TestPayloadsAreMailed makes sure that what is mailed is what was meant.
func TestPayloadsAreMailed(t *testing.T) {
	for number, p := range payloads(t) {
		markup := p.Fill("host.example", "x", number)
		if got := mime.Parse(browser.Mail(markup, number)).Root.Text(); got != "<p>"+browser.HarmlessWords+"</p>"+markup && !bytes.ContainsAny([]byte(markup), "\x01") {
			t.Errorf("%s comes out as %q", p.Name, got)
		}
	}
}
