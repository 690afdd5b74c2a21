package frontend_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alphamail/frontend"
	"alphamail/node/api"
)

// pressed is a form of the page that writes a message.
type pressed struct {
	token  string
	fields [][2]string
	files  map[string]io.Reader
}

func (p pressed) with(name, value string) pressed {
	p.fields = append(append([][2]string{}, p.fields...), [2]string{name, value})
	return p
}

// press sends a form as a stream, with the token first.
func press(t *testing.T, client *http.Client, base string, p pressed, header map[string]string) reply {
	t.Helper()
	source, sink := io.Pipe()
	form := multipart.NewWriter(sink)
	go func() { // ends with the request, which closes the pipe
		form.WriteField("csrf", p.token)
		form.WriteField("operation", "operation@example.edu")
		for _, field := range p.fields {
			form.WriteField(field[0], field[1])
		}
		for name, content := range p.files {
			part, err := form.CreateFormFile("file", name)
			if err == nil {
				io.Copy(part, content)
			}
		}
		form.Close()
		sink.Close()
	}()
	request, err := http.NewRequestWithContext(t.Context(), "POST", base+"/compose", source)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response, string(text)}
}

// writer is a browser that is logged in, with the page that writes open.
func writer(t *testing.T, edit func(*frontend.Config)) (*fakeNode, *http.Client, string, pressed) {
	t.Helper()
	ring := twoNodes()
	base := serve(t, ring, edit, nil)
	client := browser(t)
	logIn(t, client, base)
	page := get(t, client, base+"/compose")
	if page.StatusCode != 200 || !strings.Contains(page.text, `enctype="multipart/form-data"`) {
		t.Fatalf("status %d\n%s", page.StatusCode, page.text)
	}
	return ring.nodes["one"], client, base, pressed{token: token(t, page)}
}

func TestWritingSavesFirst(t *testing.T) {
	node, client, base, form := writer(t, nil)
	form = form.with("to", "bob@example.net").with("subject", "Hello").with("text", "one\r\ntwo\r\n").with("origin", "reply INBOX/1-2").with("keep", "INBOX/1-2/1.2").with("draft", "Drafts/1-7")
	form.files = map[string]io.Reader{"a.txt": strings.NewReader("content")}
	answer := press(t, client, base, form.with("do", "save"), nil)
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/compose?draft=Drafts%2F1-1&saved=1" {
		t.Fatalf("status %d, to %q\n%s", answer.StatusCode, answer.Header.Get("Location"), answer.text)
	}
	saved := node.saved[0]
	if saved.Fields != (api.DraftFields{To: "bob@example.net", Subject: "Hello", Text: "one\ntwo\n"}) || *saved.ID != draftID(7) || len(saved.Uploads) != 1 || node.uploads[saved.Uploads[0]] != 7 ||
		len(saved.Keep) != 1 || saved.Keep[0].Part != "1.2" || saved.Origin.Kind != api.ComposeReply || saved.Origin.ID.UID != 2 {
		t.Errorf("saved %+v", saved)
	}
	if again := get(t, client, base+answer.Header.Get("Location")); !strings.Contains(again.text, "Saved in Drafts") || !strings.Contains(again.text, "one\ntwo") {
		t.Errorf("the draft:\n%s", again.text)
	}
	form.files = nil
	if answer := press(t, client, base, form.with("do", "send"), nil); answer.StatusCode != 303 || answer.Header.Get("Location") != "/mail/INBOX?done=sent" || node.sends != 1 || len(node.saved) != 2 {
		t.Errorf("sending: status %d, to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if list := get(t, client, base+"/mail/INBOX?done=sent&refused=eve@example.com"); !strings.Contains(list.text, "Your message was sent.") || !strings.Contains(list.text, "<bdi>eve@example.com</bdi>") {
		t.Errorf("the list:\n%s", list.text)
	}
	if answer := press(t, client, base, form.with("do", "discard"), nil); answer.Header.Get("Location") != "/mail/INBOX?done=discarded" || len(node.saved) != 2 {
		t.Errorf("discarding: to %q", answer.Header.Get("Location"))
	}
}

