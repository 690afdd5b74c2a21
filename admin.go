package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/ring"
)

// admin is the operator's port: health, readiness, metrics, profiles and the
// member's view of the ring. It holds no user's data and is meant for loopback or a
// management network.
type admin struct {
	server *http.Server
	served chan struct{} // closed when Serve has returned
}

// memberView is how one member sees the cluster: the answer of GET /status.
type memberView struct {
	Member     string        `json:"member"`
	Version    string        `json:"version"`
	RingDigest uint64        `json:"ring_digest,string"`
	Members    []ring.Member `json:"members"`
	// Owner is the owner of the account asked for with ?account=.
	Owner string `json:"owner,omitempty"`
}

// serveAdmin answers for a member on the listener until close.
func serveAdmin(listener net.Listener, m *member) *admin {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := m.alive(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := m.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.metrics.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
		metrics.WriteFDMetrics(w)
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(m.view(r.URL.Query().Get("account")))
	})
	mux.HandleFunc("POST /drain", m.askedToDrain)
	// Where processor time and memory go, for `go tool pprof`. Profiles hold no
	// user's data.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a := &admin{
		server: &http.Server{
			Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
		},
		served: make(chan struct{}),
	}
	go func() { // ended by close
		defer close(a.served)
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			m.log.Error("the admin port failed", "error", err)
		}
	}()
	return a
}

func (a *admin) close(ctx context.Context) {
	if err := a.server.Shutdown(ctx); err != nil {
		a.server.Close()
	}
	<-a.served
}
