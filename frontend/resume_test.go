package frontend

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"alphamail/node/api"
)

func TestDownloadsGoOnElsewhere(t *testing.T) {
	const text = "The quick brown fox jumps over the lazy dog."
	broken := api.NewError(api.CodeNodeDown, "", nil)
	// part is a node's stream that gives so many bytes at once and breaks.
	part := func(text string, length int, err error) io.ReadCloser {
		return io.NopCloser(iotest.OneByteReader(io.MultiReader(strings.NewReader(text[:length]), iotest.ErrReader(err))))
	}
	for cut := range len(text) {
		for second := range len(text) {
			asked := 0
			stream := &resuming{content: part(text, cut, broken), again: func() (io.ReadCloser, error) {
				asked++
				if asked == 1 {
					return part(text, second, broken), nil
				}
				return io.NopCloser(strings.NewReader(text)), nil
			}}
			got, err := io.ReadAll(stream)
			if second < cut {
				// What was sent already cannot be had again: the browser must see a broken end.
				if err == nil || string(got) != text[:cut] {
					t.Fatalf("cut at %d and %d: %q, %v", cut, second, got, err)
				}
			} else if err != nil || string(got) != text || asked != 2 {
				t.Fatalf("cut at %d and %d: %q after %d questions, %v", cut, second, got, asked, err)
			}
		}
	}
	for name, test := range map[string]struct {
		err   error
		other string
		want  string
	}{
		"other bytes elsewhere":       {broken, strings.ToUpper(text), text[:10]},
		"less elsewhere":              {broken, text[:5], text[:10]},
		"it went wrong, but not away": {api.NewError(api.CodeBackendDown, "", nil), text, text[:10]},
		"the end":                     {io.EOF, text, text[:10]},
	} {
		stream := &resuming{content: part(text, 10, test.err), again: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(test.other)), nil }}
		got, err := io.ReadAll(stream)
		if string(got) != test.want || (err == nil) != (test.err == io.EOF) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	endless := &resuming{content: part(text, 0, broken), again: func() (io.ReadCloser, error) { return part(text, 0, broken), nil }}
	if got, err := io.ReadAll(endless); err == nil || !bytes.Equal(got, nil) || endless.resumes != maxResumes {
		t.Errorf("a stream that always breaks: %q, %v, %d tries", got, err, endless.resumes)
	}
}
