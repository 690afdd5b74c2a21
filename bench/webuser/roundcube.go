package webuser

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	"alphamail/bench/script"
)

// roundcube visits Roundcube 1.6, as its JavaScript does: lists and searches are
// fetched in the background, messages as pages.
type roundcube struct {
	*client
	account *script.Account
	token   string // of the session, sent along with requests in the background
}

func newRoundcube(c *client, a *script.Account) visit { return &roundcube{client: c, account: a} }

func (v *roundcube) login(ctx context.Context) error {
	form, err := v.get(ctx, "/?_task=login")
	if err != nil {
		return err
	}
	defer form.release()
	token := between(form.body, `name="_token" value="`, `"`)
	if form.status != 200 || token == "" {
		return &Failure{noForm, ""}
	}
	sent, err := v.post(ctx, "/?_task=login", url.Values{
		"_token": {token}, "_task": {"login"}, "_action": {"login"}, "_timezone": {"UTC"}, "_url": {""},
		"_user": {v.account.User}, "_pass": {v.account.Password},
	})
	if err != nil {
		return err
	}
	defer sent.release()
	if sent.status != 302 || strings.Contains(sent.location, "_task=login") {
		return &Failure{refused, fmt.Sprintf("status %d", sent.status)}
	}
	first, err := v.get(ctx, "/?_task=mail&_mbox=INBOX")
	if err != nil {
		return err
	}
	defer first.release()
	if first.status != 200 {
		return unexpected(first)
	}
	if v.token = between(first.body, `"request_token":"`, `"`); v.token == "" {
		return &Failure{noForm, "no token on the first page"}
	}
	return nil
}

// background makes a request of the product's JavaScript.
func (v *roundcube) background(ctx context.Context, query string) (*answer, error) {
	a, err := v.get(ctx, "/?"+query+"&_remote=1&_unlock=0", "X-Requested-With", "XMLHttpRequest", "X-Roundcube-Request", v.token)
	if err != nil {
		return nil, err
	}
	if a.status != 200 {
		defer a.release()
		return nil, unexpected(a)
	}
	return a, nil
}

func (v *roundcube) mailbox() string { return url.QueryEscape(v.account.Mailbox.Name) }

func (v *roundcube) list(ctx context.Context, click script.Click) error {
	a, err := v.background(ctx, fmt.Sprintf("_task=mail&_action=list&_mbox=%s&_page=%d", v.mailbox(), click.Page))
	if err != nil {
		return err
	}
	defer a.release()
	return rowsInOrder(a.body, rowBefore, rowAfter, click.Rows)
}

// What stands around the UID of a row, in the script that adds it to the list.
const rowBefore, rowAfter = "add_message_row(", ","

func (v *roundcube) open(ctx context.Context, click script.Click) error {
	page, err := v.get(ctx, fmt.Sprintf("/?_task=mail&_action=show&_uid=%d&_mbox=%s", click.Message.UID, v.mailbox()))
	if err != nil {
		return err
	}
	defer page.release()
	if page.status != 200 {
		return unexpected(page)
	}
	return shown(click.Message, page.body)
}

func (v *roundcube) search(ctx context.Context, click script.Click) error {
	a, err := v.background(ctx, fmt.Sprintf("_task=mail&_action=search&_mbox=%s&_q=%s&_headers=subject&_scope=base", v.mailbox(), url.QueryEscape(click.Message.Phrase)))
	if err != nil {
		return err
	}
	defer a.release()
	// Of more hits than a page has rows, the message may be on another page.
	hits := bytes.Count(a.body, []byte(rowBefore))
	row := fmt.Appendf(nil, "%s%d%s", rowBefore, click.Message.UID, rowAfter)
	if hits < script.PageSize && !bytes.Contains(a.body, row) {
		return &Failure{noHits, click.Message.Phrase}
	}
	return nil
}
