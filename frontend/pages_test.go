package frontend_test

import (
	"alphamail/frontend"
	"alphamail/node/api"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestErrorsBecomePages(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for path, want := range map[string]int{
		"/mail/Nowhere":                   404,
		"/mail/INBOX/1-3":                 404,
		"/mail/INBOX/2-2":                 409,
		"/mail/INBOX/x":                   400,
		"/mail/INBOX/0-0":                 400,
		"/mail/INBOX/1-2/else":            404,
		"/mail/INBOX/1-2/part/":           404,
		"/mail/INBOX/1-2/part/1..2":       404,
		"/mail/INBOX?page=0":              400,
		"/mail/INBOX?page=x":              400,
		"/mail/INBOX?order=colour":        400,
		"/mail/INBOX?filter=Unread":       400,
		"/mail/INBOX?reverse=2":           400,
		"/mail/INBOX?order=date&order=":   400,
		"/mail/INBOX?order=%ff":           400,
		"/mail/INBOX?filter=unread&x=y":   200,
		"/mail/%ff":                       400,
		"/mail/a~9":                       400,
		"/mail/":                          400,
		"/nothing":                        404,
		"/assets/none.css":                404,
		"/mail/INBOX?q=" + long(9000):     414,
		"/mail/" + long(20000):            431,
		"/favicon.ico":                    404,
		"/mail/a/b/c/d/e/f/g":             404,
		"/robots.txt":                     200,
		"/mail/INBOX/99999999999-1":       400,
		"/mail/INBOX/1-2?view=text&x=%00": 200,
	} {
		answer := get(t, client, base+path)
		if answer.StatusCode != want {
			t.Errorf("%.40s: status %d, want %d", path, answer.StatusCode, want)
		}
		if want >= 400 && (!strings.Contains(answer.text, "<h1") || answer.Header.Get("X-Request-Id") == "" || !strings.Contains(answer.text, answer.Header.Get("X-Request-Id"))) {
			t.Errorf("%.40s: the page does not explain: %.300s", path, answer.text)
		}
	}
	for code, want := range map[api.Code]int{
		api.CodeBackendDown: 502, api.CodeBusy: 503, api.CodeDeadline: 504, api.CodeTooLarge: 413, api.CodeInternal: 500, api.CodeUnsupported: 501, "newer": 500,
	} {
		ring.nodes["one"].fail = &api.Error{Code: code, RetryAfter: 1500 * time.Millisecond, Cause: errors.New("the inside")}
		answer := get(t, client, base+"/mail/INBOX")
		if answer.StatusCode != want || strings.Contains(answer.text, "the inside") || answer.Header.Get("Retry-After") != "2" {
			t.Errorf("%s: status %d, want %d", code, answer.StatusCode, want)
		}
	}
	ring.nodes["one"].fail = nil
	huge := send(t, client, "GET", base+"/login", nil, map[string]string{"X-Huge": long(20000)})
	if huge.StatusCode != 431 {
		t.Errorf("a huge header: status %d", huge.StatusCode)
	}
	for _, test := range []struct{ method, path, allow string }{{"PUT", "/mail/INBOX", "GET, HEAD, POST"}, {"POST", "/mail/INBOX/1-2/body", "GET, HEAD"}, {"GET", "/undo", "POST"}, {"GET", "/logout", "POST"}, {"DELETE", "/login", "GET, HEAD, POST"}} {
		if answer := send(t, client, test.method, base+test.path, nil, nil); answer.StatusCode != 405 || answer.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: status %d, allows %q", test.method, test.path, answer.StatusCode, answer.Header.Get("Allow"))
		}
	}
}

func TestListQuestions(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for query, want := range map[string]api.MailboxQuestion{
		"":                       {Page: 1},
		"?page=3":                {Page: 3},
		"?order=size":            {Page: 1, Order: api.OrderSize},
		"?filter=flagged&page=2": {Page: 2, Filter: api.FilterFlagged},
		"?order=sender&reverse=1&filter=unread&page=2": {Page: 2, Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread},
	} {
		if answer := get(t, client, base+"/mail/a~1b"+query); answer.StatusCode != 200 {
			t.Errorf("%s: status %d", query, answer.StatusCode)
		}
		want.Mailbox = "a/b"
		if got := ring.nodes["one"].last.(*api.MailboxQuestion); *got != want {
			t.Errorf("%s asks %+v, want %+v", query, *got, want)
		}
	}
}

