package store

import (
	"strconv"
	"strings"

	"tocsin/internal/access"
)

// fields says where a table keeps what a condition looks at. What a table does not have is not there: a condition on it
// does not hold, but for an embargo, which then is none.
type fields map[access.Field]string

// Where the tables that people read keep their fields. Numbers of findings and signals are compared as numbers.
var (
	findingFields = fields{
		access.FieldID: "f.id", access.FieldParty: "f.party_id", access.FieldTLP: "f.tlp", access.FieldEmbargo: "f.embargo_at",
		access.FieldRegion: "f.region", access.FieldClass: "f.class",
		access.FieldSector: "(select o.sector from party o where o.id = f.party_id)",
	}
	noticeFields = fields{
		access.FieldID: "notice.id", access.FieldParty: "notice.party_id", access.FieldTLP: "notice.tlp",
		access.FieldHeld: "case when notice.state = 'held' then '1' else '' end",
	}
	signalFields = fields{access.FieldID: "s.id", access.FieldTLP: "(select o.tlp from feed o where o.id = s.feed_id)"}
)

// numbered are the fields whose column is a number.
var numbered = map[string]bool{"f.id": true, "s.id": true}

// never is SQL for what does not hold.
const never = "1 = 0"

// readable renders a condition for a table. Values become parameters.
func (c *conditions) readable(f fields, cond access.Cond) string {
	column, known := f[cond.Field]
	switch cond.Op {
	case access.OpAll, access.OpAny:
		return c.several(f, cond)
	case access.OpIn:
		if !known {
			return never
		}
		return c.oneOf(column, cond.Text)
	case access.OpAtMost:
		if !known {
			return never
		}
		return column + " <= " + c.add(cond.Number)
	case access.OpOver:
		if !known {
			return "1 = 1"
		}
		return "(" + column + " is null or " + column + " <= " + c.add(cond.Number) + ")"
	}
	return never
}

func (c *conditions) several(f fields, cond access.Cond) string {
	word, none := " and ", "1 = 1"
	if cond.Op == access.OpAny {
		word, none = " or ", never
	}
	if len(cond.Of) == 0 {
		return none
	}
	parts := make([]string, len(cond.Of))
	for i, p := range cond.Of {
		parts[i] = c.readable(f, p)
	}
	return "(" + strings.Join(parts, word) + ")"
}

func (c *conditions) oneOf(column string, values []string) string {
	var args []any
	for _, v := range values {
		if !numbered[column] {
			args = append(args, v)
		} else if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			args = append(args, n)
		}
	}
	if len(args) == 0 {
		return never
	}
	return c.in(column, len(args), func(i int) any { return args[i] })
}

// certain reports that a condition holds for everything, so that a statement can do without it.
func certain(cond access.Cond) bool { return cond.Op == access.OpAll && len(cond.Of) == 0 }
