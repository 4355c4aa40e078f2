package member

import (
	"net/http"

	"tocsin/internal/act/loop"
	"tocsin/internal/finding"
	"tocsin/internal/ident"
	"tocsin/internal/web/page"
)

// preview is what an answer would do, before it is sent.
type preview struct {
	Kind  loop.AnswerKind // empty where nothing is shown
	Lines []previewLine
	Take  int // findings that would take it
	Leave int // that would not
}

// previewLine counts findings of one state.
type previewLine struct {
	From, To finding.State // To is empty where they would not take it
	Count    int
}

// triggers is what each answer does to a finding, as act/loop has it.
var triggers = map[loop.AnswerKind]finding.Trigger{
	loop.AnswerAcknowledge: finding.Acknowledge, loop.AnswerStart: finding.Start, loop.AnswerFixed: finding.Claim,
	loop.AnswerNotOurs: finding.Dispute, loop.AnswerAcceptRisk: finding.AcceptRisk, loop.AnswerWrong: finding.Dispute,
}

// foresee counts what an answer would do to the ticked findings, or to all that the filter shows.
func (m *member) foresee(v *page.Visit, f form, of filter, ids []ident.Finding) (preview, error) {
	p := preview{Kind: f.Kind}
	counts := map[finding.State]int{}
	if f.All {
		for _, s := range of.answering(v.Now).States {
			q := of.query(v.Now)
			q.States = []finding.State{s}
			list, err := m.Exposure.List(v.R.Context(), v.Now, v.Who.Actor, q, 0, 1)
			if err != nil {
				return p, err
			}
			counts[s] = list.Count
		}
	} else {
		rows, err := m.Exposure.Some(v.R.Context(), v.Now, v.Who.Actor, ids)
		if err != nil {
			return p, err
		}
		for i := range rows {
			counts[rows[i].State]++
		}
		p.Leave = len(tickedSet(ids)) - len(rows) // another's by now
	}
	for _, s := range finding.States {
		n := counts[s]
		if n == 0 {
			continue
		}
		to, err := finding.Next(s, triggers[f.Kind])
		if err != nil {
			p.Leave += n
		} else {
			p.Take += n
		}
		p.Lines = append(p.Lines, previewLine{s, to, n})
	}
	return p, nil
}

// mostAtOnce is how many findings one answer to "all" takes.
const mostAtOnce = 10_000

// answerMine takes an answer to the list: shown first where a preview was asked for.
func (m *member) answerMine(v *page.Visit) error {
	ctx, of := v.R.Context(), readFilter(v.R.URL.Query())
	var f form
	ids, p, err := f.read(v)
	typed := ids
	if err == nil && f.Preview {
		pre, err := m.foresee(v, f, of, ids)
		if err != nil {
			return err
		}
		return m.showExposure(v, http.StatusOK, f, typed, pre)
	}
	if err == nil && f.All {
		if q := of.answering(v.Now); len(q.States) > 0 {
			if ids, err = m.Exposure.IDs(ctx, v.Now, v.Who.Actor, q, mostAtOnce); err != nil {
				return err
			}
		}
	}
	var done loop.Answered
	if err == nil {
		done, err = m.Loop.AnswerAs(ctx, v.Now, v.Who.Actor, ids, f.Kind, p)
	}
	if mistake, ok := mistakeOf(v, err); ok {
		f.Mistake = mistake
		return m.showExposure(v, http.StatusUnprocessableEntity, f, typed, preview{})
	}
	if err != nil {
		return err
	}
	return v.Redirect(after(of.address("before", v.R.URL.Query().Get("before")), f.Kind, done), "")
}
