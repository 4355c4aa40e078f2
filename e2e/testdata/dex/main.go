// Command dex serves the OpenID provider of github.com/dexidp/dex from memory, for the end-to-end test of sign-in: one
// client, one person with a password, and the connector that says "groups: authors" of everybody.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	redirect := flag.String("redirect", "", "address that the client is sent back to")
	web := flag.String("web", "", "folder of dex's own pages")
	flag.Parse()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	issuer := "http://" + ln.Addr().String() + "/dex"
	logger := logrus.New()
	logger.SetLevel(logrus.WarnLevel)
	hash, err := bcrypt.GenerateFromPassword([]byte("dex-password"), 10)
	if err != nil {
		log.Fatal(err)
	}
	s := storage.WithStaticClients(memory.New(logger), []storage.Client{{ID: "tocsin", Secret: "dex-client-secret", RedirectURIs: []string{*redirect}, Name: "Tocsin"}})
	s = storage.WithStaticPasswords(s, []storage.Password{{Email: "bo@csirt.example", Hash: hash, Username: "bo", UserID: "08a8684b"}}, logger)
	s = storage.WithStaticConnectors(s, []storage.Connector{
		{ID: "local", Type: server.LocalConnector, Name: "Email"}, {ID: "mock", Type: "mockCallback", Name: "Mock", Config: []byte("{}")},
	})
	h, err := server.NewServer(context.Background(), server.Config{
		Issuer: issuer, Storage: s, SkipApprovalScreen: true, Web: server.WebConfig{Dir: *web}, Logger: logger,
		IDTokensValidFor: time.Hour, PrometheusRegistry: prometheus.NewRegistry(),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("dex serves ", issuer)
	log.Fatal(http.Serve(ln, h))
}
