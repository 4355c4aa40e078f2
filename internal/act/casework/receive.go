package casework

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/lang"
	"tocsin/internal/report"
	"tocsin/internal/store"
)

// Mistakes says what is wrong with a form; it is fault.Invalid.
type Mistakes []report.Mistake

func (m Mistakes) Error() string { return fmt.Sprintf("the form has %d mistakes", len(m)) }
func (m Mistakes) Unwrap() error { return fault.Invalid }

// Given is what whoever reported takes away. The code is nowhere else from now on.
type Given struct {
	Code    report.Code
	Number  string
	Signed  string // the receipt: a text signed with the ledger's key
	Kind    report.Kind
	Due     time.Time // when somebody will have looked, as the authority promised
	Mail    bool      // an acknowledgement is on its way to the address that was left
	Already bool      // the same form was sent before: this is its receipt once more
}

// receiveBody is what the ledger says of a report: its kind, and a salted commitment to its text.
type receiveBody struct {
	Kind       report.Kind `json:"kind"`
	Commitment string      `json:"commitment"`
	Mail       bool        `json:"mail,omitempty"`
}

// Receive takes in what anybody reports. A form with mistakes is Mistakes. The same form sent twice is one report, and its
// receipt comes again; an error on commit means unknown, and sending the form again is safe.
func (c *Casework) Receive(ctx context.Context, now time.Time, f report.Form) (Given, error) {
	if err := f.CheckKey(); err != nil {
		return Given{}, err
	}
	if wrong := f.Check(now.In(c.set.Zone).Format(time.DateOnly)); len(wrong) > 0 {
		return Given{}, Mistakes(wrong)
	}
	language, known := lang.Known(f.Language)
	if !known {
		language = lang.English
	}
	code, salt := report.CodeOf(c.set.Key, &f), report.SaltOf(c.set.Key, &f)
	hash := code.Hash(c.set.Key)
	r := report.Report{
		ID: ident.Report(ident.New("rep")), Number: report.Number(hash), Kind: f.Kind, State: report.Received, Language: string(language),
		What: f.What, Where: f.Where, Day: f.Day, Contact: f.Contact != "", Received: report.Hour(now),
		Salt: salt, Commitment: report.Commit(salt, f.Kind, f.What, f.Where, f.Day),
	}
	given := Given{Code: code, Number: r.Number, Kind: r.Kind, Mail: r.Contact}
	err := c.store.Update(ctx, func(tx *store.Tx) error {
		have, err := tx.ReportByCode(ctx, hash)
		switch {
		case err == nil:
			given.Already, r.Received = true, have.Received
			return nil
		case !errors.Is(err, fault.NotFound):
			return err
		}
		given.Already = false
		return c.insert(ctx, tx, &r, hash, f.Contact)
	})
	if err != nil {
		return Given{}, fmt.Errorf("receive a report: %w", err)
	}
	given.Due = report.Due(r.Received, c.set.Zone)
	given.Signed, err = c.receipt(ctx, &r)
	return given, err
}

// insert writes the report with its one entry. The entry has the hour as its time, not the minute.
func (c *Casework) insert(ctx context.Context, tx *store.Tx, r *report.Report, hash []byte, contact string) error {
	if err := tx.InsertReport(ctx, r, hash); err != nil {
		return err
	}
	nobody, name := access.Actor{}, object(r.ID)
	body := receiveBody{r.Kind, hex.EncodeToString(r.Commitment), r.Contact}
	if contact == "" {
		_, err := tx.Append(ctx, r.Received, nobody, "report.receive", access.On(name), string(r.Kind), body)
		return err
	}
	_, err := tx.AppendSealed(ctx, r.Received, nobody, "report.receive", access.On(name), string(r.Kind), body, c.set.Key, name, []byte(contact))
	if err != nil {
		return err
	}
	return tx.InsertReportMail(ctx, store.ReportMail{Report: r.ID, State: report.MailWaiting, Next: r.Received})
}

func (c *Casework) receipt(ctx context.Context, r *report.Report) (string, error) {
	signed, err := c.notary.SignPaper(ctx, report.Title, func(origin string) string {
		return report.Receipt{
			Origin: origin, Number: r.Number, Kind: r.Kind, Received: r.Received, Salt: r.Salt, Commitment: r.Commitment,
		}.Text()
	})
	if err != nil {
		return "", fmt.Errorf("sign the receipt of report %s: %w", r.ID, err)
	}
	return signed, nil
}

func object(id ident.Report) string { return "report:" + string(id) }

// Standing is all that anybody may know of a report by its receipt or its code: its number, kind and hour, and where it
// stands.
type Standing struct {
	Number   string
	Kind     report.Kind
	Received time.Time // to the hour
	Found    bool      // the report is here, and is what the receipt says
	ByCode   bool      // what was pasted is the code: it must not be shown again
	State    report.State
}

// Verify tells whether a pasted receipt is one that this authority signed, or what was pasted the code of a report, whether
// the report is here, and where it stands. fault.Invalid where it is neither, or no key of the ledger signed exactly this.
func (c *Casework) Verify(ctx context.Context, pasted string) (Standing, error) {
	if code, err := report.ParseCode(pasted); err == nil {
		return c.byCode(ctx, code)
	}
	signed := report.Pasted(pasted)
	r, err := report.ParseReceipt(signed)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Number: r.Number, Kind: r.Kind, Received: r.Received}
	if _, err := c.notary.OpenPaper(ctx, report.Title, signed); err != nil {
		return s, err
	}
	err = c.store.View(ctx, func(tx *store.Tx) error {
		have, err := tx.ReportByNumber(ctx, r.Number)
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		s.State = have.State
		s.Found = have.Kind == r.Kind && have.Received.Equal(r.Received) && bytes.Equal(have.Commitment, r.Commitment)
		return err
	})
	return s, err
}

func (c *Casework) byCode(ctx context.Context, code report.Code) (Standing, error) {
	s := Standing{ByCode: true}
	err := c.store.View(ctx, func(tx *store.Tx) error {
		have, err := tx.ReportByCode(ctx, code.Hash(c.set.Key))
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		s = Standing{have.Number, have.Kind, have.Received, err == nil, true, have.State}
		return err
	})
	return s, err
}
