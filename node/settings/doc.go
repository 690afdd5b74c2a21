// Package settings will keep a user's settings and address book as messages in
// a hidden folder of the user's own IMAP store, so that nothing of a user lives
// on a node.
package settings
