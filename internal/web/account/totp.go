package account

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strconv"

	"github.com/pquerna/otp"

	"tocsin/internal/act/staff"
	"tocsin/internal/web/page"
)

type totpBody struct {
	staff.TOTPOffer
	Mistake string
}

func (a *account) offerTOTP(v *page.Visit) error {
	id, err := a.staff.OfferTOTP(v.R.Context(), v.Now, v.Who)
	if err != nil {
		return a.again(v, err)
	}
	return v.Redirect("/account/totp/"+id, "")
}

func (a *account) showTOTP(v *page.Visit) error { return a.totp(v, http.StatusOK, "") }

func (a *account) totp(v *page.Visit, status int, mistake string) error {
	offer, err := a.staff.PeekTOTP(v.R.Context(), v.Now, v.Who, v.R.PathValue("id"))
	if err != nil {
		return a.again(v, err)
	}
	return page.ShowAs(v, status, "account/totp", v.T("account.totp.title"), totpBody{offer, mistake})
}

const drawing = 240 // pixels

// drawTOTP draws the code that an authenticator app scans.
func (a *account) drawTOTP(v *page.Visit) error {
	offer, err := a.staff.PeekTOTP(v.R.Context(), v.Now, v.Who, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	key, err := otp.NewKeyFromURL(offer.URL)
	if err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	image, err := key.Image(drawing, drawing)
	if err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	v.W.Header().Set("Content-Type", "image/png")
	v.W.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, err = b.WriteTo(v.W)
	return err
}

func (a *account) addTOTP(v *page.Visit) error {
	err := a.staff.AddTOTP(v.R.Context(), v.Now, v.Who, v.R.PathValue("id"), v.R.PostFormValue("code"))
	if text, ok := Mistake(v, err); ok {
		return a.totp(v, http.StatusUnprocessableEntity, text)
	}
	return a.changed(v, "totp", err)
}
