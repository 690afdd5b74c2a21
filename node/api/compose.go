package api

//go:generate go tool -modfile=../../tools/go.mod msgp -io=false -tests=false -file=compose.go -o=compose_msgp.go

// ComposeKind says what a message that is written begins with.
type ComposeKind string

// The beginnings.
const (
	ComposeNew             ComposeKind = ""
	ComposeReply           ComposeKind = "reply"            // to the author, or where he wants answers
	ComposeReplyAll        ComposeKind = "reply_all"        // and to all others
	ComposeReplyList       ComposeKind = "reply_list"       // to the mailing list
	ComposeForward         ComposeKind = "forward"          // in the text, with the attachments
	ComposeForwardAttached ComposeKind = "forward_attached" // as an attachment
	ComposeDraft           ComposeKind = "draft"            // a message of the folder of drafts
)

// ComposeQuestion asks for a message to write.
type ComposeQuestion struct {
	Kind ComposeKind `msg:"kind,omitempty"`
	// ID is the message that it is about; unused for ComposeNew.
	ID MessageID `msg:"id"`
	// Fields is what a new message holds already, such as from a mailto link.
	Fields DraftFields `msg:"fields"`
	// Language is that of the words around a quotation, Zone the name of the time
	// zone of its date.
	Language string `msg:"language,omitempty"`
	Zone     string `msg:"zone,omitempty"`
}

// DraftFields are what a person edits, as text. Addresses are separated by commas
// and need not be finished.
type DraftFields struct {
	// Identity is the ID of one of the account's identities; empty for the first.
	Identity string `msg:"identity,omitempty"`
	To       string `msg:"to,omitempty"`
	Cc       string `msg:"cc,omitempty"`
	Bcc      string `msg:"bcc,omitempty"`
	ReplyTo  string `msg:"reply_to,omitempty"`
	Subject  string `msg:"subject,omitempty"`
	// Text has lines that end with "\n".
	Text string `msg:"text,omitempty"`
}

// Bounds of what is written. A question with more is refused with too_large, so
// that nothing is cut off unseen.
const (
	MaxDraftText   = 512 << 10 // bytes of DraftFields.Text
	MaxDraftField  = 64 << 10  // bytes of each other field
	MaxRecipients  = 500       // of one message
	MaxAttachments = 100       // of one message
	// MaxUploadChunk is how much of a file one UploadQuestion may hold, in bytes.
	MaxUploadChunk = 128 << 10
)

// AttachmentName names what is attached: a part of a message that the mail server
// holds, or the whole of it.
type AttachmentName struct {
	Source MessageID `msg:"source"`
	// Part is as in PartQuestion; empty for the whole message.
	Part string `msg:"part,omitempty"`
}

// DraftAttachment is a file of a message that is written.
type DraftAttachment struct {
	AttachmentName `msg:"at"`
	Name           string `msg:"file_name"`
	MediaType      string `msg:"media_type"`
	// Size is the decoded size in bytes, as in Part.
	Size int64 `msg:"size"`
}

// Origin is the message that a reply or a forward is about.
type Origin struct {
	Kind ComposeKind `msg:"kind"`
	ID   MessageID   `msg:"id"`
}

// DraftState says how far a draft has come.
type DraftState string

// The states.
const (
	DraftUnsent  DraftState = ""
	DraftUnclear DraftState = "unclear" // it may have been sent: nobody knows
	DraftSent    DraftState = "sent"    // it was sent and is still among the drafts
)

