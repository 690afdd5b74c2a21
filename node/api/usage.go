package api

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=usage.go -o=usage_msgp.go

// UsageQuestion asks how much room the user's mail takes.
type UsageQuestion struct {
	// Sizes asks for the size of each folder too. Where the mail server does not know
	// it, the sizes of all messages are added.
	Sizes bool `msg:"sizes,omitempty"`
}

// UsageAnswer tells it.
type UsageAnswer struct {
	// Quotas bound all mailboxes; none where the mail server has or tells none.
	Quotas []Quota `msg:"quotas,omitempty"`
	// Sizes are those of the folders that were looked at; Incomplete tells that time
	// was up before all were.
	Sizes      []FolderSize `msg:"sizes,omitempty"`
	Incomplete bool         `msg:"incomplete,omitempty"`
}

// Quota is how much of something is used, and how much may be (RFC 9208).
type Quota struct {
	Resource QuotaResource `msg:"resource"`
	// Used and Limit are bytes of QuotaStorage, and messages of QuotaMessages.
	Used  int64 `msg:"used"`
	Limit int64 `msg:"limit"`
}

// QuotaResource says what a quota bounds.
type QuotaResource string

// The resources.
const (
	QuotaStorage  QuotaResource = "storage"
	QuotaMessages QuotaResource = "messages"
)

// FolderSize is how much room the messages of a folder take, in bytes.
type FolderSize struct {
	Mailbox string `msg:"mailbox"`
	Bytes   int64  `msg:"bytes"`
}
