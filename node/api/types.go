package api

import "time"

// Call is the frame around every question. The deadline travels in the context
// (and, over a transport, as the time that remains, because clocks differ).
type Call struct {
	// RequestID names one browser request in every log it touches.
	RequestID string `msg:"request_id"`
	// OperationID names one intended change, so that a repeated question is
	// recognised. Empty for questions that change nothing.
	OperationID string `msg:"operation_id,omitempty"`
	// ClientAddress is the browser's IP address, for limits and the audit log.
	ClientAddress string `msg:"client_address,omitempty"`
	// RingDigest identifies the placement table that the asker routed by.
	RingDigest uint64 `msg:"ring_digest,omitempty"`
	// Hops counts redirects: 0 at first; a node serves a question that arrives
	// with 1 or more even when its own table names another owner.
	Hops uint8 `msg:"hops,omitempty"`
	// Suspects names the nodes that the asker could not reach and would have asked
	// instead, in that order; the owner in a ring without them then serves
	// provisionally.
	Suspects []string `msg:"suspects,omitempty"`
	// Session proves who asks. Empty for Login and Status.
	Session Session `msg:"session,omitempty"`
	// Repeated tells that the same question was asked before and perhaps answered:
	// the node that got it went away.
	Repeated bool `msg:"repeated,omitempty"`
}

// Session is what a session cookie carries: a part to route by and a part that
// only nodes can open.
type Session struct {
	// Account is the canonical account id (see CanonicalAccount).
	Account string `msg:"account"`
	// ID names the session, for revocation and the audit log. It is no secret.
	ID string `msg:"id"`
	// Host is the host name that the cookie was issued for.
	Host string `msg:"host"`
	// Seal is the sealed credential. Its associated data binds it to the
	// other fields, so that none of them can be exchanged.
	Seal []byte `msg:"seal"`
}

// LoginQuestion asks for a session. Account is canonical and must be the key
// that the question was routed by.
type LoginQuestion struct {
	Account  string `msg:"account"`
	Password string `msg:"password"`
	// Host is the canonical host name of the frontend, which the seal names.
	Host string `msg:"host"`
}

// AttemptQuestion is about logins from an address. It goes to the owner of its
// AddressKey, before a login, and once more when that failed.
type AttemptQuestion struct {
	Address string `msg:"address"`
	Failed  bool   `msg:"failed,omitempty"`
}

// AttemptAnswer is empty.
type AttemptAnswer struct{}

// LoginAnswer carries a session with a new seal.
type LoginAnswer struct {
	Session Session   `msg:"session"`
	Expires time.Time `msg:"expires"`
	// Renew is from when on it should be renewed while the user is there; the zero
	// time when that is of no use.
	Renew time.Time `msg:"renew,omitzero"`
}

// RenewQuestion asks for a seal that lasts longer, for a session that is in use.
type RenewQuestion struct{}

// LogoutQuestion ends the session of the call.
type LogoutQuestion struct {
	// Everywhere ends all sessions of the account that have begun before.
	Everywhere bool `msg:"everywhere,omitempty"`
}

// LogoutAnswer is empty.
type LogoutAnswer struct{}

// Role is what a folder is for (RFC 6154); empty for an ordinary one.
type Role string

// The roles of RFC 6154 that a page treats specially, and the inbox.
const (
	RoleInbox   Role = "inbox"
	RoleDrafts  Role = "drafts"
	RoleSent    Role = "sent"
	RoleArchive Role = "archive"
	RoleJunk    Role = "junk"
	RoleTrash   Role = "trash"
)

