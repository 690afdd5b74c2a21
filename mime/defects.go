package mime

import "slices"

// Defect names something in a part that breaks the standards, or that we do not
// follow. No defect keeps the rest from being read.
type Defect string

// The defects.
const (
	// Of a header.
	DefectEnvelopeLine  Defect = "envelope_line"  // the "From " line of an mbox file came along
	DefectBlankStart    Defect = "blank_start"    // empty lines, or a byte order mark, stood before the header
	DefectGarbageLine   Defect = "garbage_line"   // a line is no field
	DefectNoBlankLine   Defect = "no_blank_line"  // nothing parts the header from the content
	DefectNoHeader      Defect = "no_header"      // there is no field at all
	DefectLineEnds      Defect = "line_ends"      // lines do not end with CRLF or LF alone
	DefectNUL           Defect = "nul"            // there are NUL bytes
	DefectRawHeader     Defect = "raw_header"     // 8-bit text that is no UTF-8
	DefectRepeatedField Defect = "repeated_field" // a field that may stand once stands twice
	DefectWord          Defect = "encoded_word"   // an encoded word of RFC 2047 is broken
	DefectAddress       Defect = "address"        // an address cannot be replied to
	DefectDate          Defect = "date"           // the date is missing or cannot be read
	DefectContentType   Defect = "content_type"   // Content-Type cannot be read

	// Of a multipart.
	DefectNoBoundary       Defect = "no_boundary"       // the parameter is missing, or it never occurs
	DefectUnclosed         Defect = "unclosed"          // the closing boundary is missing
	DefectAfterClosing     Defect = "after_closing"     // parts follow the closing boundary
	DefectEncodedMultipart Defect = "encoded_multipart" // a multipart or message is in base64 or quoted-printable

	// Of a content.
	DefectUnknownEncoding Defect = "unknown_encoding" // a transfer encoding that nobody knows; taken for none
	DefectWrongEncoding   Defect = "wrong_encoding"   // the content is encoded in another way than it says
	DefectBase64          Defect = "base64"           // there is junk in base64, or its end is missing
	DefectQuotedPrintable Defect = "quoted_printable" // an escape is none
	DefectUnknownCharset  Defect = "unknown_charset"  // a charset that nobody knows; guessed by content
	DefectWrongCharset    Defect = "wrong_charset"    // the bytes are in another charset than they say
	DefectCharsetMissing  Defect = "charset_missing"  // 8-bit text without a charset; guessed by content

	// Limits that were met. What is beyond them can be saved, as a part of the
	// part that has the defect.
	DefectHeaderLimit Defect = "header_limit"
	DefectDepthLimit  Defect = "depth_limit"
	DefectPartLimit   Defect = "part_limit"
	DefectSizeLimit   Defect = "size_limit"
)

// defectNotes are the defects that a reader should know of, because something
// may be missing or wrong on the page.
var defectNotes = map[Defect]Note{
	DefectGarbageLine: NoteMalformed, DefectNoBlankLine: NoteMalformed, DefectNoHeader: NoteMalformed, DefectEnvelopeLine: NoteMalformed,
	DefectNoBoundary: NoteMalformed, DefectUnclosed: NoteMalformed, DefectAfterClosing: NoteMalformed, DefectBase64: NoteMalformed,
	DefectUnknownCharset: NoteUnknownCharset,
	DefectHeaderLimit:    NoteLimit, DefectDepthLimit: NoteLimit, DefectPartLimit: NoteLimit, DefectSizeLimit: NoteLimit,
}

// defects is a list in which each defect stands once.
type defects []Defect

func (d *defects) add(found ...Defect) {
	for _, defect := range found {
		if defect != "" && !slices.Contains(*d, defect) {
			*d = append(*d, defect)
		}
	}
}

// has tells whether a limit kept the content from being taken apart.
func (d defects) has(wanted ...Defect) bool {
	return slices.ContainsFunc(d, func(defect Defect) bool { return slices.Contains(wanted, defect) })
}
