package account

import "alphamail/node/api"

// encodable and decodable are what the generated code of answers offers.
type (
	encodable        interface{ MarshalMsg([]byte) ([]byte, error) }
	decodable[T any] interface {
		*T
		UnmarshalMsg([]byte) ([]byte, error)
	}
)

// decodedFactor is how much larger an answer is than its encoding, roughly: texts
// stay as they are, what holds them together is larger.
const decodedFactor = 2

// decodeAnswer is given to the cache.
func decodeAnswer[T any, P decodable[T]](data []byte) (value any, size int64, err error) {
	answer := P(new(T))
	if _, err := answer.UnmarshalMsg(data); err != nil {
		return nil, 0, err
	}
	return answer, int64(len(data)) * decodedFactor, nil
}

// recallView returns a copy of a cached answer. What its slices hold is shared.
func recallView[T any, P decodable[T]](a *Account, kind string, id api.MessageID) (*T, bool) {
	value, ok := a.cache.Decoded(a.id, cacheKey(kind, id), decodeAnswer[T, P])
	if !ok {
		return nil, false
	}
	answer := *value.(P)
	return &answer, true
}

// rememberView caches an answer.
func rememberView(a *Account, kind string, id api.MessageID, answer encodable) {
	if data, err := answer.MarshalMsg(nil); err == nil {
		a.cache.Put(a.id, cacheKey(kind, id), data)
	}
}