// Folder is one entry of the folder list.
type Folder struct {
	// Mailbox is the server's own name, UTF-8, the name to ask with.
	Mailbox string `msg:"mailbox"`
	// Path is the name to show, a level each, without the personal prefix.
	Path []string `msg:"path"`
	Role Role     `msg:"role,omitempty"`
	// Selectable is false for a level that only holds other folders.
	Selectable bool `msg:"selectable"`
	// Total and Unread are counts of messages; meaningless unless Counted.
	Total   uint32 `msg:"total"`
	Unread  uint32 `msg:"unread"`
	Counted bool   `msg:"counted"`
	// Space says whose folder it is (RFC 2342).
	Space Space `msg:"space,omitempty"`
	// ReadOnly tells that the user may look at the messages and not change them.
	ReadOnly bool `msg:"read_only,omitempty"`
}

// Space is a namespace of the mail server; empty for the user's own.
type Space string

// The namespaces of others.
const (
	SpaceOther  Space = "other"  // of another user
	SpaceShared Space = "shared" // of a group, or everybody's
)

// MessageID names a message for as long as it exists (RFC 9051 section 2.3.1.1).
type MessageID struct {
	Mailbox     string `msg:"mailbox"`
	UIDValidity uint32 `msg:"uid_validity"`
	UID         uint32 `msg:"uid"`
}

// Address is a mailbox of RFC 5322 section 3.4, decoded for display. A group is
// given as its members.
type Address struct {
	// Name is the display name; may be empty.
	Name string `msg:"name,omitempty"`
	// Email is local-part@domain; may be empty or odd in malformed mail.
	Email string `msg:"email,omitempty"`
}

// Flags of a message that a page shows.
type Flags struct {
	Seen      bool `msg:"seen,omitempty"`
	Flagged   bool `msg:"flagged,omitempty"`
	Answered  bool `msg:"answered,omitempty"`
	Forwarded bool `msg:"forwarded,omitempty"`
	Draft     bool `msg:"draft,omitempty"`
	Deleted   bool `msg:"deleted,omitempty"`
}

// Row is one line of a list page.
type Row struct {
	ID MessageID `msg:"id"`
	// People are the senders; in folders of role sent and drafts, the recipients.
	People  []Address `msg:"people"`
	Subject string    `msg:"subject"`
	Snippet string    `msg:"snippet"`
	// Date is when the message arrived in the mailbox (INTERNALDATE); in a list
	// by OrderDate, when it was written (its Date field).
	Date time.Time `msg:"date"`
	// Size is RFC822.SIZE in bytes.
	Size          int64 `msg:"size"`
	Flags         Flags `msg:"flags"`
	HasAttachment bool  `msg:"has_attachment,omitempty"`
}

// Order is what the rows of a list are sorted by.
type Order string

// Orders of a list. Without Reverse, the newest and the largest come first, and
// names and subjects go from A to Z.
const (
	OrderArrival Order = ""        // arrival in the mailbox; see MailboxQuestion.Order
	OrderDate    Order = "date"    // the Date field
	OrderSender  Order = "sender"  // name of the first sender, else the address
	OrderSubject Order = "subject" // base subject (RFC 5256 section 2.1)
	OrderSize    Order = "size"    // RFC822.SIZE
)

// OrderNewest asks for the order of arrival whatever the user's settings say.
// Answers call it OrderArrival.
const OrderNewest Order = "arrival"

// Filter says which messages a list shows.
type Filter string

// Filters of a list.
const (
	FilterNone    Filter = ""
	FilterUnread  Filter = "unread"  // without \Seen
	FilterFlagged Filter = "flagged" // with \Flagged
)

// MailboxQuestion asks for one page of a mailbox.
type MailboxQuestion struct {
	Mailbox string `msg:"mailbox"`
	// Page counts from 1. A page past the end answers the last page.
	Page int `msg:"page"`
	// PageSize is the number of rows, 1 to MaxPageSize; 0 means what the user's
	// settings say, else DefaultPageSize.
	PageSize int `msg:"page_size,omitempty"`
	// Order, when it is empty and Reverse is not set, is what the user's settings
	// say.
	Order   Order  `msg:"order,omitempty"`
	Reverse bool   `msg:"reverse,omitempty"`
	Filter  Filter `msg:"filter,omitempty"`
}

