package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
)

var update = flag.Bool("update", false, "write golden files anew")

// The document in the repository is the one that the routes and types make.
func TestDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "openapi.json")
	got := api.Document()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the interface has changed; go test ./internal/api -update, and look at the difference:\n%s", cmp.Diff(string(want), string(got)))
	}
}

// Every route of the interface is in the document, and nothing else is.
func TestDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(api.Document(), &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatal(doc.OpenAPI, err)
	}
	inDocument := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			inDocument[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, r := range api.Routes() {
		described := strings.Contains(r.Pattern, " /api/v1/")
		if inDocument[r.Pattern] != described {
			t.Errorf("%s: in the document %t", r.Pattern, inDocument[r.Pattern])
		}
		delete(inDocument, r.Pattern)
	}
	if len(inDocument) > 0 {
		t.Errorf("only in the document: %v", inDocument)
	}
}
