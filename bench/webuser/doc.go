// Package webuser simulates people at a browser: they fetch a login form, send
// it, keep cookies, and ask for the pages that a script tells them to. Every
// page is checked: a list must hold exactly the rows that the mail server named
// for it, in order; a message its subject and a word of its text. A page that
// comes quickly but is not what was asked for is an error, not a click.
//
// A driver knows one product's URLs, forms and tokens. It makes those requests
// that a browser makes for what the user sees; style sheets, scripts and icons
// are left out, because browsers keep them.
package webuser
