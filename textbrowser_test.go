package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"alphamail/bench/testbed/need"
)

// terminal is a text browser in a terminal of its own.
type terminal struct {
	t      *testing.T
	socket string
}

// openTerminal runs a command in a terminal until the test ends.
func openTerminal(t *testing.T, command string) *terminal {
	t.Helper()
	need.Command(t, "tmux")
	w := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	w.tmux("new-session", "-d", "-x", "110", "-y", "50", command)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen at the end:\n%s", w.screen())
		}
		w.tmux("kill-server")
	})
	return w
}

func (w *terminal) tmux(args ...string) string {
	w.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", w.socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (w *terminal) screen() string { return w.tmux("capture-pane", "-p") }

// see waits until all words are on the screen.
func (w *terminal) see(words ...string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the screen shows %q", words), func() error {
		screen := w.screen()
		for _, word := range words {
			if !strings.Contains(screen, word) {
				return fmt.Errorf("%q is not on the screen:\n%s", word, screen)
			}
		}
		return nil
	})
}

// press presses keys by their names.
func (w *terminal) press(keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		w.tmux("send-keys", key)
	}
}

// write types text.
func (w *terminal) write(text string) {
	w.t.Helper()
	w.tmux("send-keys", "-l", text)
}

const lynxSettings = `ACCEPT_ALL_COOKIES:TRUE
PERSISTENT_COOKIES:FALSE
ALERTSECS:0
MESSAGESECS:0
INFOSECS:0
DELAYSECS:0
CHARACTER_SET:utf-8
`

// firstSubject is the newest message of the demo.
const firstSubject = "Beam time: they moved us to Tuesday"

// bare is an environment without the settings of whoever runs the test.
func bare(t *testing.T) string {
	return "env -i HOME=" + t.TempDir() + " TERM=xterm LANG=C.UTF-8 PATH=" + os.Getenv("PATH") + " "
}

// openLynx logs in by lynx, at the page of a path, which follows.
func openLynx(t *testing.T, d *demo, path string) *terminal {
	t.Helper()
	lynx := need.Command(t, "lynx")
	settings := writeFile(t, t.TempDir(), "lynx.cfg", lynxSettings)
	w := openTerminal(t, bare(t)+lynx+" -nopause -cfg="+settings+" "+d.url+path)
	w.see("Log in", "Password")
	w.write(d.user)
	w.see(d.user)
	w.press("Down")
	if w.choosesDomain() {
		w.press("Down")
	}
	w.write(d.password)
	w.see(strings.Repeat("*", len(d.password)))
	w.press("Down", "Enter")
	return w
}

// openW3m does the same by w3m, which takes more options.
func openW3m(t *testing.T, d *demo, path string, options ...string) *terminal {
	t.Helper()
	w3m := need.Command(t, "w3m")
	w := openTerminal(t, bare(t)+w3m+" -cookie -o accept_cookie=1 "+strings.Join(options, " ")+" "+d.url+path)
	w.see("Log in", "Password")
	w.press("Tab", "Enter")
	w.see("TEXT:")
	w.write(d.user)
	w.press("Enter")
	w.see(d.user)
	w.press("Tab")
	if w.choosesDomain() {
		w.press("Tab")
	}
	w.press("Enter")
	w.see("Password:")
	w.write(d.password)
	w.press("Enter")
	w.see(strings.Repeat("*", len(d.password)))
	w.press("Tab", "Enter")
	return w
}

// Ways through pages in both browsers: to an address, and to a link by its words, or
// in w3m to what comes so many steps behind some words.

func (w *terminal) lynxOpens(address string) {
	w.t.Helper()
	w.press("g")
	w.see("URL to open")
	w.press("C-u")
	w.write(address)
	w.press("Enter")
}

func (w *terminal) lynxFollows(link string) {
	w.t.Helper()
	w.press("Home")
	w.see("Skip to the content")
	w.write("/" + link)
	w.press("Enter", "Right")
}

func (w *terminal) w3mOpens(address string) {
	w.t.Helper()
	w.press("U")
	w.see("Goto URL")
	w.press("C-u")
	w.write(address)
	w.press("Enter")
}

func (w *terminal) w3mFollows(words string) { w.w3mPresses(words, 0) }

func (w *terminal) w3mPresses(words string, steps int) {
	w.t.Helper()
	w.write("g") // to the top
	w.write("/" + words)
	w.press("Enter")
	for range steps {
		w.press("Tab")
	}
	w.press("Enter")
}

// choosesDomain tells that the login page on the screen offers several domains.
func (w *terminal) choosesDomain() bool { return strings.Contains(w.screen(), "Domain") }

