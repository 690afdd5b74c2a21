// Package transport carries the page protocol between machines: a Client that is
// an api.Service, and a Server that offers one.
//
// A command is POST /v1/<command> over TLS 1.3 with certificates on both sides.
// The body is a MessagePack frame followed by the question; the answer is a
// MessagePack map. An error is status 422 with a MessagePack error. Part and raw
// answer with a head and then a stream (see stream.go). Everything is
// append-only: unknown fields are ignored, versions N and N-1 understand each
// other.
//
// fasthttp does not cancel anything by itself, so a question carries an id, and
// POST /v1/cancel ends it on the other side when nobody waits for it any more.
// fasthttp's hidden retries are switched off: who repeats what is for the
// caller to decide.
package transport
