// Package bench measures mail servers and web mail under load, and writes down
// what it measured so that it can be compared.
//
// A Plan says who clicks on what, and how much; Execute makes it a Report. The
// parts are packages of their own: load is the engine, profile and script say
// what people ask for, webuser and imapuser ask, inventory knows what the answers
// must hold, meter reads what the servers used, stats tells differences from
// noise, fill makes mailboxes, testbed starts servers.
package bench
