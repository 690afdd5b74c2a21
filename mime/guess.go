package mime

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// sampleSize is how much of a text is looked at to guess its charset, in bytes.
const sampleSize = 8 << 10

// candidate is a charset that unlabelled text may be in, with what is frequent
// in its languages.
type candidate struct {
	charset encoding.Encoding
	common  string
}

// Frequent letters and characters. Capitals are left out: a Cyrillic text that is
// read in a wrong charset comes out as capitals.
const (
	commonRussian     = "оеаинтсрвлі"
	commonGreek       = "αοιετσνηυρ"
	commonHebrew      = "יוהלאמרתבש"
	commonArabic      = "اليمونرتبع"
	commonThai        = "านรอกเงมยลวดทสตะปบคหแจพชขใไ่้ัิีืุู็"
	commonKorean      = "이다는의에을를가고한하지기로사서도인어나자리대들으있니해시요과수일보그것안습여라정주제구부전상신선년은님세요감녕메알회"
	commonSimplified  = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体相见被利什二等产或新己制身果加月话合回特代内信表化给世位次度门任常先海通教原东提立及比员解水名真论处走各入几口认条平系气题活更别打变四总何电数安少报才结反受目太量再感建务做接必场件计管期市直资命金指许统区保至请您谢邮附收，。、？！："
	commonTraditional = "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作里用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體相見被利什二等產或新請您謝郵附收件，。、？！："
	commonJapanese    = "のにはをたがでてとしれさいるあうかなきくけこそちつみめもやよらりんだまおえせすッンスルトーイアラリドックレロ、。日本人年大会社様御中"
	commonWestern     = "éèàùçêôîâûäöüßñóáíúãõåæøëïÄÖÜÉ€–“”’‘•…°«»§\u00a0"
	commonCentral     = "áéíóúěščřžýůąęłśżźćńőűöüäďťňľĺŕşţăâîđŠŽ–“”„’\u00a0"
)

// nonLatin are the charsets of text that hardly has Latin letters, the
// double-byte ones first; latin those of text in which other letters stand among
// them.
var (
	nonLatin = []candidate{
		{japanese.ShiftJIS, commonJapanese}, {japanese.EUCJP, commonJapanese}, {korean.EUCKR, commonKorean},
		{simplifiedchinese.GB18030, commonSimplified}, {traditionalchinese.Big5, commonTraditional},
		{charmap.Windows1251, commonRussian}, {charmap.KOI8U, commonRussian}, {charmap.ISO8859_5, commonRussian}, {charmap.CodePage866, commonRussian},
		{charmap.Windows1253, commonGreek}, {charmap.Windows1255, commonHebrew}, {charmap.Windows1256, commonArabic}, {charmap.Windows874, commonThai},
	}
	latin = []candidate{
		{charmap.Windows1252, commonWestern}, {charmap.Windows1250, commonCentral}, {charmap.ISO8859_2, commonCentral},
	}
)

// escapedCharset tells the charset whose escape sequences a text has; nil for
// none.
func escapedCharset(text []byte) encoding.Encoding {
	for _, escape := range []string{"\x1b$B", "\x1b$@", "\x1b(J", "\x1b$(D"} {
		if bytes.Contains(text, []byte(escape)) {
			return japanese.ISO2022JP
		}
	}
	return nil
}

// guessCharset tells the charset that 8-bit text which is not UTF-8 most likely
// has. Where bytes beyond ASCII stand alone or in twos beside Latin letters, the
// text is in the Latin alphabet, unless it makes good sense in a double-byte
// charset, some of whose second bytes are Latin letters too: or more sense than in
// any of Latin, when it is long.
func guessCharset(text []byte) encoding.Encoding {
	text = text[:min(len(text), sampleSize)]
	if besideLatin(text) {
		double, doubleShare := best(nonLatin[:5], text)
		found, share := best(latin, text)
		switch {
		case len(text) >= 12 && doubleShare >= 0.6, len(text) >= enoughForRare && doubleShare > 0.3 && doubleShare > share:
			return double
		case share == 0:
			return charmap.Windows1252
		}
		return found
	}
	if found, share := best(nonLatin, text); share > 0.3 {
		return found
	}
	return charmap.Windows1252
}

// enoughForRare is from how many bytes on a text shows its charset even when many
// of its characters are rare, as in classical Chinese.
const enoughForRare = 200

// best returns the candidate whose frequent characters text has most of; among
// equals the first.
func best(candidates []candidate, text []byte) (encoding.Encoding, float64) {
	var found encoding.Encoding
	most := -1.0
	for _, candidate := range candidates {
		if share := candidate.share(text); share > most {
			found, most = candidate.charset, share
		}
	}
	return found, most
}

// besideLatin tells whether the bytes beyond ASCII stand in short runs, most of
// them next to Latin letters.
func besideLatin(text []byte) bool {
	high, runs, beside := 0, 0, 0
	for i := 0; i < len(text); {
		if text[i] < 0x80 {
			i++
			continue
		}
		start := i
		for i < len(text) && text[i] >= 0x80 {
			i++
		}
		high += i - start
		runs++
		if start > 0 && isLetter(text[start-1]) || i < len(text) && isLetter(text[i]) {
			beside++
		}
	}
	return high < 3 || high < 3*runs && 2*beside >= runs
}

func isLetter(b byte) bool { return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' }

// share is how much of a text is frequent in the languages of the charset, when
// it is read so.
func (c candidate) share(text []byte) float64 {
	common, all, wrong := 0, 0, 0
	for _, char := range decodeWith(c.charset, text) {
		switch {
		case char < 0x80:
			continue
		case char == utf8.RuneError, unicode.IsControl(char), unicode.Is(unicode.Co, char):
			wrong++
		case strings.ContainsRune(c.common, char):
			common++
		}
		all++
	}
	if all == 0 || wrong > 1 && wrong*20 > all {
		return 0
	}
	return float64(common) / float64(all)
}
