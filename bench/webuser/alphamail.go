package webuser

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"alphamail/bench/script"
)

// alphaMail visits AlphaMail, as a browser without JavaScript does.
type alphaMail struct {
	*client
	account *script.Account
	path    string // of the mailbox
}

func newAlphaMail(c *client, a *script.Account) visit { return &alphaMail{client: c, account: a} }

func (v *alphaMail) login(ctx context.Context) error {
	form, err := v.get(ctx, "/login")
	if err != nil {
		return err
	}
	defer form.release()
	token := between(form.body, `name="csrf" value="`, `"`)
	if form.status != 200 || token == "" {
		return &Failure{noForm, ""}
	}
	fields := url.Values{"csrf": {token}, "user": {v.account.User}, "password": {v.account.Password}}
	if _, domain, found := strings.Cut(v.account.User, "@"); found {
		fields.Set("domain", domain)
	}
	sent, err := v.post(ctx, "/login", fields)
	if err != nil {
		return err
	}
	defer sent.release()
	if sent.status != 303 {
		return &Failure{refused, fmt.Sprintf("status %d", sent.status)}
	}
	first, err := v.get(ctx, sent.location)
	if err != nil {
		return err
	}
	defer first.release()
	if first.status != 200 {
		return unexpected(first)
	}
	if v.account.Mailbox != nil {
		v.path = "/mail/" + segment(v.account.Mailbox.Name)
	}
	return nil
}

// segment writes a mailbox name as one segment of a path.
func segment(mailbox string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(mailbox))
}

func (v *alphaMail) list(ctx context.Context, click script.Click) error {
	path := v.path
	if click.Page > 1 {
		path = fmt.Sprintf("%s?page=%d", path, click.Page)
	}
	page, err := v.get(ctx, path)
	if err != nil {
		return err
	}
	defer page.release()
	if page.status != 200 {
		return unexpected(page)
	}
	return rowsInOrder(page.body, fmt.Sprintf(`href="%s/%d-`, v.path, v.account.Mailbox.UIDValidity), `"`, click.Rows)
}

func (v *alphaMail) open(ctx context.Context, click script.Click) error {
	path := fmt.Sprintf("%s/%d-%d", v.path, v.account.Mailbox.UIDValidity, click.Message.UID)
	page, err := v.get(ctx, path)
	if err != nil {
		return err
	}
	defer page.release()
	if page.status != 200 {
		return unexpected(page)
	}
	// An HTML body is a document of its own, which the browser fetches.
	_, tag, framed := strings.Cut(string(page.body), "<iframe")
	if !framed {
		return shown(click.Message, page.body)
	}
	body, err := v.get(ctx, between([]byte(tag), `src="`, `"`))
	if err != nil {
		return err
	}
	defer body.release()
	if body.status != 200 {
		return unexpected(body)
	}
	return shown(click.Message, page.body, body.body)
}

func (v *alphaMail) search(context.Context, script.Click) error {
	return &Failure{"AlphaMail has no search", ""}
}