// Bounds of MailboxQuestion.PageSize.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// MailboxAnswer is one page of a mailbox.
type MailboxAnswer struct {
	Folders []Folder `msg:"folders"`
	// Folder is the entry of Folders that was asked for.
	Folder      Folder `msg:"folder"`
	UIDValidity uint32 `msg:"uid_validity"`
	// Total and Unread count all messages of the mailbox, Deleted those among
	// them that are marked as deleted and not removed, Matching those that the
	// filter leaves.
	Total    int `msg:"total"`
	Unread   int `msg:"unread"`
	Deleted  int `msg:"deleted,omitempty"`
	Matching int `msg:"matching"`
	// Order, Reverse and Filter are those of the question.
	Order   Order  `msg:"order,omitempty"`
	Reverse bool   `msg:"reverse,omitempty"`
	Filter  Filter `msg:"filter,omitempty"`
	// AsOf is set when the mail server cannot be reached: the answer is what was
	// known then.
	AsOf time.Time `msg:"as_of,omitempty"`
	// Page and Pages count from 1; an empty mailbox has one page.
	Page     int   `msg:"page"`
	Pages    int   `msg:"pages"`
	PageSize int   `msg:"page_size"`
	Rows     []Row `msg:"rows"`
	// Settings are those of the user; nil where none are known.
	Settings *Settings `msg:"settings,omitempty"`
	// LastUID is the highest UID of the mailbox, 0 if it is empty; see
	// Selection.UpTo.
	LastUID uint32 `msg:"last_uid,omitempty"`
	// Jobs are those that go on, and those that ended and nobody has looked at.
	Jobs []Job `msg:"jobs,omitempty"`
}

// ListView says which list of a mailbox is meant, and in which order. Its fields
// are as in MailboxQuestion; the zero value is the list that the user's settings
// say.
type ListView struct {
	Order   Order  `msg:"order,omitempty"`
	Reverse bool   `msg:"reverse,omitempty"`
	Filter  Filter `msg:"filter,omitempty"`
	// Search, if not nil, says that the list is what a search found; the rest does
	// not matter then.
	Search *Search `msg:"search,omitempty"`
}

// MessageQuestion asks for one message.
type MessageQuestion struct {
	ID MessageID `msg:"id"`
	// List is the one that the message was opened from: its neighbours and its page
	// are those there.
	List ListView `msg:"list"`
	// MarkSeen sets \Seen; false for prefetches and print views.
	MarkSeen bool `msg:"mark_seen,omitempty"`
}

// Span is a run of text, perhaps a link.
type Span struct {
	Text string `msg:"text"`
	// URL is empty, or an absolute http, https, mailto or tel URL.
	URL string `msg:"url,omitempty"`
}

// Block is a paragraph of the text of a message. Newlines in its spans are
// line breaks that the sender meant.
type Block struct {
	// Quote is the depth of quotation, 0 for the sender's own words.
	Quote int    `msg:"quote,omitempty"`
	Spans []Span `msg:"spans"`
	// Signature is true for what stands below the sender's "-- ", Attribution for
	// the line that says who wrote what is quoted next.
	Signature   bool `msg:"signature,omitempty"`
	Attribution bool `msg:"attribution,omitempty"`
	// Machine is true for what a report says to programs.
	Machine bool `msg:"machine,omitempty"`
}

// Part describes a part that a reader can open or download.
type Part struct {
	// ID is the section number of RFC 9051 section 6.4.5.1, such as "2" or "1.3".
	ID        string `msg:"id"`
	MediaType string `msg:"media_type"`
	// Name is the file name, decoded and safe to show; never empty.
	Name string `msg:"name"`
	// Size is the decoded size in bytes, estimated from the encoded one when
	// the content is not at hand.
	Size int64 `msg:"size"`
	// Inline is true for a part that the HTML body shows by itself.
	Inline bool `msg:"inline,omitempty"`
}

