package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"alphamail/deploy/config"
)

type serveCommand struct {
	Config string `required:"" type:"existingfile" help:"Configuration file."`
	Role   role   `default:"all" enum:"all,frontend,node" help:"What this process does: ${enum}."`
}

// Run runs a member until the context ends or a listener fails.
func (s serveCommand) Run(ctx context.Context, terminal console) error {
	settings, err := loadConfig(s.Config)
	if err != nil {
		return err
	}
	log := newLog(settings, terminal.err)
	running, err := startMember(settings, s.Role, log)
	if err != nil {
		return err
	}
	defer running.stop()
	select {
	case <-ctx.Done():
		running.drain()
		log.Info("stopping")
		return nil
	case <-running.asked:
		running.drain()
		log.Info("stopping")
		return nil
	case err := <-running.failed:
		return err
	}
}

// loadConfig reads a configuration file and names the member after its machine
// when the file does not.
func loadConfig(path string) (*config.Config, error) {
	settings, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	if settings.Cluster.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("set cluster.name: this machine's name is not known: %w", err)
		}
		settings.Cluster.Name = cmp.Or(host, "alphamail")
	}
	return settings, nil
}

func newLog(settings *config.Config, to io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(settings.LogLevel)); err != nil {
		level = slog.LevelInfo // config admits only levels that slog knows
	}
	options := &slog.HandlerOptions{Level: level}
	if settings.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
