// Command extauthz is a peer of the benchmarks, and a client. As a server it is Envoy's external authorization on grpc-go with a handler that
// does nothing. As a client it asks any such server, by grpc-go too, at a fixed rate.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "client":
		err = client(os.Stdin, os.Stdout)
	default:
		err = fmt.Errorf("call it as %s serve ADDRESS, or as %s client", os.Args[0], os.Args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	authv3.RegisterAuthorizationServer(s, empty{})
	return s.Serve(l)
}

// empty lets everything pass: an answer without a member has the status OK.
type empty struct {
	authv3.UnimplementedAuthorizationServer
}

var passes = &authv3.CheckResponse{}

// Check implements authv3.AuthorizationServer.
func (empty) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return passes, nil
}
