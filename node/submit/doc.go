// Package submit hands a message to a mail submission server (RFC 6409), and
// always knows what became of it.
//
//	Dial                         220, EHLO, [STARTTLS, EHLO], [AUTH]
//	Send  addresses are checked  nothing is written for one that is none
//	      MAIL, RCPT, RCPT, …    by default all recipients or nobody
//	      DATA, the body         as a stream, nothing of it is kept
//	      Confirm                the caller's last word: an error, and it is not sent
//	      the final dot          from here on the message may be on its way
//	      the answer             sent, or not
//	Close QUIT
//
// Every failure is an *Error, whose Kind tells what it means for the message.
// Only a connection that breaks behind the beginning of the final dot and before
// its answer leaves anything Unclear; everything else is certain. So a caller who
// writes down before Send that a message is being sent, and takes that back on
// any error but Unclear, never sends twice without knowing it.
//
// A Session is used by one goroutine at a time and has none of its own. Everything
// that a server says is bounded, and its words are made safe to show (Error.Text,
// Refusal.Text); texts of Go errors hold neither its words nor passwords nor
// anything of the message, because a server may repeat what it likes.
//
// A Limiter bounds what one account may send in an hour, so that a stolen one
// does little harm.
package submit
