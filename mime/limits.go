// Package mime turns the untrusted bytes of a message into what can be shown:
// a part tree, safe text, safe HTML, a snippet. It is pure: bytes in, values
// out, no I/O.
//
// Parsing never fails. Whatever comes in, the best readable view comes out: Parse
// makes the part tree, with the defects of each part; Render the view of a page;
// SafeHTML the document of an HTML message; Snippet a line for lists. What is
// beyond a limit is offered for saving. Time and memory are linear in the input:
// depth, number of parts, header size, decoded bytes and output are bounded.
//
// Nothing here says that a message is what it claims to be: Doubts marks what a
// careful reader would notice, and Check passes on what the receiving host found,
// if the caller knows that host.
package mime

// RendererVersion is raised whenever the same bytes give another view. It is
// part of the keys under which views are cached.
const RendererVersion = 5

// Note tells a reader something about how a message was read.
type Note string

// The notes. Their words are those of the page protocol.
const (
	NoteMalformed      Note = "malformed"
	NoteTruncated      Note = "truncated"
	NoteUnknownCharset Note = "unknown_charset"
	NoteLimit          Note = "limit"
	NoteEncrypted      Note = "encrypted"
	NoteSigned         Note = "signed"
)

// Limits on what a message may make us do. Sizes are in bytes.
const (
	maxHeader    = 1 << 20
	maxFields    = 1000
	maxFieldName = 200
	maxAddresses = 2000
	maxDepth     = 50
	maxParts     = 1000
	maxEmbedded  = 200 // messages of a digest that are shown
	// maxDecoded bounds what is decoded of a message to find parts in it: messages
	// and multiparts that are encoded as a whole, signed content.
	maxDecoded = 32 << 20
	// maxText bounds the text of a view, and what is decoded to make it.
	maxText   = 1 << 20
	maxBlocks = 5000
	maxSpans  = 20000
	// maxHTML bounds the HTML of a message before it is parsed, and after.
	maxHTML = 2 << 20
	// maxCSS bounds one style sheet or attribute, maxSheets all style sheets.
	maxCSS    = 128 << 10
	maxSheets = 256 << 10
	// maxImage bounds a picture that is put into the HTML, maxImages all of them.
	maxImage  = 1 << 20
	maxImages = 4 << 20
	// maxQuote bounds the depth of quotation that is told apart.
	maxQuote = 20
)
