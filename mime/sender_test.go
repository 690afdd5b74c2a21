package mime

import (
	"slices"
	"testing"
)

func TestVerdicts(t *testing.T) {
	const ours = "Authentication-Results: mx.example.edu; dkim=pass (good key) header.d=Example.org header.s=x; spf=fail smtp.mailfrom=bounce@evil.example;\r\n dmarc=pass header.from=example.org\r\n"
	want := []Verdict{{"dkim", "pass", "example.org"}, {"spf", "fail", "evil.example"}, {"dmarc", "pass", "example.org"}}
	for name, test := range map[string]struct {
		header, host string
		want         []Verdict
	}{
		"ours":                        {ours, "mx.example.edu", want},
		"any case":                    {ours, "MX.Example.EDU", want},
		"no host is configured":       {ours, "", nil},
		"another host":                {ours, "mx.example.org", nil},
		"a host that begins like it":  {"Authentication-Results: mx.example.edu.evil.example; spf=pass\r\n", "mx.example.edu", nil},
		"with a version":              {"Authentication-Results: mx.example.edu 1; spf=pass\r\n", "mx.example.edu", []Verdict{{"spf", "pass", ""}}},
		"a comment in front":          {"Authentication-Results: (x) mx.example.edu (y); spf=pass\r\n", "mx.example.edu", []Verdict{{"spf", "pass", ""}}},
		"below foreign ones":          {"Received: x\r\nAuthentication-Results: other; spf=pass\r\n" + ours, "mx.example.edu", want},
		"forged, below others":        {ours + "Received: from evil\r\nAuthentication-Results: mx.example.edu; dmarc=pass header.from=bank.example\r\n", "mx.example.edu", want},
		"two of ours, one by one":     {"Authentication-Results: mx.example.edu; spf=pass\r\nAuthentication-Results: mx.example.edu; dkim=none\r\n", "mx.example.edu", []Verdict{{"spf", "pass", ""}, {"dkim", "none", ""}}},
		"nothing was checked":         {"Authentication-Results: mx.example.edu; none\r\n", "mx.example.edu", nil},
		"a verdict hidden in comment": {"Authentication-Results: mx.example.edu; spf=fail (; dmarc=pass)\r\n", "mx.example.edu", []Verdict{{"spf", "fail", ""}}},
		"nonsense":                    {"Authentication-Results: mx.example.edu; =; <b>=pass; spf\r\n", "mx.example.edu", nil},
		"empty":                       {"Authentication-Results:\r\n", "mx.example.edu", nil},
	} {
		if got := Verdicts(ParseHeader([]byte(test.header+"\r\n")), test.host); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

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
