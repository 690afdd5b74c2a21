package account_test

import (
	"strings"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/api"
)

func TestSizesOfFolders(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		other := w.another()
		work := w.mailbox(other, "Work")
		w.must(other, create(work))
		small, large := "Subject: s\r\n\r\ntext\r\n", "Subject: l\r\n\r\n"+strings.Repeat("text\r\n", 5000)
		w.must(other, appending("INBOX", []byte(small)), appending("INBOX", []byte(large)), appending(work, []byte(small)))
		answer, err := w.account.Usage(t.Context(), &api.UsageQuestion{Sizes: true})
		if err != nil || answer.Incomplete {
			t.Fatal(answer, err)
		}
		sizes := map[string]int64{}
		for _, one := range answer.Sizes {
			sizes[one.Mailbox] = one.Bytes
		}
		if sizes["INBOX"] != int64(len(small)+len(large)) || sizes[work] != int64(len(small)) {
			t.Errorf("sizes %v, want %d and %d", sizes, len(small)+len(large), len(small))
		}
	})
}

func TestQuota(t *testing.T) {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Separator: "/", Extra: "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\nplugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100M:messages=50\n}\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	w := newWorld(t, server.IMAPAddr())
	w.must(w.another(), appending("INBOX", []byte("Subject: s\r\n\r\n"+strings.Repeat("text\r\n", 50_000))))
	answer, err := w.account.Usage(t.Context(), &api.UsageQuestion{})
	if err != nil || len(answer.Quotas) != 2 || len(answer.Sizes) != 0 {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, quota := range answer.Quotas {
		wanted := api.Quota{Resource: api.QuotaMessages, Used: 1, Limit: 50}
		if quota.Resource == api.QuotaStorage {
			wanted = api.Quota{Resource: api.QuotaStorage, Used: quota.Used, Limit: 100 << 20}
			if quota.Used < 240<<10 || quota.Used > 310<<10 {
				t.Errorf("%d bytes are used", quota.Used)
			}
		}
		if quota != wanted {
			t.Errorf("%+v, want %+v", quota, wanted)
		}
	}
}
