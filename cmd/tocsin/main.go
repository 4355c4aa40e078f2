// Command tocsin is the whole program: server, worker and tools in one binary.
package main

import "tocsin/internal/app"

func main() { app.Main() }
