package party_test

import (
	"bytes"
	"fmt"
	"testing"

	"tocsin/internal/party"
)

// registryText makes n inetnum objects of n/10 organisations.
func registryText(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "inetnum:        10.%d.%d.0 - 10.%d.%d.255\nnetname:        NET-%d\ndescr:          Some Net\norg:            ORG-%d-RIPE\nadmin-c:        P%d\nmnt-by:         M\ncreated:        2005-01-02T03:04:05Z\nlast-modified:  2025-06-07T08:09:10Z\nsource:         RIPE\n\n",
			i>>8&255, i&255, i>>8&255, i&255, i, i/10, i/10)
		if i%10 == 0 {
			fmt.Fprintf(&b, "organisation:   ORG-%d-RIPE\norg-name:       Org %d\ne-mail:         noc@o%d.example\nsource:         RIPE\n\nperson:         P %d\nnic-hdl:        P%d\ne-mail:         p@o%d.example\n\n",
				i/10, i/10, i/10, i/10, i/10, i/10)
		}
	}
	return b.Bytes()
}

func BenchmarkReadRPSL(b *testing.B) {
	text := registryText(60_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		in, err := party.Read(party.RPSL, bytes.NewReader(text), party.Options{})
		if err != nil || len(in.Parties) != 6000 {
			b.Fatal(len(in.Parties), err)
		}
	}
}

func BenchmarkMergeAgain(b *testing.B) {
	in, err := party.Read(party.RPSL, bytes.NewReader(registryText(60_000)), party.Options{})
	if err != nil {
		b.Fatal(err)
	}
	plan, err := party.Merge(nil, nil, in.Parties, nil, at)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if again, err := party.Merge(plan.Parties, nil, in.Parties, nil, at); err != nil || len(again.Changes) > 0 {
			b.Fatal(again.Changes[:1], err)
		}
	}
}
