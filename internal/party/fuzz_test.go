package party_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/party"
)

// takes checks what holds for any input: a refusal is of a kind and has a text for people, and what is taken is
// canonical, compiles, and is the same again after writing and reading.
func takes(t *testing.T, f party.Format, b []byte) {
	in, err := party.Read(f, bytes.NewReader(b), party.Options{})
	if err != nil {
		if _, ok := fault.Message(err); !ok || !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.TooLarge) {
			t.Fatalf("%v is of no kind", err)
		}
		return
	}
	plan, err := party.Merge(nil, nil, in.Parties, in.Regions, at)
	if err != nil {
		return // a region that is not there, a party without a name
	}
	r, err := party.NewRegister(plan.Parties, plan.Regions, at)
	if err != nil {
		t.Fatal(err)
	}
	r.Overlaps()
	for _, p := range plan.Parties {
		again, err := p.Canonical()
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%+v is not canonical: %+v, %v", p, again, err)
		}
	}
	if len(plan.Parties)+len(plan.Regions) == 0 {
		return
	}
	for _, out := range []party.Format{party.CSV, party.YAML} {
		var text bytes.Buffer
		if err := party.Write(&text, out, plan.Parties, plan.Regions, at); err != nil {
			t.Fatal(err)
		}
		back, err := party.Read(out, &text, party.Options{})
		if err != nil {
			t.Fatalf("%s of %+v: %v", out, plan.Parties, err)
		}
		if again, err := party.Merge(plan.Parties, plan.Regions, back.Parties, back.Regions, at); err != nil || len(again.Changes) > 0 {
			t.Fatalf("%s: its own export changes %+v, %v", out, again.Changes, err)
		}
	}
}

func FuzzRPSL(f *testing.F) {
	f.Add([]byte(ripe))
	f.Add([]byte("inetnum: 192.0.2.0 - 192.0.2.77\nnetname: A\n+ b\n\nperson: x\nnic-hdl: y\ne-mail: z@z.example\n"))
	f.Add([]byte("inet6num: ::/0\nnetname: ALL\n\naut-num: AS4294967295\nas-name: \xe9\ncreated: 2020-01-01T00:00:00Z\n"))
	f.Fuzz(func(t *testing.T, b []byte) { takes(t, party.RPSL, b) })
}

func FuzzPartyCSV(f *testing.F) {
	f.Add([]byte("party,name,resource,from,to\na,A,192.0.2.0/24,2024-01-01,\na,,AS1,,2025-01-01T00:00:00.5Z\n"))
	f.Add([]byte("party;name;contact_role;contact_mail;contact_name;products;system\na;'=A;abuse;a@a.example;\"x\ny\";a;b\n"))
	f.Add([]byte("party\tregion_code\tregion_parent\tregion_name_en\n\tXA\t\tNorth\n\tXA-01\tXA\t'@\n"))
	f.Fuzz(func(t *testing.T, b []byte) { takes(t, party.CSV, b) })
}

func FuzzPartyYAML(f *testing.F) {
	f.Add([]byte("parties:\n- id: a\n  name: A\n  resources: [192.0.2.0/24, {asn: 1, from: 2024-01-01}, x.example]\n  contacts: [{mail: a@a.example}]\n"))
	f.Add([]byte("regions:\n- {code: xa, name_zh: 北, tile: [3, 30]}\nparties:\n- {id: b, name: \"\\u2028\", systems: [{name: s, asset: http://1.2.3.4:80, products: [p]}]}\n"))
	f.Add([]byte("parties: &x\n- *x\n---\n"))
	f.Fuzz(func(t *testing.T, b []byte) { takes(t, party.YAML, b) })
}
