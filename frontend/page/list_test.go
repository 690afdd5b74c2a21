package page

import (
	"net/url"
	"testing"

	"alphamail/node/api"
)

func TestListURLs(t *testing.T) {
	for want, q := range map[string]api.MailboxQuestion{
		"/mail/A~1B":                                          {Mailbox: "A/B"},
		"/mail/A?page=2":                                      {Mailbox: "A", Page: 2},
		"/mail/A?order=date":                                  {Mailbox: "A", Page: 1, Order: api.OrderDate},
		"/mail/A?reverse=1":                                   {Mailbox: "A", Reverse: true},
		"/mail/A?reverse=1&page=3":                            {Mailbox: "A", Reverse: true, Page: 3},
		"/mail/A?filter=flagged":                              {Mailbox: "A", Filter: api.FilterFlagged},
		"/mail/A?order=subject&page=9":                        {Mailbox: "A", Order: api.OrderSubject, Page: 9},
		"/mail/A?order=size&filter=unread":                    {Mailbox: "A", Order: api.OrderSize, Filter: api.FilterUnread},
		"/mail/?order=a%26b%3D%22&filter=%3C":                 {Order: `a&b="`, Filter: "<"},
		"/mail/A?order=sender&reverse=1&filter=unread&page=2": {Mailbox: "A", Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread, Page: 2},
	} {
		if got := ListURL(q); got != want {
			t.Errorf("%+v: %s, want %s", q, got, want)
		}
	}
}

func TestParseList(t *testing.T) {
	for query, want := range map[string]api.MailboxQuestion{
		"":                        {Page: 1},
		"page=&order=&filter=":    {Page: 1},
		"page=12":                 {Page: 12},
		"order=arrival":           {Page: 1, Order: api.OrderNewest},
		"order=size&q=x&order2=y": {Page: 1, Order: api.OrderSize},
		"page=2&filter=unread&reverse=1&order=sender": {Page: 2, Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		want.Mailbox = "M"
		if got, err := ParseList("M", values); err != nil || *got != want {
			t.Errorf("%q: %+v, %v, want %+v", query, got, err, want)
		}
	}
	for _, query := range []string{
		"page=0", "page=-1", "page=x", "page=1.5", "page=99999999999999999999", "page=1&page=2",
		"order=newest", "order=Size", "order=size+", "order=%00", "order=size&order=size",
		"reverse=0", "reverse=true", "reverse=11", "reverse=1&reverse=1",
		"filter=all", "filter=starred", "filter=unread,flagged", "filter=unread&filter=flagged",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseList("M", values); err == nil {
			t.Errorf("%q is read as %+v", query, got)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"", "page=2", "order=sender&reverse=1&filter=unread&page=2", "order=&page=0", "filter=x", "a=%zz", ";"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := ParseList("INBOX", values)
		if err != nil {
			return
		}
		address, err := url.Parse(ListURL(*q))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseList("INBOX", address.Query())
		if err != nil || *again != *q {
			t.Fatalf("%q came back as %+v, %v", query, again, err)
		}
	})
}