// Draft is a message as its author has it, ready to show.
type Draft struct {
	Folders     []Folder          `msg:"folders"`
	Identities  []Identity        `msg:"identities"`
	Fields      DraftFields       `msg:"fields"`
	Attachments []DraftAttachment `msg:"attachments,omitempty"`
	// ID is where the draft stands; nil until it is saved.
	ID *MessageID `msg:"id,omitempty"`
	// OperationID names the one message that may be sent of it: its Message-ID to
	// be, without angle brackets.
	OperationID string     `msg:"operation_id"`
	Origin      *Origin    `msg:"origin,omitempty"`
	State       DraftState `msg:"state,omitempty"`
	// Formatted tells that the draft has formatting, which saving it takes away.
	Formatted bool `msg:"formatted,omitempty"`
	// MaxSize bounds the attachments together, in bytes; 0 when not known.
	MaxSize int64 `msg:"max_size,omitempty"`
	// CanSend is false where no way to send is configured.
	CanSend bool `msg:"can_send,omitempty"`
	// Settings are the user's; nil where none are kept.
	Settings *Settings `msg:"settings,omitempty"`
}

// UploadQuestion brings a piece of a file to the node, which keeps it until it
// becomes part of a draft. Pieces come in order, each after the answer to the one
// before, so that neither side holds more than one; the same piece may come twice.
type UploadQuestion struct {
	// Upload names the file: chosen by the asker, hard to guess.
	Upload string `msg:"upload"`
	Offset int64  `msg:"offset"`
	Data   []byte `msg:"data"`
	// Name and MediaType come with the first piece; both may be anything.
	Name      string `msg:"name,omitempty"`
	MediaType string `msg:"media_type,omitempty"`
}

// UploadAnswer tells how many bytes of the file there are now.
type UploadAnswer struct {
	Size int64 `msg:"size"`
}

// SaveDraftQuestion puts a draft into the folder of drafts, in place of the one
// that it was.
type SaveDraftQuestion struct {
	Fields DraftFields `msg:"fields"`
	// Keep are the attachments that stay, in order; Uploads those that are new.
	Keep    []AttachmentName `msg:"keep,omitempty"`
	Uploads []string         `msg:"uploads,omitempty"`
	// ID, OperationID and Origin are those of the Draft that was edited.
	ID          *MessageID `msg:"id,omitempty"`
	OperationID string     `msg:"operation_id"`
	Origin      *Origin    `msg:"origin,omitempty"`
	// WrittenAs, if set, is the ID of the identity as which the text was written so
	// far: its signature gives way to that of Fields.Identity, unless its author
	// changed it.
	WrittenAs string `msg:"written_as,omitempty"`
}

// DraftChange says what happened to a draft since it was shown.
type DraftChange string

// The changes.
const (
	ChangeNone      DraftChange = ""
	ChangeElsewhere DraftChange = "elsewhere" // it was saved elsewhere: Other is that one
	ChangeSending   DraftChange = "sending"   // it was sent, or perhaps: Other is that one, if it is still there
	ChangeSent      DraftChange = "sent"      // just this was sent: nothing is saved, and ID is zero
)

// SaveDraftAnswer tells where the draft stands now.
type SaveDraftAnswer struct {
	ID MessageID `msg:"id"`
	// OperationID is another one than before when there was a change: both texts
	// are kept, and they are two messages now.
	OperationID string      `msg:"operation_id"`
	Change      DraftChange `msg:"change,omitempty"`
	Other       *MessageID  `msg:"other,omitempty"`
}

// SendQuestion sends a draft that is saved.
type SendQuestion struct {
	ID          MessageID `msg:"id"`
	OperationID string    `msg:"operation_id"`
}

// SendState says what became of a message.
type SendState string

// The states.
const (
	SendSent     SendState = "sent"
	SendRejected SendState = "rejected" // not sent: see Problems, Refused and Reason
	SendUnclear  SendState = "unclear"  // perhaps sent: nobody knows
)

// SendAnswer tells what became of a message.
type SendAnswer struct {
	State SendState `msg:"state"`
	// Problems are what has to be corrected before it can be sent.
	Problems []Problem `msg:"problems,omitempty"`
	// Refused are recipients whom the server that sends did not take. With
	// SendSent, all others get the message.
	Refused []RefusedRecipient `msg:"refused,omitempty"`
	Reason  SendReason         `msg:"reason,omitempty"`
	// Said is what the server said that refused the whole message: one line, bounded
	// and without what could disturb a page; may be empty.
	Said string `msg:"said,omitempty"`
	// Copied tells that there is a copy in the folder of sent messages.
	Copied bool `msg:"copied,omitempty"`
}

