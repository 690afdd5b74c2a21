// Package submit will hand composed messages to a mail submission server
// (RFC 6409), never twice.
package submit
