package imapconn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// pageItems are what a page of the list fetches.
var pageItems = &imap.FetchOptions{
	UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	BodySection: []*imap.FetchItemBodySection{
		{Specifier: imap.PartSpecifierHeader, Peek: true, HeaderFields: []string{"From", "To", "Cc", "Subject", "Date", "Message-ID"}},
		{Part: []int{1}, Peek: true, Partial: &imap.SectionPartial{Size: 2048}},
	},
}

const pageRows = 50

// BenchmarkPage fetches pages of fifty rows from Dovecot, over one connection
// and over eight at a time: by this package, and by go-imap's client.
func BenchmarkPage(b *testing.B) {
	need.Dovecot(b)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop()
	if err := server.Fill("ana", mailgen.New(1, time.Now()).Folder("INBOX", 1000)); err != nil {
		b.Fatal(err)
	}
	page := func(i int) imap.UIDSet {
		first := imap.UID(1 + i*pageRows%1000)
		return imap.UIDSet{{Start: first, Stop: first + pageRows - 1}}
	}
	clients := map[string]func() func(i int) int{
		"imapconn": func() func(int) int {
			conn, err := imapconn.Dial(b.Context(), imapconn.Options{Address: server.IMAPAddr(), Security: imapconn.Plain})
			if err == nil {
				err = conn.Login(b.Context(), "ana", "secret")
			}
			if err == nil {
				err = conn.Do(b.Context(), &imapconn.Select{Name: "INBOX"})
			}
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(conn.Close)
			return func(i int) int {
				fetch := &imapconn.Fetch{UIDs: page(i), Items: pageItems}
				if err := conn.Do(b.Context(), fetch); err != nil {
					b.Error(err)
				}
				return len(fetch.Messages)
			}
		},
		"imapclient": func() func(int) int {
			client, err := imapclient.DialInsecure(server.IMAPAddr(), nil)
			if err == nil {
				err = client.Login("ana", "secret").Wait()
			}
			if err == nil {
				_, err = client.Select("INBOX", nil).Wait()
			}
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { client.Close() })
			return func(i int) int {
				messages, err := client.Fetch(page(i), pageItems).Collect()
				if err != nil {
					b.Error(err)
				}
				return len(messages)
			}
		},
	}
	for _, connections := range []int{1, 8} {
		for _, name := range []string{"imapconn", "imapclient"} {
			b.Run(fmt.Sprintf("%s/%d", name, connections), func(b *testing.B) {
				var fetches []func(int) int
				for range connections {
					fetches = append(fetches, clients[name]())
				}
				b.ReportAllocs()
				before := allocations()
				b.ResetTimer()
				var fetching sync.WaitGroup
				for c, fetch := range fetches {
					fetching.Go(func() {
						for i := c; i < b.N; i += connections {
							if rows := fetch(i); rows != pageRows {
								b.Errorf("%d rows", rows)
							}
						}
					})
				}
				fetching.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
				b.ReportMetric(float64(allocations()-before)/float64(b.N*pageRows), "allocs/row")
			})
		}
	}
}

// allocations returns how often memory was allocated in this process.
func allocations() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// idleConnections is how many connections BenchmarkIdleConnection opens.
const idleConnections = 2000

// BenchmarkIdleConnection opens connections with TLS, logs in, selects a mailbox
// and leaves them alone, with IDLE and without. It reports what each of them
// takes in memory of this process, and how many goroutines.
func BenchmarkIdleConnection(b *testing.B) {
	address, roots := idleServer(b)
	config := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	ours := func(b *testing.B, idle bool) {
		conn, err := imapconn.Dial(b.Context(), imapconn.Options{Address: address, TLS: config})
		if err == nil {
			err = conn.Login(b.Context(), "ana", "secret")
		}
		if err == nil {
			err = conn.Do(b.Context(), &imapconn.Select{Name: "INBOX"})
		}
		if err != nil {
			b.Fatal(err)
		}
		if !idle {
			b.Cleanup(conn.Close)
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { // ended by the cleanup
			defer close(ended)
			conn.Idle(ctx)
			conn.Close()
		}()
		b.Cleanup(func() { cancel(); <-ended })
	}
	theirs := func(b *testing.B, idle bool) {
		client, err := imapclient.DialTLS(address, &imapclient.Options{TLSConfig: config})
		if err == nil {
			err = client.Login("ana", "secret").Wait()
		}
		if err == nil {
			_, err = client.Select("INBOX", nil).Wait()
		}
		if err == nil && idle {
			_, err = client.Idle()
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { client.Close() })
	}
	for _, idle := range []bool{false, true} {
		b.Run(fmt.Sprintf("imapconn/IDLE=%v", idle), func(b *testing.B) { measureIdle(b, func() { ours(b, idle) }) })
		b.Run(fmt.Sprintf("imapclient/IDLE=%v", idle), func(b *testing.B) { measureIdle(b, func() { theirs(b, idle) }) })
	}
}

func measureIdle(b *testing.B, open func()) {
	before, goroutines := resident(b), runtime.NumGoroutine()
	for range idleConnections {
		open()
	}
	b.ReportMetric(float64(resident(b)-before)/idleConnections/1024, "KiB/connection")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/idleConnections, "goroutines/connection")
	b.ReportMetric(0, "ns/op") // it is not about time
}

// resident returns the memory of this process, in bytes, without garbage.
func resident(b *testing.B) int64 {
	for range 3 {
		debug.FreeOSMemory()
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// The environment variable that makes this test program a mail server: so that
// the memory of the server is not measured.
const idleServerVariable = "IMAPCONN_TEST_SERVER"

// idleServer starts a mail server in another process.
func idleServer(b *testing.B) (address string, roots *x509.CertPool) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), idleServerVariable+"=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		command.Wait()
	})
	said := bufio.NewReader(stdout)
	address, err = said.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	pem := ""
	for !strings.Contains(pem, "END CERTIFICATE") {
		line, err := said.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		pem += line
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(pem))
	return strings.TrimSpace(address), roots
}

// serveIdle is that other process; it ends with its standard input.
func serveIdle() {
	certificate, err := testbed.NewCertificate("127.0.0.1")
	if err != nil {
		panic(err)
	}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser, Certificate: certificate})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%s\n", server.IMAPSAddr(), certificate.CertPEM)
	io.Copy(io.Discard, os.Stdin)
	server.Close()
}
