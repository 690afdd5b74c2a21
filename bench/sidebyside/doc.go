// Package sidebyside measures AlphaMail beside Roundcube: on one mail server, in one
// run, in turn, with the same clicks. It starts all of them itself.
//
// Every product gets what it is at its best with on one machine: Roundcube a
// pool of PHP processes with compiled pages, AlphaMail a frontend and two nodes
// as processes of their own, with TLS between them. Both reach the mail server
// without encryption.
//
// Throughput and processor time come from a closed load, latencies from an open
// one at a rate that even the slowest bears: half of its throughput. What a
// click costs the mail server is counted one click after the other, by a proxy
// that nothing else passes through.
package sidebyside
