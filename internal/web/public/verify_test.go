package public

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/access"
	pictures "tocsin/internal/act/picture"
	"tocsin/internal/act/record"
	"tocsin/internal/finding"
	"tocsin/internal/lang"
	"tocsin/internal/report"
	"tocsin/internal/store"
	"tocsin/internal/testkit"
	"tocsin/internal/web/page"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// logOf is a signed ledger of three entries; nil where n is 0 and nothing was signed yet.
func logOf(t *testing.T, origin string, n int) *record.Log {
	t.Helper()
	db := testkit.SQLite(t)
	l := record.New(db, record.Settings{Dir: t.TempDir(), Origin: origin})
	for range n {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Append(t.Context(), noon, access.ForSoftware("command"), "feed.put", access.On("feed:1"), "", nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n > 0 {
		if err := l.Complete(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// receipt is the signed receipt of a report that a ledger's installation gave out.
func receipt(t *testing.T, l *record.Log) string {
	t.Helper()
	salt := make([]byte, 16)
	signed, err := l.SignPaper(t.Context(), report.Title, func(origin string) string {
		return report.Receipt{
			Origin: origin, Number: "R-ABCDE-FGHJK", Kind: report.Phishing, Received: noon, Salt: salt,
			Commitment: report.Commit(salt, report.Phishing, "canary-what", "canary-where", ""),
		}.Text()
	})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func serve(t *testing.T, a Acts) http.Handler {
	t.Helper()
	k, err := page.New(page.Config{Clock: func() time.Time { return noon }, Authority: page.Authority{Name: "CSIRT Anhe"}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	k.Mount(mux, Routes(k, a))
	return k.Harden(mux)
}

func paste(t *testing.T, h http.Handler, language, text string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://tocsin.example/verify?lang="+language,
		strings.NewReader(url.Values{"text": {text}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// The page says in plain words what was pasted and what of it is true, in both languages, and keeps it nowhere.
func TestVerifyPage(t *testing.T) {
	t.Parallel()
	ours, theirs := logOf(t, "tocsin.example/ledger", 3), logOf(t, "elsewhere.example/ledger", 2)
	h := serve(t, Acts{Record: ours})
	good, err := ours.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := theirs.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed := receipt(t, ours)
	for name, c := range map[string]struct {
		text, title, says string
		status            int
	}{
		"good":            {good.Note, "A checkpoint of a ledger", "This is genuine", 200},
		"forged":          {strings.Replace(good.Note, "\n3\n", "\n9\n", 1), "A checkpoint of a ledger", "This is not genuine", 200},
		"foreign":         {foreign.Note, "A checkpoint of a ledger", "of another ledger", 200},
		"receipt":         {signed, "A receipt of a report", "R-ABCDE-FGHJK", 200},
		"forged receipt":  {strings.Replace(signed, "kind phishing", "kind question", 1), "A receipt of a report", "This is not genuine", 200},
		"foreign receipt": {receipt(t, theirs), "A receipt of a report", "of another ledger", 200},
		"prose":           {"<script>alert(1)</script>", "Not known here", "&lt;script&gt;", 200},
		"nothing":         {"  \r\n", "Paste a text", "nothing to verify yet", 422},
		"too much":        {strings.Repeat("x", record.MaxPaper+1), "Paste a text", "too long", 413},
	} {
		code, body := paste(t, h, "en", c.text)
		if code != c.status || !strings.Contains(body, c.title) || !strings.Contains(body, c.says) || strings.Contains(body, "canary") {
			t.Errorf("%s: %d\n%s", name, code, body)
		}
		if code, body := paste(t, h, "zh", c.text); code != c.status || strings.Contains(body, "⟦") {
			t.Errorf("%s in Chinese: %d", name, code)
		}
	}
	if again, _ := ours.Newest(t.Context()); again.Size != good.Size {
		t.Error("looking at papers left entries")
	}
}

// Every check, verdict and paper that Judge can answer with has its words.
func TestVerifyWords(t *testing.T) {
	t.Parallel()
	for _, l := range lang.Languages {
		for _, p := range record.Papers {
			if !l.Has("verify_paper." + string(p)) {
				t.Errorf("%s: no word for %s", l, p)
			}
		}
		for _, v := range []record.Verdict{record.Genuine, record.Foreign, record.Forged, record.Contradicts, record.Unknown} {
			if !l.Has("verify_verdict." + string(v)) {
				t.Errorf("%s: no word for %s", l, v)
			}
		}
		for _, code := range []string{"form", "origin", "signature", "size", "root", "inclusion", "consistency", "leaf", "key"} {
			if !l.Has("verify_check."+code+".yes") || !l.Has("verify_check."+code+".no") {
				t.Errorf("%s: no words for %s", l, code)
			}
		}
	}
}

// Where no ledger is published, or nothing was signed yet, the page says so.
func TestVerifyWithoutLedger(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		acts Acts
		says string
	}{
		"not published":  {Acts{}, "not published"},
		"nothing signed": {Acts{Record: logOf(t, "tocsin.example/ledger", 0)}, "Nothing has been signed yet"},
	} {
		h := serve(t, c.acts)
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "https://tocsin.example/verify", nil))
		if r.Code != http.StatusOK || !strings.Contains(r.Body.String(), c.says) {
			t.Errorf("%s: %d\n%s", name, r.Code, r.Body)
		}
		if code, _ := paste(t, h, "en", "x"); code != http.StatusOK {
			t.Errorf("%s: a text gets %d", name, code)
		}
	}
}

// A file of the open statistics is known again, whole or one table of it, and a changed one is not; of a day that nothing
// was published of nobody can tell.
func TestVerifyStatistics(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	p := pictures.New(db)
	if _, err := p.Publish(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	h := serve(t, Acts{Record: logOf(t, "tocsin.example/ledger", 1), Picture: p})
	for _, path := range []string{"/statistics.csv", "/statistics.json", "/statistics.csv?table=total"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://tocsin.example"+path, nil))
		file := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(file, "2026-11-23") {
			t.Fatalf("%s: %d %s", path, w.Code, file)
		}
		for text, says := range map[string]string{
			file: "the numbers that this authority published",
			strings.Replace(file, "total", "class", 1):           "published other numbers",
			strings.ReplaceAll(file, "2026-11-23", "2026-11-22"): "Nothing is kept here of that day",
		} {
			if code, body := paste(t, h, "en", text); code != http.StatusOK || !strings.Contains(body, says) {
				t.Errorf("%s: %d, wanted %q in\n%s", path, code, says, body)
			}
			if _, body := paste(t, h, "zh", text); strings.Contains(body, "⟦") || strings.Contains(body, says) {
				t.Errorf("%s is judged in English on a Chinese page", path)
			}
		}
	}
}

// Whatever is pasted, the day is one or none.
func FuzzDayOf(f *testing.F) {
	f.Add("through,table,key,measure,value,withheld,low,high,of\n2026-11-22,total,,live,120,false,,,\n")
	f.Add(`{"through": "2026-11-22"}`)
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		if day, ok := dayOf(text); ok && finding.DayOf(day.Start()) != day {
			t.Fatalf("day %d of %q", day, text)
		}
	})
}
