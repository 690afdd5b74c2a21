package page

import (
	"strings"

	"alphamail/node/api"
)

// checkedPassed says that the receiving host proved where a message comes from;
// empty when it did not.
func (l *locale) checkedPassed(c *api.Checked) phrase {
	if c == nil || c.Result != api.CheckPassed || c.Host == "" || c.Domain == "" || len(c.Methods) == 0 {
		return phrase{}
	}
	return phrase{l.CheckedPassed, []string{"Host", c.Host, "Domain", c.Domain, "Methods", strings.Join(c.Methods, l.ListSeparator)}}
}

// checkedFailed warns that it found the opposite; empty when it did not.
func (l *locale) checkedFailed(c *api.Checked) phrase {
	if c == nil || c.Result != api.CheckFailed {
		return phrase{}
	}
	return phrase{l.CheckedFailed, []string{"Host", c.Host, "Domain", c.Domain}}
}
