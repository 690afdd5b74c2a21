// Package page turns answers of the page protocol into HTML: templates, assets,
// translations and the URLs that pages link to. A typed page goes in, HTML
// comes out; no I/O, no cookies, no knowledge of who asks.
package page

import (
	"time"

	"alphamail/node/api"
)

// Context is what every page knows about its reader and request.
type Context struct {
	// Language is a tag that Languages offers, such as "en".
	Language string
	// Account is the address of the logged-in reader; empty before login.
	Account string
	// CSRF is the token for every form of this page, already masked.
	CSRF string
	// DropsEmptyLines tells that the reader's browser leaves out the empty lines that a
	// text to edit begins with, as lynx does.
	DropsEmptyLines bool
	// Now is the time of the request in the zone that dates are shown in.
	Now time.Time
	// Settings are those of the reader; zero where none are known.
	Settings api.Settings
	// Search is what the field for searches holds: the folder that is open, and on the
	// page of a search its query.
	Search api.Search
}

// Login is the login page.
type Login struct {
	// Domains are offered for choice when there are several.
	Domains []string
	// Domain and User fill the form again after a failure.
	Domain string
	User   string
	// Next is the local path to go to after login; may be empty.
	Next string
	// Problem says why the reader sees the form again; empty at first.
	Problem LoginProblem
	// Wait is how long to wait before the next attempt, for LoginThrottled.
	Wait time.Duration
}

// LoginProblem is a reason to show the login page (again).
type LoginProblem string

// The reasons that the login page can explain.
const (
	LoginFailed        LoginProblem = "failed"         // wrong user or password
	LoginEmpty         LoginProblem = "empty"          // user or password missing
	LoginUnknownDomain LoginProblem = "unknown_domain" // a domain that is not served here
	LoginBadName       LoginProblem = "bad_name"       // not a user name
	LoginExpired       LoginProblem = "expired"        // the session has ended
	LoginLoggedOut     LoginProblem = "logged_out"     // goodbye
	LoginNoCookie      LoginProblem = "no_cookie"      // the browser sent no cookie back
	LoginStale         LoginProblem = "stale"          // the form was too old or came from elsewhere
	LoginBackendDown   LoginProblem = "backend_down"   // the mail server does not answer
	LoginBusy          LoginProblem = "busy"           // too much at once
	LoginThrottled     LoginProblem = "throttled"      // too many attempts have failed
)

// Mailbox is a list page.
type Mailbox struct {
	Answer *api.MailboxAnswer
	// Done says what the reader has just done; empty for nothing.
	Done Done
	// Refused are recipients who do not get the message that was sent.
	Refused []string
	// AllSelected checks the boxes of all rows, Selected those of these messages.
	AllSelected bool
	Selected    []uint32
	// WholeSelected selects all messages of the list, those on its other pages too.
	WholeSelected bool
	// Notice tells what the reader has just done; may be nil.
	Notice *Notice
}

// Done is something that a reader did and that a list page confirms.
type Done string

// What list pages confirm.
const (
	DoneSent      Done = "sent"
	DoneNotCopied Done = "not_copied" // sent, and the copy is not put away
	DoneDiscarded Done = "discarded"
)

// Folders is the folder list as a page of its own, for narrow screens.
type Folders struct {
	Answer *api.MailboxAnswer
	// Name is what stands in the field for a new folder, Problem why it cannot be
	// made.
	Name    string
	Problem api.FolderProblem
	// Usage is how much room the mail takes; nil if that is not known.
	Usage *api.UsageAnswer
	// Notice is as in Mailbox.
	Notice *Notice
}

// Message is one message with its frame.
type Message struct {
	Answer *api.MessageAnswer
	// List is the one that the message was opened from.
	List api.ListView
	// AsText shows the text even when there is an HTML view.
	AsText bool
	// AllowRemote shows the remote images of the HTML view.
	AllowRemote bool
	// Details shows all header fields.
	Details bool
	// ThenNext is the choice to go on with the next message.
	ThenNext bool
	// Notice is as in Mailbox.
	Notice *Notice
}

// Print is a message on its own, for paper.
type Print struct {
	Answer *api.MessageAnswer
	// List is as in Message.
	List api.ListView
}

// Body is the document inside the frame of an HTML message.
type Body struct {
	Answer *api.BodyAnswer
}

// Error is a page that says what happened and what to do.
type Error struct {
	// Status is the HTTP status, for example 404.
	Status int
	// Code chooses the words. Unknown codes get general ones.
	Code api.Code
	// RequestID is shown so that a help desk can find the log line.
	RequestID string
	// Retry is the local path to try again; may be empty.
	Retry string
	// RetryAfter is how long to wait before; 0 when nothing is known.
	RetryAfter time.Duration
	// Folders, where they are known, show ways that may still be open.
	Folders []api.Folder
}
