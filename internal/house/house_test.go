package house

import (
	"os"
	"path/filepath"
	"testing"
)

// rules are all of them, by the name under which a test shows what it complains of.
var rules = []struct {
	name  string
	check func(*tree) []string
}{
	{"import table", importTable},
	{"kept modules", keptModules},
	{"empty names", emptyNames},
	{"sizes", sizes},
	{"package comments", packageComments},
	{"leftovers", leftovers},
	{"machine paths", machinePaths},
	{"processes", processes},
	{"clocks", clocks},
	{"dials", dials},
	{"sleeps", sleeps},
	{"logs", logs},
	{"typed pages", typedPages},
	{"dialects", dialects},
	{"sql room", sqlRoom},
	{"migrations", migrations},
	{"ledger first", ledgerFirst},
	{"openers", openers},
	{"muxes", muxes},
	{"modules", modules},
	{"fuzzing", fuzzing},
	{"parsers", parsers},
	{"end to end", endToEnd},
	{"links", links},
	{"refusals", refusals},
}

func TestHouse(t *testing.T) {
	tree, err := load(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.files) < 20 {
		t.Fatalf("only %d Go files: this is not the repository", len(tree.files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, complaint := range r.check(tree) {
				t.Error(complaint)
			}
		})
	}
}
