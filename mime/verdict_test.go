package mime

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const ourResults = "Authentication-Results: mx.example.edu; dkim=pass (good key) header.d=Example.org header.s=x; spf=fail smtp.mailfrom=bounce@evil.example;\r\n dmarc=pass header.from=example.org\r\n"

func TestVerdicts(t *testing.T) {
	want := []Verdict{{"dkim", "pass", "example.org"}, {"spf", "fail", "evil.example"}, {"dmarc", "pass", "example.org"}}
	spf := func(result, domain string) []Verdict { return []Verdict{{"spf", result, domain}} }
	const results = "Authentication-Results: "
	for name, test := range map[string]struct {
		header, host string
		want         []Verdict
	}{
		"ours":                  {ourResults, "mx.example.edu", want},
		"any case":              {ourResults, "MX.Example.EDU", want},
		"no host is configured": {ourResults, "", nil},
		"another host":          {ourResults, "mx.example.org", nil},
		"below foreign ones":    {"Received: x\r\nAuthentication-Results: other; spf=pass\r\n" + ourResults, "mx.example.edu", want},
		"two, one by one":       {results + "mx.example.edu; spf=pass\r\n" + results + "mx.example.edu; dkim=none\r\n", "mx.example.edu", []Verdict{{"spf", "pass", ""}, {"dkim", "none", ""}}},
		"nothing was checked":   {results + "mx.example.edu; none\r\n", "mx.example.edu", nil},
		"empty":                 {"Authentication-Results:\r\n", "mx.example.edu", nil},
		"the host alone":        {results + "mx.example.edu\r\n", "mx.example.edu", nil},

		"with a version":          {results + "mx.example.edu 1; spf=pass\r\n", "mx.example.edu", spf("pass", "")},
		"a version that comes":    {results + "mx.example.edu 2; spf=pass; dmarc=fail\r\n", "mx.example.edu", []Verdict{{"dmarc", "fail", ""}}},
		"a host in quotes":        {results + "\"mx.example.edu\"; spf=pass\r\n", "mx.example.edu", spf("pass", "")},
		"comments around it":      {results + "(x (y) \\) ) mx.example.edu (y); spf=pass\r\n", "mx.example.edu", spf("pass", "")},
		"comments everywhere":     {results + "mx.example.edu;(a)spf(b)=(c)pass(d)smtp.mailfrom(e)=(f)a@b.example(g);\r\n", "mx.example.edu", spf("pass", "b.example")},
		"folded everywhere":       {results + "\r\n mx.example.edu\r\n\t1\r\n ;\r\n spf\r\n =\r\n pass\r\n smtp.mailfrom=b.example\r\n", "mx.example.edu", spf("pass", "b.example")},
		"version of a method":     {results + "mx.example.edu; spf/1=pass\r\n", "mx.example.edu", spf("pass", "")},
		"a reason":                {results + "mx.example.edu; spf=fail reason=\"no; dmarc=pass\" smtp.mailfrom=a@b.example\r\n", "mx.example.edu", spf("fail", "b.example")},
		"equals signs in a value": {results + "mx.example.edu; dkim=pass header.b=ab/c== header.d=b.example\r\n", "mx.example.edu", []Verdict{{"dkim", "pass", "b.example"}}},
		"identity of a signer":    {results + "mx.example.edu; dkim=pass header.i=@b.example\r\n", "mx.example.edu", []Verdict{{"dkim", "pass", "b.example"}}},
		"who greeted is nobody":   {results + "mx.example.edu; spf=pass smtp.helo=b.example\r\n", "mx.example.edu", spf("pass", "")},
		"a point at the end":      {results + "mx.example.edu; spf=pass smtp.mailfrom=b.example.\r\n", "mx.example.edu", spf("pass", "b.example")},
		"what no host can be":     {results + "mx.example.edu; spf=pass smtp.mailfrom=a@<b>.example\r\n", "mx.example.edu", spf("pass", "")},
		"actions of a large host": {results + "mx.example.edu; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=b.example; dmarc=pass action=none header.from=b.example;compauth=pass reason=100\r\n", "mx.example.edu", []Verdict{{"spf", "pass", "b.example"}, {"dmarc", "pass", "b.example"}, {"compauth", "pass", ""}}},
	} {
		if _, got := Verdicts(ParseHeader([]byte(test.header+"\r\n")), []string{"other.example.edu", test.host}); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestVerdictsCannotBeForged has what senders may put into a message, or get the
// receiving host to write down. Nothing of it may speak for them.
func TestVerdictsCannotBeForged(t *testing.T) {
	const forged = "Authentication-Results: mx.example.edu; dmarc=pass header.from=bank.example\r\n"
	const failed = "Authentication-Results: mx.example.edu; spf=fail smtp.mailfrom=a@evil.example"
	for name, header := range map[string]string{
		"a host that begins like it":            "Authentication-Results: mx.example.edu.evil.example; spf=pass\r\n",
		"a host that ends like it":              "Authentication-Results: evil.mx.example.edu; spf=pass\r\n",
		"a host with a line break in it":        "Authentication-Results: mx.example\r\n .edu; spf=pass\r\n",
		"a host in a comment":                   "Authentication-Results: evil.example (mx.example.edu; spf=pass); spf=pass\r\n",
		"a host after another":                  "Authentication-Results: evil.example mx.example.edu; spf=pass\r\n",
		"a host, quoted in part":                "Authentication-Results: mx.\"example.edu\".evil; spf=pass\r\n",
		"a host with a letter that folds":       "Authentication-Results: mx.example.edu\u212a; spf=pass\r\n",
		"an encoded word":                       "Authentication-Results: =?utf-8?Q?mx.example.edu?=; spf=pass\r\n",
		"a name with a letter that folds":       "Authentication-Re\u017fults: mx.example.edu; spf=pass\r\n",
		"a space before the colon":              "Authentication-Results : mx.example.edu; spf=pass\r\n",
		"a name with more to it":                "X-Authentication-Results: mx.example.edu; spf=pass\r\n",
		"in another field":                      "Received: x\r\n Authentication-Results: mx.example.edu; spf=pass\r\n",
		"after a CR alone":                      "X: y\rAuthentication-Results: mx.example.edu; spf=pass\r\n",
		"after a NUL":                           "X: \x00\r\n" + forged,
		"after a line that is no field":         "no field\r\n" + forged,
		"below fields of the author":            "Received: x\r\nFrom: a@bank.example\r\n" + forged,
		"below the subject in other letters":    "SUBJECT: x\r\n" + forged,
		"below ours, with others between":       failed + "\r\nReceived: from evil\r\n" + forged,
		"below ours, which is of the method":    "Authentication-Results: mx.example.edu; dmarc=none\r\n" + forged,
		"below ours, which is out of order":     failed + " (\r\n" + forged,
		"in a comment":                          failed + " (; dmarc=pass)\r\n",
		"in a comment with a parenthesis":       failed + " (\\(; dmarc=pass)\r\n",
		"in a comment in a comment":             failed + " (a (b) ; dmarc=pass (c) )\r\n",
		"in an address":                         failed[:len(failed)-len("a@evil.example")] + "\"a;dmarc=pass header.from=bank.example\"@evil.example\r\n",
		"in an address, quotes escaped":         failed[:len(failed)-len("a@evil.example")] + "\"a\\\";dmarc=pass header.from=bank.example;\\\"\"@evil.example\r\n",
		"quotes in a comment":                   failed + " (\") ; dmarc=x (\")\r\n",
		"a parenthesis in quotes":               failed + " reason=\"(\"; dmarc=none reason=\")\"\r\n",
		"a comment without end":                 "Authentication-Results: mx.example.edu; spf=pass (x\r\n",
		"a quotation without end":               "Authentication-Results: mx.example.edu; spf=pass smtp.mailfrom=\"a@b.example\r\n",
		"an end of a comment without beginning": "Authentication-Results: mx.example.edu; spf=pass) smtp.mailfrom=b.example\r\n",
		"a result without a method":             "Authentication-Results: mx.example.edu; =pass\r\n",
		"a method in markup":                    "Authentication-Results: mx.example.edu; <b>=pass\r\n",
		"a method in quotes":                    "Authentication-Results: mx.example.edu; \"spf\"=pass\r\n",
		"words that belong to nothing":          "Authentication-Results: mx.example.edu; spf=pass x y z\r\n",
		"too long to read":                      "Authentication-Results: mx.example.edu; spf=pass (" + strings.Repeat("x", maxResults) + ")\r\n",
	} {
		_, verdicts := Verdicts(ParseHeader([]byte(header+"\r\n")), []string{"mx.example.edu"})
		for _, verdict := range verdicts {
			if verdict.Result == "pass" {
				t.Errorf("%s: %v", name, verdicts)
			}
		}
		if strings.HasPrefix(header, failed) && !slices.Contains(verdicts, Verdict{"spf", "fail", "evil.example"}) && !strings.Contains(name, "out of order") {
			t.Errorf("%s: what failed is lost: %v", name, verdicts)
		}
	}
}

func TestCheck(t *testing.T) {
	passed := func(domain string, methods ...string) *Checked {
		return &Checked{"mx.example.edu", CheckPassed, domain, methods}
	}
	failed := &Checked{"mx.example.edu", CheckFailed, "bank.example", nil}
	for name, test := range map[string]struct {
		results, from string
		want          *Checked
	}{
		"all passed":                  {"dkim=pass header.d=bank.example; spf=pass smtp.mailfrom=x@bank.example; dmarc=pass header.from=bank.example", "a@bank.example", passed("bank.example", "DKIM", "SPF")},
		"two signatures":              {"dkim=pass header.d=bank.example; dkim=pass header.d=bank.example; dkim=fail header.d=other.example", "a@bank.example", passed("bank.example", "DKIM")},
		"no more than DMARC is told":  {"dmarc=pass header.from=bank.example", "a@bank.example", passed("bank.example", "DMARC")},
		"DMARC without a domain":      {"dmarc=pass", "a@bank.example", passed("bank.example", "DMARC")},
		"the owner signs":             {"dkim=pass header.d=bank.example", "a@news.bank.example", passed("news.bank.example", "DKIM")},
		"a part of the owner signs":   {"dkim=pass header.d=news.bank.example", "a@bank.example", nil},
		"all of a suffix":             {"dkim=pass header.d=ac.uk", "a@bank.ac.uk", nil},
		"other letters":               {"dkim=pass header.d=xn--bcher-kva.example", "a@bücher.example", passed("bücher.example", "DKIM")},
		"pretended letters":           {"dkim=pass header.d=xn--pypal-4ve.example", "a@pаypal.example", passed("xn--pypal-4ve.example", "DKIM")},
		"somebody else signed":        {"dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example", "a@bank.example", nil},
		"DMARC failed":                {"dkim=pass header.d=evil.example; dmarc=fail (p=none) header.from=bank.example", "a@bank.example", failed},
		"DMARC failed, though signed": {"dkim=pass header.d=bank.example; dmarc=fail header.from=bank.example", "a@bank.example", failed},
		"another author is checked":   {"dkim=pass header.d=bank.example; dmarc=pass header.from=evil.example", "a@bank.example", nil},
		"no policy":                   {"dmarc=none header.from=bank.example", "a@bank.example", nil},
		"could not be checked":        {"dmarc=temperror; dkim=permerror header.d=bank.example; spf=softfail smtp.mailfrom=bank.example", "a@bank.example", nil},
		"best guess":                  {"dmarc=bestguesspass", "a@bank.example", nil},
		"who greeted":                 {"spf=pass smtp.helo=bank.example", "a@bank.example", nil},
		"two authors":                 {"dmarc=pass", "a@bank.example, b@bank.example", nil},
		"two fields of authors":       {"dmarc=pass", "a@bank.example\r\nFrom: b@bank.example", nil},
		"no address":                  {"dmarc=pass", "Bank", nil},
		"nothing checked":             {"none", "a@bank.example", nil},
	} {
		h := ParseHeader([]byte("Authentication-Results: mx.example.edu; " + test.results + "\r\nFrom: " + test.from + "\r\n\r\n"))
		if got := Check(h, []string{"mx.example.edu"}); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
		if got := Check(h, nil); got != nil {
			t.Errorf("%s: without a host: %+v", name, got)
		}
	}
}
