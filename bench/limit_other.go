//go:build !unix

package bench

func raiseFileLimit() error { return nil }

func fileLimit() int { return 1 << 30 }
