package doors

import (
	"context"
	"net"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
)

const folder = "../corpus"

// shopCase has a workload whose requests name their purpose; anna agreed to the newsletter.
const shopCase = "purpose/a-request-chooses-among-the-rules-that-match-it"

// dial serves the door and gives a connection of grpc-go to it.
func dial(t testing.TB, s *corpus.Sidecar) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.ServeExtAuthz(ctx, l) }()
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

// shop is the sidecar of shopCase.
func shop(t testing.TB) *corpus.Sidecar {
	t.Helper()
	for _, c := range corpus.Cases(t, folder) {
		if c.Folder == shopCase {
			return corpus.NewSidecar(corpus.Golden(t, folder, shopCase), corpus.Told{
				Fact: func(who consent.Identifier, p consent.PurposeID) consent.Fact {
					return c.Fact(who, p, corpus.Fresh().Ledger)
				},
				Moment: corpus.Fresh,
			})
		}
	}
	t.Fatalf("the corpus has no %s", shopCase)
	return nil
}

// newsletter is what Envoy asks about one to somebody.
func newsletter(who string, change func(*authv3.AttributeContext_HttpRequest)) *authv3.CheckRequest {
	r := &authv3.AttributeContext_HttpRequest{
		Id: "1", Method: "POST", Path: "/v3/mail/send", Host: "api.esp", Scheme: "http", Protocol: "HTTP/1.1", Size: -1,
		Headers: map[string]string{
			":authority": "api.esp", ":method": "POST", ":path": "/v3/mail/send", ":scheme": "http", "content-type": "application/json",
			"optup-purpose": "newsletter", "x-envoy-auth-partial-body": "false", "x-request-id": "1",
		},
		RawBody: []byte(`{"template_id":"d-newsletter","personalizations":[{"to":[{"email":"` + who + `"}]}]}`),
	}
	if change != nil {
		change(r)
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Request:           &authv3.AttributeContext_Request{Http: r},
		ContextExtensions: map[string]string{"optup-obligations": "withhold-answer, filter-answer"},
	}}
}

func check(t testing.TB, c *grpc.ClientConn, in *authv3.CheckRequest) *authv3.CheckResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := authv3.NewAuthorizationClient(c).Check(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// allowed tells whether Envoy would let a request pass, by status and answer alike.
func allowed(t testing.TB, r *authv3.CheckResponse) bool {
	t.Helper()
	yes := r.GetStatus().GetCode() == 0
	if yes != (r.GetOkResponse() != nil) || yes == (r.GetDeniedResponse() != nil) || r.GetStatus() == nil {
		t.Errorf("a status of %d with %T", r.GetStatus().GetCode(), r.GetHttpResponse())
	}
	return yes
}
