package account

import _ "embed"

// Dictionary is what the values that accounts cache have in common: names of
// header fields, tags, addresses, phrases. A cache compresses better with it.
// It is made of generated mail in many languages, by
//
//	go test -run TestDictionary -dictionary ./node/account
//
//go:embed dictionary.zstd
var Dictionary []byte
