// Package wire is the syntax of IMAP (RFC 9051, RFC 3501 and extensions): bytes
// from a server to responses, commands to bytes. It knows no connection state
// and does nothing by itself.
//
// Reading is in two steps, so that a server's mistakes stay small. A Reader cuts
// the stream into responses: lines with the literals that belong to them, which
// needs no grammar. Parse then reads one response. What it does not know is
// Unknown, what makes no sense is Broken, and a message whose structure cannot
// be read loses that item alone; the stream goes on behind it in every case.
//
// Everything a server sends is bounded: see Limits.
package wire
