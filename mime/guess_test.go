package mime

import (
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/traditionalchinese"
)

// TestGuessOfRareCharacters has texts without labels whose characters are not
// those that are frequent today.
func TestGuessOfRareCharacters(t *testing.T) {
	for text, charset := range map[string]encoding.Encoding{
		"夫九州之人，言語不同，生民已來，固常然矣。孟子見梁惠王。王曰：叟不遠千里而來，亦將有以利吾國乎？孟子對曰：王何必曰利？亦有仁義而已矣。王曰何以利吾國？大夫曰何以利吾家？士庶人曰何以利吾身？上下交征利而國危矣。萬乘之國，弒其君者，必千乘之家；千乘之國，弒其君者，必百乘之家。萬取千焉，千取百焉，不為不多矣。":                                                         traditionalchinese.Big5,
		"ÆØÅ ÆØÅ ÆØÅ: STØRRELSE, MÅNED, ÆRLIG, ØNSKE, ÅRSAG, FÆLLES, BRØDRE, SÅDAN, LÆRER, KØBENHAVN, ÅRHUS, ÆGTEFÆLLE, RØDGRØD, BLÅBÆR, HØJDE, VÆRELSE, GRÅ, SØNDAG, LØRDAG, PÅSKE, FØDSELSDAG, SKØNHED, FRÅDSER, NÆSTEN": charmap.Windows1252,
	} {
		raw, err := charset.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := toText([]byte(raw)); got != text {
			t.Errorf("%v: %q is read as %q", charset, text, got)
		}
	}
}
