package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"alphamail/cache"
)

// samples are values to learn from, and values of other mailboxes to try.
type samples struct{ learn, try [][]byte }

// mailboxes generates the mail of some people.
func mailboxes(people, messages int) (made []mailbox) {
	for seed := range people {
		made = append(made, generate(uint64(seed), messages))
	}
	return made
}

// sampled makes values of mailboxes; one mailbox of four is kept to try.
func sampled(mailboxes []mailbox, values func(mailbox) [][]byte) (s samples) {
	for i, mailbox := range mailboxes {
		if i%4 == 3 {
			s.try = append(s.try, values(mailbox)...)
		} else {
			s.learn = append(s.learn, values(mailbox)...)
		}
	}
	return s
}

func rowBlocks(m mailbox) [][]byte    { return m.blocks(byRows) }
func columnBlocks(m mailbox) [][]byte { return m.blocks(byColumns) }
func bodies(m mailbox) [][]byte       { return m.bodies }

// mixed are blocks and bodies in about equal parts by size.
func mixed(m mailbox) [][]byte {
	return append(m.blocks(byRows), m.bodies[:len(m.bodies)/8]...)
}

func train(tb testing.TB, samples [][]byte, size int) []byte {
	tb.Helper()
	dictionary, err := cache.TrainDictionary(samples, size)
	if err != nil {
		tb.Fatal(err)
	}
	return dictionary
}

// TestCompressionOfMail holds the goal of the product, with all that an entry
// costs besides its bytes. The dictionary knows the generator's phrases from
// other mailboxes, so real mail compresses less.
func TestCompressionOfMail(t *testing.T) {
	people := mailboxes(4, 300)
	dictionary := train(t, sampled(people, mixed).learn, 96<<10)
	for name, values := range map[string]func(mailbox) [][]byte{"blocks": rowBlocks, "bodies": bodies} {
		with, without := newCache(t, cache.Config{Dictionary: dictionary}), newCache(t, cache.Config{})
		for i, value := range sampled(people, values).try {
			with.Put("ana", fmt.Sprint(i), value)
			without.Put("ana", fmt.Sprint(i), value)
			if got, ok := with.Get("ana", fmt.Sprint(i)); !ok || string(got) != string(value) {
				t.Fatalf("%s: %d bytes came back as %d", name, len(value), len(got))
			}
		}
		t.Logf("%s: %.2f times smaller, %.2f without a dictionary", name, ratio(with), ratio(without))
		if ratio(with) < 3 || ratio(without) > ratio(with) {
			t.Errorf("%s: %.2f times smaller, %.2f without a dictionary", name, ratio(with), ratio(without))
		}
	}
}

func ratio(c *cache.Cache) float64 {
	stats := c.Stats()
	return float64(stats.RawBytes) / float64(stats.Bytes)
}

func TestDictionaryMustBeOne(t *testing.T) {
	if (cache.Config{Dictionary: []byte("no dictionary")}).Validate() == nil {
		t.Error("any bytes are accepted as a dictionary")
	}
	if _, err := cache.TrainDictionary(nil, 1000); err == nil {
		t.Error("something is learnt from nothing")
	}
}

// BenchmarkCompression compares layouts of a block, levels and sizes of the
// dictionary; one operation is the encoding of one value.
func BenchmarkCompression(b *testing.B) {
	people := mailboxes(16, 500)
	levels := []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault}
	for _, kind := range []struct {
		name   string
		values func(mailbox) [][]byte
	}{{"rows", rowBlocks}, {"columns", columnBlocks}, {"bodies", bodies}} {
		values := sampled(people, kind.values)
		for _, size := range []int{0, 16, 32, 64} {
			var dictionary []byte
			if size > 0 {
				dictionary = train(b, values.learn, size<<10)
			}
			for _, level := range levels {
				b.Run(fmt.Sprintf("%s/%s/dictionary=%dK", kind.name, level, size), func(b *testing.B) {
					measureCompression(b, values.try, level, dictionary)
				})
			}
		}
		one := train(b, sampled(people, mixed).learn, 96<<10)
		b.Run(fmt.Sprintf("%s/%s/one=96K", kind.name, levels[0]), func(b *testing.B) {
			measureCompression(b, values.try, levels[0], one)
		})
	}
}

func measureCompression(b *testing.B, values [][]byte, level zstd.EncoderLevel, dictionary []byte) {
	encoding := []zstd.EOption{zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true)}
	decoding := []zstd.DOption{zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)}
	if dictionary != nil {
		encoding = append(encoding, zstd.WithEncoderDict(dictionary))
		decoding = append(decoding, zstd.WithDecoderDicts(dictionary))
	}
	encoder, err := zstd.NewWriter(nil, encoding...)
	if err != nil {
		b.Fatal(err)
	}
	decoder, err := zstd.NewReader(nil, decoding...)
	if err != nil {
		b.Fatal(err)
	}
	var packed [][]byte
	for _, value := range values {
		packed = append(packed, encoder.EncodeAll(value, nil))
	}
	var buffer []byte
	for i := 0; b.Loop(); i++ {
		buffer = encoder.EncodeAll(values[i%len(values)], buffer[:0])
	}
	begin := time.Now()
	for i := range b.N {
		if buffer, err = decoder.DecodeAll(packed[i%len(packed)], buffer[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(begin).Nanoseconds())/float64(b.N), "ns/decode")
	b.ReportMetric(float64(total(values))/float64(total(packed)), "ratio")
	b.ReportMetric(float64(total(packed))/float64(len(packed)), "B/packed")
}
