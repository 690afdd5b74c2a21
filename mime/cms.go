package mime

import "bytes"

// isOpaqueSigned tells a part that holds a signature and the signed content in
// one (RFC 8551 section 3.5.2) from one that is encrypted.
func isOpaqueSigned(part *Part) bool {
	if part.MediaType != "application/pkcs7-mime" && part.MediaType != "application/x-pkcs7-mime" {
		return false
	}
	return part.Params["smime-type"] == "signed-data" || part.Params["smime-type"] == "" && bytes.Contains(beginning(part), signedDataOID)
}

// beginning is enough of the content of a part to tell what it is.
func beginning(part *Part) []byte {
	head := make([]byte, 64)
	n, _ := part.Decode().Read(head)
	return head[:n]
}

// signedDataOID is id-signedData, 1.2.840.113549.1.7.2, in BER.
var signedDataOID = []byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02}

// The tags of BER that SignedData (RFC 5652 section 5.1) needs.
const (
	tagOctets      = 0x04
	tagExplicit    = 0xA0 // [0], constructed
	tagConstructed = 0x20
	maxBERDepth    = 20
)

// signedContent takes the content out of SignedData:
//
//	ContentInfo { contentType, [0] SignedData { version, digestAlgorithms,
//	  encapContentInfo { eContentType, [0] OCTET STRING }, … } }
//
// The signature is not looked at. Nothing comes back from what is no SignedData.
func signedContent(data []byte) []byte {
	if !bytes.Contains(data[:min(len(data), 64)], signedDataOID) {
		return nil
	}
	info, _ := berValue(data)
	_, rest := berValue(info) // contentType
	wrapped, _ := berValue(rest)
	signed, _ := berValue(wrapped)
	_, rest = berValue(signed) // version
	_, rest = berValue(rest)   // digestAlgorithms
	encapsulated, _ := berValue(rest)
	_, rest = berValue(encapsulated) // eContentType
	if len(rest) == 0 || rest[0] != tagExplicit {
		return nil // the content is elsewhere
	}
	content, _ := berValue(rest)
	return berOctets(content, 0)
}

// berValue reads one value of BER (X.690 section 8.1) and returns its content
// and what follows it. Both are empty when it is cut or broken.
func berValue(data []byte) (content, rest []byte) {
	length, header, ok := berLength(data)
	switch {
	case !ok:
		return nil, nil
	case length >= 0:
		if length > len(data)-header {
			length = len(data) - header // cut: what is there
		}
		return data[header : header+length], data[header+length:]
	}
	end, ok := berEnd(data[header:], 0)
	if !ok {
		return data[header:], nil
	}
	return data[header : header+end], data[header+end+2:]
}

// berLength reads tag and length; -1 is the indefinite length.
func berLength(data []byte) (length, header int, ok bool) {
	if len(data) < 2 || data[0]&0x1F == 0x1F {
		return 0, 0, false
	}
	first := data[1]
	switch {
	case first < 0x80:
		return int(first), 2, true
	case first == 0x80:
		return -1, 2, data[0]&tagConstructed != 0
	}
	count := int(first & 0x7F)
	if count > 4 || len(data) < 2+count {
		return 0, 0, false
	}
	for _, b := range data[2 : 2+count] {
		length = length<<8 | int(b)
	}
	return length, 2 + count, length >= 0
}

// berEnd finds the two zeros that end a value of indefinite length.
func berEnd(data []byte, depth int) (int, bool) {
	pos := 0
	for depth < maxBERDepth && len(data)-pos >= 2 {
		if data[pos] == 0 && data[pos+1] == 0 {
			return pos, true
		}
		length, header, ok := berLength(data[pos:])
		switch {
		case !ok:
			return 0, false
		case length < 0:
			inner, ok := berEnd(data[pos+header:], depth+1)
			if !ok {
				return 0, false
			}
			pos += header + inner + 2
		case length > len(data)-pos-header:
			return 0, false
		default:
			pos += header + length
		}
	}
	return 0, false
}

// berOctets puts together an OCTET STRING, which may come in pieces.
func berOctets(data []byte, depth int) []byte {
	var whole []byte
	for len(data) > 0 && depth < maxBERDepth {
		tag := data[0]
		content, rest := berValue(data)
		switch tag {
		case tagOctets:
			if len(rest) == 0 && whole == nil {
				return content
			}
			whole = append(whole, content...)
		case tagOctets | tagConstructed:
			whole = append(whole, berOctets(content, depth+1)...)
		default:
			return whole
		}
		data = rest
	}
	return whole
}
