package account

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
)

// flagSet holds the flags that pages show, a bit each.
type flagSet uint8

const (
	flagSeen flagSet = 1 << iota
	flagFlagged
	flagAnswered
	flagForwarded
	flagDraft
	flagDeleted
)

// flagBits maps the flags of RFC 9051 section 2.3.2, compared without case.
var flagBits = map[imap.Flag]flagSet{
	"\\seen":     flagSeen,
	"\\flagged":  flagFlagged,
	"\\answered": flagAnswered,
	"$forwarded": flagForwarded,
	"\\draft":    flagDraft,
	"\\deleted":  flagDeleted,
}

func newFlagSet(flags []imap.Flag) flagSet {
	var set flagSet
	for _, flag := range flags {
		set |= flagBits[lowerFlag(flag)]
	}
	return set
}

func (s flagSet) api() api.Flags {
	return api.Flags{
		Seen: s&flagSeen != 0, Flagged: s&flagFlagged != 0, Answered: s&flagAnswered != 0,
		Forwarded: s&flagForwarded != 0, Draft: s&flagDraft != 0, Deleted: s&flagDeleted != 0,
	}
}

func lowerFlag[T ~string](flag T) T { return T(strings.ToLower(string(flag))) }
