package mime

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// squeeze makes the many ways to write the name of a charset one: letters and
// digits, in lower case. "ISO_8859-1", "iso 8859-1" and "iso8859_1" are one name.
func squeeze(label string) string {
	label = strings.ToLower(strings.TrimSpace(label))
	label = strings.TrimPrefix(label, "charset=")
	label, _, _ = strings.Cut(label, ";")
	return strings.Map(func(char rune) rune {
		if 'a' <= char && char <= 'z' || '0' <= char && char <= '9' {
			return char
		}
		return -1
	}, label)
}

// Names are squeezed.
var (
	utf8Names = nameSet("utf8", "unicode11utf8", "xutf8", "utf8mb4", "csutf8", "xunicode20utf8", "utf88bit", "cp65001", "windows65001", "utf8n", "utf8bom")
	utf7Names = nameSet("utf7", "unicode11utf7", "xunicode20utf7", "csunicode11utf7", "cp65000", "windows65000", "unicode20utf7")
	// unlabelled are names that say nothing, or that say ASCII, which mail that
	// is not ASCII often does.
	unlabelled = nameSet("", "usascii", "ascii", "ansix341968", "iso646us", "us", "ascii7", "7bit", "unknown8bit", "xunknown", "unknown", "default", "none", "autodetectall",
		"autodetect", "auto", "any", "null", "undefined", "false", "binary", "8bit", "charset", "default_charset", "utf", "iso8859", "csascii", "xuserdefined")
)

