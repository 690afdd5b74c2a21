// Package testbed starts mail servers on loopback for demonstrations, tests and
// measurements, fills them with generated mail, and ends them again:
//
//   - StartMemory: IMAP and SMTP in this process, mail in memory;
//   - StartDovecot: a real Dovecot 2.3 with a configuration and a mail folder
//     of its own, which can be taken down, brought back and frozen;
//   - StartProxy: a proxy in front of any of them that counts IMAP work and
//     injects faults.
//
// Everything that is started has a Close or Stop that ends it, its
// connections, processes and temporary files included.
package testbed
