// Package memimap keeps mail in memory and serves it through go-imap's
// imapserver. It exists beside go-imap's own imapmemserver for what a
// demonstration and a load test need and that one does not do: special-use
// mailboxes, LIST attributes for children, message bytes returned exactly as
// they were stored however malformed, content shared between thousands of
// accounts, a MOVE that reports every expunge once, and no lock held while a
// slow client is written to.
//
// A Store holds users, a user holds mailboxes, a mailbox holds entries: a UID,
// flags, and a pointer to an immutable Message that any number of mailboxes
// may share. NewSession serves one connection.
//
// Locking: Store.mu, then User.mu, then mailbox.mu; never two mailboxes at
// once; no I/O with a lock held.
package memimap
