package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"tocsin/internal/fault"
)

// MaxText bounds the JSON of a condition or an effect, in bytes.
const MaxText = 4096

// ParseCondition reads a condition from JSON; unknown members are refused. fault.Invalid.
func ParseCondition(text []byte) (Condition, error) {
	var c Condition
	return c, parse(text, &c)
}

// ParseEffect reads an effect from JSON; unknown members are refused. fault.Invalid.
func ParseEffect(text []byte) (Effect, error) {
	var e Effect
	return e, parse(text, &e)
}

func parse(text []byte, into any) error {
	if len(text) > MaxText {
		return fault.New(fault.Invalid, "rule: %d bytes are more than %d", len(text), MaxText)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fault.New(fault.Invalid, "rule: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "rule: something stands behind the end")
	}
	return nil
}

// Text returns the JSON of a condition or an effect, members in a fixed order.
func Text[T Condition | Effect](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return string(b)
}
