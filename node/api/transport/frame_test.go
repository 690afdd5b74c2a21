package transport

import (
	"context"
	"errors"
	"testing"
	"time"

	"alphamail/node/api"
)

// FuzzDecodeFrame holds that a frame from outside neither panics nor passes
// with a version or an id that the server does not take.
func FuzzDecodeFrame(f *testing.F) {
	whole, err := encode(&frame{Version: 1, MinVersion: 1, ID: "a-1", RemainingMS: 5, Call: api.Call{RequestID: "r"}}, &api.StatusQuestion{Account: "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("\xdf\xff\xff\xff\xff"))
	f.Add([]byte("\x81\xa7version\xd3\x80\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got frame
		rest, err := decodeFrame(body, &got)
		if err != nil {
			if api.AsError(err).Code == api.CodeInternal {
				t.Fatalf("%x counts as a defect: %v", body, err)
			}
			return
		}
		if got.Version < api.MinVersion || got.MinVersion > api.Version || len(got.ID) > maxIDLength || len(rest) > len(body) {
			t.Fatalf("%x is taken as %+v", body, got)
		}
		if limit := got.remaining(time.Hour); limit <= 0 || limit > time.Hour {
			t.Fatalf("%x gets %v", body, limit)
		}
	})
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		minVersion, version int
		taken               bool
	}{
		{api.MinVersion, api.Version, true},
		{0, api.Version, true},
		{api.Version, api.Version + 1, true}, // a newer asker that still speaks ours
		{api.Version + 1, api.Version + 2, false},
		{0, api.Version + 1, false},
		{0, api.MinVersion - 1, false},
	} {
		err := (&frame{MinVersion: test.minVersion, Version: test.version, ID: "a"}).validate()
		if (err == nil) != test.taken || err != nil && api.AsError(err).Code != api.CodeUnsupported {
			t.Errorf("versions %d to %d: %v", test.minVersion, test.version, err)
		}
	}
}

// TestCancelBeforeItsQuestion: they travel on different connections.
func TestCancelBeforeItsQuestion(t *testing.T) {
	r := newRunning()
	r.cancel("early")
	if _, _, err := r.begin(t.Context(), "early", time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that was cancelled before it came: %v", err)
	}
	ctx, end, err := r.begin(t.Context(), "id", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.begin(t.Context(), "id", time.Hour); api.AsError(err).Code != api.CodeInvalid {
		t.Errorf("an id that is in use: %v", err)
	}
	r.cancel("id")
	if ctx.Err() == nil {
		t.Error("cancelling does nothing")
	}
	end()
	if len(r.cancels) != 0 {
		t.Errorf("%d questions are kept after their end", len(r.cancels))
	}
}
