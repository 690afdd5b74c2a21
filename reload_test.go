package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/deploy/config"
	"alphamail/node/api/transport"
)

// TestKeysOfARunningCluster changes the keys of seals and of the gossip while
// somebody reads: nobody is logged out whose session is in use, and a copy from
// before is of no use once its key is gone.
func TestKeysOfARunningCluster(t *testing.T) {
	t.Parallel() // it mostly waits
	members := cluster(t, mailServer(t).IMAPAddr(), "session_idle: 1m\n")
	for _, one := range members {
		one.start(t)
	}
	agreedOwner(t, members, 3)
	base := "http://" + members["front-1"].web
	reader, thief := newVisitor(t), newVisitor(t)
	reader.logIn(base, ana, anaPassword)
	thief.client.Jar = copyOfCookies(t, reader, base)
	keys := func(words ...string) (string, error) {
		return output(t, t.Context(), append([]string{"keys", "--config", members["node-1"].config, "--kind"}, words...)...)
	}
	step := func(words ...string) (key string) {
		t.Helper()
		said, err := keys(words...)
		if err != nil {
			t.Fatalf("keys %v: %v, %s", words, err, said)
		}
		return strings.Fields(said)[0]
	}
	refusesUnknownKey(t, members["node-1"])
	for _, kind := range []string{"seal", "gossip"} {
		old, fresh := step(kind, "list"), step(kind, "add")
		if _, err := keys(kind, "remove", old); err == nil {
			t.Fatal("the key in use is removed")
		}
		for i, words := range [][]string{nil, {kind, "use", fresh}, {kind, "remove", old}} {
			if words != nil {
				step(words...)
			}
			haveRead(t, members, kind+" keys", i+1)
			// Sessions are renewed after a sixteenth of a minute.
			wait := map[string]time.Duration{"seal": 4 * time.Second, "gossip": time.Second}[kind]
			for until := time.Now().Add(wait); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
				if page := reader.open(base + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
					t.Fatalf("after %v the reader is led to %s", words, page.url)
				}
			}
		}
	}
	agreedOwner(t, members, 3)
	refused(t, thief, base, "after its key was removed")
}

// refusesUnknownKey adds a key where no member looks: it cannot be used.
func refusesUnknownKey(t *testing.T, one *clusterMember) {
	t.Helper()
	config, err := os.ReadFile(one.config)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.CopyFS(secrets, os.DirFS(filepath.Join(filepath.Dir(one.config), "state"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sealKeys, clusterAuthority} { // copies can be read by all
		if err := os.Chmod(filepath.Join(secrets, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := writeFile(t, dir, "elsewhere.yaml", strings.Replace(string(config), "cluster:\n", "cluster:\n  secrets_dir: "+secrets+"\n", 1))
	added, err := output(t, t.Context(), "keys", "--config", elsewhere, "add")
	if err != nil {
		t.Fatalf("%v: %s", err, added)
	}
	if said, err := output(t, t.Context(), "keys", "--config", elsewhere, "use", strings.Fields(added)[0]); err == nil || !strings.Contains(said, "does not have the key yet") {
		t.Errorf("a key that no node has is used: %v, %s", err, said)
	}
}

// haveRead waits until all members for which a file is meant have read it again so
// many times.
func haveRead(t *testing.T, members map[string]*clusterMember, what string, times int) {
	t.Helper()
	for _, one := range members {
		if one.role == "frontend" && what == "seal keys" {
			continue // they do not have them
		}
		one.waitFor(func(output string) string {
			if strings.Count(output, `msg="read again" what="`+what+`"`) >= times {
				return "read"
			}
			return ""
		})
	}
}

// TestAuthorityOfARunningCluster puts another certificate authority in the place of
// the first one.
func TestAuthorityOfARunningCluster(t *testing.T) {
	t.Parallel() // it mostly waits
	members := cluster(t, mailServer(t).IMAPAddr())
	for _, one := range members {
		one.start(t)
	}
	agreedOwner(t, members, 3)
	base := "http://" + members["front-1"].web
	reader := newVisitor(t)
	reader.logIn(base, ana, anaPassword)
	path := filepath.Join(filepath.Dir(members["node-1"].config), "state", "cluster.pem")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := transport.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{slices.Concat(old, fresh), slices.Concat(fresh, old), fresh} {
		if err := os.WriteFile(path+".new", content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		haveRead(t, members, "cluster authority", i+1)
		reader.open(base + "/mail/INBOX")
		agreedOwner(t, members, 3) // asks all nodes over new connections
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	members["front-1"].waitFor(func(output string) string {
		if strings.Contains(output, "cannot be used") {
			return "refused"
		}
		return ""
	})
	reader.open(base + "/mail/INBOX")
}

// TestWebCertificateIsRenewed replaces the certificate of the web server, as a
// certificate authority's client does every few weeks.
func TestWebCertificateIsRenewed(t *testing.T) {
	t.Parallel() // it mostly waits
	web := freeAddress(t)
	server := mailServer(t)
	pair := writeFile(t, t.TempDir(), "pair.pem", selfSignedPair(t))
	alone(t, server.IMAPAddr(), "listen: "+web, "admin_listen: "+freeAddress(t), "tls_certificate: "+pair, "tls_key: "+pair)
	serial := func() (number string, err error) {
		conn, err := tls.Dial("tcp", web, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return "", err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
	}
	first, err := serial()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Dir(pair), "pair.pem", selfSignedPair(t))
	eventually(t, "another certificate is shown", func() error {
		if now, err := serial(); err != nil || now == first {
			return fmt.Errorf("%s, %v", now, err)
		}
		return nil
	})
}

func selfSignedPair(t *testing.T) string {
	t.Helper()
	pair, err := selfSigned(&config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return string(pair)
}
