// Package unsubscribe tells the host of a mailing list that a reader leaves it: one
// POST, as RFC 8058 describes it.
//
// Where it goes, a message says, so whoever sends mail chooses. The promise is that
// this lets nobody reach what a node alone can reach. Only https is spoken, on its
// own port; no redirect is followed and no proxy used; nothing of the reader goes
// along; the answer is bounded in time and size, and only its status counts. Whether
// an address may be reached is decided on the address that is about to be connected
// to, after its name was resolved: a name that means one address when it is looked
// at and another one when it is used (DNS rebinding) gains nothing.
//
// The caller has made sure that the message is signed by who names the link.
package unsubscribe
