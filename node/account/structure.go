package account

import (
	"strings"

	"alphamail/mime"
	"github.com/emersion/go-imap/v2"
)

// maxStructureDepth bounds the walk over a BODYSTRUCTURE, which comes from
// outside.
const maxStructureDepth = 50

// textPart is where the text of a message begins.
type textPart struct {
	path                         []int
	mediaType, charset, encoding string
}

func (t textPart) section() string { return section(t.path) }

func (t textPart) snippet(beginning []byte) string {
	return mime.Snippet(t.mediaType, t.charset, t.encoding, beginning, snippetLength)
}

// firstText finds the first text part that is not an attachment.
func firstText(structure imap.BodyStructure) (textPart, bool) {
	var found textPart
	var ok bool
	walk(structure, func(path []int, part *imap.BodyStructureSinglePart) bool {
		if strings.EqualFold(part.Type, "text") && !isAttachment(part) {
			found = textPart{path, part.MediaType(), param(part.Params, "charset"), part.Encoding}
			ok = true
		}
		return !ok
	})
	return found, ok
}

// hasAttachment tells whether a row gets the attachment mark.
func hasAttachment(structure imap.BodyStructure) bool {
	found := false
	walk(structure, func(_ []int, part *imap.BodyStructureSinglePart) bool {
		found = isAttachment(part)
		return !found
	})
	return found
}

// isAttachment tells a part that a reader would call an attachment from texts,
// pictures inside an HTML text, and signatures.
func isAttachment(part *imap.BodyStructureSinglePart) bool {
	mediaType := part.MediaType()
	switch {
	case mediaType == "application/pgp-signature", mediaType == "application/pkcs7-signature", mediaType == "application/x-pkcs7-signature":
		return false
	case part.Disposition() != nil && strings.EqualFold(part.Disposition().Value, "attachment"):
		return true
	case strings.EqualFold(part.Type, "text"):
		return partFile(part) != ""
	default:
		return part.ID == ""
	}
}

// walk visits the leaves of a structure in order until visit returns false.
// Messages within messages are leaves.
func walk(structure imap.BodyStructure, visit func(path []int, part *imap.BodyStructureSinglePart) bool) {
	var descend func(imap.BodyStructure, []int) bool
	descend = func(structure imap.BodyStructure, path []int) bool {
		if len(path) > maxStructureDepth {
			return false
		}
		switch part := structure.(type) {
		case *imap.BodyStructureSinglePart:
			if len(path) == 0 {
				path = []int{1}
			}
			return visit(path, part)
		case *imap.BodyStructureMultiPart:
			for i, child := range part.Children {
				if !descend(child, append(path[:len(path):len(path)], i+1)) {
					return false
				}
			}
		}
		return true
	}
	descend(structure, nil)
}

// partTree makes the part tree of a message that is too large to fetch as a
// whole. Its leaves have no content yet.
func partTree(structure imap.BodyStructure, path []int) *mime.Part {
	switch part := structure.(type) {
	case *imap.BodyStructureMultiPart:
		made := &mime.Part{ID: section(path), MediaType: part.MediaType(), Params: map[string]string{}}
		if part.Extended != nil {
			made.Params = mime.DecodeParameters(part.Extended.Params)
		}
		if len(path) < maxStructureDepth {
			for i, child := range part.Children {
				made.Children = append(made.Children, partTree(child, append(path[:len(path):len(path)], i+1)))
			}
		}
		return made
	case *imap.BodyStructureSinglePart:
		if len(path) == 0 {
			path = []int{1}
		}
		made := &mime.Part{
			ID: section(path), MediaType: part.MediaType(), Params: mime.DecodeParameters(part.Params),
			ContentID: strings.Trim(part.ID, "<>"), Encoding: strings.ToLower(part.Encoding),
			EncodedSize: int64(part.Size), Filename: partFile(part),
		}
		if disposition := part.Disposition(); disposition != nil {
			made.Disposition = strings.ToLower(disposition.Value)
		}
		return made
	default:
		return &mime.Part{ID: section(path), MediaType: "application/octet-stream", Params: map[string]string{}}
	}
}

// partFile is the name of a file; empty for what has none (RFC 2183 section 2.3, and
// before that the name of RFC 1341).
func partFile(part *imap.BodyStructureSinglePart) string {
	if disposition := part.Disposition(); disposition != nil {
		if name := mime.DecodeParameters(disposition.Params)["filename"]; name != "" {
			return mime.SafeFilename(name)
		}
	}
	return mime.SafeFilename(mime.DecodeParameters(part.Params)["name"])
}

func param(params map[string]string, name string) string { return lowerKeys(params)[name] }

func lowerKeys(params map[string]string) map[string]string {
	lower := make(map[string]string, len(params))
	for key, value := range params {
		lower[strings.ToLower(key)] = value
	}
	return lower
}
