package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/wire"
)

// EveryNow is how often a ledger looks at its configuration, at most: whoever lost a role there loses it that soon. To look takes longer than
// all else that is asked about a caller.
const EveryNow = 50 * time.Millisecond

// minDevToken is the least length of a development token.
const minDevToken = 16

// Caller is who calls.
type Caller struct {
	// Subject is a service account, the issuer and subject of an external token with a space between, or DevSubject.
	Subject string
	Roles   []Role
	// Person is whom the caller is, who has signed in; nil for everybody else. The role person is for this one alone.
	Person *consent.Identifier
	// Touchpoints are the only ones for which the role touchpoint counts, as "namespace/name"; nil if it counts for all.
	Touchpoints []string
	// Expires is when the caller's token ends; zero for the development token.
	Expires time.Time

	identity identity.Identity
	dev      bool
}

// DevSubject is the subject of who shows the development token.
const DevSubject = "development"

// Has tells whether the caller has one of the roles.
func (c Caller) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(c.Roles, r) })
}

// May tells whether the caller may speak for a touchpoint.
func (c Caller) May(touchpoint string) bool {
	return c.Has(RoleTouchpoint) && (c.Touchpoints == nil || slices.Contains(c.Touchpoints, touchpoint))
}

// Subscriber is who may read facts, about which purposes and until when (zero: without end).
type Subscriber struct {
	Caller   Caller
	Purposes []consent.PurposeID
	Expires  time.Time
	// Pod is the UID of the pod that the grant is bound to; empty for the development token.
	Pod string
}

// Options say where a Guard finds what it verifies with.
type Options struct {
	// ConfigFile is read again when it changes. A broken one leaves the last good one in force.
	ConfigFile string
	// Every is how often it is looked at, at most; 0 for each request.
	Every time.Duration
	// DevToken is accepted from this machine only, on a loopback address; empty for none.
	DevToken string
	Now      func() time.Time
	// Logger is nil for slog.Default().
	Logger *slog.Logger
}

// Guard verifies callers. It is safe for concurrent use.
type Guard struct {
	Options
	devSum [sha256.Size]byte

	mu      sync.Mutex
	looked  time.Time
	info    os.FileInfo
	current *rules
}

// rules is what one content of the configuration file comes to.
type rules struct {
	config Config
	tokens *identity.Verifier
	grants *identity.GrantVerifier
	others map[string]*external // by issuer
	roles  map[holder][]Role
}

// Open reads the configuration.
func Open(o Options) (*Guard, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.DevToken != "" && len(o.DevToken) < minDevToken {
		return nil, fmt.Errorf("the development token has less than %d characters; make a longer one", minDevToken)
	}
	g := &Guard{Options: o, devSum: sha256.Sum256([]byte(o.DevToken))}
	if err := g.reload(); err != nil {
		return nil, err
	}
	return g, nil
}

// Config is the configuration in force.
func (g *Guard) Config() Config { return g.rules().config }

func (g *Guard) rules() *rules {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Every > 0 && time.Since(g.looked) < g.Every {
		return g.current
	}
	if err := g.reload(); err != nil {
		g.Logger.Error("the changed configuration is not taken into force; the one before stays", "error", err)
	}
	return g.current
}

// reload reads the file if it changed. The same broken content is reported once.
func (g *Guard) reload() error {
	g.looked = time.Now()
	info, err := os.Stat(g.ConfigFile)
	if err != nil {
		if g.current != nil {
			return nil // a mount that is being replaced
		}
		return fmt.Errorf("the ledger's configuration cannot be read: %w", err)
	}
	if g.info != nil && os.SameFile(info, g.info) && info.ModTime().Equal(g.info.ModTime()) && info.Size() == g.info.Size() {
		return nil
	}
	data, err := os.ReadFile(g.ConfigFile)
	if err != nil {
		return fmt.Errorf("the ledger's configuration cannot be read: %w", err)
	}
	g.info = info
	config, err := Parse(data, filepath.Dir(g.ConfigFile))
	if err != nil {
		return err
	}
	if g.current != nil && g.current.config.Controller != config.Controller {
		return errors.New("a ledger cannot pass to another controller: its people agreed to this one")
	}
	rules, err := g.compile(config)
	if err == nil {
		g.current = rules
	}
	return err
}

