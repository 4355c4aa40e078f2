package house

import (
	"fmt"
	"slices"
	"strings"
)

// room is one line of the import table: the packages that live in it and the rooms that they may import.
type room struct {
	name string
	dirs []string // folders; a folder stands for everything below it
	may  []string // names of rooms; a room does not include itself
	own  bool     // packages of the room may import each other within one folder of dirs
	peer bool     // packages of the room may import each other across folders of dirs
	not  []string // import paths outside the module that are kept out; a trailing / stands for everything below
}

var (
	drivers = []string{"database/sql", "modernc.org/sqlite", "modernc.org/sqlite/", "github.com/jackc/pgx/"}
	worldly = append([]string{"os", "os/", "log", "log/", "syscall", "net/http", "net/http/", "net/smtp"}, drivers...)
)

var domain = []string{
	"party", "asset", "event", "finding", "notice", "duty", "report", "casework", "decision", "evidence", "advisory",
	"people", "exercise", "culture", "situation", "promise", "access", "marking", "rule", "webhook",
}

// rooms is the table of the design's section 3. The first room that holds a folder counts, so the narrow ones come first.
var rooms = []room{
	{name: "kit", dirs: internal("fault", "ident", "lang", "strict"), not: worldly},
	{name: "domain", dirs: internal(domain...), may: []string{"kit"}, own: true, peer: true, not: worldly},
	// The one place that knows every format; the formats do not know each other.
	{name: "format", dirs: internal("feed/format"), may: []string{"kit", "domain", "feed", "form"}, not: worldly},
	{name: "form", dirs: internal("feed/shadowserver", "feed/intelmq", "feed/table", "feed/list"), may: []string{"kit", "domain", "feed", "split"}, not: worldly},
	{name: "split", dirs: internal("feed/split", "feed/veil"), may: []string{"kit", "domain", "feed"}, not: worldly},
	{name: "feed", dirs: internal("feed"), may: []string{"kit", "domain"}, not: worldly},
	{name: "ledger", dirs: internal("ledger"), may: []string{"kit", "domain"}, not: worldly},
	{name: "store", dirs: internal("store"), may: []string{"kit", "domain", "ledger"}, own: true, not: []string{"log/slog", "log", "net/http", "html/template"}},
	{name: "archive", dirs: internal("archive"), may: []string{"kit", "domain"}, own: true, not: append([]string{"log/slog", "log", "html/template"}, drivers...)},
	{name: "outside", dirs: internal("outside"), may: []string{"kit", "domain"}, own: true, not: append([]string{"log/slog", "log", "html/template"}, drivers...)},
	// What steps of the loop share: it reads and tells, and closes nothing.
	{
		name: "base", dirs: internal("act/coverage"), may: []string{"kit", "domain", "store"},
		not: append([]string{"log/slog", "log", "net/http"}, drivers...),
	},
	{
		name: "act", dirs: internal("act/loop", "act/casework", "act/picture", "act/exposure", "act/register", "act/decide", "act/comply", "act/record", "act/staff", "act/warn", "act/rule", "act/rehearse", "act/upkeep", "act/program", "act/triage", "act/reach", "act/mailing"),
		may: []string{"kit", "domain", "feed", "split", "form", "format", "store", "archive", "ledger", "base"}, own: true, not: append([]string{"log/slog", "log", "net/http"}, drivers...),
	},
	// What stands before every door.
	{name: "gate", dirs: internal("gate"), not: append([]string{"log/slog", "log", "html/template", "os"}, drivers...)},
	{name: "door", dirs: internal("web", "api", "share", "worker"), may: []string{"kit", "domain", "act", "gate"}, own: true, not: drivers},
	// Demonstration data: signals in real formats, made from domain rules.
	{name: "simulate", dirs: internal("simulate"), may: []string{"kit", "domain", "feed"}, not: worldly},
	{name: "data", dirs: []string{"packs"}, not: worldly},
	{name: "app", dirs: internal("app"), own: true, may: []string{
		"kit", "domain", "feed", "form", "format", "ledger", "store", "archive", "outside", "act", "door", "gate", "simulate", "data",
		"client",
	}},
	// What other programs import: the standard library only.
	{name: "client", dirs: []string{"client"}, not: append([]string{"os", "log", "log/slog"}, drivers...)},
	{name: "command", dirs: []string{"cmd"}, may: []string{"app"}, not: worldly},
	{name: "testkit", dirs: internal("testkit"), own: true, may: []string{
		"kit", "domain", "feed", "form", "format", "ledger", "store", "archive", "outside", "act", "door", "gate", "data", "app",
	}},
	{name: "bench", dirs: []string{"bench"}, own: true, may: []string{
		"kit", "domain", "feed", "form", "format", "ledger", "store", "archive", "act", "simulate", "data", "app", "door", "gate",
	}},
	{name: "house", dirs: internal("house")},
	{name: "tools", dirs: []string{"tools"}, own: true},
	{name: "e2e", dirs: []string{"e2e"}},
}

