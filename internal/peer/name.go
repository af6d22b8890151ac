package peer

import (
	"errors"
	"net/url"
	"strings"
)

// Name says who a workload is. It is what a certificate names it by:
// spiffe://<domain>/ns/<namespace>/sa/<service account>/wl/<name of the workload's bundle>.
type Name struct {
	// Domain is the trust domain: all that one manager knows.
	Domain, Namespace, Account string
	// Workload is the name of the workload's SidecarConfig, which tells apart pods of one owner that differ in the labels that selectors use.
	Workload string
}

const scheme = "spiffe"

// URI is the name as certificates hold it.
func (n Name) URI() *url.URL {
	return &url.URL{Scheme: scheme, Host: n.Domain, Path: "/ns/" + n.Namespace + "/sa/" + n.Account + "/wl/" + n.Workload}
}

// String is the name for logs. It names no person.
func (n Name) String() string { return n.URI().String() }

var errName = errors.New("the certificate's name is none of a workload")

// ParseName reads a name in its one spelling.
func ParseName(u *url.URL) (Name, error) {
	s := strings.Split(u.Path, "/")
	if len(s) != 7 || s[0] != "" || s[1] != "ns" || s[3] != "sa" || s[5] != "wl" {
		return Name{}, errName
	}
	n := Name{Domain: u.Host, Namespace: s[2], Account: s[4], Workload: s[6]}
	for _, part := range []string{n.Domain, n.Namespace, n.Account, n.Workload} {
		if !segment(part) {
			return Name{}, errName
		}
	}
	if u.String() != n.String() {
		return Name{}, errName // a user, a query, an escape, or another scheme
	}
	return n, nil
}

// segment tells whether a part of a name is one (SPIFFE ID §2.2), and none that means a place.
func segment(s string) bool {
	if s == "" || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}
