package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// history is what was recorded of one message that somebody wrote while something
// broke: what he did and was told, and what stands where in the end. Whether all of
// that may be is decided from it alone.
type history struct {
	Case string
	// Text is what he pressed a button with the last time, File tells the file that
	// he attached, To are the users whom he wrote to.
	Text, File string
	To         []string
	// Pages are what the pages after each press said of the message, in order; a
	// press without a page, or with one that says nothing of it, has an empty one.
	Pages [][]word
	// InHand tells that the last page has the text, or that there was no page and the
	// browser still has the form.
	InHand bool

	Drafts    []keptDraft         // in the end, as their own pages show them
	Sent      []letter            // copies
	Delivered map[string][]letter // by user, of everybody who might have got it
	Answered  bool                // the message that it answers is marked
}

// word is what a page says of a message.
type word string

// The words.
const (
	saidSent      word = "sent"
	saidNotCopied word = "not copied"        // together with saidSent: it is still among the drafts
	saidPutAway   word = "sent, not tidied"  // it was sent, and only putting it away failed
	saidUnclear   word = "may be sent"       //
	saidSending   word = "sent meanwhile"    // it was, or perhaps; what was written is kept as a draft of its own
	saidNotSent   word = "not sent"          //
	saidElsewhere word = "changed elsewhere" // both drafts are kept
	saidSaved     word = "saved"             //
	saidUnsaved   word = "not saved"         //
	saidNoFile    word = "file not taken"    //
)

// keptDraft is a draft, with what its page says of whether it was sent: saidPutAway,
// saidUnclear, or empty for a draft that can be sent.
type keptDraft struct {
	letter
	Says word
}

// letter is a message as somebody has it.
type letter struct{ Text, File string }

// The defects.
const (
	defectLost          = "text lost"
	defectTwice         = "sent twice"
	defectStranger      = "sent to somebody else"
	defectFalseSent     = "said to be sent, and was not"
	defectFalseNotSent  = "said not to be sent, and was"
	defectSilent        = "perhaps sent, and nothing says so"
	defectContradictory = "one page says both"
	defectDraftLeft     = "a draft is left that does not say that it was sent"
	defectNoCopy        = "no copy among those sent"
	defectCopies        = "several copies among those sent"
	defectFalseCopy     = "a copy of what was not sent"
	defectNotMarked     = "what it answers is not marked"
	defectNoFile        = "the attachment is missing or another"
	defectOtherText     = "another text was sent"
	defectNoAnswer      = "no answer, however often he asks"
)

// lastWords is what the last page said that told anything of sending.
func (h *history) lastWords() []word {
	for _, page := range slices.Backward(h.Pages) {
		if slices.ContainsFunc(page, func(said word) bool {
			return said == saidSent || said == saidPutAway || said == saidUnclear || said == saidSending || said == saidNotSent
		}) {
			return page
		}
	}
	return nil
}

// everSaid tells whether any page said a word.
func (h *history) everSaid(said word) bool {
	return slices.ContainsFunc(h.Pages, func(page []word) bool { return slices.Contains(page, said) })
}

// defects are what must not be, each once.
func (h *history) defects() []string {
	var found []string
	check := func(wrong bool, defect string) {
		if wrong && !slices.Contains(found, defect) {
			found = append(found, defect)
		}
	}
	last := h.lastWords()
	said := func(one word) bool { return slices.Contains(last, one) }
	tellsSent, tellsUnclear := said(saidSent) || said(saidPutAway), said(saidUnclear) || said(saidSending)

	arrived, goneOut := 0, false
	for user, letters := range h.Delivered {
		goneOut = goneOut || len(letters) > 0
		check(len(letters) > 1, defectTwice)
		check(len(letters) > 0 && !slices.Contains(h.To, user), defectStranger)
		for _, one := range letters {
			check(one.File != h.File, defectNoFile)
			check(one.Text != h.Text, defectOtherText)
		}
		if len(letters) > 0 && slices.Contains(h.To, user) {
			arrived++
		}
	}
	hasText := func(one letter) bool { return one.Text == h.Text }
	inDrafts := slices.ContainsFunc(h.Drafts, func(one keptDraft) bool { return hasText(one.letter) })
	copied := slices.ContainsFunc(h.Sent, hasText)
	check(!inDrafts && !copied && !goneOut && !h.InHand, defectLost)

	check(tellsSent && arrived < len(h.To), defectFalseSent)
	check(goneOut && arrived < len(h.To), defectFalseSent)
	check(said(saidNotSent) && !tellsSent && !tellsUnclear && goneOut, defectFalseNotSent)
	check(len(last) == 0, defectNoAnswer)
	for _, page := range h.Pages {
		denies := slices.Contains(page, saidNotSent)
		check(denies && slices.ContainsFunc(page, func(one word) bool {
			return one == saidSent || one == saidPutAway || one == saidUnclear || one == saidSending
		}), defectContradictory)
	}

	sendable := 0
	for _, draft := range h.Drafts {
		if draft.Says == "" {
			sendable++
		}
		check(draft.Text == h.Text && draft.File != h.File && !h.everSaid(saidElsewhere) && !h.everSaid(saidSending), defectNoFile)
	}
	explained := 0 // drafts that can be sent and that pages spoke of
	if h.everSaid(saidElsewhere) {
		explained++
	}
	if h.everSaid(saidSending) {
		explained++
	}
	switch {
	case tellsSent:
		check(sendable > explained, defectDraftLeft)
	case tellsUnclear:
		check(sendable > explained, defectSilent)
		check(!said(saidSending) && len(h.Drafts) == 0 && !copied, defectSilent)
	case goneOut:
		check(sendable > 0 || len(h.Drafts) == 0, defectSilent)
	}

	tidied := said(saidSent) && !said(saidNotCopied)
	check(tidied && len(h.Sent) == 0, defectNoCopy)
	check(said(saidSent) && said(saidNotCopied) && len(h.Sent) == 0 && len(h.Drafts) == 0, defectNoCopy)
	check(len(h.Sent) > 1, defectCopies)
	check(len(h.Sent) > 0 && !goneOut, defectFalseCopy)
	check(tidied && !h.Answered, defectNotMarked)
	for _, one := range h.Sent {
		check(one.File != h.File, defectNoFile)
	}
	return found
}