func TestWhatIsNotSentIsExplained(t *testing.T) {
	node, client, base, form := writer(t, nil)
	form = form.with("to", "bob, eve@example.com").with("do", "send")
	node.answer = &api.SendAnswer{
		State: api.SendRejected, Reason: api.ReasonRecipients, Refused: []api.RefusedRecipient{{Address: "eve@example.com", Text: "<b>nobody</b> here"}},
		Problems: []api.Problem{{Field: "to", Kind: api.ProblemAddress, Value: "bob"}},
	}
	answer := press(t, client, base, form, nil)
	shown := get(t, client, base+answer.Header.Get("Location"))
	for _, wanted := range []string{"was not sent", `href="#to"`, "<bdi>bob</bdi> is not a mail address", `aria-invalid="true" aria-describedby="to-problem"`, "does not take mail for <bdi>eve@example.com</bdi>"} {
		if !strings.Contains(shown.text, wanted) {
			t.Errorf("no %q in\n%s", wanted, shown.text)
		}
	}
	const said = "The server says: “<bdi>&lt;b&gt;nobody&lt;/b&gt; here</bdi>”"
	if !strings.Contains(shown.text, said) {
		t.Errorf("the server's words are not in\n%s", shown.text)
	}
	if again := get(t, client, base+answer.Header.Get("Location")); strings.Contains(again.text, said) || !strings.Contains(again.text, "eve@example.com") {
		t.Errorf("loaded again:\n%s", again.text)
	}
	node.answer = &api.SendAnswer{State: api.SendRejected, Reason: api.ReasonRefused, Said: "we do not like it"}
	answer = press(t, client, base, form, nil)
	if shown := get(t, client, base+answer.Header.Get("Location")); !strings.Contains(shown.text, "“<bdi>we do not like it</bdi>”") {
		t.Errorf("the message is refused:\n%s", shown.text)
	}
	// More than a cookie holds: the first words come.
	var all []string
	node.answer = &api.SendAnswer{State: api.SendRejected, Reason: api.ReasonRecipients}
	for i := range 12 {
		node.answer.Refused = append(node.answer.Refused, api.RefusedRecipient{Address: fmt.Sprintf("r%d@example.com", i), Text: fmt.Sprintf("no. %d%s", i, strings.Repeat("<", 390))})
		all = append(all, fmt.Sprintf("r%d@example.com", i))
	}
	form.fields = [][2]string{{"to", strings.Join(all, ", ")}, {"do", "send"}}
	answer = press(t, client, base, form, nil)
	if shown := get(t, client, base+answer.Header.Get("Location")); !strings.Contains(shown.text, "no. 0") || strings.Contains(shown.text, "no. 9") || !strings.Contains(shown.text, "<bdi>r9@example.com</bdi>") {
		t.Errorf("many words:\n%s", shown.text)
	}
	forged := get(t, client, base+"/compose?draft=Drafts/1-1&refused=call-me@evil.example&problem=address+to+pay+up&problem=address+x+y")
	if strings.Contains(forged.text, "evil") || strings.Contains(forged.text, "pay up") {
		t.Error("a link says what it likes")
	}
}

