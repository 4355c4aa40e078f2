package house

import (
	"fmt"
	"go/ast"
	"slices"
)

var (
	processCalls = []string{
		"os.Exit", "os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "log.Fatal", "log.Fatalf", "log.Fatalln",
		"log.Panic", "log.Panicf", "log.Panicln",
	}
	clockCalls = []string{"time.Now", "time.Since", "time.Until"}
	sleepCalls = []string{"time.Sleep"}
	dialCalls  = []string{
		"net.Dial", "net.DialTimeout", "net.DialTCP", "net.DialUDP", "net.Dialer", "net.Listen", "net.ListenTCP", "net.ListenConfig",
		"net.ListenPacket", "net.ListenUDP", "net.Resolver", "net.DefaultResolver", "net.LookupHost", "net.LookupIP", "net.LookupAddr",
		"net.LookupCNAME", "net.LookupMX", "net.LookupNS", "net.LookupTXT", "net.LookupPort", "net.LookupSRV", "net/http.Get", "net/http.Post", "net/http.DefaultClient",
	}
)

// processes: only app reads the environment and ends the process; test rigs may.
func processes(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if !under(s.dir, "internal/app", "internal/testkit", "internal/house", "e2e", "bench", "tools") {
			out = append(out, t.calls(s, processCalls)...)
		}
	}
	return out
}

// clocks: time is an argument of every rule and every operation.
func clocks(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if !s.test && !under(s.dir, "internal/app", "internal/worker", "internal/testkit", "cmd", "bench", "e2e", "tools") {
			out = append(out, t.calls(s, clockCalls)...)
		}
	}
	return out
}

// dials: what reaches out of the process is in outside, what it listens on in app.
func dials(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if !s.test && !under(s.dir, "internal/outside", "internal/app", "internal/testkit", "bench") {
			out = append(out, t.calls(s, dialCalls)...)
		}
	}
	return out
}

// sleeps: whoever waits waits for something that happens, or for a timer that a context can end.
func sleeps(t *tree) []string {
	var out []string
	for _, s := range t.files {
		out = append(out, t.calls(s, sleepCalls)...)
	}
	return out
}

// logs: operations return errors; doors, worker and app log them.
func logs(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if s.test || under(s.dir, "internal/web", "internal/api", "internal/share", "internal/worker", "internal/app", "internal/testkit", "bench", "e2e") {
			continue
		}
		for _, target := range s.imports {
			if target == "log" || target == "log/slog" {
				out = append(out, fmt.Sprintf("%s: %s outside a door, worker or app", s.path, target))
			}
		}
	}
	slices.Sort(out)
	return out
}

// typedPages: a page's data is a struct, so that a misspelt field fails in a test and not before a reader.
func typedPages(t *tree) []string {
	var out []string
	for _, s := range t.files {
		if s.test || !under(s.dir, "internal/web") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			m, ok := n.(*ast.MapType)
			if !ok {
				return true
			}
			if key, ok := m.Key.(*ast.Ident); !ok || key.Name != "string" {
				return true
			}
			switch v := m.Value.(type) {
			case *ast.Ident:
				if v.Name == "any" {
					out = append(out, t.at(m)+": map[string]any")
				}
			case *ast.InterfaceType:
				if len(v.Methods.List) == 0 {
					out = append(out, t.at(m)+": map[string]interface{}")
				}
			}
			return true
		})
	}
	return out
}