// TestLynx reads mail in lynx: log in, open the first message, go back, log out.
func TestLynx(t *testing.T) {
	d := startDemo(t)
	w := openLynx(t, d, "/")
	w.see("Inbox", "unread", "Unread. Priya Raman")
	w.write("/Beam time")
	w.press("Enter")
	w.press("Right")
	w.see("From: Priya Raman")
	w.write("/Can you bring")
	w.press("Enter")
	w.see("Can you bring the calibration source")
	w.press("Left")
	w.see("Inbox", "Sort and filter")
	w.press("Home")
	w.see("Skip to the content")
	w.press("Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down") // to the button that logs out
	w.see("(Form submit button)")
	w.press("Enter")
	w.see("logged out")
}

// TestLynxChoosesOrderAndFilter sorts and filters a list in lynx, by the words
// that the page says.
func TestLynxChoosesOrderAndFilter(t *testing.T) {
	d := startStage(t)
	w := openLynx(t, d, "/")
	w.see("Show: ✓ All, Unread, Starred", "Sort by: ✓ Arrival, Date sent, Sender", "Direction: ✓ Newest first, Oldest first", "1–50 of 120")
	w.lynxFollows("Date sent")
	w.see("By date sent, newest first", "✓ Date sent")
	w.lynxFollows("Starred")
	w.see("Starred messages only · By date sent, newest first Show all, newest first", "1–24 of 24")
	w.lynxFollows("Size")
	w.see("Starred messages only · By size, largest first", "✓ Largest first, Smallest first", "Size: ")
	w.lynxFollows("Smallest first")
	w.see("By size, smallest first")
	w.lynxFollows("Show all, newest")
	w.see("Show: ✓ All", "1–50 of 120", "Deleted. ")
}

// TestLynxContact makes a contact in lynx.
func TestLynxContact(t *testing.T) {
	d := startDemo(t)
	w := openLynx(t, d, "/contacts/contact")
	w.see("New contact", "Addresses, one on each line")
	w.press("Home")
	w.see("Skip to the content")
	w.press("Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down") // to the name
	w.write("Zoë Ruiz")
	w.see("Zoë Ruiz")
	w.press("Down")
	w.write("zoe@example.net")
	w.see("zoe@example.net")
	for range 4 { // organization, telephone, note, Save
		w.write("\t")
	}
	w.press("Enter")
	w.see("Contacts", "1–6 of 6", "Zoë Ruiz – zoe@example.net")
}

// TestW3m does the same in w3m.
func TestW3m(t *testing.T) {
	d := startDemo(t)
	w := openW3m(t, d, "/")
	w.see("Inbox", "Unread. Priya Raman")
	w.write("/Beam time")
	w.press("Enter")
	w.press("Enter")
	w.see("From: Priya Raman")
	w.write("/Can you bring")
	w.press("Enter")
	w.see("Can you bring the calibration source")
	w.press("B")
	w.see("Inbox", "Sort and filter")
	w.w3mFollows("Log out")
	w.see("logged out")
}

// TestCurl does it with curl and a cookie jar.
func TestCurl(t *testing.T) {
	need.Command(t, "curl")
	d := startDemo(t)
	jar := filepath.Join(t.TempDir(), "jar")
	curl := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "-b", jar, "-c", jar}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	token := func(page string) string {
		t.Helper()
		found := hiddenToken.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no form in\n%s", page)
		}
		return found[1]
	}
	form := curl(d.url + "/login")
	inbox := curl("-L", d.url+"/login", "--data-urlencode", "user="+d.user, "--data-urlencode", "password="+d.password, "--data-urlencode", "csrf="+token(form))
	if !strings.Contains(inbox, firstSubject) {
		t.Fatalf("after login:\n%s", inbox)
	}
	links := messageLinks(seen{body: inbox})
	if message := curl(d.url + links[0]); !strings.Contains(message, "Can you bring the calibration source") {
		t.Errorf("the first message:\n%s", message)
	}
	raw := curl("-D", "-", d.url+links[0]+"/raw?download=1")
	head, content, _ := strings.Cut(raw, "\r\n\r\n")
	if !strings.Contains(head, fmt.Sprintf("Content-Length: %d", len(content))) || !strings.Contains(content, "Subject: "+firstSubject) {
		t.Errorf("the source of the first message:\n%s", head)
	}
	curl(d.url+"/logout", "--data-urlencode", "csrf="+token(inbox))
	if after := curl("-o", os.DevNull, "-w", "%{http_code} %{redirect_url}", d.url+"/mail/INBOX"); after != "303 "+d.url+"/login" {
		t.Errorf("after logging out: %s", after)
	}
}