// yaml is what strict, which reads all data that people write, may import besides the standard library; lang reads its
// catalogue with it.
const yaml = "go.yaml.in/yaml/v3"

func internal(names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "internal/" + n
	}
	return out
}

// roomOf returns the room of a folder and the folder of the table that put it there.
func roomOf(dir string) (*room, string) {
	for i := range rooms {
		for _, d := range rooms[i].dirs {
			if under(dir, d) {
				return &rooms[i], d
			}
		}
	}
	return nil, ""
}

// importTable: who may import whom. Tests may import what they need, but a test of the house stands alone.
func importTable(t *tree) []string {
	var out []string
	for _, s := range t.files {
		from, fromDir := roomOf(s.dir)
		if from == nil {
			out = append(out, fmt.Sprintf("%s: no room for %s in the import table", s.path, s.dir))
			continue
		}
		if s.test && from.name != "house" {
			continue
		}
		for _, target := range s.imports {
			if why := refused(from, fromDir, s.dir, target); why != "" {
				out = append(out, fmt.Sprintf("%s: %s may not import %s%s", s.path, s.dir, target, why))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// refused says why a package in dir of room from may not import target, and "" where it may.
func refused(from *room, fromDir, dir, target string) string {
	ours, isOurs := strings.CutPrefix(target, module+"/")
	if !isOurs {
		for _, n := range from.not {
			if target == n || strings.HasSuffix(n, "/") && strings.HasPrefix(target, n) {
				return ": kept out of " + from.name
			}
		}
		host, _, _ := strings.Cut(target, "/")
		alone := from.name == "house" || from.name == "kit"
		if alone && strings.Contains(host, ".") && (target != yaml || !under(dir, "internal/strict", "internal/lang")) {
			return ": standard library only"
		}
		return ""
	}
	to, toDir := roomOf(ours)
	switch {
	case to == nil:
		return ": it has no room in the import table"
	case to == from && (ours == dir || from.peer || from.own && toDir == fromDir):
		return ""
	case to != from && slices.Contains(from.may, to.name):
		return ""
	}
	return ": " + from.name + " may not know " + to.name
}

// kept are modules that only some rooms may import; tests may import all of them.
var kept = map[string][]string{
	"github.com/alecthomas/kong":           {"app"},
	"github.com/schollz/progressbar":       {"app"},
	"github.com/prometheus":                {"app"},
	"github.com/chromedp":                  {"e2e"},
	"github.com/google/go-cmp":             {"testkit"},
	"pgregory.net/rapid":                   {"testkit"},
	"github.com/rogpeppe/go-internal":      {"testkit"},
	"github.com/wneessen/go-mail":          {"outside"},
	"modernc.org/sqlite":                   {"store", "testkit", "bench"},
	"github.com/jackc/pgx":                 {"store", "testkit", "bench"},
	"github.com/oschwald/maxminddb-golang": {"domain"}, // party reads tables from bytes
	module + "/internal/testkit":           {"e2e"},
}

// keptModules: a driver, a command-line library or a test library shows up in its own room only.
func keptModules(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if s.test {
			continue
		}
		r, _ := roomOf(s.dir)
		for _, target := range s.imports {
			for prefix, names := range kept {
				if under(target, prefix) && (r == nil || !slices.Contains(names, r.name)) {
					out = append(out, fmt.Sprintf("%s: %s belongs to %s and to tests", s.path, target, strings.Join(names, ", ")))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
