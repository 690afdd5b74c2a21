package webuser

import (
	"bytes"
	"context"
	"net"

	"alphamail/bench/load"
)

// Pages is a population without accounts: everybody fetches one page again and
// again. It measures what the generator itself can do, and plain web servers.
type Pages struct {
	site   *site
	path   string
	expect []byte
}

var _ load.Population = (*Pages)(nil)

// NewPages returns users who fetch a path of a site; every answer must have
// status 200 and hold a text.
func NewPages(url, path, expect string, sources []net.IP) (*Pages, error) {
	site, err := newSite(url, nil, sources, false)
	if err != nil {
		return nil, err
	}
	return &Pages{site, path, []byte(expect)}, nil
}

// Arrive implements load.Population.
func (p *Pages) Arrive(n uint64) load.User { return &reader{p, newClient(p.site, n)} }

type reader struct {
	pages  *Pages
	client *client
}

// Click implements load.User.
func (r *reader) Click(ctx context.Context) (string, error) {
	const name = "page"
	page, err := r.client.get(ctx, r.pages.path)
	if err != nil {
		return name, err
	}
	defer page.release()
	if page.status != 200 {
		return name, unexpected(page)
	}
	if !bytes.Contains(page.body, r.pages.expect) {
		return name, &Failure{"a page without the text it must hold", ""}
	}
	return name, nil
}

// Leave implements load.User.
func (r *reader) Leave() { r.client.close() }
