package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// Role is what a caller may do.
type Role string

// Roles.
const (
	// RoleTouchpoint appends what people do, and imports.
	RoleTouchpoint Role = "touchpoint"
	// RoleReader reads the usable share.
	RoleReader Role = "reader"
	// RoleOfficer looks people up and appends what only a data protection officer may.
	RoleOfficer Role = "officer"
	// RolePerson is that of somebody who has signed in, for the own record alone. It comes from the token (Issuer.Person), never from
	// Access.
	RolePerson Role = "person"
)

var allRoles = []Role{RoleTouchpoint, RoleReader, RoleOfficer}

// Config is the content of the file that a ledger is configured with. Members that are not known are ignored, so that the file
// may be written by a newer version.
type Config struct {
	// Controller is the legal entity whose ledger it is. It cannot change while the ledger runs.
	Controller string   `json:"controller"`
	Issuers    []Issuer `json:"issuers"`
	Access     []Entry  `json:"access"`
	Sidecars   Sidecars `json:"sidecars"`
	// Population is whom the usable share is a share of; nil for the people whom the ledger knows.
	Population *Population `json:"population"`
}

// Issuer is one issuer of tokens. JWKSFile holds its keys; relative names start at the configuration file. Without one the keys are found
// as OpenID Connect Discovery 1.0 says, over https, with the authorities in CAFile or else those of the system.
type Issuer struct {
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	JWKSFile string `json:"jwksFile"`
	CAFile   string `json:"caFile"`
	// Groups is the claim with the caller's groups; empty for none. Only of issuers that are found by discovery.
	Groups string `json:"groups"`
	// Person says how tokens name the person who has signed in; nil if they are none of people. Only of issuers that are found by discovery.
	Person *PersonClaim `json:"person"`
}

// PersonClaim is the claim that holds a person's identifier. An address counts with email_verified alone, a number with
// phone_number_verified (OpenID Connect Core 1.0, 5.1).
type PersonClaim struct {
	Claim string                 `json:"claim"`
	Type  consent.IdentifierType `json:"type"`
}

// Entry gives roles to a subject, for example "system:serviceaccount:shop:checkout", or to a group. They are those of one issuer; without
// one, of the first.
type Entry struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Group   string `json:"group"`
	Roles   []Role `json:"roles"`
}

// Sidecars says how sidecars prove what they may read.
type Sidecars struct {
	GrantKeysFile string `json:"grantKeysFile"`
}

// Population is a number of registered people: a number, or {"sources":[{"name":"crm","people":120000}]}.
type Population struct{ People int64 }

// Registered is the number of people, 0 where none is declared.
func (p *Population) Registered() int64 {
	if p == nil {
		return 0
	}
	return p.People
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Population) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &p.People) == nil {
		return p.check(p.People)
	}
	var declared struct {
		Sources []struct {
			People int64 `json:"people"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(data, &declared); err != nil {
		return errors.New(`population is a number of people, or {"sources":[{"name":"crm","people":120000}]}`)
	}
	p.People = 0
	for _, s := range declared.Sources {
		if err := p.check(s.People); err != nil {
			return err
		}
		p.People += s.People
	}
	return nil
}

func (*Population) check(people int64) error {
	if people < 0 || people > 1e10 {
		return errors.New("population counts 0 to 10 billion people")
	}
	return nil
}

// Parse reads a configuration. Dir is where relative file names start.
func Parse(data []byte, dir string) (Config, error) {
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("the ledger's configuration is no JSON of the expected shape: %w", err)
	}
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("the ledger's configuration: "+format, args...))
		}
	}
	need(c.Controller != "", "controller is missing; name the legal entity whose ledger it is")
	issuers := map[string]*Issuer{}
	for i := range c.Issuers {
		issuer := &c.Issuers[i]
		need(issuer.Issuer != "" && issuer.Audience != "" && issuers[issuer.Issuer] == nil, "issuers[%d] needs an issuer that is not listed twice, and an audience", i)
		issuers[issuer.Issuer] = issuer
		issuer.JWKSFile, issuer.CAFile = absolute(dir, issuer.JWKSFile), absolute(dir, issuer.CAFile)
		need(issuer.JWKSFile == "" || (issuer.Groups == "" && issuer.Person == nil), "issuers[%d] has a jwksFile, so it is a cluster, which knows neither groups nor people", i)
		if p := issuer.Person; p != nil {
			need(p.Claim != "" && slices.Contains([]consent.IdentifierType{consent.IdentifierEmail, consent.IdentifierPhone, consent.IdentifierCustomer}, p.Type),
				"issuers[%d].person needs a claim, and the type email, phone or customer", i)
		}
	}
	seen := map[holder]bool{}
	for i := range c.Access {
		e := &c.Access[i]
		if e.Issuer == "" && len(c.Issuers) > 0 {
			e.Issuer = c.Issuers[0].Issuer
		}
		issuer := issuers[e.Issuer]
		need(issuer != nil || e.Issuer == "", "access[%d] names an issuer that is not listed in issuers", i)
		need(e.Group == "" || (issuer != nil && issuer.Groups != ""), "access[%d] names a group, and its issuer no claim with groups", i)
		h := holder{issuer: e.Issuer, subject: e.Subject, group: e.Group}
		need((e.Subject == "") != (e.Group == "") && !seen[h], "access[%d] needs a subject or a group that is not listed twice", i)
		seen[h] = true
		for j, role := range e.Roles {
			e.Roles[j] = Role(strings.ToLower(string(role)))
			need(slices.Contains(allRoles, e.Roles[j]), "access[%d].roles[%d] is none of touchpoint, reader and officer", i, j)
		}
	}
	if c.Sidecars.GrantKeysFile != "" {
		c.Sidecars.GrantKeysFile = absolute(dir, c.Sidecars.GrantKeysFile)
	}
	return c, errors.Join(errs...)
}

func absolute(dir, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
