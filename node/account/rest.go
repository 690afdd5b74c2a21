package account

import "time"

// Rest gives back what the account does not need while nobody asks it anything:
// its connections after IdleConnection, and with them the index of the selected
// mailbox but for a few bytes. (The watcher goes before, by itself; what is cached
// goes as others need the room.) With press, it does so at once. It does
// not wait for a question under way, and reports whether anything was given back.
func (a *Account) Rest(press bool) bool {
	a.searches.rest()
	return a.tryTurn(func() bool {
		if a.conn == nil || a.Working() || !press && time.Since(a.LastUse()) < a.config.IdleConnection {
			return false
		}
		if a.stopWatching != nil {
			a.stopWatching()
		}
		conn := a.conn
		a.conn = nil
		a.leave()
		if len(a.jobNews()) == 0 { // else the next page tells of them
			a.kept.rest()
		}
		conn.Logout()
		return true
	})
}

// StandBack ends what the account does unasked: another node answers for it now.
// Questions that still come are answered. It reports whether there was something,
// and does nothing while the account is used.
func (a *Account) StandBack() bool {
	return a.tryTurn(func() bool {
		if a.stopWatching == nil {
			return false
		}
		a.stopWatching()
		return true
	})
}

// Connected tells whether the account holds a foreground connection, or is just
// being used.
func (a *Account) Connected() bool {
	idle := a.tryTurn(func() bool { return a.conn == nil })
	return !idle
}