// SendReason says why a message was not sent.
type SendReason string

// The reasons.
const (
	ReasonServerAway  SendReason = "server_away" // the server that sends cannot be reached
	ReasonServerBusy  SendReason = "server_busy" // it asks to come back
	ReasonPassword    SendReason = "password"    // it does not take the password
	ReasonRefused     SendReason = "refused"     // it refuses the message
	ReasonSize        SendReason = "size"        // the message is larger than it takes
	ReasonNoWay       SendReason = "no_way"      // no server that sends is configured
	ReasonInterrupted SendReason = "interrupted" // the time ran out before
	ReasonRecipients  SendReason = "recipients"  // it refuses recipients; nobody got the message
	ReasonLimit       SendReason = "limit"       // the account has sent too much in the last hour
)

// Problem is something in a draft that has to be corrected.
type Problem struct {
	// Field is "to", "cc", "bcc", "reply_to", "identity" or "attachments".
	Field string      `msg:"field"`
	Kind  ProblemKind `msg:"kind"`
	// Value is what is wrong, such as an address; may be empty.
	Value string `msg:"value,omitempty"`
}

// ProblemKind says what is wrong.
type ProblemKind string

// The kinds.
const (
	ProblemNobody  ProblemKind = "nobody"  // no recipient at all
	ProblemAddress ProblemKind = "address" // Value is no address
	ProblemLetters ProblemKind = "letters" // the address Value has letters that the server cannot carry
	ProblemTooMany ProblemKind = "too_many"
	ProblemGone    ProblemKind = "gone" // an attachment is not there any more
)

// RefusedRecipient is a recipient whom the server that sends did not take.
type RefusedRecipient struct {
	Address string `msg:"address"`
	// Status is a code of RFC 3463, such as "5.1.1", Text what the server said, as
	// SendAnswer.Said; both may be empty.
	Status string `msg:"status,omitempty"`
	Text   string `msg:"text,omitempty"`
}

// DiscardQuestion removes a draft for good.
type DiscardQuestion struct {
	ID MessageID `msg:"id"`
}

// DiscardAnswer is empty.
type DiscardAnswer struct{}

// SettleQuestion says what a draft is that may have been sent.
type SettleQuestion struct {
	ID MessageID `msg:"id"`
	// Sent files it as sent; otherwise it becomes a draft of another message, with
	// a Message-ID of its own.
	Sent bool `msg:"sent,omitempty"`
}

// SettleAnswer tells where the draft stands now; nil when it was filed.
type SettleAnswer struct {
	ID *MessageID `msg:"id,omitempty"`
}

// FindAddressesQuestion looks for whom the words mean that stand last in a field of
// addresses: among contacts, lists, and the addresses that the user wrote to.
type FindAddressesQuestion struct {
	// Text is the field, as in DraftFields.
	Text string `msg:"text"`
	// Add are FoundAddress.IDs, which take the place of the words in Text if these
	// are still Words, and are added to it otherwise. Nothing is looked for then.
	Add   []string `msg:"add,omitempty"`
	Words string   `msg:"words,omitempty"`
}

// MaxFound is how many addresses and lists are found at once.
const MaxFound = 20

// FindAddressesAnswer tells what was found.
type FindAddressesAnswer struct {
	// Text is the field with what was added.
	Text string `msg:"text"`
	// Words are those that were looked for.
	Words string         `msg:"words,omitempty"`
	Found []FoundAddress `msg:"found,omitempty"`
	// More is how many there are besides.
	More int `msg:"more,omitempty"`
}

// FoundAddress is an address, or a list of some.
type FoundAddress struct {
	// ID names it in FindAddressesQuestion.Add.
	ID   string `msg:"id"`
	Name string `msg:"name,omitempty"`
	// Address is empty for a list, Members its number of addresses.
	Address string `msg:"address,omitempty"`
	Members int    `msg:"members,omitempty"`
}
