package api

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=identity.go -o=identity_msgp.go

// Identity is a name and an address that a user writes under.
type Identity struct {
	// ID names the identity among those of the account.
	ID   string `msg:"id"`
	Name string `msg:"name,omitempty"`
	// Address is the address alone; ReplyTo, if set, is where answers go.
	Address      string `msg:"address"`
	ReplyTo      string `msg:"reply_to,omitempty"`
	Organization string `msg:"organization,omitempty"`
	// Signatures can be put below a message.
	Signatures []Signature `msg:"signatures,omitempty"`
	// SignatureChoice is "fixed" for the first one, "random" for any, or empty for
	// none.
	SignatureChoice string `msg:"signature_choice,omitempty"`
}

// Signature is a text below a message, without the line "-- ".
type Signature struct {
	Name string `msg:"name,omitempty"`
	Text string `msg:"text"`
}
