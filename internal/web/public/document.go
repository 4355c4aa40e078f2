package public

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"tocsin/internal/act/record"
	"tocsin/internal/fault"
	"tocsin/internal/finding"
	"tocsin/internal/situation"
	"tocsin/internal/web/page"
)

// numbersFile looks whether what was pasted is a file of the open statistics, and whether it says what was published of its
// day; nil where it is no such file. The file names its day itself, and what was published of a day stays as it is.
func (p *public) numbersFile(v *page.Visit, text string) (*judged, error) {
	day, ok := dayOf(text)
	if !ok || p.Picture == nil {
		return nil, nil
	}
	out := &judged{
		Judgement: record.Judgement{Sum: record.Sum(record.Tidy(text))}, Tone: "note",
		Title: v.T("verify.numbers.title", v.Lang.Date(day.Start(), time.UTC)), Says: v.T("verify.numbers.unknown"),
	}
	s, err := p.Picture.PublishedOn(v.R.Context(), day)
	if errors.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	same, err := asPublished(s, text)
	if err != nil {
		return nil, err
	}
	if out.Good = same; same {
		out.Tone, out.Says = "done", v.T("verify.numbers.same")
	} else {
		out.Tone, out.Says = "alert", v.T("verify.numbers.differ")
	}
	return out, nil
}

// dayOf is the day that a file of the statistics says it is of.
func dayOf(text string) (finding.Day, bool) {
	text = record.Tidy(text)
	through := ""
	if strings.HasPrefix(text, "{") {
		var d struct{ Through string }
		if json.Unmarshal([]byte(text), &d) == nil {
			through = d.Through
		}
	} else if rest, isTable := strings.CutPrefix(text, strings.Join(numbersHeader, ",")+"\n"); isTable {
		through, _, _ = strings.Cut(rest, ",")
	}
	t, err := time.Parse(time.DateOnly, through)
	return finding.DayOf(t), err == nil
}

// asPublished reports whether a text is one of the files of the day's numbers: as CSV or JSON, whole or one table.
func asPublished(s situation.Statistics, text string) (bool, error) {
	text = record.Tidy(text)
	for _, table := range append([]string{""}, numbersTables...) {
		rows := numbers(s, table)
		if len(rows) == 0 {
			continue
		}
		var b bytes.Buffer
		var err error
		if strings.HasPrefix(text, "{") {
			var raw []byte
			raw, err = json.MarshalIndent(document{s.Through, situation.K, situation.Methods, rows}, "", "  ")
			b.Write(raw)
		} else {
			err = writeNumbers(&b, s, rows)
		}
		if err != nil {
			return false, err
		}
		if record.Tidy(b.String()) == text {
			return true, nil
		}
	}
	return false, nil
}

// numbersHeader is the first line of the table of numbers.
var numbersHeader = []string{"through", "table", "key", "measure", "value", "withheld", "low", "high", "of"}

// numbersTables are the tables that the numbers can be asked for by.
var numbersTables = []string{"total", "region", "sector", "class", "week", "closing"}
