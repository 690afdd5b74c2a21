// Package deploy holds what an operator writes, installs and runs. The
// configuration file is in deploy/config.
package deploy
