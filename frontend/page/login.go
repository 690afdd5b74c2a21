package page

func (l *locale) loginProblem(p Login) string {
	switch p.Problem {
	case LoginFailed:
		return l.LoginFailed
	case LoginEmpty:
		return l.LoginEmpty
	case LoginUnknownDomain:
		return l.LoginUnknownDomain
	case LoginBadName:
		return l.LoginBadName
	case LoginExpired:
		return l.LoginExpired
	case LoginLoggedOut:
		return l.LoginLoggedOut
	case LoginNoCookie:
		return l.LoginNoCookie
	case LoginStale:
		return l.LoginStale
	case LoginBackendDown:
		return l.LoginBackendDown
	case LoginBusy:
		return l.LoginBusy
	case LoginThrottled:
		return l.LoginThrottled + " " + l.wait(p.Wait)
	}
	return ""
}

// isFault tells a failure from an explanation.
func (p LoginProblem) isFault() bool { return p != LoginExpired && p != LoginLoggedOut }

// isAboutUser and isAboutPassword tell which fields to correct.
func (p LoginProblem) isAboutUser() bool {
	return p == LoginFailed || p == LoginEmpty || p == LoginUnknownDomain || p == LoginBadName
}

func (p LoginProblem) isAboutPassword() bool { return p == LoginFailed || p == LoginEmpty }
