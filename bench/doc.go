// Package bench generates load, measures what it does to a mail server or a
// cluster, and writes reports of it.
package bench
