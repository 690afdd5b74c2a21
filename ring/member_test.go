package ring

import (
	"reflect"
	"testing"
)

func FuzzDecodeMember(f *testing.F) {
	good, err := Member{Name: "a", Role: RoleNode, State: StateActive, API: "127.0.0.1:1", Protocol: 1}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"role":"node","state":"active","future":[1,2]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		member, err := decodeMember("a", data)
		if err != nil {
			return
		}
		again, err := member.encode()
		if err != nil {
			return // what was read can be longer when it is written
		}
		if back, err := decodeMember("a", again); err != nil || !reflect.DeepEqual(back, member) {
			t.Fatalf("%+v became %+v: %v", member, back, err)
		}
	})
}
