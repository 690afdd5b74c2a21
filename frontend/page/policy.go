package page

// PagePolicy is the Content-Security-Policy of every page except the body
// document: nothing but our own style, pictures and frames.
func PagePolicy() string {
	return "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; frame-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// BodyPolicy is the Content-Security-Policy of the body document: a sandbox
// without scripts, forms and an origin, in which only links open, in windows of
// their own. Mail needs its inline styles; pictures are data URIs, and with
// allowRemote also https. Only our own pages may frame it.
func BodyPolicy(allowRemote bool) string {
	images := "data:"
	if allowRemote {
		images += " https:"
	}
	return "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
		"img-src " + images + "; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
}