// NoteCode says what a reader should know about how a message was read.
type NoteCode string

// Notes that a message answer can carry.
const (
	NoteMalformed      NoteCode = "malformed"       // the message breaks the standards; shown as well as possible
	NoteTruncated      NoteCode = "truncated"       // the text was too long and is cut
	NoteUnknownCharset NoteCode = "unknown_charset" // a charset was not recognised; characters may be wrong
	NoteLimit          NoteCode = "limit"           // too many or too deeply nested parts; some are not shown
	NoteEncrypted      NoteCode = "encrypted"       // an encrypted message, not decrypted
	NoteSigned         NoteCode = "signed"          // signed, the signature was not checked
)

// HeaderField is a field of the message header, decoded for display.
type HeaderField struct {
	Name  string `msg:"name"`
	Value string `msg:"value"`
}

// MessageAnswer is one message, ready to show.
type MessageAnswer struct {
	Folders []Folder  `msg:"folders"`
	Folder  Folder    `msg:"folder"`
	ID      MessageID `msg:"id"`
	Flags   Flags     `msg:"flags"`
	Subject string    `msg:"subject"`
	From    []Address `msg:"from"`
	Sender  []Address `msg:"sender,omitempty"`
	ReplyTo []Address `msg:"reply_to,omitempty"`
	To      []Address `msg:"to"`
	Cc      []Address `msg:"cc,omitempty"`
	Bcc     []Address `msg:"bcc,omitempty"`
	// Date is the Date field, or the arrival time when that cannot be read.
	Date time.Time `msg:"date"`
	Size int64     `msg:"size"`
	// Text is the message as text: its text part, or what its HTML says.
	Text []Block `msg:"text"`
	// HasHTML tells that Body has an HTML view of the message.
	HasHTML bool `msg:"has_html,omitempty"`
	// BlockedRemote counts the remote images and the like that the HTML view leaves out.
	BlockedRemote int        `msg:"blocked_remote,omitempty"`
	Parts         []Part     `msg:"parts,omitempty"`
	Notes         []NoteCode `msg:"notes,omitempty"`
	// Headers are all header fields in their order.
	Headers []HeaderField `msg:"headers,omitempty"`
	// Newer and Older are the messages of the rows above and below in the list of the
	// question, which are older and newer in one that is reversed; nil at the ends.
	// What the filter leaves out is passed over, and the message itself counts as
	// listed where it would stand: opening an unread one makes it read.
	Newer *MessageID `msg:"newer,omitempty"`
	Older *MessageID `msg:"older,omitempty"`
	// Page is the page of that list, with as many rows as the settings say.
	Page int `msg:"page"`
	// AsOf is as in MailboxAnswer.
	AsOf time.Time `msg:"as_of,omitempty"`
	// Doubts are about who claims to have sent the message.
	Doubts []Doubt `msg:"doubts,omitempty"`
	// Events are those of the invitations in the message.
	Events []Event `msg:"events,omitempty"`
	// Report is there when the message is a delivery report or a receipt.
	Report *Report `msg:"report,omitempty"`
	// Uncoloured is as in BodyAnswer.
	Uncoloured bool `msg:"uncoloured,omitempty"`
	// Checked is what the receiving host found out about the author; nil when it is
	// not known which host that is, or nothing is certain.
	Checked *Checked `msg:"checked,omitempty"`
	// Unsubscribe is how to leave the list that the message came by; nil if it does
	// not say.
	Unsubscribe *Unsubscribe `msg:"unsubscribe,omitempty"`
	// Images tells whether the user always wants the remote images of the sender.
	Images SenderImages `msg:"images,omitempty"`
	// Settings are as in MailboxAnswer.
	Settings *Settings `msg:"settings,omitempty"`
	// Jobs are as in MailboxAnswer.
	Jobs []Job `msg:"jobs,omitempty"`
}

