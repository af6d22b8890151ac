package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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

// Issuer is one issuer of tokens. JWKSFile holds its keys; relative names start at the configuration file.
type Issuer struct {
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	JWKSFile string `json:"jwksFile"`
}

// Entry gives roles to a subject, for example "system:serviceaccount:shop:checkout".
type Entry struct {
	Subject string `json:"subject"`
	Roles   []Role `json:"roles"`
}

// Sidecars says how sidecars prove what they may read.
type Sidecars struct {
	GrantKeysFile string `json:"grantKeysFile"`
}

// Population is a number of registered people: a number, or {"sources":[{"name":"crm","people":120000}]}.
type Population struct{ People int64 }

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
	for i := range c.Issuers {
		issuer := &c.Issuers[i]
		need(issuer.Issuer != "" && issuer.Audience != "" && issuer.JWKSFile != "", "issuers[%d] needs issuer, audience and jwksFile", i)
		issuer.JWKSFile = absolute(dir, issuer.JWKSFile)
	}
	seen := map[string]bool{}
	for i := range c.Access {
		e := &c.Access[i]
		need(e.Subject != "" && !seen[e.Subject], "access[%d] needs a subject that is not listed twice", i)
		seen[e.Subject] = true
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
