package main

import (
	"errors"
	"maps"
	"testing"

	"alphamail/deploy/config"
	"alphamail/node/submit"
)

// TestSubmissionIsWired follows the keys for sending to where they are used.
func TestSubmissionIsWired(t *testing.T) {
	settings, err := config.Parse("alphamail.yaml", []byte(`
imap_servers: example.edu=imap.example.edu, example.net=imap.example.net, example.org=imap.example.org
smtp_servers: example.edu=smtp.example.edu, example.net=relay.example.net:25
domains:
  example.net:
    submission: {login: relay, user: webmail, password: secret, sent_by_server: true, messages_per_hour: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	settings.Cluster.Name = "node-1"
	own, err := nodeConfig(settings)
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]submit.Route{}
	for _, domain := range own.Domains {
		routes[domain.Name] = domain.Backend.Submission
	}
	edu, net := routes["example.edu"], routes["example.net"]
	if edu.Server.Address() != "smtp.example.edu:465" || edu.Server.Security != submit.ImplicitTLS || edu.Login != submit.AsUser || edu.FiledByServer {
		t.Errorf("example.edu sends by %+v", edu)
	}
	if net.Server.Address() != "relay.example.net:25" || net.Server.Security != submit.StartTLS || net.Credentials("ana", "x") != (submit.Credentials{User: "webmail", Password: "secret"}) || !net.FiledByServer {
		t.Errorf("example.net sends by %+v", net)
	}
	if routes["example.org"].Server.Host != "" {
		t.Errorf("example.org sends by %+v", routes["example.org"])
	}
	var limited *submit.LimitError
	for i, want := range []bool{false, true} {
		if _, err := net.Limiter.Take("ana@example.net", 1); errors.As(err, &limited) != want {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if _, err := edu.Limiter.Take("ana@example.edu", 1001); !errors.As(err, &limited) {
		t.Errorf("no limit by default: %v", err)
	}
}

// TestPinsAreWired follows pins to the names that accounts have on the ring.
func TestPinsAreWired(t *testing.T) {
	settings, err := config.Parse("alphamail.yaml", []byte(`
imap_servers: example.edu=imap.example.edu, example.net=imap.example.net
domains:
  example.net:
    case_sensitive: true
cluster:
  pins: [Help.Desk@Example.edu=node-3, Help.Desk@example.net=node-4]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"help.desk@example.edu": "node-3", "Help.Desk@example.net": "node-4"}
	if got := pins(settings); !maps.Equal(got, want) {
		t.Errorf("pins are %v, not %v", got, want)
	}
}
