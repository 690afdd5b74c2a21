package account

import (
	"context"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

const (
	// sizesAtOnce is how many messages are asked for their sizes at a time.
	sizesAtOnce = 5000
	// usageReserve is the time that must be left to go on with the sizes of folders.
	usageReserve = 2 * time.Second
)

// Usage tells how much room the user's mail takes. Errors: auth_failed, backend_down,
// busy, deadline.
func (a *Account) Usage(ctx context.Context, question *api.UsageQuestion) (*api.UsageAnswer, error) {
	folders, err := a.foldersNow(ctx)
	if err != nil {
		return nil, err
	}
	answer := &api.UsageAnswer{}
	err = a.ask(ctx, func(ctx context.Context) (err error) {
		answer.Quotas, err = a.quotas(ctx)
		return err
	}, func() bool { return false })
	if err != nil || !question.Sizes {
		return answer, err
	}
	err = a.aside(ctx, urgent, func(ctx context.Context, conn *connection) error {
		for _, folder := range folders {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < usageReserve {
				answer.Incomplete = true
				return nil
			}
			if !folder.Selectable {
				continue
			}
			size, err := a.sizeOf(ctx, conn, folder.Mailbox)
			if isRefusal(err) {
				continue
			}
			if err != nil {
				return err
			}
			answer.Sizes = append(answer.Sizes, api.FolderSize{Mailbox: folder.Mailbox, Bytes: size})
		}
		return nil
	})
	return answer, a.translate(ctx, err)
}

// quotas are those of the inbox, which bound everything on the servers that people
// run. A server that refuses to tell has none.
func (a *Account) quotas(ctx context.Context) (quotas []api.Quota, err error) {
	if !a.conn.Has(imap.CapQuota) {
		return nil, nil
	}
	asked := &imapconn.Quota{Mailbox: inbox}
	if err := a.do(ctx, asked); err != nil && !isRefusal(err) {
		return nil, err
	}
	for _, root := range asked.Roots {
		if usage, ok := root.Resources[imap.QuotaResourceStorage]; ok && usage.Limit > 0 {
			quotas = append(quotas, api.Quota{Resource: api.QuotaStorage, Used: int64(usage.Usage) * 1024, Limit: int64(usage.Limit) * 1024})
		}
		if usage, ok := root.Resources[imap.QuotaResourceMessage]; ok && usage.Limit > 0 {
			quotas = append(quotas, api.Quota{Resource: api.QuotaMessages, Used: int64(usage.Usage), Limit: int64(usage.Limit)})
		}
	}
	return quotas, nil
}

// sizeOf is how much room the messages of a mailbox take.
func (a *Account) sizeOf(ctx context.Context, conn *connection, mailbox string) (bytes int64, err error) {
	if conn.Has(imap.CapStatusSize) {
		status := &imapconn.Status{Mailbox: mailbox, Options: &imap.StatusOptions{Size: true}}
		if err := a.exchange(ctx, conn, status); err != nil {
			return 0, err
		}
		if status.Data != nil && status.Data.Size != nil {
			return *status.Data.Size, nil
		}
	}
	open, all := &imapconn.Select{Name: mailbox, ReadOnly: true}, &imapconn.Search{Criteria: &imap.SearchCriteria{}}
	if err := a.exchange(ctx, conn, open); err != nil {
		return 0, err
	}
	if open.Data.NumMessages == 0 {
		return 0, nil
	}
	if err := a.exchange(ctx, conn, all); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(uidsOf(all.UIDs), sizesAtOnce) {
		var set imap.UIDSet
		for _, uid := range some {
			set.AddNum(imap.UID(uid))
		}
		fetch := &imapconn.Fetch{UIDs: set, Items: &imap.FetchOptions{RFC822Size: true}}
		if err := a.exchange(ctx, conn, fetch); err != nil {
			return 0, err
		}
		for _, message := range fetch.Messages {
			bytes += message.Size
		}
	}
	return bytes, nil
}
