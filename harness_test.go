package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alphamail/bench/testbed/port"
)

// The tests of this package start the real program. It is built once with the race
// detector, and once without for tests that start it very often.
var raced, quick = &build{flags: []string{"-race"}}, &build{}

// ahead is the program under a clock that is ahead by some minutes.
var ahead = &build{overlay: map[string]func(string) string{"time/time.go": func(source string) string {
	const read = "sec, nsec, mono := runtimeNow()\n"
	return strings.Replace(source, read, read+fmt.Sprintf("\tsec += %d\n", aheadBy/time.Second), 1)
}}}

const aheadBy = 2 * time.Minute

// build is the program, built when it is needed first.
type build struct {
	flags []string
	// overlay changes files of the standard library.
	overlay map[string]func(source string) string

	once sync.Once
	path string
	err  error
}

// program returns its path.
func (b *build) program(t testing.TB) string {
	t.Helper()
	b.once.Do(func() {
		dir, err := os.MkdirTemp("", "alphamail-test-")
		if err != nil {
			b.err = err
			return
		}
		b.path = filepath.Join(dir, "alphamail")
		args := append([]string{"build", "-o", b.path}, b.flags...)
		if len(b.overlay) > 0 {
			file, err := b.overlaid(dir)
			if err != nil {
				b.err = err
				return
			}
			args = append(args, "-overlay", file)
		}
		if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
			b.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

// overlaid writes the changed files, and the list of them that the compiler reads.
func (b *build) overlaid(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	replaced := map[string]string{}
	for name, change := range b.overlay {
		original := filepath.Join(strings.TrimSpace(string(root)), "src", name)
		source, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		changed := change(string(source))
		if changed == string(source) {
			return "", fmt.Errorf("%s has nothing to change", original)
		}
		replaced[original] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replaced)))
		if err := os.WriteFile(replaced[original], []byte(changed), 0o644); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, list, 0o644)
}

func TestMain(m *testing.M) {
	if os.Getenv(staticAddress) != "" {
		fmt.Fprintln(os.Stderr, serveStaticPage())
		os.Exit(1)
	}
	status := m.Run()
	for _, one := range []*build{raced, quick, ahead} {
		if one.path != "" {
			os.RemoveAll(filepath.Dir(one.path))
		}
	}
	os.Exit(status)
}

// binary returns the path of the program with the race detector.
func binary(t testing.TB) string {
	t.Helper()
	return raced.program(t)
}

// program is a running alphamail.
type program struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	output *lockedBuffer
	ended  chan struct{} // closed when the process has ended; then err is set
	err    error
}

// start runs the program until the test ends, when it must stop by itself on
// SIGTERM with status 0.
func start(t testing.TB, name string, args ...string) *program {
	t.Helper()
	return startBuilt(t, raced, name, args...)
}

func startBuilt(t testing.TB, built *build, name string, args ...string) *program {
	t.Helper()
	return startCommand(t, name, append([]string{built.program(t)}, args...))
}

// startCommand is startBuilt for a command that becomes the program.
func startCommand(t testing.TB, name string, words []string) *program {
	t.Helper()
	p := &program{t: t, name: name, output: &lockedBuffer{}, ended: make(chan struct{})}
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = endWithParent()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which stop or kill ends
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, p.output)
		}
	})
	return p
}

// stop ends the program politely and checks that it obeys.
func (p *program) stop() {
	select {
	case <-p.ended:
		return
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if p.err != nil {
			p.t.Errorf("%s did not end cleanly: %v", p.name, p.err)
		}
	case <-time.After(30 * time.Second):
		p.kill()
		p.t.Errorf("%s did not end within 30 s of SIGTERM", p.name)
	}
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// waitFor polls until the program has printed something that find accepts.
func (p *program) waitFor(find func(output string) string) string {
	p.t.Helper()
	var found string
	eventually(p.t, p.name+" prints what is expected", func() error {
		select {
		case <-p.ended:
			p.t.Fatalf("%s ended early: %v\n%s", p.name, p.err, p.output)
		default:
		}
		if found = find(p.output.String()); found == "" {
			return fmt.Errorf("not yet in:\n%s", p.output)
		}
		return nil
	})
	return found
}

// eventually polls until check returns nil, for at most 30 s.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// lockedBuffer collects output that is written while it is read.
type lockedBuffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// freeAddress returns a loopback address that is given to nobody else until the
// test ends.
func freeAddress(t testing.TB) string {
	t.Helper()
	held, err := port.Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Release)
	return held.Address()
}

// writeFile writes a file into a directory of the test.
func writeFile(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// output runs the program to its end and returns what it printed.
func output(t testing.TB, ctx context.Context, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(ctx, binary(t), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
