//go:build linux

package meter_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"alphamail/bench/meter"
)

// TestMain turns the test program into a load of known size when it is asked.
func TestMain(m *testing.M) {
	if os.Getenv("METER_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("METER_TEST_CHILD") == "parent" {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "METER_TEST_CHILD=worker")
		child.Stdout = os.Stdout
		if err := child.Run(); err != nil {
			os.Exit(1)
		}
	} else {
		held := make([]byte, 64<<20)
		for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
			for i := range held {
				held[i]++
			}
		}
	}
	fmt.Println("worked")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestAComponentIsATreeOfProcesses(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "METER_TEST_CHILD=parent")
	stdin, _ := parent.StdinPipe()
	stdout, _ := parent.StdoutPipe()
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	m := meter.Start(
		meter.Component{Name: "tree", Roots: func() []int { return []int{parent.Process.Pid} }},
		meter.Component{Name: "nothing", Roots: func() []int { return nil }},
		meter.Component{Name: "self", Roots: func() []int { return []int{os.Getpid()} }},
	)
	lines := bufio.NewScanner(stdout)
	// The worker's line, then, when it has ended and was waited for, its parent's.
	for range 2 {
		lines.Scan()
	}
	usages := m.Stop()
	stdin.Close()
	parent.Wait()
	if tree := usages[0]; tree.CPU < 100*time.Millisecond || tree.CPU > 10*time.Second || tree.Proportional < 1<<20 {
		t.Errorf("the tree used %+v; its worker, ended by now, worked for 300 ms", tree)
	}
	if usages[1].CPU != 0 || usages[1].Processes != 0 {
		t.Errorf("nothing used %+v", usages[1])
	}
	if self := usages[2]; self.CPU > usages[0].CPU/2 {
		t.Errorf("the parent of the tree, itself a component, is charged for it: %+v", self)
	}
}

func TestOwnMemory(t *testing.T) {
	m := meter.Start(meter.Component{Name: "self", Roots: func() []int { return []int{os.Getpid()} }})
	held := make([]byte, 100<<20)
	for i := range held {
		held[i] = byte(i)
	}
	usage := m.Stop()[0]
	if usage.Resident < int64(len(held)) || usage.Proportional < int64(len(held)) || usage.Processes < 1 {
		t.Errorf("with %d bytes held: %+v", len(held), usage)
	}
	_ = held[len(held)-1]
}
