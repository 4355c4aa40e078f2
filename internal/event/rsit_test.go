package event_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/testkit"
)

func TestTaxonomyIsRSIT(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../shared/data/rsit/machinev1.json")
	if err != nil {
		testkit.Missing(t, err.Error())
	}
	var file struct {
		Version int
		Values  []struct {
			Predicate string
			Entry     []struct{ Value string }
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, v := range file.Values {
		for _, e := range v.Entry {
			taxonomy, typ, err := event.Class(e.Value)
			if _, ok := errors.AsType[*event.OutOfRemit](err); ok {
				continue
			}
			types++
			if err != nil || taxonomy != v.Predicate || typ != e.Value {
				t.Errorf("%s is %s/%s (%v), want class %s", e.Value, taxonomy, typ, err, v.Predicate)
			}
		}
	}
	if types != len(event.Types()) || file.Version != 1003 {
		t.Errorf("version %d has %d types, the code %d", file.Version, types, len(event.Types()))
	}
}
