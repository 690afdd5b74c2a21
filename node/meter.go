package node

import (
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// meter counts what a node does. Names of commands and codes come from code,
// never from outside, so the number of series is bounded.
type meter struct {
	set *metrics.Set
}

func newMeter(set *metrics.Set, accounts func() int) *meter {
	set.NewGauge("alphamail_node_accounts", func() float64 { return float64(accounts()) })
	return &meter{set}
}

func (m *meter) command(name string, code api.Code, elapsed time.Duration) {
	m.set.GetOrCreateCounter(`alphamail_node_commands_total{command="` + name + `",code="` + string(code) + `"}`).Inc()
	m.set.GetOrCreatePrometheusHistogram(`alphamail_node_command_seconds{command="` + name + `"}`).Update(elapsed.Seconds())
}

// imapCommand counts a command that was sent to a mail server: answered OK,
// refused with NO or BAD, or lost with its connection.
func (m *meter) imapCommand(name string, elapsed time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "lost"
		if _, refused := imapconn.IsRefusal(err); refused {
			result = "refused"
		}
	}
	m.set.GetOrCreateCounter(`alphamail_imap_commands_total{command="` + name + `",result="` + result + `"}`).Inc()
	m.set.GetOrCreatePrometheusHistogram(`alphamail_imap_command_seconds{command="` + name + `"}`).Update(elapsed.Seconds())
}

// strange counts what was not understood, by what it was. The kinds come from
// imapconn.
func (m *meter) strange(what string) {
	m.set.GetOrCreateCounter(`alphamail_imap_strange_total{what="` + what + `"}`).Inc()
}

// backend shows whether the mail server of a domain counts as away, and how many
// connections there are to it. Domains come from the configuration.
func (m *meter) backend(domain string, gate *account.Gate) {
	m.set.NewGauge(`alphamail_backend_away{domain="`+domain+`"}`, func() float64 {
		if gate.Away() {
			return 1
		}
		return 0
	})
	m.set.NewGauge(`alphamail_backend_connections{domain="`+domain+`"}`, func() float64 {
		open, _ := gate.Open()
		return float64(open)
	})
}
