package public

import (
	"errors"

	"tocsin/internal/act/casework"
	"tocsin/internal/fault"
	"tocsin/internal/web/page"
)

// standing looks whether what was pasted is the code of a report or its receipt, and says where the report stands. True:
// it was a code; there is nothing else to verify, and nothing of it is shown again.
func (p *public) standing(v *page.Visit, b *verifyBody) (bool, error) {
	if p.Casework == nil {
		return false, nil
	}
	s, err := p.Casework.Verify(v.R.Context(), b.Text)
	if errors.Is(err, fault.Invalid) || errors.Is(err, fault.TooLarge) {
		return false, nil // it is something else, and Judge says what
	}
	if err != nil {
		return false, err
	}
	if b.Standing = &s; s.ByCode {
		b.Text = ""
	}
	return s.ByCode, nil
}

// reportStanding is where a report stands; nil where none was asked about.
type reportStanding = casework.Standing
