package doors

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
	"github.com/optup/optup/internal/ir"
)

type request = authv3.AttributeContext_HttpRequest

// refused is why a request was denied, as the application is told; empty if it passes.
func refused(t *testing.T, r *authv3.CheckResponse) decide.Reason {
	t.Helper()
	if allowed(t, r) {
		return ""
	}
	d := r.GetDeniedResponse()
	var p struct {
		Status  int
		Reasons []decide.Reason
		ID      string `json:"decisionId"`
	}
	if err := json.Unmarshal([]byte(d.GetBody()), &p); err != nil || len(p.Reasons) != 1 || p.ID == "" || p.Status != int(d.GetStatus().GetCode()) {
		t.Fatalf("%v: %v", err, d)
	}
	if r.GetStatus().GetCode() != int32(codes.PermissionDenied) || header(d.GetHeaders(), "content-type") != "application/problem+json" || header(d.GetHeaders(), "optup-decision") != p.ID {
		t.Errorf("%v", r)
	}
	return p.Reasons[0]
}

func header(all []*corev3.HeaderValueOption, name string) string {
	for _, h := range all {
		if h.GetHeader().GetKey() == name {
			if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
				return "not set for good"
			}
			return h.GetHeader().GetValue()
		}
	}
	return ""
}

// TestWhatEnvoyIsTold about a request that passes: what to take out, and what to add.
func TestWhatEnvoyIsTold(t *testing.T) {
	c := dial(t, shop(t))
	got := check(t, c, newsletter("anna@example.org", func(r *request) {
		r.Headers["optup-obligations"] = "nothing"
	}))
	if refused(t, got) != "" {
		t.Fatalf("%v", got)
	}
	ok := got.GetOkResponse()
	if obligations(got) != "withhold-answer" || !slices.Equal(ok.GetHeadersToRemove(), []string{"optup-purpose"}) || len(header(ok.GetResponseHeadersToAdd(), "optup-decision")) != 26 {
		t.Errorf("%v", ok)
	}
}

