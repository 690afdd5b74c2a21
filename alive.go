package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"alphamail/node/api"
)

// aliveTimeout is how long a part of a member may take to show that it does not hang.
const aliveTimeout = 5 * time.Second

// alive tells which part of the member hangs, nil when none does: it asks them as
// others do. That it cannot do its work is another matter (see ready).
func (m *member) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, aliveTimeout)
	defer cancel()
	if m.node != nil {
		answered := make(chan error, 1)
		go func() { // ends with the answer; a node that hangs is ended with the process
			_, err := m.node.Status(ctx, &api.Call{RequestID: "alive"}, &api.StatusQuestion{})
			answered <- err
		}()
		select {
		case err := <-answered:
			if err != nil {
				return fmt.Errorf("the node: %w", err)
			}
		case <-ctx.Done():
			return errors.New("the node does not answer")
		}
	}
	if len(m.webListeners) > 0 {
		if err := m.askWeb(ctx); err != nil {
			return fmt.Errorf("the frontend: %w", err)
		}
	}
	return nil
}

// askWeb asks our own web server whether it is ready; any answer will do.
func (m *member) askWeb(ctx context.Context) error {
	scheme := "http"
	if m.settings.HTTPS() {
		scheme = "https"
	}
	address := m.webListeners[0].Addr().(*net.TCPAddr)
	if address.IP.IsUnspecified() {
		address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: address.Port}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address.String()+"/readyz", nil)
	if err != nil {
		return err
	}
	// It is our own certificate, for another name than this address.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// report tells the service manager when the member is ready and, for as long as it
// does not hang, that it is alive; until the context ends. Without a service manager
// that wants to know it does nothing.
func (m *member) report(ctx context.Context) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the service manager's watchdog", "error", err)
	}
	interval := 200 * time.Millisecond
	for ready := false; ; {
		if !ready && m.ready() == nil {
			ready = true
			m.notify(daemon.SdNotifyReady)
			if watchdog == 0 {
				return
			}
			interval = watchdog / 3
		}
		if watchdog > 0 {
			if err := m.alive(ctx); err == nil {
				m.notify(daemon.SdNotifyWatchdog)
			} else if ctx.Err() == nil {
				m.log.Error("a part of this member hangs", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

// notify tells the service manager, if there is one.
func (m *member) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.log.Warn("telling the service manager", "error", err)
	}
}