// outcome sums a history up.
func (h *history) outcome() string {
	last := h.lastWords()
	arrived := "it did not go out"
	if slices.ContainsFunc(h.To, func(user string) bool { return len(h.Delivered[user]) > 0 }) {
		arrived = "it went out"
	}
	switch {
	case slices.Contains(last, saidNotCopied):
		return "sent, and said that it is still among the drafts"
	case slices.Contains(last, saidSent):
		return "sent"
	case slices.Contains(last, saidPutAway):
		return "sent, and said that it is not put away"
	case slices.Contains(last, saidUnclear), slices.Contains(last, saidSending):
		return "said to be unclear; " + arrived
	case slices.Contains(last, saidNotSent):
		return "said not to be sent; " + arrived
	}
	return "no word; " + arrived
}

// goodHistory is one without a fault: the last press was answered.
func goodHistory() *history {
	one := letter{"Yes.", "f1"}
	return &history{
		Text: one.Text, File: one.File, To: []string{"ben", "cara"}, Pages: [][]word{{saidSaved}, {saidSent}}, Answered: true,
		Sent: []letter{one}, Delivered: map[string][]letter{"ben": {one}, "cara": {one}, "dora": nil},
	}
}

// unclearHistory is one in which nobody knows, and it is said.
func unclearHistory() *history {
	h := goodHistory()
	h.Pages, h.Answered, h.Sent = [][]word{{saidSaved}, {saidUnclear}}, false, nil
	h.Drafts = []keptDraft{{letter{h.Text, h.File}, saidUnclear}}
	return h
}

