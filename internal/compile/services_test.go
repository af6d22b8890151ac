package compile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func TestWhatIsWrongWithServices(t *testing.T) {
	check(t, map[string]expected{
		"a host that another service declares": {
			func(s *policy.Snapshot) {
				s.Services[register].Hosts = append(s.Services[register].Hosts, "mail.services.svc")
			},
			serviceRef("register"), "spec.hosts[1]", HostConflict, Error, "services/mail",
		},
		"two of one name": {
			func(s *policy.Snapshot) { s.Services = append(s.Services, mailService()) }, serviceRef("mail"), "metadata.name", DuplicateName, Error, "two DataServices",
		},
		"a service without a host": {
			func(s *policy.Snapshot) { s.Services[mail].Hosts = nil }, serviceRef("mail"), "spec", InvalidEndpoint, Error, "has no host",
		},
		"an endpoint that cannot be": {
			func(s *policy.Snapshot) { s.Services[mail].Endpoints[0].Request.Switches[0].Off = nil }, serviceRef("mail"), "spec.endpoints[0]", InvalidEndpoint, Error, "off value",
		},
		"a request in events": {
			func(s *policy.Snapshot) { s.Services[mail].Endpoints[0].Request.Format = ir.FormatEventStream }, serviceRef("mail"), "spec.endpoints[0]", InvalidEndpoint, Error, "take NDJSON",
		},
		"an answer as a form": {
			func(s *policy.Snapshot) { s.Services[register].Endpoints[0].Response.Format = ir.FormatForm }, serviceRef("register"), "spec.endpoints[0]", InvalidEndpoint, Error, "take JSON",
		},
		"a table with rows somewhere else": {
			func(s *policy.Snapshot) {
				s.Services[mail].Endpoints[0].Request.Format, s.Services[mail].Endpoints[0].Request.Switches = ir.FormatCSV, nil
			}, serviceRef("mail"), "spec.endpoints[0]", InvalidEndpoint, Error, "each is /*",
		},
		"two endpoints of one name": {
			func(s *policy.Snapshot) { s.Services[mail].Endpoints[1].Name = "send" }, serviceRef("mail"), "spec.endpoints[0].name", DuplicateName, Error, `"send"`,
		},
		"an endpoint that overwrites what is not declared": {
			func(s *policy.Snapshot) { s.Services[register].Endpoints[3].Replaces = "everything" }, serviceRef("register"), "spec.endpoints[3].replaces", EndpointNotFound, Error, `"everything"`,
		},
		"an endpoint that another one always beats": {
			func(s *policy.Snapshot) {
				e := &s.Services[register].Endpoints[0]
				e.Path, e.Methods = "/v1/customers/{name}", []string{"HEAD", "GET"}
			}, serviceRef("register"), "spec.endpoints[1].path", EndpointConflict, Error, `Every GET request that "one" matches`,
		},
		"a credential that goes out in plain": {
			func(s *policy.Snapshot) {
				s.Services[mail].Credential = &ir.Credential{ID: "mail/key", Type: ir.CredentialBasic, Own: ir.OwnRefuse}
			},
			serviceRef("mail"), "spec.credential", CredentialInPlain, Warning, "plain HTTP to port 80",
		},
		"a credential that no bundle can hold": {
			func(s *policy.Snapshot) {
				s.Services[mail].Credential = &ir.Credential{ID: "mail/key", Type: "Cookie", Own: ir.OwnRefuse}
			},
			serviceRef("mail"), "spec.credential", InvalidCredential, Error, "Cookie",
		},
		"authorities that are none": {
			func(s *policy.Snapshot) { s.Services[mail].Authorities = "our own" }, serviceRef("mail"), "spec.authorities", InvalidAuthorities, Error, "every request to it is denied",
		},
		"authorities for a service that speaks no TLS": {
			func(s *policy.Snapshot) { s.Services[mail].Authorities = authority(t) }, serviceRef("mail"), "spec.authorities", AuthoritiesWithoutTLS, Warning, "nothing to verify",
		},
		"a transfer on no basis": {
			func(s *policy.Snapshot) { s.Services[ads].Party.Transfer.Basis = "" }, serviceRef("ads"), "spec.party.transfer.basis", TransferNotCovered, Error, "GDPR Art. 44",
		},
	})
}