// TestChecks holds a check to what a request at the proxy is held to, and to what Envoy says about the body.
func TestChecks(t *testing.T) {
	none := func(r *request) { r.RawBody = nil; delete(r.Headers, "x-envoy-auth-partial-body") }
	get := func(protocol string, more ...string) func(*request) {
		return func(r *request) {
			none(r)
			r.Method, r.Host, r.Path, r.Protocol = "GET", "other.example", "/", protocol
			r.Headers = map[string]string{"x-request-id": "1"}
			for i := 0; i+1 < len(more); i += 2 {
				r.Headers[more[i]] = more[i+1]
			}
		}
	}
	customers := func(f func(*request)) func(*request) {
		return func(r *request) { f(r); r.Host, r.Path = "customers.crm", "/v1/customers" }
	}
	raw := func(pairs ...string) func(*request) {
		return func(r *request) {
			r.Headers, r.HeaderMap = nil, &corev3.HeaderMap{}
			for i := 0; i+1 < len(pairs); i += 2 {
				r.HeaderMap.Headers = append(r.HeaderMap.Headers, &corev3.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*request)
		want   decide.Reason
	}{
		"a newsletter":                          {nil, ""},
		"another purpose":                       {func(r *request) { r.Headers["optup-purpose"] = "recall" }, decide.PurposeUndeclared},
		"two purposes, as Envoy joins them":     {func(r *request) { r.Headers["optup-purpose"] = "newsletter,transactional" }, decide.PurposeUndeclared},
		"no purpose":                            {func(r *request) { delete(r.Headers, "optup-purpose") }, decide.PurposeAmbiguous},
		"a part of the body":                    {func(r *request) { r.Headers["x-envoy-auth-partial-body"] = "true" }, decide.BodyTooLarge},
		"a part of the body, perhaps":           {func(r *request) { r.Headers["x-envoy-auth-partial-body"] = "false,true" }, decide.BodyTooLarge},
		"less than the length of the body":      {func(r *request) { r.Headers["content-length"] = "5000" }, decide.BodyTooLarge},
		"a body as text":                        {func(r *request) { r.Body, r.RawBody = string(r.RawBody), nil }, decide.BodyUnreadable},
		"a body that was not sent along":        {func(r *request) { none(r); r.Headers["content-length"] = "80" }, decide.BodyUnreadable},
		"a body in chunks that was not":         {func(r *request) { none(r); r.Headers["transfer-encoding"] = "chunked" }, decide.BodyUnreadable},
		"perhaps a body of HTTP/2":              {func(r *request) { none(r); r.Protocol = "HTTP/2" }, decide.BodyUnreadable},
		"a list":                                {customers(get("HTTP/1.1", "optup-purpose", "profile-view")), ""},
		"a list by HTTP/2":                      {customers(get("HTTP/2", "optup-purpose", "profile-view")), decide.BodyUnreadable},
		"a list by HTTP/2 without a body":       {customers(get("HTTP/2", "optup-purpose", "profile-view", "content-length", "0")), ""},
		"a host that nobody declared":           {get("HTTP/1.1"), decide.HostUndeclared},
		"headers as they came":                  {raw("Content-Type", "application/json", "OptUp-Purpose", "newsletter"), ""},
		"headers as they came, one twice":       {raw("Content-Type", "application/json", "OptUp-Purpose", "newsletter", "optup-purpose", "transactional"), decide.NotCanonical},
		"headers as they came, with underscore": {raw("Content-Type", "application/json", "OptUp_Purpose", "newsletter"), decide.NotCanonical},
		"another path in the headers":           {func(r *request) { r.Headers[":path"] = "/v1/other" }, decide.InternalError},
		"another authority in the headers":      {func(r *request) { r.Headers[":authority"] = "other.example" }, decide.InternalError},
		"another method in the headers":         {func(r *request) { r.Headers[":method"] = "GET" }, decide.InternalError},
		"dot segments":                          {func(r *request) { r.Path = "/v3/x/../mail/send"; r.Headers[":path"] = r.Path }, decide.NotCanonical},
		"somebody who did not agree":            {func(r *request) { r.RawBody = []byte(strings.Replace(string(r.RawBody), "anna", "ben", 1)) }, decide.NotPermitted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, check(t, dial(t, shop(t)), newsletter("anna@example.org", c.change))); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestPromisesOfTheConfiguration come with a route, or with every call.
func TestPromisesOfTheConfiguration(t *testing.T) {
	c := dial(t, shop(t))
	q := newsletter("anna@example.org", nil)
	q.Attributes.ContextExtensions = nil
	if got := refused(t, check(t, c, q)); got != decide.ObligationUnmet {
		t.Errorf("without a promise: %q", got)
	}
	ask := func(pairs ...string) decide.Reason {
		out, err := authv3.NewAuthorizationClient(c).Check(metadata.AppendToOutgoingContext(t.Context(), pairs...), q)
		if err != nil {
			t.Fatal(err)
		}
		return refused(t, out)
	}
	if got := ask("optup-obligations", "withhold-answer"); got != "" {
		t.Errorf("with that of every call: %q", got)
	}
	if got := ask("optup-obligations", "replace-body"); got != decide.ObligationUnmet {
		t.Errorf("with that of something else: %q", got)
	}
	if got := ask("optup-obligations", "withhold-answer", "optup-purpose", "transactional"); got != decide.NotCanonical {
		t.Errorf("with a purpose beside another: %q", got)
	}
	delete(q.Attributes.Request.Http.Headers, "optup-purpose")
	if got := ask("optup-obligations", "withhold-answer", "optup-purpose", "newsletter"); got != "" {
		t.Errorf("with the purpose of every call: %q", got)
	}
	q.Attributes.ContextExtensions = map[string]string{"optup-purpose": "recall"}
	if got := ask("optup-obligations", "withhold-answer", "optup-purpose", "newsletter"); got != decide.PurposeUndeclared {
		t.Errorf("with that of the route: %q", got)
	}
}

// TestWhereNothingIsEnforcedEverythingPasses.
func TestWhereNothingIsEnforcedEverythingPasses(t *testing.T) {
	s := shop(t)
	b := corpus.Golden(t, folder, shopCase)
	b.Mode = ir.ModeObserve
	for i := range b.Rules {
		b.Rules[i].Mode = ir.ModeObserve
	}
	s.InForce(b, corpus.Told{Fact: func(consent.Identifier, consent.PurposeID) consent.Fact { return consent.Fact{} }, Moment: corpus.Fresh})
	if got := refused(t, check(t, dial(t, s), newsletter("ben@example.org", nil))); got != "" {
		t.Errorf("%q", got)
	}
	if text := s.Metrics.Text(); !strings.Contains(text, `mode="Observe"`) || !strings.Contains(text, `effect="deny"`) {
		t.Error("what would have been denied is not counted")
	}
}

// TestFaultsDeny: a panic, no bundle, old facts, a body beyond all bounds, compression and bytes that are no message. None of them is an error of
// gRPC, which Envoy may be told to let pass.
func TestFaultsDeny(t *testing.T) {
	panics := shop(t)
	panics.InForce(corpus.Golden(t, folder, shopCase), corpus.Told{Fact: func(consent.Identifier, consent.PurposeID) consent.Fact { panic("anna@example.org") }, Moment: corpus.Fresh})
	stale := shop(t)
	stale.InForce(corpus.Golden(t, folder, shopCase), corpus.Told{
		Fact: func(consent.Identifier, consent.PurposeID) consent.Fact { return consent.Fact{} }, Moment: func() decide.Now { return decide.Never },
	})
	for name, c := range map[string]struct {
		sidecar *corpus.Sidecar
		options []grpc.CallOption
		change  func(*request)
		want    decide.Reason
	}{
		"a panic":             {panics, nil, nil, decide.InternalError},
		"no bundle":           {corpus.NewSidecar(nil, nil), nil, nil, decide.InternalError},
		"old facts":           {stale, nil, nil, decide.LedgerBehind},
		"compression":         {shop(t), []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, nil, decide.InternalError},
		"too large a body":    {shop(t), nil, func(r *request) { r.RawBody = make([]byte, 18<<20) }, decide.BodyTooLarge},
		"a large body":        {shop(t), nil, func(r *request) { r.RawBody = append(make([]byte, 8<<20), r.RawBody...) }, decide.BodyUnreadable},
		"bytes of no message": {shop(t), []grpc.CallOption{grpc.ForceCodec(noise{})}, nil, decide.InternalError},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := authv3.NewAuthorizationClient(dial(t, c.sidecar)).Check(t.Context(), newsletter("anna@example.org", c.change), append(c.options, grpc.MaxCallSendMsgSize(32<<20))...)
			if err != nil {
				t.Fatal(err)
			}
			if got := refused(t, out); got != c.want || strings.Contains(out.String(), "anna") {
				t.Errorf("%q: %v", got, out)
			}
		})
	}
}

// noise sends bytes that are no message, and reads messages.
type noise struct{}

// Marshal implements encoding.Codec.
func (noise) Marshal(any) ([]byte, error) { return []byte{0x0a, 0xff, 0xff, 1, 2, 3}, nil }

// Unmarshal implements encoding.Codec.
func (noise) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }

// Name implements encoding.Codec.
func (noise) Name() string { return "proto" }

// TestOtherServicesAreNotThere, but for health.
func TestOtherServicesAreNotThere(t *testing.T) {
	s := shop(t)
	c := dial(t, s)
	for _, method := range []string{"/envoy.service.auth.v2.Authorization/Check", "/envoy.service.auth.v3.Authorization/Other", "/grpc.health.v1.Health/Watch"} {
		err := c.Invoke(t.Context(), method, newsletter("anna@example.org", nil), &authv3.CheckResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	health := healthv1.NewHealthClient(c)
	for service, want := range map[string]codes.Code{"": codes.OK, "envoy.service.auth.v3.Authorization": codes.OK, "other": codes.NotFound} {
		out, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if status.Code(err) != want || (err == nil && out.GetStatus() != healthv1.HealthCheckResponse_SERVING) {
			t.Errorf("%q: %v %v", service, out, err)
		}
	}
	waiting := healthv1.NewHealthClient(dial(t, corpus.NewSidecar(nil, nil)))
	if out, err := waiting.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || out.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("without a bundle: %v %v", out, err)
	}
}

// TestBodiesOfHTTP2: whether there is one does not stand in the head, so the configuration has to say that Envoy sends them along.
func TestBodiesOfHTTP2(t *testing.T) {
	c := dial(t, shop(t))
	q := newsletter("anna@example.org", func(r *request) {
		r.Method, r.Host, r.Path, r.Protocol, r.RawBody = "GET", "customers.crm", "/v1/customers", "HTTP/2", nil
		r.Headers = map[string]string{"optup-purpose": "profile-view"}
	})
	if got := refused(t, check(t, c, q)); got != decide.BodyUnreadable {
		t.Errorf("%q", got)
	}
	q.Attributes.ContextExtensions["optup-body"] = "sent"
	if got := refused(t, check(t, c, q)); got != "" {
		t.Errorf("%q", got)
	}
}