// TestTheJudgeOfHistories seeds faults into histories: each is found, and nothing
// else. Histories without a fault, however much broke, are let pass.
func TestTheJudgeOfHistories(t *testing.T) {
	nothing := func(h *history) { h.Delivered = nil }
	seeded := []struct {
		name  string
		from  func() *history
		fault func(*history)
		want  []string
	}{
		{"nothing", goodHistory, func(*history) {}, nil},
		{"the first press was lost", goodHistory, func(h *history) { h.Pages = [][]word{{}, {saidSaved}, {}, {saidSent}} }, nil},
		{"unclear and delivered", unclearHistory, func(*history) {}, nil},
		{"unclear and not delivered", unclearHistory, nothing, nil},
		{"it could not be put away", goodHistory, func(h *history) {
			h.Pages[1], h.Sent, h.Answered = []word{saidSent, saidNotCopied}, nil, false
			h.Drafts = []keptDraft{{letter{h.Text, h.File}, saidPutAway}}
		}, nil},
		{"an older draft, which was spoken of", goodHistory, func(h *history) {
			h.Pages[0] = []word{saidSaved, saidElsewhere}
			h.Drafts = []keptDraft{{letter: letter{"Perhaps.", h.File}}}
		}, nil},
		{"what was written is a draft of its own", unclearHistory, func(h *history) {
			h.Pages[1] = []word{saidSending}
			h.Drafts = append(h.Drafts, keptDraft{letter: letter{h.Text, h.File}})
		}, nil},
		{"not sent, and it is a draft", unclearHistory, func(h *history) {
			h.Pages[1], h.Drafts[0].Says, h.Delivered = []word{saidNotSent}, "", nil
		}, nil},
		{"only in the form", goodHistory, func(h *history) {
			h.Pages, h.InHand, h.Sent, h.Delivered, h.Answered = [][]word{{saidUnsaved, saidNotSent}}, true, nil, nil, false
		}, nil},

		{"a lost text", unclearHistory, func(h *history) {
			h.Pages[1], h.Drafts, h.Delivered = []word{saidNotSent}, nil, nil
		}, []string{defectLost}},
		{"an older text in the draft", unclearHistory, func(h *history) {
			h.Drafts[0].Text, h.Delivered = "Perhaps.", nil
		}, []string{defectLost}},
		{"a second delivery", goodHistory, func(h *history) { h.Delivered["cara"] = append(h.Delivered["cara"], h.Delivered["cara"][0]) }, []string{defectTwice}},
		{"a false sent", goodHistory, func(h *history) { h.Delivered, h.Sent = nil, nil; h.Drafts = unclearHistory().Drafts }, []string{defectFalseSent, defectNoCopy}},
		{"one recipient left out", goodHistory, func(h *history) { delete(h.Delivered, "cara") }, []string{defectFalseSent}},
		{"a false not sent", unclearHistory, func(h *history) { h.Pages[1] = []word{saidNotSent} }, []string{defectFalseNotSent}},
		{"a silent unclear: the draft can be sent", unclearHistory, func(h *history) { h.Drafts[0].Says = "" }, []string{defectSilent}},
		{"a silent unclear: nothing is left", unclearHistory, func(h *history) { h.Drafts = nil }, []string{defectSilent}},
		{"a silent unclear: no word", unclearHistory, func(h *history) { h.Pages, h.Drafts = [][]word{{saidSaved}, {}}, nil }, []string{defectNoAnswer, defectSilent}},
		{"no answer", unclearHistory, func(h *history) { h.Pages, h.Delivered = [][]word{{saidSaved}, {}, {}}, nil }, []string{defectNoAnswer}},
		{"a page that says both", unclearHistory, func(h *history) { h.Pages[1] = []word{saidNotSent, saidUnclear} }, []string{defectContradictory}},
		{"a draft left", goodHistory, func(h *history) { h.Drafts = []keptDraft{{letter: letter{h.Text, h.File}}} }, []string{defectDraftLeft}},
		{"a second draft left, and one was spoken of", goodHistory, func(h *history) {
			h.Pages[0] = []word{saidElsewhere}
			h.Drafts = make([]keptDraft, 2)
		}, []string{defectDraftLeft}},
		{"no copy", goodHistory, func(h *history) { h.Sent = nil }, []string{defectNoCopy}},
		{"neither copy nor draft", goodHistory, func(h *history) { h.Pages[1], h.Sent = []word{saidSent, saidNotCopied}, nil }, []string{defectNoCopy}},
		{"two copies", goodHistory, func(h *history) { h.Sent = append(h.Sent, h.Sent[0]) }, []string{defectCopies}},
		{"a copy of nothing", unclearHistory, func(h *history) { h.Sent, h.Delivered = []letter{{h.Text, h.File}}, nil }, []string{defectFalseCopy}},
		{"a wrong recipient", goodHistory, func(h *history) { h.Delivered["dora"] = h.Delivered["ben"] }, []string{defectStranger}},
		{"no attachment", goodHistory, func(h *history) { h.Delivered["ben"] = []letter{{h.Text, ""}} }, []string{defectNoFile}},
		{"no attachment in the draft", unclearHistory, func(h *history) { h.Drafts[0].File = "" }, []string{defectNoFile}},
		{"another attachment in the copy", goodHistory, func(h *history) { h.Sent[0].File = "f2" }, []string{defectNoFile}},
		{"an older text went out", goodHistory, func(h *history) { h.Delivered["ben"] = []letter{{"Perhaps.", h.File}} }, []string{defectOtherText}},
		{"the original not marked", goodHistory, func(h *history) { h.Answered = false }, []string{defectNotMarked}},
	}
	faults := 0
	for _, seed := range seeded {
		h := seed.from()
		seed.fault(h)
		got := h.defects()
		slices.Sort(got)
		slices.Sort(seed.want)
		if !slices.Equal(got, seed.want) {
			t.Errorf("%s: found %q, want %q", seed.name, got, seed.want)
		}
		if len(seed.want) > 0 {
			faults++
		}
	}
	t.Logf("%d seeded faults, %d histories without one", faults, len(seeded)-faults)
}

// String shows a history to whoever has to find out why.
func (h *history) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n  told: %q\n  in hand: %v, answered: %v\n", h.Case, h.Pages, h.InHand, h.Answered)
	show := func(what string, one letter) {
		fmt.Fprintf(&text, "  %s: right text %v, right file %v\n", what, one.Text == h.Text, one.File == h.File)
	}
	for _, draft := range h.Drafts {
		show(fmt.Sprintf("draft that says %q", draft.Says), draft.letter)
	}
	for _, one := range h.Sent {
		show("copy", one)
	}
	for user, letters := range h.Delivered {
		for _, one := range letters {
			show("delivered to "+user, one)
		}
	}
	return text.String()
}
