package testbed

import (
	"maps"
	"testing"
)

// FuzzDialog checks that counting does not depend on how a conversation is cut
// into segments, and that no input breaks it.
func FuzzDialog(f *testing.F) {
	f.Add([]byte("a LOGIN {3}\r\n"), []byte("+ go\r\n"), []byte("foo bar\r\nb UID FETCH 1 BODY[]\r\n"), []byte("* 1 FETCH (BODY[] {4}\r\nabc\r)\r\n"))
	f.Add([]byte("a IDLE\r\n"), []byte("+\r\n"), []byte("DONE\r\nb AUTHENTICATE PLAIN\r\n"), []byte("b NO\r\n"))
	f.Add([]byte("a STARTTLS\r\n"), []byte("a OK\r\n"), []byte{0x16, 3, 1}, []byte("{99999999999999999999}\r\n"))
	f.Fuzz(func(t *testing.T, up1, down1, up2, down2 []byte) {
		run := func(segment int) Counts {
			p := &Proxy{total: Counts{Commands: map[string]int{}}}
			var d dialog
			in := func(b []byte, side func(*Proxy, []byte)) {
				for len(b) > 0 {
					n := min(segment, len(b))
					side(p, b[:n])
					b = b[n:]
				}
			}
			in(up1, d.fromClient)
			in(down1, d.fromServer)
			in(up2, d.fromClient)
			in(down2, d.fromServer)
			return p.total
		}
		whole, bytewise := run(1<<20), run(1)
		if !maps.Equal(whole.Commands, bytewise.Commands) || whole.Exchanges != bytewise.Exchanges || whole.BytesUp != bytewise.BytesUp {
			t.Errorf("in one piece %+v, byte by byte %+v", whole, bytewise)
		}
	})
}