func nameSet(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// charsetNames are the names that mail has and registries do not, and those
// for which mail means a larger charset than the registries say: gb2312 is
// written by programs that mean gb18030.
var charsetNames = func() map[string]encoding.Encoding {
	all := map[string]encoding.Encoding{}
	add := func(charset encoding.Encoding, names ...string) {
		for _, name := range names {
			all[name] = charset
		}
	}
	add(japanese.ShiftJIS, "cp932", "ms932", "mskanji", "xsjis", "sjis", "shiftjis", "xsjiscp932", "windows31j", "windows932", "ibm932", "ibm943", "shiftjis2004", "xmsjis", "csshiftjis")
	add(japanese.ISO2022JP, "iso2022jp", "iso2022jp1", "iso2022jp2", "iso2022jp3", "iso2022jp2004", "iso2022jpms", "cp50220", "cp50221", "cp50222", "jis", "jis7", "csiso2022jp")
	add(japanese.EUCJP, "eucjp", "xeucjp", "eucjpms", "eucjpwin", "cp51932", "cp20932", "ujis", "xeuc", "cseucpkdfmtjapanese")
	add(korean.EUCKR, "euckr", "cp949", "ms949", "uhc", "xuhc", "windows949", "xwindows949", "ksc5601", "ksc56011987", "ksc56011992", "ksc56011989", "ksx1001", "korean", "isoir149", "johab5601", "eucks", "cseuckr")
	add(simplifiedchinese.GB18030, "gb2312", "gb231280", "gb18030", "gbk", "xgbk", "cp936", "ms936", "windows936", "euccn", "xeuccn", "chinese", "csgb2312", "isoir58", "gb", "xgb", "gb180302000", "gb180302005", "csiso58gb231280", "gb2312charset", "cngb")
	add(simplifiedchinese.HZGB2312, "hzgb2312", "hz", "hzgb")
	add(traditionalchinese.Big5, "big5", "xbig5", "xxbig5", "cp950", "ms950", "windows950", "big5hkscs", "big5hk", "big5eten", "big5tw", "cnbig5", "csbig5", "big5hkscs2004", "cp951")
	add(charmap.Windows874, "cp874", "tis620", "tis6202533", "iso885911", "windows874", "thai8", "tis62025330", "thai", "dosthai874", "xcp874")
	add(charmap.Windows1252, "iso88591", "latin1", "l1", "88591", "iso88591windows31latin1", "ansi", "xansi", "ansix3110", "ansix31101983", "cp819", "ibm819", "windows1252", "cp1252", "win1252", "xcp1252", "ansi1252",
		"isolatin1", "western", "westernlatin", "ascii8", "asciiext", "extendedascii", "isoir100", "iso885911987", "en", "enus", "english", "usenglish", "windows", "xroman8", "xwestern", "latin", "latinius")
	add(charmap.ISO8859_15, "iso885915", "latin9", "latin0", "l9", "885915", "iso8859p15", "isolatin9")
	add(charmap.ISO8859_2, "iso88592", "latin2", "l2", "88592", "isolatin2", "centraleurope")
	add(charmap.Windows1254, "iso88599", "latin5", "l5", "88599", "isolatin5", "turkish")
	add(charmap.Windows1250, "windows1250", "cp1250", "win1250", "xcp1250", "ansi1250")
	add(charmap.Windows1251, "windows1251", "cp1251", "win1251", "xcp1251", "ansi1251", "cyrillic1251", "cswindows1251", "wincyrillic", "1251")
	add(charmap.Windows1253, "windows1253", "cp1253", "win1253", "greek1253")
	add(charmap.Windows1257, "windows1257", "cp1257", "win1257", "winbaltrim", "baltic")
	add(charmap.KOI8R, "koi8r", "koi8", "koi", "cskoi8r", "cp20866", "koi8rfc1489")
	add(charmap.KOI8U, "koi8u", "koi8ru", "cp21866", "xkoi8u")
	add(charmap.Macintosh, "mac", "macintosh", "macroman", "xmac", "xmacroman", "csmacintosh", "cp10000", "xmacce")
	add(charmap.MacintoshCyrillic, "maccyrillic", "xmaccyrillic", "xmacukrainian", "cp10007")
	add(charmap.ISO8859_8, "iso88598", "iso88598i", "iso88598e", "iso88598logical", "logical", "visual", "hebrew", "csiso88598i", "88598", "dos862hebrew")
	add(charmap.ISO8859_6, "iso88596", "iso88596i", "iso88596e", "arabic", "88596", "asmo708", "ecma114")
	add(charmap.ISO8859_5, "iso88595", "cyrillic", "88595")
	add(charmap.ISO8859_7, "iso88597", "greek", "greek8", "88597", "elot928", "ecma118")
	add(charmap.CodePage437, "cp437", "ibm437", "437", "dos437", "oem437", "xcp437", "pc8", "ibmpc")
	add(charmap.CodePage850, "cp850", "ibm850", "850", "dos850", "oem850", "xcp850")
	add(charmap.CodePage852, "cp852", "ibm852", "852")
	add(charmap.CodePage855, "cp855", "ibm855")
	add(charmap.CodePage858, "cp858", "ibm858", "ibm00858")
	add(charmap.CodePage860, "cp860", "ibm860")
	add(charmap.CodePage862, "cp862", "ibm862", "dos862")
	add(charmap.CodePage863, "cp863", "ibm863")
	add(charmap.CodePage865, "cp865", "ibm865")
	add(charmap.CodePage866, "cp866", "ibm866", "866", "csibm866", "dos866", "alt")
	add(charmap.CodePage037, "cp037", "ibm037", "ebcdiccpus")
	add(charmap.CodePage1047, "cp1047", "ibm1047")
	add(charmap.CodePage1140, "cp1140", "ibm01140")
	add(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf16", "unicode", "ucs2", "iso10646ucs2", "csunicode", "utf16be", "unicodefffe", "unicodebigunmarked", "utf16bigendian")
	add(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf16le", "unicodefeff", "ucs2le", "utf16littleendian", "unicodelittle")
	add(utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "utf32", "utf32be", "ucs4", "iso10646ucs4")
	add(utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "utf32le")
	return all
}()

// statefulCharsets are those in which bytes below 0x80 may mean something else.
var statefulCharsets = map[encoding.Encoding]bool{
	japanese.ISO2022JP: true, simplifiedchinese.HZGB2312: true, charmap.CodePage037: true, charmap.CodePage1047: true, charmap.CodePage1140: true,
	charsetNames["utf16"]: true, charsetNames["utf16le"]: true, charsetNames["utf32"]: true, charsetNames["utf32le"]: true,
}

var doubleByte = map[encoding.Encoding]bool{
	japanese.ShiftJIS: true, japanese.EUCJP: true, korean.EUCKR: true, simplifiedchinese.GB18030: true, traditionalchinese.Big5: true,
}

// findCharset finds a charset by its squeezed name; nil when there is none.
func findCharset(name string) encoding.Encoding {
	if found := charsetNames[name]; found != nil {
		return found
	}
	for _, prefix := range []string{"windows", "win", "mswin", "xwindows", "xwin", "xcp", "cp", "mscp", "ms", "ansi", "cswindows", ""} {
		if number, ok := strings.CutPrefix(name, prefix); ok && len(number) == 4 && strings.HasPrefix(number, "125") {
			if found, err := htmlindex.Get("windows-" + number); err == nil {
				return found
			}
		}
	}
	for _, prefix := range []string{"iso8859", "xiso8859", "isolatin", "csiso8859", "8859"} {
		if number, ok := strings.CutPrefix(name, prefix); ok && len(number) <= 2 {
			if found, err := htmlindex.Get("iso-8859-" + number); err == nil {
				return found
			}
		}
	}
	for _, prefix := range []string{"cp", "ibm", "dos", "oem", "xibm", "csibm"} {
		if number, ok := strings.CutPrefix(name, prefix); ok && len(number) == 3 {
			if found, err := ianaindex.MIME.Encoding("IBM" + number); err == nil && found != nil {
				return found
			}
		}
	}
	return registered(name)
}

// registered finds what the registries know by a name without punctuation.
func registered(name string) encoding.Encoding {
	if found, err := htmlindex.Get(name); err == nil && found != encoding.Replacement {
		return found
	}
	if found, err := ianaindex.MIME.Encoding(name); err == nil && found != nil {
		return found
	}
	return nil
}
