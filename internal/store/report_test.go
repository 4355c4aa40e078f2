package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/access"
	"tocsin/internal/fault"
	"tocsin/internal/ident"
	"tocsin/internal/report"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
)

var reportHour = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func someReport(n int) *report.Report {
	return &report.Report{
		ID: ident.Report(fmt.Sprintf("rep_%02d", n)), Number: fmt.Sprintf("R-0000%d-00000", n), Kind: report.Kinds[n%2], State: report.Received,
		Language: "en", What: fmt.Sprint("what ", n), Where: "http://evil.example", Day: "2026-11-22", Contact: n == 1,
		Received: reportHour.Add(time.Duration(n/2) * time.Hour), Salt: []byte{1, byte(n)}, Commitment: []byte{2, byte(n)},
	}
}

func keepReports(t *testing.T, s *store.Store, f func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Keep(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		r := someReport(1)
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.InsertReport(ctx, r, []byte("hash")) })
		again := someReport(2)
		err := s.Keep(t.Context(), func(tx *store.Tx) error { return tx.InsertReport(t.Context(), again, []byte("hash")) })
		if !errors.Is(err, fault.Exists) {
			t.Errorf("two reports with one code: %v", err)
		}
		r.State, r.Taken, r.TakenBy = report.Taken, reportHour.Add(time.Minute), "person:per_x"
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.PutReport(ctx, r, report.Received) })
		err = s.Keep(t.Context(), func(tx *store.Tx) error { return tx.PutReport(t.Context(), r, report.Received) })
		if !errors.Is(err, fault.Conflict) {
			t.Errorf("a change by whoever was slower: %v", err)
		}
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			for name, read := range map[string]func() (report.Report, error){
				"id":     func() (report.Report, error) { return tx.ReportByID(ctx, r.ID) },
				"code":   func() (report.Report, error) { return tx.ReportByCode(ctx, []byte("hash")) },
				"number": func() (report.Report, error) { return tx.ReportByNumber(ctx, r.Number) },
			} {
				got, err := read()
				if d := cmp.Diff(*r, got); d != "" || err != nil {
					t.Errorf("by %s: %v %s", name, err, d)
				}
			}
			if _, err := tx.ReportByCode(ctx, []byte("other")); !errors.Is(err, fault.NotFound) {
				t.Errorf("no such code: %v", err)
			}
			return nil
		})
	})
}

// A list goes through all reports once, whatever the size of its pages, in either direction, and counts agree with it.
func TestListReports(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		const all = 9
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			for n := range all {
				if err := tx.InsertReport(ctx, someReport(n), []byte{byte(n)}); err != nil {
					return err
				}
			}
			return nil
		})
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			for _, oldest := range []bool{false, true} {
				var got []ident.Report
				var after store.ReportCursor
				for {
					page, err := tx.ListReports(ctx, store.ReportFilter{May: access.Always}, after, oldest, 4)
					if err != nil {
						return err
					}
					for _, r := range page {
						got, after = append(got, r.ID), store.ReportCursor{Received: r.Received, ID: r.ID}
					}
					if len(page) < 4 {
						break
					}
				}
				var want []ident.Report
				for n := range all {
					if want = append(want, someReport(n).ID); !oldest {
						want[n] = someReport(all - 1 - n).ID
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("oldest first %v: %s", oldest, d)
				}
			}
			f := store.ReportFilter{States: []report.State{report.Received}, Kind: report.Kinds[0], May: access.Always}
			list, err := tx.ListReports(ctx, f, store.ReportCursor{}, false, 100)
			counts, errCount := tx.CountReports(ctx, f)
			if len(list) != 5 || counts[report.Received] != 5 {
				t.Errorf("%d listed, %v counted, want 5", len(list), counts)
			}
			none, errNone := tx.ListReports(ctx, store.ReportFilter{May: access.Never}, store.ReportCursor{}, false, 100)
			if len(none) != 0 {
				t.Errorf("whoever may read none reads %d", len(none))
			}
			return errors.Join(err, errCount, errNone)
		})
	})
}

func TestReportMail(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			for n := range 2 {
				r := someReport(n)
				m := store.ReportMail{Report: r.ID, State: report.MailWaiting, Next: reportHour.Add(time.Duration(n) * time.Hour)}
				if err := errors.Join(tx.InsertReport(ctx, r, []byte{byte(n)}), tx.InsertReportMail(ctx, m)); err != nil {
					return err
				}
			}
			return nil
		})
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.ReportMailDue(ctx, reportHour.Add(-time.Second)); !errors.Is(err, fault.NotFound) {
				t.Errorf("before its time: %v", err)
			}
			m, err := tx.ReportMailDue(ctx, reportHour)
			if err != nil || m.Report != someReport(0).ID {
				t.Fatalf("%+v, %v", m, err)
			}
			m.State, m.Leased, m.Attempts, m.Error = report.MailSending, reportHour.Add(10*time.Minute), 1, "no answer"
			if err := tx.PutReportMail(ctx, m); err != nil {
				return err
			}
			if got, err := tx.ReportMailOf(ctx, m.Report); err != nil || got != m {
				t.Errorf("%+v, %v, want %+v", got, err, m)
			}
			if _, err := tx.ReportMailDue(ctx, reportHour.Add(9*time.Minute)); !errors.Is(err, fault.NotFound) {
				t.Errorf("another worker takes what is leased: %v", err)
			}
			if got, err := tx.ReportMailDue(ctx, reportHour.Add(10*time.Minute)); err != nil || got.Report != m.Report {
				t.Errorf("the lease ran out: %+v, %v", got, err)
			}
			counts, err := tx.CountReportMails(ctx)
			if d := cmp.Diff(map[report.MailState]int{report.MailSending: 1, report.MailWaiting: 1}, counts); d != "" {
				t.Error(d)
			}
			return err
		})
	})
}

func TestContactsToForget(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, s *store.Store) {
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			for n := range 3 {
				r := someReport(n)
				r.Contact = n > 0
				if err := tx.InsertReport(ctx, r, []byte{byte(n)}); err != nil {
					return err
				}
				r.State, r.Outcome, r.Closed = report.Closed, report.Handled, reportHour.Add(time.Duration(n)*time.Hour)
				if err := tx.PutReport(ctx, r, report.Received); err != nil {
					return err
				}
			}
			return nil
		})
		keepReports(t, s, func(ctx context.Context, tx *store.Tx) error {
			due, err := tx.ContactsToForget(ctx, reportHour.Add(time.Hour), 10)
			if len(due) != 1 || due[0].ID != someReport(1).ID {
				t.Errorf("%+v", due)
			}
			return err
		})
	})
}