// While the mail server is away, what a node remembers of the folders leads on.
func TestAwayKeepsTheWayBack(t *testing.T) {
	ring := twoNodes()
	node := ring.nodes["one"]
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	const folders = `<nav class="folders"`
	for path, want := range map[string]bool{"/mail/Away": true, "/mail/Away?order=size": true, "/mail/Away/1-2": true, "/mail/Away/1-2/print": false, "/mail/Away/1-2/body": false} {
		answer := get(t, client, base+path)
		if answer.StatusCode != 502 || answer.Header.Get("Retry-After") != "20" || !strings.Contains(answer.text, `href="`+path+`">Try again`) {
			t.Errorf("%s: status %d, Retry-After %q\n%s", path, answer.StatusCode, answer.Header.Get("Retry-After"), answer.text)
		}
		if got := strings.Contains(answer.text, folders) && strings.Contains(answer.text, `href="/mail/INBOX"`); got != want {
			t.Errorf("%s: shows folders: %t, want %t", path, got, want)
		}
	}
	// Where nothing is known, or nobody looks, the node is not asked twice.
	node.fail = away
	before := len(node.calls())
	for _, request := range [][2]string{{"GET", "/mail/INBOX"}, {"GET", "/folders"}, {"HEAD", "/mail/INBOX?page=2"}} {
		if answer := send(t, client, request[0], base+request[1], nil, nil); answer.StatusCode != 502 || strings.Contains(answer.text, folders) {
			t.Errorf("%v: status %d\n%s", request, answer.StatusCode, answer.text)
		}
	}
	if asked := len(node.calls()) - before; asked != 3 {
		t.Errorf("three requests ask %d times", asked)
	}
	if answer := get(t, client, base+"/mail/INBOX?page=2"); answer.StatusCode != 502 || strings.Contains(answer.text, folders) || !strings.Contains(answer.text, "Go to the inbox") {
		t.Errorf("nothing is known: status %d\n%s", answer.StatusCode, answer.text)
	}
	node.fail = &api.Error{Code: api.CodeBusy, RetryAfter: 1500 * time.Millisecond}
	if answer := get(t, client, base+"/mail/INBOX?page=2"); answer.StatusCode != 503 || !strings.Contains(answer.text, "Wait 2 seconds") || !strings.Contains(answer.text, `href="/mail/INBOX?page=2">Try again`) {
		t.Errorf("busy: status %d\n%s", answer.StatusCode, answer.text)
	}
}

