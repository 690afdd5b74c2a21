package main

import (
	"log"
	"runtime"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/VictoriaMetrics/metrics"
	"github.com/klauspost/compress/zstd"
	"github.com/maypok86/otter/v2"

	"alphamail/cache"
)

const own = "cache"

var storeNames = []string{own, "otter", "fastcache"}

// store is what is compared.
type store interface {
	Get(owner, key string) ([]byte, bool)
	Put(owner, key string, value []byte)
	// Decoded returns the form of a value that needs no work, if the store can
	// hold one; PutDecoded makes it hold one.
	Decoded(owner, key string) bool
	PutDecoded(owner, key string, value []byte)
}

func newStore(name string, budget int64) store {
	switch name {
	case own:
		made, err := cache.New(cache.Config{Budget: budget}, metrics.NewSet())
		check(err)
		return ownStore{made}
	case "otter":
		made, err := otter.New(&otter.Options[string, any]{
			MaximumWeight: uint64(budget), Weigher: weigh,
		})
		check(err)
		return otterStore{made, newCodec()}
	case "fastcache":
		return fastStore{fastcache.New(int(budget)), newCodec()}
	}
	log.Fatalf("there is no store %q", name)
	return nil
}

type ownStore struct{ *cache.Cache }

func (s ownStore) Decoded(owner, key string) bool {
	_, ok := s.Cache.Decoded(owner, key, func(data []byte) (any, int64, error) { return &data, int64(len(data)), nil })
	return ok
}

func (s ownStore) PutDecoded(owner, key string, value []byte) {
	s.Cache.PutDecoded(owner, key, value, &value, int64(len(value)))
}

type otterStore struct {
	cache *otter.Cache[string, any]
	codec
}

func weigh(key string, value any) uint32 {
	switch value := value.(type) {
	case []byte:
		return uint32(len(key) + cap(value))
	case *[]byte:
		return uint32(len(key) + cap(*value))
	}
	return 0
}

func (s otterStore) Get(owner, key string) ([]byte, bool) {
	data, ok := s.cache.GetIfPresent(owner + key)
	if !ok {
		return nil, false
	}
	return s.unpack(data.([]byte)), true
}

func (s otterStore) Put(owner, key string, value []byte) { s.cache.Set(owner+key, s.pack(value)) }

func (s otterStore) Decoded(owner, key string) bool {
	_, ok := s.cache.GetIfPresent(owner + key)
	return ok
}

func (s otterStore) PutDecoded(owner, key string, value []byte) { s.cache.Set(owner+key, &value) }

type fastStore struct {
	cache *fastcache.Cache
	codec
}

func (s fastStore) Get(owner, key string) ([]byte, bool) {
	data, ok := s.cache.HasGet(nil, []byte(owner+key))
	if !ok {
		return nil, false
	}
	return s.unpack(data), true
}

func (s fastStore) Put(owner, key string, value []byte) {
	s.cache.Set([]byte(owner+key), s.pack(value))
}

// Decoded has to decode: this store holds bytes only.
func (s fastStore) Decoded(owner, key string) bool {
	_, ok := s.Get(owner, key)
	return ok
}

func (s fastStore) PutDecoded(owner, key string, value []byte) { s.Put(owner, key, value) }

// codec compresses as package cache does.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() codec {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(mebibyte), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true))
	check(err)
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true))
	check(err)
	return codec{encoder, decoder}
}

func (c codec) pack(value []byte) []byte {
	packed := c.encoder.EncodeAll(value, make([]byte, 0, len(value)/2))
	return append([]byte(nil), packed...)
}

func (c codec) unpack(packed []byte) []byte {
	value, err := c.decoder.DecodeAll(packed, nil)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
