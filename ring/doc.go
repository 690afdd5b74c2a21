// Package ring answers one question: which node owns this key?
//
// Membership is gossip (memberlist), placement is a consistent-hash ring. A
// Table is computed from the members that can own keys, is immutable, and is
// published behind one atomic pointer: asking it takes no lock. Membership
// events arrive in memberlist's goroutines, which must not be held up, so they
// only ring a doorbell; one goroutine then reads the members, coalesces what
// happened together, and builds the next table.
//
// Members that lost sight of a configured seed keep trying to join it again:
// memberlist alone leaves a healed partition split.
//
// What all nodes must know alike (Shared) travels with the gossip. A node is
// joining, and owns nothing, until it has learned it.
package ring
