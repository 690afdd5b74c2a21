package load

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram counts durations from a microsecond to an hour, to three
// significant digits; longer ones count as an hour. The zero value is empty and
// ready. It is not safe for concurrent use.
type Histogram struct{ hdr *hdrhistogram.Histogram }

const (
	unit    = time.Microsecond
	longest = time.Hour
)

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	if h.hdr == nil {
		h.hdr = hdrhistogram.New(1, int64(longest/unit), 3)
	}
	h.hdr.RecordValue(int64(min(max(d, 0), longest) / unit)) // within the range, so never refused
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.hdr == nil {
		return
	}
	if h.hdr == nil {
		h.hdr = hdrhistogram.New(1, int64(longest/unit), 3)
	}
	h.hdr.Merge(other.hdr)
}

// Count returns how many durations were counted.
func (h *Histogram) Count() int64 {
	if h.hdr == nil {
		return 0
	}
	return h.hdr.TotalCount()
}

// Quantile returns the duration that the share q (0 to 1) of all does not
// exceed, 0 of an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.hdr.ValueAtQuantile(q*100)) * unit
}

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.hdr.Max()) * unit
}

// Mean returns the mean duration.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.hdr.Mean() * float64(unit))
}

// HDR returns the histogram for writers of the HDR log format, in microseconds;
// nil if it is empty. It is shared, not copied.
func (h *Histogram) HDR() *hdrhistogram.Histogram { return h.hdr }

// histogramJSON holds the figures that people read, and the counts (the HDR
// format "V2 compressed") from which the histogram can be had again.
type histogramJSON struct {
	Count  int64   `json:"count"`
	Mean   float64 `json:"mean_ms"`
	P50    float64 `json:"p50_ms"`
	P90    float64 `json:"p90_ms"`
	P99    float64 `json:"p99_ms"`
	P999   float64 `json:"p99.9_ms"`
	Max    float64 `json:"max_ms"`
	Counts []byte  `json:"hdr,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (h Histogram) MarshalJSON() ([]byte, error) {
	out := histogramJSON{
		Count: h.Count(), Mean: Milliseconds(h.Mean()),
		P50: Milliseconds(h.Quantile(.50)), P90: Milliseconds(h.Quantile(.90)), P99: Milliseconds(h.Quantile(.99)),
		P999: Milliseconds(h.Quantile(.999)), Max: Milliseconds(h.Max()),
	}
	if h.hdr != nil {
		var err error
		if out.Counts, err = h.hdr.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var in histogramJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	h.hdr = nil
	if in.Counts == nil {
		return nil
	}
	decoded, err := hdrhistogram.Decode(in.Counts)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	h.hdr = decoded
	return nil
}

// Milliseconds returns a duration as reports write it.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (h *Histogram) reset() {
	if h.hdr != nil {
		h.hdr.Reset()
	}
}
