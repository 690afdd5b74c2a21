package account

import (
	"context"
	"time"

	"alphamail/node/api"
	"alphamail/node/settings"
)

// EndSessions ends all sessions of the user that began before now, on every node: it
// is kept among the settings. Sessions know the second in which they began, so this
// one is waited for. Errors: unsupported where nothing can be kept, and those of the
// mail server.
func (a *Account) EndSessions(ctx context.Context) error {
	if a.config.SettingsFolder == "" {
		return api.NewError(api.CodeUnsupported, "Settings are not kept here, so other sessions cannot be ended.", nil)
	}
	if _, err := a.knownBook(ctx, true); err != nil {
		return err
	}
	now := time.Now()
	timer := time.NewTimer(now.Truncate(time.Second).Add(time.Second).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return api.AsError(ctx.Err())
	}
	return a.write(ctx, func(known settings.Document, now time.Time) (settings.Document, error) {
		changed := settings.NewBook(known).Settings
		changed.NotBefore = now.Unix()
		written, _, err := settings.Changed(known, []api.Change{{Settings: &changed}}, "", now)
		return written, err
	})
}

// EndedSessions is the time before which all sessions of the user have ended; zero if
// none have. Where the settings cannot be read, none is known to have.
func (a *Account) EndedSessions(ctx context.Context) (time.Time, error) {
	if err := a.learnSettings(ctx); err != nil {
		return time.Time{}, err
	}
	if shown := a.kept.shown.Load(); shown != nil && shown.NotBefore > 0 {
		return time.Unix(shown.NotBefore, 0), nil
	}
	return time.Time{}, nil
}