func TestLargeForm(t *testing.T) {
	base := serve(t, twoNodes(), func(c *frontend.Config) { c.MaxForm = 1000 }, nil)
	if answer := send(t, browser(t), "POST", base+"/login", url.Values{"user": {long(1500)}}, nil); answer.StatusCode != 413 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestMailboxNamesSurviveTheWay(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for segment, want := range map[string]string{
		"My%20Folder": "My Folder", "a~1b": "a/b", "a~0b": "a~b", "100%25": "100%", "R%26D": "R&D",
		"%E7%A0%94%E7%A9%B6%E5%AE%A4": "研究室", "%F0%9F%93%AC": "📬", "a%3Fb": "a?b", "a%23b": "a#b", "a+b": "a+b", "~2~2": "..", "INBOX.Work": "INBOX.Work",
	} {
		if answer := get(t, client, base+"/mail/"+segment); answer.StatusCode != 200 {
			t.Errorf("%s: status %d", segment, answer.StatusCode)
		}
		if got := ring.nodes["one"].last.(*api.MailboxQuestion).Mailbox; got != want {
			t.Errorf("%s arrives as %q, want %q", segment, got, want)
		}
	}
}

func TestEveryResponseIsSecured(t *testing.T) {
	ring := twoNodes()
	ring.nodes["one"].part = &api.Stream{StreamHead: api.StreamHead{MediaType: "text/html", Name: "x.html", Size: 3}, Content: io.NopCloser(strings.NewReader("<p>"))}
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for _, path := range []string{"/", "/login", "/mail/INBOX", "/mail/INBOX/1-2", "/mail/INBOX/1-2/body", "/mail/INBOX/1-2/print", "/mail/INBOX/1-2/part/2", "/folders", "/nothing", "/robots.txt", "/mail/" + long(20000)} {
		answer := get(t, client, base+path)
		header := answer.Header
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" ||
			header.Get("Server") != "" || header.Get("Strict-Transport-Security") != "" || header.Get("X-Request-Id") == "" {
			t.Errorf("%.40s: headers %v", path, header)
		}
	}
}

func TestStreams(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for name, test := range map[string]struct {
		head              api.StreamHead
		path              string
		mediaType, starts string
	}{
		"html is saved":      {api.StreamHead{MediaType: "text/html", Name: "x.html", Size: 4}, "part/2", "application/octet-stream", "attachment"},
		"svg is saved":       {api.StreamHead{MediaType: "image/svg+xml", Name: "x.svg", Size: -1}, "part/2", "application/octet-stream", "attachment"},
		"png is shown":       {api.StreamHead{MediaType: "image/png", Name: "x.png", Size: 4}, "part/2", "image/png", "inline"},
		"png on request":     {api.StreamHead{MediaType: "image/png", Name: "x.png", Size: 4}, "part/2?download=1", "application/octet-stream", "attachment"},
		"text is shown":      {api.StreamHead{MediaType: "text/plain", Charset: "koi8-r", Name: "x", Size: -1}, "part/1.2", "text/plain; charset=koi8-r", "inline"},
		"odd charset label":  {api.StreamHead{MediaType: "text/plain", Charset: "x\r\nY: z", Name: "x", Size: 4}, "part/1", "text/plain; charset=utf-8", "inline"},
		"raw is text":        {api.StreamHead{MediaType: "message/rfc822", Name: "m.eml", Size: 4}, "raw", "text/plain; charset=utf-8", "inline"},
		"raw can be saved":   {api.StreamHead{MediaType: "message/rfc822", Name: "m.eml", Size: 4}, "raw?download=1", "message/rfc822", "attachment"},
		"header alone":       {api.StreamHead{MediaType: "message/rfc822", Name: "m.eml", Size: 4}, "raw?header=1", "text/plain; charset=utf-8", "inline"},
		"all attachments":    {api.StreamHead{MediaType: "application/zip", Name: "m.zip", Size: -1}, "attachments?inline=1", "application/zip", "attachment; filename=m.zip"},
		"name in any script": {api.StreamHead{MediaType: "image/png", Name: `報"告;.png`, Size: 4}, "part/2", "image/png", "inline; filename*=utf-8''"},
	} {
		ring.nodes["one"].part = &api.Stream{StreamHead: test.head, Content: io.NopCloser(strings.NewReader("data"))}
		answer := get(t, client, base+"/mail/INBOX/1-2/"+test.path)
		if answer.StatusCode != 200 || answer.text != "data" || answer.Header.Get("Content-Type") != test.mediaType ||
			!strings.HasPrefix(answer.Header.Get("Content-Disposition"), test.starts) || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: status %d, %q, headers %v", name, answer.StatusCode, answer.text, answer.Header)
		}
		if test.head.Size >= 0 && answer.ContentLength != test.head.Size {
			t.Errorf("%s: Content-Length %d", name, answer.ContentLength)
		}
	}
}

func TestBrokenStreamIsNotAShortOne(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	broken := io.MultiReader(strings.NewReader("some"), &failing{})
	ring.nodes["one"].part = &api.Stream{StreamHead: api.StreamHead{MediaType: "image/png", Name: "x", Size: -1}, Content: io.NopCloser(broken)}
	response, err := client.Get(base + "/mail/INBOX/1-2/part/1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("a stream that broke is read as %q", text)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestHead(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for _, path := range []string{"/login", "/mail/INBOX", "/mail/INBOX/1-2"} {
		if answer := send(t, client, "HEAD", base+path, nil, nil); answer.StatusCode != 200 || answer.text != "" {
			t.Errorf("%s: status %d, %q", path, answer.StatusCode, answer.text)
		}
	}
	if ring.nodes["one"].last.(*api.MessageQuestion).MarkSeen {
		t.Error("HEAD marks the message as seen")
	}
}