// Unsubscribe is what a message says about how to leave its list (RFC 2369).
type Unsubscribe struct {
	// OneClick tells that the node may do it: the list takes a POST (RFC 8058), and
	// the receiving host proved a signature of what says so.
	OneClick bool `msg:"one_click,omitempty"`
	// Link is empty, or an absolute http or https URL; Mailto is empty, or a mailto
	// URL.
	Link   string `msg:"link,omitempty"`
	Mailto string `msg:"mailto,omitempty"`
}

// UnsubscribeQuestion asks the node to tell the list of a message that the user
// leaves it, in one request (RFC 8058).
type UnsubscribeQuestion struct {
	ID MessageID `msg:"id"`
}

// UnsubscribeAnswer tells what came of it.
type UnsubscribeAnswer struct {
	// Host is the one that was asked.
	Host    string             `msg:"host"`
	Problem UnsubscribeProblem `msg:"problem,omitempty"`
}

// UnsubscribeProblem says why the user is still on the list; empty if the host took
// the request.
type UnsubscribeProblem string

// The problems.
const (
	UnsubscribeRefused   UnsubscribeProblem = "refused"   // the host said no
	UnsubscribeUnreached UnsubscribeProblem = "unreached" // it could not be reached, or not in time
	UnsubscribeElsewhere UnsubscribeProblem = "elsewhere" // it named another address, which is not followed
	UnsubscribeInner     UnsubscribeProblem = "inner"     // its address is of a network that mail must not reach
)

// SenderImages tells whether remote images are shown because of who sent a message.
type SenderImages string

// What there is to say.
const (
	ImagesUnknown  SenderImages = ""         // nothing: it is not proven who sent the message
	ImagesOffered  SenderImages = "offered"  // it is proven, so the user may choose to see them always
	ImagesOfSender SenderImages = "sender"   // the user chose so, and it is proven
	ImagesUnproven SenderImages = "unproven" // the user chose so, but nothing proves that it is that sender
)

// CheckResult says how the check of an author ended.
type CheckResult string

// The results.
const (
	CheckPassed CheckResult = "passed" // the message comes from the author's domain
	CheckFailed CheckResult = "failed" // by the word of that domain it does not (DMARC)
)

// Checked is what the receiving host found out about the author of a message
// (Authentication-Results, RFC 8601).
type Checked struct {
	// Host is the one that checked.
	Host   string      `msg:"host"`
	Result CheckResult `msg:"result"`
	// Domain is that of the author, as people may read it.
	Domain string `msg:"domain"`
	// Methods are those that passed, such as "DKIM" and "SPF".
	Methods []string `msg:"methods,omitempty"`
}

// DoubtKind says what is doubtful about who sent a message.
type DoubtKind string

// The doubts. None of them proves anything.
const (
	DoubtName    DoubtKind = "name_is_other_address" // the name Shown looks like an address, the address is True
	DoubtLetters DoubtKind = "letters_pretend"       // the address has letters that pretend to be others
	DoubtReply   DoubtKind = "reply_elsewhere"       // answers to Shown go to True, at another site
	DoubtSender  DoubtKind = "sent_by_other"         // True, of another site, sent on behalf of Shown
	DoubtSeveral DoubtKind = "several_from"          // there are several From fields
	DoubtNobody  DoubtKind = "nobody"                // there is no address of an author
)

// Doubt is a mark to set beside who claims to have sent a message.
type Doubt struct {
	Kind DoubtKind `msg:"kind"`
	// Field is From, Sender or Reply-To.
	Field string `msg:"field,omitempty"`
	// Shown is what the message shows, True what it really is. Both may be empty.
	Shown string `msg:"shown,omitempty"`
	True  string `msg:"true,omitempty"`
}

