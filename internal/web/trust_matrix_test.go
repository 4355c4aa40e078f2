package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// readMatrix reads the expected outcome of every route for every role.
func readMatrix(t *testing.T) map[string]map[string]string {
	t.Helper()
	f, err := os.Open("testdata/matrix.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]map[string]string{}
	var columns []string
	for in := bufio.NewScanner(f); in.Scan(); {
		words := strings.Fields(in.Text())
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			continue
		case words[0] == "route":
			if columns = words[1:]; !slices.Equal(columns, roles) {
				t.Fatalf("the matrix is for %v, the roles are %v", columns, roles)
			}
			continue
		}
		row := map[string]string{}
		for i, cell := range words[2:] {
			if i < len(columns) {
				row[columns[i]] = cell
			}
		}
		name := words[0] + " " + words[1]
		if len(words) != len(columns)+2 || out[name] != nil {
			t.Errorf("%s stands there twice, or has %d cells and not %d", name, len(words)-2, len(columns))
		}
		out[name] = row
	}
	return out
}

// outcome is what a caller got, in the words of the matrix.
func outcome(r *httptest.ResponseRecorder) string {
	to := r.Header().Get("Location")
	switch {
	case r.Code == http.StatusSeeOther && to == "/sign-in":
		return "sign-in"
	case r.Code == http.StatusSeeOther && to == "/account":
		return "set-up"
	case r.Code < http.StatusBadRequest:
		return "ok"
	}
	return fmt.Sprint(r.Code)
}

// Every route answers every role as the matrix says, and a route that the matrix does not have fails. Whoever is refused
// leaves nothing in the ledger.
func TestAuthorisationMatrix(t *testing.T) {
	t.Parallel()
	w := newTrust(t, 400)
	matrix, known := readMatrix(t), map[string]bool{}
	for _, a := range w.addresses() {
		known[a.pattern] = true
		row := matrix[a.pattern]
		if row == nil {
			t.Errorf("%s is not in testdata/matrix.txt: who may?", a.pattern)
		}
		var got []string
		for _, role := range roles {
			q, ok := w.request(a, w.roles[role])
			if !ok {
				t.Errorf("%s has no well-formed call in the table", a.pattern)
				break
			}
			before := w.newest()
			r := w.roles[role].call(a.method, q.path, q.form)
			is := outcome(r)
			got = append(got, is)
			if row != nil && row[role] != is {
				t.Errorf("%s as %s: %s, want %s", a.pattern, role, is, row[role])
			}
			for _, e := range w.entries(before) {
				if is != "ok" && e.Act != "sign_in.fail" {
					t.Errorf("%s as %s is refused and leaves %s in the ledger", a.pattern, role, e.Act)
				}
			}
			w.again(role)
		}
		if row == nil || t.Failed() && testing.Verbose() {
			t.Logf("got %s %s", a.pattern, strings.Join(got, " "))
		}
	}
	for name := range matrix {
		if !known[name] {
			t.Errorf("%s is in testdata/matrix.txt and nowhere else", name)
		}
	}
}
