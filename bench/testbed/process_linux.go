package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// process is a daemon in a process group and a PID namespace of its own: when
// its first process dies, for whatever reason, the kernel kills all the rest,
// and it dies itself when this process does.
type process struct {
	pid       int
	namespace string        // identifies the PID namespace
	done      chan struct{} // closed when the first process has been waited for
}

// isolation needs CAP_SYS_ADMIN.
func isolation() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Setpgid:    true,
		Cloneflags: syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
}

// canIsolate reports why processes cannot be isolated here.
func canIsolate() error {
	cmd := exec.Command("true")
	cmd.SysProcAttr = isolation()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("a process cannot be given its own PID namespace here: %w", err)
	}
	return nil
}

// startUnshared runs a command that may mount what it likes: nobody else sees it.
func startUnshared(cmd *exec.Cmd) (*process, error) {
	attributes := isolation()
	attributes.Unshareflags = syscall.CLONE_NEWNS
	return startWith(cmd, attributes)
}

// start runs a command.
func start(cmd *exec.Cmd) (*process, error) { return startWith(cmd, isolation()) }

// startWith runs a command. A goroutine keeps the thread that started it until the
// command ends, because Pdeathsig watches the thread, not the process.
func startWith(cmd *exec.Cmd, attributes *syscall.SysProcAttr) (*process, error) {
	cmd.SysProcAttr = attributes
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
			p.namespace, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.pid))
		}
		started <- err
		if cmd.Process == nil {
			return
		}
		if err != nil {
			cmd.Process.Kill()
		}
		cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// signal sends a signal to the first process.
func (p *process) signal(sig syscall.Signal) { p.send(p.pid, sig) }

// signalGroup sends a signal to all processes of the group.
func (p *process) signalGroup(sig syscall.Signal) { p.send(-p.pid, sig) }

func (p *process) send(pid int, sig syscall.Signal) {
	select {
	case <-p.done: // the number may belong to somebody else by now
	default:
		syscall.Kill(pid, sig)
	}
}

// end kills what is left and waits until nothing is.
func (p *process) end() error {
	p.signal(syscall.SIGKILL)
	<-p.done // the kernel lets the first process end only after all others
	if left := p.members(); len(left) > 0 {
		return fmt.Errorf("processes %v are left", left)
	}
	return nil
}

// members returns the processes of the PID namespace that are alive.
func (p *process) members() []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	for _, link := range links {
		if ns, err := os.Readlink(link); err == nil && ns == p.namespace {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link)))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