// Finding saves nothing, and loses neither what was typed nor what was chosen.
func TestFindingWhileWriting(t *testing.T) {
	node, client, base, form := writer(t, nil)
	form = form.with("to", "x@example.org, be").with("cc", "half").with("text", "my long text").with("origin", "forward INBOX/1-2").with("keep", "INBOX/1-2/2")
	form.files = map[string]io.Reader{"a b.txt": strings.NewReader("content")}
	answer := press(t, client, base, form.with("do", "find-to"), nil)
	wanted := []string{
		"my long text", `value="x@example.org, be"`, `value="half"`, `name="add" value="ben@example.edu"`, `name="add" value="team"`, "2 addresses", "1 more was found",
		`name="do" value="add-to"`, `name="words" value="x@example.org, be"`, `name="keep" value="INBOX/1-2/2" checked`, "a b.txt",
	}
	for _, one := range wanted {
		if answer.StatusCode != 200 || !strings.Contains(answer.text, one) {
			t.Errorf("status %d, no %q in\n%s", answer.StatusCode, one, answer.text)
		}
	}
	waiting := regexp.MustCompile(`name="upload" value="([A-Z2-7]+ a b.txt)" checked`).FindStringSubmatch(answer.text)
	if waiting == nil || len(node.saved) > 0 || node.sends > 0 {
		t.Fatalf("%d saved, the file is %q", len(node.saved), waiting)
	}
	form.files = nil
	form = form.with("upload", waiting[1])
	answer = press(t, client, base, form.with("words", "x@example.org, be").with("add", "ben@example.edu").with("add", "team").with("do", "add-to"), nil)
	if answer.StatusCode != 200 || !strings.Contains(answer.text, `value="x@example.org, be+ben@example.edu+team"`) || !strings.Contains(answer.text, waiting[1]) || strings.Contains(answer.text, `name="add"`) || len(node.saved) > 0 {
		t.Errorf("adding: status %d, %d saved\n%s", answer.StatusCode, len(node.saved), answer.text)
	}
	questions := len(node.calls())
	if answer := press(t, client, base, form.with("words", "be").with("do", "add-cc"), nil); answer.StatusCode != 200 || !strings.Contains(answer.text, `value="half"`) || len(node.calls()) != questions+1 {
		t.Errorf("adding nobody: status %d, %d questions", answer.StatusCode, len(node.calls())-questions)
	}
	node.unfound = api.NewError(api.CodeBackendDown, "", nil)
	if answer := press(t, client, base, form.with("do", "find-bcc"), nil); answer.StatusCode != 502 || !strings.Contains(answer.text, "my long text") || !strings.Contains(answer.text, waiting[1]) {
		t.Errorf("finding without the mail server: status %d\n%s", answer.StatusCode, answer.text)
	}
	for name, odd := range map[string]pressed{"path": form.with("upload", "../../x y"), "empty": form.with("upload", " "), "long": form.with("upload", strings.Repeat("A", 101))} {
		if answer := press(t, client, base, odd.with("do", "find-to"), nil); answer.StatusCode != 400 {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
	}
	answer = press(t, client, base, form.with("do", "find-subject"), nil)
	if answer.StatusCode != 303 || len(node.saved) != 1 || len(node.saved[0].Uploads) != 1 || !strings.HasPrefix(waiting[1], node.saved[0].Uploads[0]+" ") {
		t.Errorf("saving: status %d, %+v", answer.StatusCode, node.saved)
	}
	node.unsaved = api.NewError(api.CodeNotFound, "", nil)
	if answer := press(t, client, base, form.with("do", "save"), nil); answer.StatusCode != 404 || strings.Contains(answer.text, waiting[1]) {
		t.Errorf("a file that is gone is offered again: status %d", answer.StatusCode)
	}
}

// Only the press that changes the identity exchanges the signature.
func TestChangingTheSender(t *testing.T) {
	node, client, base, form := writer(t, nil)
	form = form.with("identity", "b").with("written_as", "a")
	for i, test := range [][2]string{{"identity", "a"}, {"save", ""}, {"send", ""}, {"enter", ""}} {
		press(t, client, base, form.with("do", test[0]), nil)
		if len(node.saved) != i+1 || node.saved[i].WrittenAs != test[1] || node.saved[i].Fields.Identity != "b" {
			t.Errorf("%s: saved %+v", test[0], node.saved)
		}
	}
}

// Whatever keeps a text from being saved, it comes back in the form.
func TestTheTextComesBack(t *testing.T) {
	node, client, base, form := writer(t, nil)
	form = form.with("text", "my long text").with("do", "send")
	for _, test := range []struct {
		failure error
		status  int
		words   string
	}{
		{api.NewError(api.CodeTooLarge, "", nil), 413, "no room left"},
		{api.NewError(api.CodeBackendDown, "", nil), 502, "does not answer"},
		{api.NewError(api.CodeAuthExpired, "", nil), 401, "Your session has ended"},
		{api.NewError(api.CodeBusy, "", nil), 503, "Very many people"},
		{api.NewError(api.CodeNotFound, "", nil), 404, "A file could not be taken"},
		{api.NewError(api.CodeInternal, "", nil), 500, "Something went wrong"},
	} {
		node.unsaved = test.failure
		answer := press(t, client, base, form, nil)
		if answer.StatusCode != test.status || !strings.Contains(answer.text, "my long text") || !strings.Contains(answer.text, test.words) || node.sends > 0 {
			t.Errorf("%v: status %d\n%s", test.failure, answer.StatusCode, answer.text)
		}
	}
	node.unsaved = nil
	stale := form
	stale.token = "x"
	stale.files = map[string]io.Reader{"a": strings.NewReader("x")}
	answer := press(t, client, base, stale, nil)
	if answer.StatusCode != 403 || !strings.Contains(answer.text, "my long text") || len(node.saved) > 0 || len(node.uploads) > 0 {
		t.Errorf("an old form: status %d, %d saved, %d files", answer.StatusCode, len(node.saved), len(node.uploads))
	}
	form.token = token(t, answer)
	if answer := press(t, client, base, form, nil); answer.StatusCode != 303 || len(node.saved) != 1 {
		t.Errorf("pressed once more: status %d", answer.StatusCode)
	}
	nobody := press(t, browser(t), base, form, nil)
	if nobody.StatusCode != 401 || !strings.Contains(nobody.text, "my long text") || !strings.Contains(nobody.text, `href="/login"`) || len(node.saved) != 1 {
		t.Errorf("without a session: status %d\n%s", nobody.StatusCode, nobody.text)
	}
}

func TestForgedAndBrokenForms(t *testing.T) {
	node, client, base, form := writer(t, func(c *frontend.Config) { c.MaxUpload = 4 << 20 })
	form = form.with("text", "x").with("do", "send")
	if answer := press(t, client, base, form, map[string]string{"Origin": "https://evil.example"}); answer.StatusCode != 403 || len(node.saved) > 0 {
		t.Errorf("from elsewhere: status %d", answer.StatusCode)
	}
	late := pressed{token: "x", fields: [][2]string{{"csrf", form.token}, {"text", "x"}, {"do", "send"}}}
	if answer := press(t, client, base, late, nil); answer.StatusCode != 403 || len(node.saved) > 0 {
		t.Errorf("the token not first: status %d", answer.StatusCode)
	}
	for name, broken := range map[string]pressed{
		"draft":  form.with("draft", "../../x"),
		"origin": form.with("origin", "draft INBOX/1-2"),
		"keep":   form.with("keep", "INBOX/1-2/../../etc"),
		"parts": func() pressed {
			p := form
			for i := range 700 {
				p = p.with(fmt.Sprint("x", i), "")
			}
			return p
		}(),
	} {
		if answer := press(t, client, base, broken, nil); answer.StatusCode != 400 && !strings.Contains(answer.Header.Get("Location"), "problem") {
			t.Errorf("%s: status %d, to %q", name, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	for _, body := range []string{"", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=csrf\r\n\r\nx", "--b\r\nX: " + strings.Repeat("y", 200<<10)} {
		request, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/compose", strings.NewReader(body))
		request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode < 400 || response.StatusCode >= 500 {
			t.Errorf("%.40q: status %d", body, response.StatusCode)
		}
	}
	if answer := send(t, client, "POST", base+"/compose", url.Values{"csrf": {form.token}, "do": {"send"}}, nil); answer.StatusCode != 400 {
		t.Errorf("a form of another kind: status %d", answer.StatusCode)
	}
	large := form
	large.files = map[string]io.Reader{"a": io.LimitReader(zeros{}, 5<<20)}
	answer := press(t, client, base, large, nil)
	if answer.StatusCode != 303 || !strings.Contains(answer.Header.Get("Location"), "problem=too_many+attachments") || node.sends > 0 {
		t.Errorf("too large a form: status %d, to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer := send(t, client, "POST", base+"/compose/settle", url.Values{"csrf": {"x"}, "draft": {"Drafts/1-1"}, "do": {"sent"}}, nil); answer.StatusCode != 403 {
		t.Errorf("settling by a forged form: status %d", answer.StatusCode)
	}
	if answer := send(t, client, "POST", base+"/compose/settle", url.Values{"csrf": {form.token}, "draft": {"Drafts/1-1"}, "do": {"anew"}}, nil); answer.Header.Get("Location") != "/compose?draft=Drafts%2F1-1" {
		t.Errorf("settling: to %q", answer.Header.Get("Location"))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A file of 25 MB passes through a frontend in pieces: its memory does not grow by
// more than 1 MiB.
func TestFilesPassInPieces(t *testing.T) {
	node, client, base, form := writer(t, nil)
	const size = 25 << 20
	var most atomic.Uint64
	measure := func() uint64 {
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return memory.HeapAlloc
	}
	form.files = map[string]io.Reader{"warm": io.LimitReader(zeros{}, 1<<20)}
	press(t, client, base, form.with("do", "attach"), nil)
	before := measure()
	form.files = map[string]io.Reader{"large": &probed{source: io.LimitReader(zeros{}, size), every: 1 << 20, probe: func() { most.Store(max(most.Load(), measure())) }}}
	answer := press(t, client, base, form.with("do", "attach"), nil)
	if answer.StatusCode != 303 || strings.Contains(answer.Header.Get("Location"), "problem") {
		t.Fatalf("status %d, to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	saved := node.saved[len(node.saved)-1]
	if len(saved.Uploads) != 1 || node.uploads[saved.Uploads[0]] != size {
		t.Errorf("the node has %v", node.uploads)
	}
	grown := int64(most.Load()) - int64(before)
	t.Logf("25 MiB: the heap of browser, frontend and node together grew by %d KiB at most", grown>>10)
	if grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	form.files = map[string]io.Reader{"larger": io.LimitReader(zeros{}, size+1)}
	if answer := press(t, client, base, form.with("text", "kept").with("do", "send"), nil); !strings.Contains(answer.Header.Get("Location"), "problem=too_many+attachments") || node.saved[len(node.saved)-1].Fields.Text != "kept" {
		t.Errorf("a file that is too large: to %q", answer.Header.Get("Location"))
	}
}

// probed calls probe after every so many bytes.
type probed struct {
	source      io.Reader
	every, left int
	probe       func()
}

func (p *probed) Read(into []byte) (int, error) {
	n, err := p.source.Read(into)
	if p.left -= n; p.left <= 0 {
		p.probe()
		p.left = p.every
	}
	return n, err
}

func TestMailtoLinks(t *testing.T) {
	node, client, base, _ := writer(t, nil)
	get(t, client, base+"/compose?mailto="+url.QueryEscape("mailto:a+b@example.net,c%40example.net?cc=d@example.net&Subject=100%25+1&body=one%0D%0Atwo&x=y"))
	asked, _ := node.last.(*api.ComposeQuestion)
	if asked == nil || asked.Fields != (api.DraftFields{To: "a+b@example.net,c@example.net", Cc: "d@example.net", Subject: "100%+1", Text: "one\r\ntwo"}) {
		t.Errorf("asked %+v", asked)
	}
	get(t, client, base+"/compose?to=a@b.example&subject=x+y")
	if asked, _ := node.last.(*api.ComposeQuestion); asked == nil || asked.Fields.To != "a@b.example" || asked.Fields.Subject != "x y" {
		t.Errorf("asked %+v", asked)
	}
	for path, kind := range map[string]api.ComposeKind{"reply": api.ComposeReply, "reply-all": api.ComposeReplyAll, "forward": api.ComposeForward, "forward-attached": api.ComposeForwardAttached} {
		get(t, client, base+"/compose?"+path+"=INBOX/1-2")
		if asked, _ := node.last.(*api.ComposeQuestion); asked == nil || asked.Kind != kind || asked.ID.UID != 2 {
			t.Errorf("%s: asked %+v", path, asked)
		}
	}
	if answer := get(t, client, base+"/compose?reply=nonsense"); answer.StatusCode != 400 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// A browser that is slow, but not silent, may take its time.
func TestASlowUpload(t *testing.T) {
	node, client, base, form := writer(t, func(c *frontend.Config) { c.StallTimeout = 500 * time.Millisecond })
	form.files = map[string]io.Reader{"slow": &slow{bytes.NewReader(make([]byte, 12)), 100 * time.Millisecond}}
	if answer := press(t, client, base, form.with("do", "attach"), nil); answer.StatusCode != 303 || len(node.saved) != 1 || len(node.saved[0].Uploads) != 1 {
		t.Errorf("status %d, to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
}

// slow gives a byte at a time.
type slow struct {
	source io.Reader
	pause  time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.source.Read(p[:1])
}