// Event is an event of an invitation (RFC 5545, RFC 5546), as the message
// describes it.
type Event struct {
	// Method is "request", "cancel", "reply", "counter", "publish"… or empty.
	Method      string `msg:"method,omitempty"`
	UID         string `msg:"uid,omitempty"`
	Summary     string `msg:"summary,omitempty"`
	Location    string `msg:"location,omitempty"`
	Description string `msg:"description,omitempty"`
	// URL is empty, or an absolute http or https URL.
	URL string `msg:"url,omitempty"`
	// Status is "confirmed", "tentative", "cancelled" or empty.
	Status string `msg:"status,omitempty"`
	// Start and End are instants. With AllDay they are midnights in UTC that stand
	// for dates, End for the last one; with Floating, what a clock shows where the
	// event is, written as UTC. Zero when not known.
	Start    time.Time `msg:"start,omitempty"`
	End      time.Time `msg:"end,omitempty"`
	AllDay   bool      `msg:"all_day,omitempty"`
	Floating bool      `msg:"floating,omitempty"`
	// Zone is the name of the event's own zone, in the words of the message; may
	// be empty. Offset is that zone's offset from UTC at Start, in seconds to the
	// east.
	Zone   string `msg:"zone,omitempty"`
	Offset int    `msg:"offset,omitempty"`
	// Repeats is nil for an event that does not repeat.
	Repeats   *Recurrence `msg:"repeats,omitempty"`
	Organizer Address     `msg:"organizer,omitempty"`
	Attendees []Attendee  `msg:"attendees,omitempty"`
	// Reply is the status of the only attendee, in a reply.
	Reply string `msg:"reply,omitempty"`
}

// Attendee is somebody who was invited.
type Attendee struct {
	Name  string `msg:"name,omitempty"`
	Email string `msg:"email,omitempty"`
	// Status is "accepted", "declined", "tentative", "needs-action", "delegated" or
	// another one of RFC 5545 section 3.2.12; may be empty.
	Status   string `msg:"status,omitempty"`
	Optional bool   `msg:"optional,omitempty"`
}

// Recurrence is how often an event repeats (RFC 5545 section 3.3.10).
type Recurrence struct {
	// Frequency is "daily", "weekly", "monthly", "yearly" or a finer one.
	Frequency string `msg:"frequency"`
	// Interval is 1 or more; Count is 0 for no bound, and so is a zero Until.
	Interval int       `msg:"interval,omitempty"`
	Count    int       `msg:"count,omitempty"`
	Until    time.Time `msg:"until,omitempty"`
	// Days are "MO" to "SU", perhaps with the number of the week before: "-1SU".
	Days []string `msg:"days,omitempty"`
}

// Report is what a mail server or program tells about a message that was sent: a
// delivery report (RFC 3464) or a receipt (RFC 8098).
type Report struct {
	// Reporter is the host, or the program, that writes; may be empty.
	Reporter string `msg:"reporter,omitempty"`
	// Subject and MessageID are of the message that it is about; may be empty.
	Subject    string              `msg:"subject,omitempty"`
	MessageID  string              `msg:"message_id,omitempty"`
	Recipients []ReportedRecipient `msg:"recipients"`
}

// ReportedRecipient is what happened for one recipient.
type ReportedRecipient struct {
	Address string `msg:"address"`
	// Action is "failed", "delayed", "delivered", "relayed", "expanded"; of a
	// receipt "displayed", "deleted" or another word.
	Action string `msg:"action,omitempty"`
	// Status is a code of RFC 3463, such as "5.1.1"; may be empty.
	Status string       `msg:"status,omitempty"`
	Reason ReportReason `msg:"reason,omitempty"`
	// Diagnostic is what the server Remote said; both may be empty.
	Diagnostic string `msg:"diagnostic,omitempty"`
	Remote     string `msg:"remote,omitempty"`
}

// ReportReason says in a word why a message was not delivered.
type ReportReason string

