// Package sandbox will run a named viewer on the untrusted bytes of an
// attachment in a jail that sees nothing but those bytes.
package sandbox
