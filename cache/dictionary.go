package cache

import (
	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxSample bounds what is learnt from one sample; the trainer fails on
	// samples above 128 KiB.
	maxSample = 64 << 10
	// dictionaryMatch is the length from which the trainer counts what repeats.
	dictionaryMatch = 6
)

// TrainDictionary makes a Config.Dictionary of at most about size bytes, 96 KiB
// for instance, from samples of what the cache will hold, each as long as real
// values are: at best a thousand, of all kinds, in the proportion in which they
// will use memory. It takes seconds and is not for a running program. Two
// dictionaries of the same samples may differ.
func TrainDictionary(samples [][]byte, size int) ([]byte, error) {
	cut := make([][]byte, len(samples))
	for i, sample := range samples {
		cut[i] = sample[:min(len(sample), maxSample)]
	}
	return dict.BuildZstdDict(cut, dict.Options{
		MaxDictSize: size, HashBytes: dictionaryMatch, ZstdLevel: level,
	})
}

// level is the fastest: with a dictionary, the next one saves 4 % of memory and
// takes twice the time, and twice the working memory.
const level = zstd.SpeedFastest
