// Package transport carries the page protocol between machines: Client is an
// api.Service whose questions are answered by the api.Service that a Server
// serves. Directly or through here, a caller sees the same answers and errors.
//
// # On the wire
//
// HTTP/1.1 over TLS 1.3 with certificates on both sides (see Authority), one
// POST a question:
//
//	POST /v1/<command>   frame, question → answer | failure | records
//	POST /v1/cancel      frame           → (empty)
//	GET  /v1/ping                        → hello
//
// Bodies are MessagePack maps (see frame.go), whose unknown fields are ignored.
// Status 200 carries an answer, 422 a failure. The frame names
// the versions that the asker speaks; a server refuses with unsupported when
// none of them is among its own.
//
// A stream is answered as a body of unknown length made of records:
//
//	kind (1 byte) | length (4 bytes, big endian) | that many bytes
//
// first one head (api.StreamHead), then data, then one end or one failure. A
// body that stops before its end is an error to the reader, never a short file.
//
// # Time
//
// Clocks differ, so the frame tells how much time is left. The server answers
// under that deadline. When the asker's context ends, its call returns at once
// and Cancel names the frame's id to the server, which cancels the context
// there; HTTP/1.1 alone would let the server work on. Closing a stream early
// does the same.
//
// Nothing is retried here. IsUnreachable tells which failures certainly
// happened before the question was received.
//
// # Bounds
//
// Sizes of questions and answers, connections, questions at once, and every
// wait are bounded by ClientConfig and ServerConfig. MessagePack is walked once
// before it is decoded, so that a length that lies allocates nothing.
package transport
