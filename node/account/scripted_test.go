package account_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// scriptedServer is a small IMAP server of one user, whose mailboxes a test
// changes at will, and which says what a hook adds.
type scriptedServer struct {
	t        *testing.T
	listener net.Listener
	serving  sync.WaitGroup

	mu    sync.Mutex // guards everything below; held while a command is answered
	caps  string
	boxes map[string]*scriptedBox
	// hook, if set, sees each command first; true: it has answered it.
	hook func(s *speaker, tag, command string) bool
	seen []string // commands without tags
}

type scriptedBox struct {
	validity uint32
	modSeq   int
	uids     []uint32
	flags    map[uint32]string
	text     string // of all messages
}

// speaker is one connection.
type speaker struct {
	net.Conn
	server *scriptedServer
	box    *scriptedBox
	name   string
	dead   bool
}

func (s *speaker) say(format string, args ...any) { fmt.Fprintf(s, format+"\r\n", args...) }

func newScripted(t *testing.T, caps string) *scriptedServer {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &scriptedServer{t: t, listener: listener, caps: "IMAP4rev1 " + caps, boxes: map[string]*scriptedBox{"INBOX": newBox(7, 1, 10)}}
	var mu sync.Mutex
	var open []net.Conn
	server.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			server.serving.Go(func() { server.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		server.serving.Wait()
	})
	return server
}

func newBox(validity, first, last uint32) *scriptedBox {
	box := &scriptedBox{validity: validity, modSeq: 100, flags: map[uint32]string{}, text: "text"}
	for uid := first; uid <= last; uid++ {
		box.uids = append(box.uids, uid)
	}
	return box
}

func (b *scriptedBox) drop(uid uint32) {
	b.uids = slices.DeleteFunc(b.uids, func(u uint32) bool { return u == uid })
	b.modSeq++
}

func (server *scriptedServer) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	s := &speaker{Conn: conn, server: server}
	s.say("* OK [CAPABILITY %s] ready", server.caps)
	for !s.dead {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		server.mu.Lock()
		server.seen = append(server.seen, command)
		if server.hook == nil || !server.hook(s, tag, command) {
			s.answer(tag, command)
		}
		server.mu.Unlock()
	}
}

func (server *scriptedServer) change(how func()) {
	server.mu.Lock()
	defer server.mu.Unlock()
	how()
}

// count tells how many commands began so.
func (server *scriptedServer) count(begins string) (n int) {
	server.change(func() {
		for _, command := range server.seen {
			if strings.HasPrefix(command, begins) {
				n++
			}
		}
	})
	return n
}

// answer is what a decent server says.
func (s *speaker) answer(tag, command string) {
	s.body(command)
	s.say("%s OK done", tag)
}

// body is answer without the tagged response.
func (s *speaker) body(command string) {
	word, rest, _ := strings.Cut(command, " ")
	switch word {
	case "CAPABILITY":
		s.say("* CAPABILITY %s", s.server.caps)
	case "ENABLE":
		s.say("* ENABLED %s", rest)
	case "LIST":
		for name := range s.server.boxes {
			s.say(`* LIST () "/" %q`, name)
		}
	case "STATUS":
		name := strings.Trim(strings.Split(rest, " ")[0], `"`)
		if box := s.server.boxes[name]; box != nil {
			s.say(`* STATUS %q (MESSAGES %d UNSEEN %d UIDVALIDITY %d)`, name, len(box.uids), 0, box.validity)
		}
	case "SELECT", "EXAMINE":
		s.name = strings.Trim(strings.Split(rest, " ")[0], `"`)
		s.box = s.server.boxes[s.name]
		s.say("* %d EXISTS", len(s.box.uids))
		s.say("* OK [UIDVALIDITY %d] x", s.box.validity)
		s.say("* OK [HIGHESTMODSEQ %d] x", s.box.modSeq)
	case "UID":
		word, rest, _ = strings.Cut(rest, " ")
		switch word {
		case "FETCH":
			s.fetch(rest)
		case "SEARCH":
			line := "* SEARCH"
			for _, uid := range s.box.uids {
				line += fmt.Sprint(" ", uid)
			}
			s.say("%s", line)
		case "MOVE", "COPY":
			s.transfer(word == "MOVE", rest)
		case "EXPUNGE":
			s.expunge(rest)
		case "STORE":
			if strings.Contains(rest, "Deleted") {
				return
			}
			uid, _ := strconv.Atoi(strings.Split(rest, " ")[0])
			s.box.flags[uint32(uid)] = `\Seen`
			if i, found := slices.BinarySearch(s.box.uids, uint32(uid)); found && !strings.Contains(rest, ".SILENT") {
				s.say(`* %d FETCH (UID %d FLAGS (\Seen))`, i+1, uid)
			}
		}
	}
}

// transfer copies or moves messages, which get new UIDs and keep their flags.
func (s *speaker) transfer(move bool, rest string) {
	set, name, _ := strings.Cut(rest, " ")
	to := s.server.boxes[strings.Trim(name, `"`)]
	first, count := uint32(1), uint32(0)
	for _, uid := range to.uids {
		first = max(first, uid+1)
	}
	var source []string
	for _, uid := range s.box.uids {
		if s.inSet(set, uid) {
			to.uids = append(to.uids, first+count)
			to.flags[first+count] = s.box.flags[uid]
			source = append(source, fmt.Sprint(uid))
			count++
		}
	}
	if count > 0 {
		s.say("* OK [COPYUID %d %s %d:%d] done", to.validity, strings.Join(source, ","), first, first+count-1)
	}
	if move {
		s.expunge(set)
	}
}