func (g *Guard) compile(c Config) (*rules, error) {
	r := &rules{config: c, roles: map[holder][]Role{}, others: map[string]*external{}}
	var issuers []identity.Issuer
	for _, i := range c.Issuers {
		if i.JWKSFile == "" {
			e, err := newExternal(i, g.Now)
			if err != nil {
				return nil, err
			}
			r.others[i.Issuer] = e
			continue
		}
		issuers = append(issuers, identity.Issuer{Issuer: i.Issuer, Audience: i.Audience, Keys: identity.KeysFromFile(i.JWKSFile)})
	}
	r.tokens = identity.NewVerifier(g.Now, issuers...)
	if c.Sidecars.GrantKeysFile != "" {
		r.grants = identity.NewGrantVerifier(identity.KeysFromFile(c.Sidecars.GrantKeysFile), c.Controller, g.Now)
	}
	for _, e := range c.Access {
		r.roles[holder{issuer: e.Issuer, subject: e.Subject, group: e.Group}] = e.Roles
	}
	return r, nil
}

// Caller verifies the bearer token of a request. A caller may be without any role. Errors are *problem.Problem.
func (g *Guard) Caller(r *http.Request) (Caller, error) { return g.caller(r, g.rules()) }

func (g *Guard) caller(r *http.Request, rules *rules) (Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return Caller{}, problem.Unauthenticated("send a service account token for the audience of the ledger as a bearer token")
	}
	if g.isDev(r, token) {
		return Caller{Subject: DevSubject, Roles: allRoles, dev: true}, nil
	}
	if e := rules.others[issuerOf(token)]; e != nil {
		return e.caller(r.Context(), rules, token)
	}
	id, err := rules.tokens.Verify(token)
	if err != nil {
		return Caller{}, problem.Unauthenticated(err.Error() + "; send a service account token for the audience of the ledger")
	}
	return Caller{Subject: id.Subject, Roles: rules.rolesOf(id.Issuer, id.Subject, nil), Expires: id.Expires, identity: id}, nil
}

// Subscriber verifies the bearer token and the grant of a request. Wanted limits the grant's purposes; empty means all of them.
// The development token needs no grant but has to say which purposes it wants. Errors are *problem.Problem.
func (g *Guard) Subscriber(r *http.Request, wanted []consent.PurposeID) (Subscriber, error) {
	rules := g.rules()
	c, err := g.caller(r, rules)
	if err != nil {
		return Subscriber{}, err
	}
	s := Subscriber{Caller: c, Purposes: slices.Clone(wanted), Expires: c.Expires}
	if !c.dev {
		grant, err := g.grant(r, rules, c)
		if err != nil {
			return Subscriber{}, err
		}
		s.Purposes = slices.DeleteFunc(slices.Clone(grant.Purposes), func(p consent.PurposeID) bool {
			return len(wanted) > 0 && !slices.Contains(wanted, p)
		})
		s.Pod = grant.PodUID
		if grant.Expires.Before(s.Expires) {
			s.Expires = grant.Expires
		}
	}
	slices.Sort(s.Purposes)
	if s.Purposes = slices.Compact(s.Purposes); len(s.Purposes) == 0 {
		return Subscriber{}, problem.Forbidden("no purpose is left; ask for purposes that the grant names")
	}
	return s, nil
}

func (g *Guard) grant(r *http.Request, rules *rules, c Caller) (identity.Grant, error) {
	token := r.Header.Get(wire.GrantHeader)
	if token == "" {
		return identity.Grant{}, problem.Forbidden("send the grant that the manager signed in the header " + wire.GrantHeader)
	}
	if rules.grants == nil {
		return identity.Grant{}, problem.Forbidden("this ledger has no keys for grants; set sidecars.grantKeysFile")
	}
	grant, err := rules.grants.Verify(token, c.identity)
	if err != nil {
		return identity.Grant{}, problem.Forbidden("the grant: " + err.Error())
	}
	return grant, nil
}
