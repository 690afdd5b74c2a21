package page

import (
	"io"
	"testing"
)

func BenchmarkMailbox50(b *testing.B) {
	answer := sampleMailbox()
	for len(answer.Rows) < 50 {
		answer.Rows = append(answer.Rows, answer.Rows...)
	}
	answer.Rows = answer.Rows[:50]
	c := contextIn("en")
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteMailbox(io.Discard, c, Mailbox{Answer: answer}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	answer := sampleMessage()
	c := contextIn("en")
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteMessage(io.Discard, c, Message{Answer: answer}); err != nil {
			b.Fatal(err)
		}
	}
}