// authority gives the certificate of one, in PEM.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestAServiceThatCannotBeVerifiedStaysClosed: were it left out, its hosts would be those of nobody and might pass.
func TestAServiceThatCannotBeVerifiedStaysClosed(t *testing.T) {
	s := sound()
	s.Services[mail].Authorities = "our own"
	for _, b := range Compile(s).Bundles {
		i := slices.IndexFunc(b.Bundle.Services, func(x ir.Service) bool { return x.Name == s.Services[mail].Name })
		if i < 0 || len(b.Bundle.Services[i].Endpoints) > 0 || b.Bundle.Services[i].Authorities != "" {
			t.Errorf("%+v", b.Bundle.Services)
		}
	}
}

// TestAuthoritiesAreInTheBundlesThatNeedThem: bundles have a size, and what nothing is sent to is not verified.
func TestAuthoritiesAreInTheBundlesThatNeedThem(t *testing.T) {
	s := sound()
	s.Services = append(s.Services, declaredService("unused", ir.Endpoint{Name: "a", Methods: []string{"GET"}, Path: "/a", Processing: []ir.Processing{ir.ProcessingShow}}))
	for i := range s.Services {
		s.Services[i].Authorities = "# " + s.Services[i].Name + "\n" + authority(t)
		s.Services[i].Ports = []ir.Port{{Port: 443, Protocol: "HTTPS", Intercept: true}}
	}
	used := map[string]bool{}
	for _, b := range Compile(s).Bundles {
		for _, r := range b.Bundle.Rules {
			used[r.Service] = true
		}
		for _, x := range b.Bundle.Services {
			if want := used[x.Name] || len(x.Endpoints) > 0; (x.Authorities != "") != want {
				t.Errorf("%s: %q", x.Name, x.Authorities)
			}
		}
	}
	if len(used) == 0 || len(used) == len(s.Services) {
		t.Fatalf("used are %v", used)
	}
}

func TestTemplatesThatOverlapWithoutAConflict(t *testing.T) {
	for name, paths := range map[string][2]string{
		"a literal beats a segment on one path, not on all": {"/a/{x}", "/a/b"},
		"each has paths of its own":                         {"/a/{x}/c", "/a/b/{y}"},
		"other lengths":                                     {"/a/{x}", "/a/{x}/{y}"},
		"an empty segment is a literal":                     {"/a/", "/a/{x}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := policy.Snapshot{Services: []policy.Service{declaredService("x",
				ir.Endpoint{Name: "a", Methods: []string{"GET"}, Path: paths[0], NoPersonalData: true},
				ir.Endpoint{Name: "b", Methods: []string{"GET"}, Path: paths[1], NoPersonalData: true},
			)}}
			if f := Compile(s).Findings; len(f) > 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestOneBadEndpointTakesNothingElseWithIt: it is denied as unknown, and its neighbours work.
func TestOneBadEndpointTakesNothingElseWithIt(t *testing.T) {
	s := sound()
	s.Services[register].Endpoints[0].Response.Records = &ir.Records{Identifier: "no pointer"}
	b := Compile(s).Bundles[0].Bundle
	i := slices.IndexFunc(b.Services, func(x ir.Service) bool { return x.Name == "services/register" })
	var names []string
	for _, e := range b.Services[i].Endpoints {
		names = append(names, e.Name)
	}
	if !slices.Equal(names, []string{"best", "one", "put"}) {
		t.Errorf("%q", names)
	}
	if j := slices.IndexFunc(b.Rules, func(r ir.Rule) bool { return r.Purpose == "advice" }); !slices.Equal(b.Rules[j].Endpoints, []string{"one"}) {
		t.Errorf("%+v", b.Rules)
	}
}

// TestUnusedEndpointsCostLittle: what no rule uses is there by name and path alone.
func TestUnusedEndpointsCostLittle(t *testing.T) {
	size := func(unused int) int {
		s := sound()
		for range unused {
			e := mailEndpoint("unused-"+string(rune('a'+len(s.Services[mail].Endpoints)%26))+string(rune('a'+len(s.Services[mail].Endpoints)/26)), "/v3/unused")
			e.Path += "/" + e.Name
			s.Services[mail].Endpoints = append(s.Services[mail].Endpoints, e)
		}
		r := Compile(s)
		if len(r.Findings) > 0 {
			t.Fatal(r.Findings)
		}
		return len(r.Bundles[0].Encoded)
	}
	const many = 250
	declared, err := json.Marshal(mailEndpoint("unused-aa", "/v3/unused/unused-aa"))
	if err != nil {
		t.Fatal(err)
	}
	each := (size(many) - size(0)) / many
	if each > 110 || each > len(declared)/4 {
		t.Errorf("an unused endpoint costs %d bytes, a used one %d", each, len(declared))
	}
}
