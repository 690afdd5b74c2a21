package account

import "sync"

// claims are what this account remembers of operations: those that it is sending,
// or perhaps sent, for mail servers that keep no keywords; and the digests of drafts
// that it sent, so that a form that comes twice is known.
type claims struct {
	mu      sync.Mutex // guards what follows
	claimed map[string]bool
	digests map[string]string
}

// maxDigests bounds the digests of one account; beyond that all are forgotten.
const maxDigests = 200

func (c *claims) set(operation string, claimed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claimed == nil {
		c.claimed = map[string]bool{}
	}
	if claimed {
		c.claimed[operation] = true
	} else {
		delete(c.claimed, operation)
	}
}

func (c *claims) has(operation string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return operation != "" && c.claimed[operation]
}

func (c *claims) sent(operation, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digests == nil || len(c.digests) >= maxDigests {
		c.digests = map[string]string{}
	}
	c.digests[operation] = digest
}

// sentAs is the digest of the draft that was sent; empty for none that is known.
func (c *claims) sentAs(operation string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.digests[operation]
}
