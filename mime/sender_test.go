package mime

import "testing"

func TestShownHost(t *testing.T) {
	for host, want := range map[string]string{
		"example.edu": "example.edu", "EXAMPLE.edu": "EXAMPLE.edu", "xn--bcher-kva.example": "bücher.example", "bücher.example": "bücher.example",
		"xn--80ak6aa92e.com": "xn--80ak6aa92e.com", "аррӏе.com": "xn--80ak6aa92e.com", "пример.рф": "пример.рф", "xn--e1afmkfd.xn--p1ai": "пример.рф", "яндекс.example": "яндекс.example",
		"pаypal.example": "xn--pypal-4ve.example", "日本語.example": "日本語.example", "ラーメンabc.example": "ラーメンabc.example", "αβγabc.example": "xn--abc-nxcfg.example", "한국어.example": "한국어.example",
		"xn--zzzzzzzz.example": "xn--zzzzzzzz.example", "☃.example": "xn--n3h.example", "": "", "a.b.": "a.b.",
	} {
		if got := ShownHost(host); got != want {
			t.Errorf("%q is shown as %q, want %q", host, got, want)
		}
	}
	if got := ShownEmail("ana@pаypal.example"); got != "ana@xn--pypal-4ve.example" {
		t.Errorf("an address is shown as %q", got)
	}
}
