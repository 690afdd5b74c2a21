package account

import "time"

// Rest gives back what the account does not need while nobody asks it anything:
// its connection after IdleConnection, and with it the index of the selected
// mailbox but for a few bytes. (The watcher has gone before by itself; what is
// cached goes as others need the room.) With press, it does so at once. It does
// not wait for a question under way, and reports whether anything was given back.
func (a *Account) Rest(press bool) bool {
	select {
	case a.turn <- struct{}{}:
	default:
		return false
	}
	defer func() { <-a.turn }()
	if a.conn == nil || !press && time.Since(a.LastUse()) < a.config.IdleConnection {
		return false
	}
	conn := a.conn
	a.conn = nil
	a.leave()
	conn.Logout()
	return true
}

// Connected tells whether the account holds a foreground connection.
func (a *Account) Connected() bool {
	select {
	case a.turn <- struct{}{}:
	default:
		return true // somebody uses it
	}
	defer func() { <-a.turn }()
	return a.conn != nil
}