// The reasons; empty when it is not known.
const (
	ReasonNoMailbox    ReportReason = "no_mailbox"    // there is no such address
	ReasonNoHost       ReportReason = "no_host"       // there is no such domain, or it takes no mail
	ReasonDisabled     ReportReason = "disabled"      // the mailbox is switched off
	ReasonFull         ReportReason = "full"          // the mailbox is full
	ReasonTooLarge     ReportReason = "too_large"     // the message is too large
	ReasonUnreachable  ReportReason = "unreachable"   // the server does not answer
	ReasonExpired      ReportReason = "expired"       // it was tried for too long
	ReasonLoop         ReportReason = "loop"          // mail goes round in circles
	ReasonNotAllowed   ReportReason = "not_allowed"   // the sender may not write there
	ReasonSpam         ReportReason = "spam"          // taken for unwanted mail
	ReasonUnproven     ReportReason = "unproven"      // SPF, DKIM or DMARC did not agree
	ReasonContent      ReportReason = "content"       // the content was refused
	ReasonBusy         ReportReason = "busy"          // the server asks to come back
	ReasonBadAddress   ReportReason = "bad_address"   // the address is not written correctly
	ReasonNotSupported ReportReason = "not_supported" // the server lacks what the message needs
)

// BodyQuestion asks for the HTML view of a message.
type BodyQuestion struct {
	ID MessageID `msg:"id"`
	// AllowRemote keeps https images; otherwise nothing remote is left.
	AllowRemote bool `msg:"allow_remote,omitempty"`
}

// BodyAnswer is sanitised HTML: the inner content of a body element. It is
// meant for a document of its own under a sandboxing CSP, never for a page.
type BodyAnswer struct {
	HTML    string `msg:"html"`
	Subject string `msg:"subject"`
	// BlockedRemote counts what was left out because it is remote.
	BlockedRemote int `msg:"blocked_remote,omitempty"`
	// Uncoloured tells that the HTML sets no colours of its own, so that a dark
	// page may give it its own. Where that is not known, it is false.
	Uncoloured bool `msg:"uncoloured,omitempty"`
}

// PartQuestion asks for the decoded content of one part.
type PartQuestion struct {
	ID   MessageID `msg:"id"`
	Part string    `msg:"part"`
}

// AttachmentsQuestion asks for the attachments of a message as one archive (ZIP).
type AttachmentsQuestion struct {
	ID MessageID `msg:"id"`
	// Inline takes those too that the HTML body shows by itself.
	Inline bool `msg:"inline,omitempty"`
}

// RawQuestion asks for a whole message.
type RawQuestion struct {
	ID MessageID `msg:"id"`
	// Header asks for its header alone.
	Header bool `msg:"header,omitempty"`
}

// StreamHead describes the bytes that follow it.
type StreamHead struct {
	MediaType string `msg:"media_type"`
	// Charset is the charset label of a text part; may be empty.
	Charset string `msg:"charset,omitempty"`
	Name    string `msg:"name"`
	// Size is the number of bytes that follow, -1 when it is not known.
	Size int64 `msg:"size"`
}

// StatusQuestion asks a node about itself.
type StatusQuestion struct {
	// Account, when not empty, asks who owns that account.
	Account string `msg:"account,omitempty"`
}

// StatusAnswer is a node's view of itself and of the ring.
type StatusAnswer struct {
	Node    string `msg:"node"`
	Version string `msg:"version"`
	// RingDigest and Members are the placement table in force.
	RingDigest uint64   `msg:"ring_digest"`
	Members    []string `msg:"members"`
	// Owner is the owner of the account asked for, empty when none was.
	Owner    string    `msg:"owner,omitempty"`
	Accounts int       `msg:"accounts"`
	Started  time.Time `msg:"started"`
	// CacheBytes of CacheBudget bytes are in use.
	CacheBytes  int64 `msg:"cache_bytes"`
	CacheBudget int64 `msg:"cache_budget"`
	// SealKeys are the names of the keys that open session seals; the first one
	// seals.
	SealKeys []string `msg:"seal_keys,omitempty"`
}
