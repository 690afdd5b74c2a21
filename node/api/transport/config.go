package transport

import (
	"crypto/tls"
	"errors"
	"time"
)

// ClientConfig bounds a client. Zero values stand for the defaults.
type ClientConfig struct {
	// TLS is made by Authority.ClientTLS. Required.
	TLS *tls.Config
	// MaxConns bounds the connections for questions, and so the questions under
	// way; one more fails with busy. Default 512.
	MaxConns int
	// MaxStreams bounds the streams that are open, likewise. Default 256.
	MaxStreams int
	// MaxQuestion bounds an encoded question with its frame, in bytes: a draft with
	// all its fields must fit. Default 1 MiB.
	MaxQuestion int
	// MaxAnswer bounds an encoded answer that is no stream, in bytes.
	// Default 16 MiB.
	MaxAnswer int
	// Timeout is for questions whose context has no deadline. Default 30 s.
	Timeout time.Duration
	// DialTimeout is for connecting, the TLS handshake included. Default 2 s.
	DialTimeout time.Duration
	// StreamTimeout is how long a stream may be silent, its beginning included,
	// while the caller reads. Default 60 s.
	StreamTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. It must be below
	// the server's, so that the server never closes one that is about to be
	// used. Default 30 s.
	IdleTimeout time.Duration
}

// ServerConfig bounds a server. Zero values stand for the defaults.
type ServerConfig struct {
	// TLS is made by Authority.ServerTLS. Required.
	TLS *tls.Config
	// MaxQuestion bounds the body of a request, in bytes. Default 1 MiB: room
	// for a piece of an upload, and for a file of cards.
	MaxQuestion int
	// Concurrency bounds the questions and streams served at once; one more is
	// answered busy. Default 1024.
	Concurrency int
	// MaxConns bounds the connections; one more is closed, which a client takes
	// for a server that is down, so it should never be reached. Default 16,384.
	MaxConns int
	// MaxTime bounds a question or stream, and is its time when the asker has
	// no deadline. Default 1 h.
	MaxTime time.Duration
	// ReadTimeout is for receiving one request. Default 10 s.
	ReadTimeout time.Duration
	// WriteTimeout is how long the peer may take nothing of an answer.
	// Default 30 s.
	WriteTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. Default 2 min.
	IdleTimeout time.Duration
}

// Validate tells what is missing or out of range.
func (c ClientConfig) Validate() error {
	c = c.withDefaults()
	return validate(c.TLS, min(c.MaxConns, c.MaxStreams, c.MaxQuestion, c.MaxAnswer),
		min(c.Timeout, c.DialTimeout, c.StreamTimeout, c.IdleTimeout))
}

// Validate tells what is missing or out of range.
func (c ServerConfig) Validate() error {
	c = c.withDefaults()
	return validate(c.TLS, min(c.MaxQuestion, c.Concurrency, c.MaxConns),
		min(c.MaxTime, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout))
}

func validate(config *tls.Config, smallest int, shortest time.Duration) error {
	var problems []error
	if config == nil {
		problems = append(problems, errors.New("transport: without TLS"))
	}
	if smallest < 1 || shortest < time.Millisecond {
		problems = append(problems, errors.New("transport: a negative limit, or a timeout below 1 ms"))
	}
	return errors.Join(problems...)
}

func (c ClientConfig) withDefaults() ClientConfig {
	orDefault(&c.MaxConns, 512)
	orDefault(&c.MaxStreams, 256)
	orDefault(&c.MaxQuestion, 1<<20)
	orDefault(&c.MaxAnswer, 16<<20)
	orDefault(&c.Timeout, 30*time.Second)
	orDefault(&c.DialTimeout, 2*time.Second)
	orDefault(&c.StreamTimeout, time.Minute)
	orDefault(&c.IdleTimeout, 30*time.Second)
	return c
}

func (c ServerConfig) withDefaults() ServerConfig {
	orDefault(&c.MaxQuestion, 1<<20)
	orDefault(&c.Concurrency, 1024)
	orDefault(&c.MaxConns, 16<<10)
	orDefault(&c.MaxTime, time.Hour)
	orDefault(&c.ReadTimeout, 10*time.Second)
	orDefault(&c.WriteTimeout, 30*time.Second)
	orDefault(&c.IdleTimeout, 2*time.Minute)
	return c
}

func orDefault[T int | time.Duration](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}