// expunge removes messages, whether marked as deleted or not.
func (s *speaker) expunge(set string) {
	for i := 0; i < len(s.box.uids); {
		if uid := s.box.uids[i]; s.inSet(set, uid) {
			s.box.drop(uid)
			s.say("* %d EXPUNGE", i+1)
			continue
		}
		i++
	}
}

var sectionItem = regexp.MustCompile(`BODY\.PEEK\[([^\]]*)\](?:<(\d+)\.(\d+)>)?`)

func (s *speaker) fetch(rest string) {
	set, items, _ := strings.Cut(rest, " ")
	if strings.Contains(items, "CHANGEDSINCE") {
		return
	}
	for i, uid := range s.box.uids {
		if s.inSet(set, uid) {
			s.item(i+1, uid, items)
		}
	}
}

func (s *speaker) item(seq int, uid uint32, items string) {
	out := fmt.Sprintf("* %d FETCH (UID %d", seq, uid)
	if strings.Contains(items, "FLAGS") {
		out += fmt.Sprintf(" FLAGS (%s)", s.box.flags[uid])
	}
	if strings.Contains(items, "INTERNALDATE") {
		out += ` INTERNALDATE "01-Jan-2026 10:00:00 +0000"`
	}
	if strings.Contains(items, "RFC822.SIZE") {
		out += " RFC822.SIZE 100"
	}
	if strings.Contains(items, "BODYSTRUCTURE") {
		out += ` BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 4 1)`
	}
	for _, section := range sectionItem.FindAllStringSubmatch(items, -1) {
		header := fmt.Sprintf("From: a@example.edu\r\nSubject: m%d %s\r\n\r\n", uid, s.box.text)
		content := s.box.text
		if strings.HasPrefix(section[1], "HEADER") {
			content = header
		} else if section[1] == "" {
			content = header + s.box.text
		}
		origin := ""
		if section[2] != "" {
			origin = "<" + section[2] + ">"
		}
		out += fmt.Sprintf(" BODY[%s]%s {%d}\r\n%s", section[1], origin, len(content), content)
	}
	s.say("%s)", out)
}

func (s *speaker) inSet(set string, uid uint32) bool {
	last := uint32(0)
	if n := len(s.box.uids); n > 0 {
		last = s.box.uids[n-1]
	}
	number := func(text string) uint32 {
		if text == "*" {
			return last
		}
		n, _ := strconv.ParseUint(text, 10, 32)
		return uint32(n)
	}
	for _, one := range strings.Split(set, ",") {
		first, second, found := strings.Cut(one, ":")
		if !found {
			second = first
		}
		from, to := number(first), number(second)
		if min(from, to) <= uid && uid <= max(from, to) {
			return true
		}
	}
	return false
}

// scriptedWorld is an account at a scripted server.
type scriptedWorld struct {
	*scriptedServer
	account *account.Account
	cache   *cache.Cache
	logged  *strings.Builder
}

func withScript(t *testing.T, caps string, config account.Config) *scriptedWorld {
	server := newScripted(t, caps)
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	if config.Watch == 0 {
		config.Watch = -1
	}
	r := &scriptedWorld{scriptedServer: server, cache: store, logged: &strings.Builder{}}
	r.account = account.New(user+"@example.edu", user, password, r.backend(), config, store, slog.New(slog.NewTextHandler(r.logged, nil)))
	t.Cleanup(r.account.Close)
	return r
}

func (r *scriptedWorld) backend() account.Backend {
	return account.Backend{Options: imapconn.Options{Address: r.listener.Addr().String(), Security: imapconn.Plain}}
}

func (r *scriptedWorld) page(mailbox string) *api.MailboxAnswer {
	r.t.Helper()
	answer, err := r.account.Mailbox(r.t.Context(), &api.MailboxQuestion{Mailbox: mailbox})
	if err != nil {
		r.t.Fatalf("%s: %v", mailbox, err)
	}
	return answer
}

func uidsOf(answer *api.MailboxAnswer) (uids []uint32) {
	for _, row := range answer.Rows {
		uids = append(uids, row.ID.UID)
	}
	slices.Reverse(uids)
	return uids
}

// shows compares a page with the mailbox, and the page after it.
func (r *scriptedWorld) shows(mailbox, when string) {
	r.t.Helper()
	var right []uint32
	for try := range 2 {
		got := uidsOf(r.page(mailbox))
		r.change(func() { right = slices.Clone(r.boxes[mailbox].uids) })
		if !slices.Equal(got, right) {
			r.t.Errorf("%s, click %d shows %v instead of %v", when, try+1, got, right)
		}
	}
}

var _ = time.Second

func newAccountAt(w *world, backend account.Backend, config account.Config) *account.Account {
	one := account.New("watched@example.edu", user, password, backend, config, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(one.Close)
	return one
}
