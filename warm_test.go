package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
)

// What the environment tells this test's own program when it shall be a web
// server that answers everything with one page: where, and the page's file.
const (
	staticAddress = "ALPHAMAIL_TEST_STATIC_ADDRESS"
	staticPage    = "ALPHAMAIL_TEST_STATIC_PAGE"
)

// serveStaticPage serves until it is killed.
func serveStaticPage() error {
	page, err := os.ReadFile(os.Getenv(staticPage))
	if err != nil {
		return err
	}
	return fasthttp.ListenAndServe(os.Getenv(staticAddress), func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("text/html; charset=utf-8")
		ctx.SetBody(page)
	})
}

// BenchmarkWarmClick compares clicks on pages that were seen before with a static
// page of the same size, served by the HTTP library that AlphaMail uses. A
// frontend, two nodes and Dovecot are processes of their own, with TLS between
// frontend and nodes. Eight browsers click at a time.
func BenchmarkWarmClick(b *testing.B) {
	need.Dovecot(b)
	const accounts, messages = 40, 1000
	program := filepath.Join(b.TempDir(), "alphamail")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	url, cookies := warmSite(b, program, accounts, messages)
	browser := &fasthttp.Client{MaxConnsPerHost: 64}
	list, fifth := url+"/mail/INBOX", url+"/mail/INBOX?page=5"
	var rows []string
	for _, cookie := range cookies {
		page := clickOn(b, browser, list, cookie)
		clickOn(b, browser, fifth, cookie)
		_, link, _ := strings.Cut(page, `<li class="row`)
		_, link, _ = strings.Cut(link, `href="`)
		link, _, _ = strings.Cut(link, `"`)
		rows = append(rows, link)
		clickOn(b, browser, url+link, cookie)
	}
	sample := filepath.Join(b.TempDir(), "page.html")
	if err := os.WriteFile(sample, []byte(clickOn(b, browser, list, cookies[0])), 0o600); err != nil {
		b.Fatal(err)
	}
	static := startStaticPage(b, sample)
	for _, one := range []struct {
		name    string
		address func(i int) string
	}{
		{"static page", func(int) string { return static }},
		{"list page 1", func(int) string { return list }},
		{"list page 5", func(int) string { return fifth }},
		{"message", func(i int) string { return url + rows[i] }},
	} {
		b.Run(one.name, func(b *testing.B) {
			var next atomic.Int64
			b.SetParallelism(4)
			b.RunParallel(func(p *testing.PB) {
				i := int(next.Add(1)) % accounts
				for p.Next() {
					clickOn(b, browser, one.address(i), cookies[i])
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "clicks/s")
		})
	}
}

// warmSite starts a cluster on a Dovecot with mail and logs everybody in. It
// returns where the site is and what browsers send as their cookies.
func warmSite(b *testing.B, program string, accounts, messages int) (string, []string) {
	var users []testbed.User
	var names []string
	for i := range accounts {
		names = append(names, fmt.Sprintf("u%d", i+1))
		users = append(users, testbed.User{Name: names[i], Password: anaPassword})
	}
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { dovecot.Stop() })
	if err := dovecot.Fill(names[0], mailgen.New(1, time.Now()).Folder("INBOX", messages)); err != nil {
		b.Fatal(err)
	}
	if err := dovecot.Clone(names[0], names[1:]...); err != nil {
		b.Fatal(err)
	}
	cluster, err := testbed.StartCluster(testbed.ClusterConfig{Program: program, IMAP: dovecot.IMAPAddr(), Domain: "example.edu", Nodes: 2, Frontends: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cluster.Stop() })
	site, err := url.Parse(cluster.URL())
	if err != nil {
		b.Fatal(err)
	}
	var cookies []string
	for _, name := range names {
		v := newVisitor(b)
		v.logIn(cluster.URL(), name+"@example.edu", anaPassword)
		var pairs []string
		for _, cookie := range v.client.Jar.Cookies(site) {
			pairs = append(pairs, (&http.Cookie{Name: cookie.Name, Value: cookie.Value}).String())
		}
		cookies = append(cookies, strings.Join(pairs, "; "))
	}
	return strings.TrimSuffix(cluster.URL(), "/"), cookies
}

// startStaticPage starts serveStaticPage in another process and returns its
// address.
func startStaticPage(b *testing.B, path string) string {
	address := freeAddress(b)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), staticAddress+"="+address, staticPage+"="+path)
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	eventually(b, "the static page is served", func() error {
		_, err := newVisitor(b).get("http://" + address)
		return err
	})
	return "http://" + address + "/"
}

// clickOn gets a page, which has to be there, and returns it.
func clickOn(b *testing.B, browser *fasthttp.Client, address, cookie string) string {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(address)
	request.Header.Set("Cookie", cookie)
	if err := browser.Do(request, response); err != nil {
		b.Error(err)
		return ""
	}
	if response.StatusCode() != fasthttp.StatusOK {
		b.Errorf("%s: status %d", address, response.StatusCode())
	}
	return string(response.Body())
}
