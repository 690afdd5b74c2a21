// Package share will store large files once and hand them out by link: policy,
// encryption and storage.
package share
