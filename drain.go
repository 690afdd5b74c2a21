package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"alphamail/deploy/config"
	"alphamail/ring"
)

type drainCommand struct {
	Config string `required:"" type:"existingfile" help:"Configuration file of the member on this machine that shall stop."`
}

const (
	// drainTimeout is more than the steps of stopping may take together, after
	// the notice.
	drainTimeout = 6 * shutdownTimeout
	// drainHeader keeps pages of a browser on this machine from asking: they
	// cannot send it to another site.
	drainHeader = "X-Alphamail-Drain"
)

// Run asks the member of the configuration file to hand over its work and to
// stop, as SIGTERM does, and returns when it has stopped.
func (d drainCommand) Run(ctx context.Context, terminal console) error {
	settings, err := loadConfig(d.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settings.Cluster.DrainNotice+drainTimeout)
	defer cancel()
	if err := askToDrain(ctx, settings); err != nil {
		return fmt.Errorf("no member can be asked at %s: %w", settings.AdminListen, err)
	}
	fmt.Fprintf(terminal.out, "%s hands over its work.\n", settings.Cluster.Name)
	for adminAnswers(ctx, settings) {
		select {
		case <-ctx.Done():
			return errors.New("it has not stopped yet")
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintf(terminal.out, "%s has stopped.\n", settings.Cluster.Name)
	return nil
}

func askToDrain(ctx context.Context, settings *config.Config) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+settings.AdminListen+"/drain", nil)
	if err != nil {
		return err
	}
	request.Header.Set(drainHeader, "1")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return errors.New(answer.Status)
	}
	return nil
}

func adminAnswers(ctx context.Context, settings *config.Config) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+settings.AdminListen+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err == nil {
		answer.Body.Close()
	}
	return err == nil
}

// drain lets others take over before the member stops: it says that it is not
// ready and owns nothing any more, so that others take it out of their tables and
// a balancer out of its list, and goes on with what reaches it meanwhile.
func (m *member) drain() {
	if m.draining.Swap(true) || m.settings.Alone() || m.ring == nil {
		return
	}
	if err := m.ring.SetState(ring.StateDraining); err != nil {
		m.log.Warn("the others do not know yet that this member stops", "error", err)
	}
	m.log.Info("draining")
	time.Sleep(m.settings.Cluster.DrainNotice)
}

// askedToDrain answers POST /drain of the admin port.
func (m *member) askedToDrain(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(drainHeader) == "" {
		http.Error(w, "the header "+drainHeader+" is missing", http.StatusForbidden)
		return
	}
	select {
	case m.asked <- struct{}{}:
	default: // it was asked before
	}
	w.WriteHeader(http.StatusAccepted)
}
