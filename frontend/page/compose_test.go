package page

import (
	"io"
	"strings"
	"testing"

	"alphamail/node/api"
)

// A draft that may have been sent, or was, is not called unsent, however its reader
// came to it.
func TestADraftSaysOneThing(t *testing.T) {
	c := Context{Language: "en", CSRF: "token", Account: "maria@example.edu"}
	words := localeOf("en")
	for state, denies := range map[api.DraftState]bool{api.DraftUnsent: true, api.DraftUnclear: false, api.DraftSent: false} {
		draft := sampleDraft()
		draft.State = state
		shown := string(write(t, func(w io.Writer) error {
			return WriteCompose(w, c, Compose{Draft: draft, Reason: api.ReasonInterrupted})
		}))
		if strings.Contains(shown, words.NotSent) != denies {
			t.Errorf("a draft in state %q:\n%s", state, shown)
		}
	}
}
