package page

import (
	"context"
	"io"
)

// icon is a picture within the text. Icons are decoration: what they mean is
// always said beside them. Those that point are mirrored in right-to-left pages.
type icon string

// Render writes the icon; it is a templ.Component.
func (i icon) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(i))
	return err
}

const (
	iconStar      icon = `<svg class="icon star" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3l2.7 5.6 6.1.9-4.4 4.3 1 6.1L12 17l-5.4 2.9 1-6.1L3.2 9.5l6.1-.9z"></path></svg>`
	iconClip      icon = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4L14.5 7"></path></svg>`
	iconAnswered  icon = `<svg class="icon pointing" viewBox="0 0 24 24" aria-hidden="true"><path d="M9 6l-6 6 6 6M3 12h11a7 7 0 0 1 7 7"></path></svg>`
	iconForwarded icon = `<svg class="icon pointing" viewBox="0 0 24 24" aria-hidden="true"><path d="M15 6l6 6-6 6M21 12H10a7 7 0 0 0-7 7"></path></svg>`
	iconBack      icon = `<svg class="icon pointing" viewBox="0 0 24 24" aria-hidden="true"><path d="M15 5l-7 7 7 7"></path></svg>`
	iconOn        icon = `<svg class="icon pointing" viewBox="0 0 24 24" aria-hidden="true"><path d="M9 5l7 7-7 7"></path></svg>`
	iconChoose    icon = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h9M17 7h3M13 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M4 17h3M11 17h9M7 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0"></path></svg>`
	iconSearch    icon = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M15.5 15.5L20 20"></path></svg>`
	iconLock      icon = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3"></path></svg>`
	iconAway      icon = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4l9 16H3zM12 10v4M12 17v.5"></path></svg>`
	iconMailbox   icon = `<svg class="icon large" viewBox="0 0 24 24" aria-hidden="true"><path d="M3 13l3-8h12l3 8v6H3zM3 13h5l1.5 2.5h5L16 13h5"></path></svg>`
	iconBrand     icon = `<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"></rect><path d="M25 9c-2.5 7-6.5 14-12.5 14A6.7 6.7 0 0 1 6 16a6.7 6.7 0 0 1 6.5-7C18.5 9 21 18 25 23"></path></svg>`
)
